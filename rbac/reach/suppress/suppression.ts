/** What somebody accepts of a review: which finding, why, until when, and what it was when it was accepted. */
import type { Finding, MoveId, Severity } from '../finding.ts'
import type { SubjectId } from '../subject.ts'

/** Where the way of a finding ends, the worst first. */
export const ends = ['cluster-admin', 'node', 'all-secrets', 'nothing'] as const
export type End = (typeof ends)[number]

/** One finding, or all of a subject by one move, in one scope or in each. */
export type SuppressedFindings =
  | { readonly id: string }
  | {
      readonly subject: SubjectId
      readonly move: MoveId
      /** A namespace, or `*` for the whole cluster. Absent: each scope that it had when `role` was taken. */
      readonly scope?: string
    }

export interface Suppression {
  readonly of: SuppressedFindings
  /** Never empty. */
  readonly reason: string
  /** Seconds since the epoch: from then on it holds no more. */
  readonly expires: number
  /** `expires`, as it is written. */
  readonly until: string
  /** Hash over everything that gives the move: role-text.ts. */
  readonly role: string
  /** The worst that was accepted. */
  readonly severity: Severity
  readonly leadsTo: End
  /** 1-based, of the file. */
  readonly line: number
}

/** `applies` alone folds anything. */
export const suppressionStates = ['applies', 'expired', 'changed', 'worse', 'unmatched', 'expected'] as const
export type SuppressionState = (typeof suppressionStates)[number]

export interface SuppressionOutcome {
  readonly suppression: Suppression
  readonly state: SuppressionState
  /** Ids of what it names, folded or not. */
  readonly findings: readonly string[]
  /** One sentence, without the name of the file. */
  readonly message: string
}

const sinkEnds: Readonly<Record<string, End>> = {
  'sink:cluster-admin': 'cluster-admin',
  'sink:node': 'node',
  'sink:all-secrets': 'all-secrets',
}

export const endOf = ({ path }: Pick<Finding, 'path'>): End => sinkEnds[path.at(-1)?.to ?? ''] ?? 'nothing'

export function suppressedText(of: SuppressedFindings): string {
  if ('id' in of) return of.id
  const { subject, move, scope } = of
  return `${move} of ${subject}${scope === undefined ? '' : ` in ${scope === '*' ? 'the whole cluster' : scope}`}`
}
