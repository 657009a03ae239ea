/** Which suppressions hold, and what they fold. Whatever is wrong with one, its findings stay open, and a sentence says so. */
import type { Finding } from '../finding.ts'
import { findingId, widestOf, withinOf } from '../findings/findings.ts'
import type { DirectMove } from '../moves/direct.ts'
import { grouped } from '../moves/facts.ts'
import { isAtLeast } from '../report/report.ts'
import type { Review } from '../review.ts'
import { roleText } from './role-text.ts'
import { endOf, ends, type Suppression, type SuppressionOutcome, type SuppressionState } from './suppression.ts'

export interface SuppressOptions {
  /** Seconds since the epoch. */
  readonly now: number
  /** Of a text, one that nobody can find a second text for: `sha256:` and 64 digits. */
  readonly hash: (text: string) => string
}

export interface Suppressed {
  /** With what holds folded, and what was within it open again. */
  readonly review: Review
  /** In the order of the file. */
  readonly outcomes: readonly SuppressionOutcome[]
}

export function suppress(review: Review, list: readonly Suppression[], options: SuppressOptions): Suppressed {
  const moves = movesById(review)
  const judged = list.map(one => judge(one, { review, moves, ...options }))
  const folded = new Map(
    judged.flatMap(({ suppression, state, findings }) =>
      state === 'applies' ? findings.map(id => [id, suppression] as const) : [],
    ),
  )
  return { review: folded.size === 0 ? review : withFolded(review, folded), outcomes: judged }
}

export const movesById = ({ moves }: Review): ReadonlyMap<string, readonly DirectMove[]> => grouped(moves, findingId)

/** The hash that a suppression of these findings has to have. */
export const roleHash = (moves: readonly DirectMove[], hash: SuppressOptions['hash']): string => hash(roleText(moves))

interface Around extends SuppressOptions {
  readonly review: Review
  readonly moves: ReadonlyMap<string, readonly DirectMove[]>
}

function judge(suppression: Suppression, around: Around): SuppressionOutcome {
  const named = around.review.findings.filter(one => isOf(suppression, one))
  const findings = named.filter(({ isExpected }) => !isExpected)
  const told = (state: SuppressionState, message: string): SuppressionOutcome => ({
    suppression,
    state,
    findings: [...new Set(findings.map(({ id }) => id))],
    message,
  })
  if (named.length === 0)
    return told(
      'unmatched',
      'nothing that was read is such a finding: it was closed, it has changed, or it was not read',
    )
  if (suppression.expires <= around.now) return told('expired', `it has expired on ${suppression.until}`)
  if (findings.length === 0)
    return told('expected', 'Kubernetes itself ships and expects it, so that it is folded anyway')
  const role = roleHash(
    [...new Set(findings.map(({ id }) => id))].flatMap(id => around.moves.get(id) ?? []),
    around.hash,
  )
  if (role !== suppression.role)
    return told(
      'changed',
      `its roles, bindings or targets are not what they were: look at it again, role is ${role} now`,
    )
  const worse = worseText(findings, suppression)
  return worse === undefined ? told('applies', suppression.reason) : told('worse', worse)
}

function isOf({ of }: Suppression, { id, subject, move, namespace }: Finding): boolean {
  if ('id' in of) return of.id === id
  return of.subject === subject && of.move === move && (of.scope === undefined || of.scope === (namespace ?? '*'))
}

/** The same right may lead to more than it did: by what others are granted. */
function worseText(findings: readonly Finding[], { severity, leadsTo }: Suppression): string | undefined {
  const severer = findings.find(one => !isAtLeast(severity, one.severity))
  if (severer !== undefined) return `it is ${severer.severity} now, and was accepted as ${severity}`
  const farther = findings.find(one => ends.indexOf(endOf(one)) < ends.indexOf(leadsTo))
  return farther && `it leads to ${endOf(farther)} now, and was accepted as leading to ${leadsTo}`
}

/**
 * Threat: what is within a finding is seen by nobody once that finding is accepted: everything else that somebody can do who
 * was accepted as cluster-admin in one way. It is folded into what is still open, or is open itself.
 */
function withFolded(review: Review, folded: ReadonlyMap<string, Suppression>): Review {
  const widest = widestOf(review.moves.filter(one => !folded.has(findingId(one))))
  const moves = movesById(review)
  const findings = review.findings.map(finding => {
    const suppression = folded.get(finding.id)
    const isOrphan = finding.within !== undefined && folded.has(finding.within)
    if (suppression === undefined && !isOrphan) return finding
    const { within: before, ...rest } = finding
    const [move] = moves.get(finding.id) ?? []
    const within = isOrphan && move !== undefined ? withinOf(move, widest) : before
    return {
      ...rest,
      ...(within !== undefined && !folded.has(within) && { within }),
      ...(suppression !== undefined && {
        suppressed: { reason: suppression.reason, expires: suppression.until },
      }),
    }
  })
  return { ...review, findings }
}
