/** What `same` compares; `terms.ts` reads and looks it up. */

export interface PersonTerm {
  readonly kind: 'sub' | 'email' | 'group' | 'claim'
  /** Of a claim; empty for the others. */
  readonly name: string
  /** Whose people it speaks of; absent: everybody's. */
  readonly provider?: string
}

export type PlaceTerm =
  /** A segment of the path, counted from 1. */
  | { readonly kind: 'path'; readonly at: number }
  /** The one label that stands before this suffix, which starts with its dot. */
  | { readonly kind: 'host'; readonly suffix: string }

export type Term = PersonTerm | PlaceTerm

export const isPlace = (term: Term): term is PlaceTerm => term.kind === 'path' || term.kind === 'host'
