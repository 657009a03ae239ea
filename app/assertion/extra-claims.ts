/**
 * Claims of the provider that one host's assertions carry beside the usual ones (`hosts[].assertionClaims`).
 *
 * A claim is there as a whole or not at all: a part of it could be somebody else's department. What there is no room for
 * is named in `claims_omitted`, so that an application can tell it from a claim that the person does not have.
 */
import type { Machine, User } from '../../rbac/identity.ts'

export interface ExtraClaims {
  readonly claims: Readonly<Record<string, unknown>>
  /** Names of those that are there and do not fit. */
  readonly omitted: readonly string[]
}

/** `undefined` where a host asks for none. `domain` is canonical. */
export type ExtraClaimsFor = (identity: User | Machine, domain: string) => ExtraClaims | undefined

export interface ExtraClaimsOptions {
  readonly wantedOn: (domain: string) => readonly { readonly name: string; readonly path: string }[] | undefined
  /** The claim of this name, or at this path of nested ones; `undefined` if there is none. */
  readonly find: (claims: Readonly<Record<string, unknown>>, path: string) => unknown
}

/** Of all extra claims of an assertion as JSON, in bytes. What is left of a header is for the groups. */
const longestClaims = 1_024

export function createExtraClaims({ wantedOn, find }: ExtraClaimsOptions): ExtraClaimsFor {
  return (identity, domain) => {
    const wanted = wantedOn(domain)
    if (wanted === undefined || wanted.length === 0) return undefined
    const found = wanted.flatMap(({ name, path }): [string, unknown][] => {
      const value = find(identity.claims, path)
      return value === undefined ? [] : [[name, value]]
    })
    let total = 0
    const claims: [string, unknown][] = []
    const omitted: string[] = []
    for (const [name, value] of found) {
      const bytes = Buffer.byteLength(JSON.stringify([name, value]))
      // The first ones of the list go first; a large one does not push out what comes after it.
      if (total + bytes > longestClaims) omitted.push(name)
      else {
        total += bytes
        claims.push([name, value])
      }
    }
    return { claims: Object.fromEntries(claims), omitted }
  }
}
