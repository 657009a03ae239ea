/** `--suppress-draft`: entries for what is open, with everything but the reason, which somebody has to give. */
import { Document, Scalar, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Finding } from '../../../../rbac/reach/finding.ts'
import { isOpen } from '../../../../rbac/reach/report/report.ts'
import type { Review } from '../../../../rbac/reach/review.ts'
import { movesById, roleHash } from '../../../../rbac/reach/suppress/suppress.ts'
import { endOf } from '../../../../rbac/reach/suppress/suppression.ts'
import { printable } from '../../../../spelling/printable.ts'
import { hashOf } from './suppressions.ts'

const daysAway = 90

const head = ` What is accepted, for kube review --suppress. Each needs a reason: an empty one is refused.
 Take out what is to be closed instead.`

/** @param now seconds since the epoch */
export function draftText(review: Review, findings: readonly Finding[], now: number): string {
  const moves = movesById(review)
  const open = [...new Map(findings.filter(isOpen).map(one => [one.id, one])).values()]
  if (open.length === 0) return '[]\n'
  const expires = new Date((now + daysAway * 86_400) * 1000).toISOString().slice(0, 10)
  const document = new Document(
    open.map(({ id, severity, path }) => ({
      id: idScalar(id),
      reason: '',
      expires,
      severity,
      leadsTo: endOf({ path }),
      role: roleHash(moves.get(id) ?? [], hashOf),
    })),
  )
  document.commentBefore = head
  for (const [at, finding] of open.entries()) {
    const entry = (document.contents as YAMLSeq<YAMLMap>).items[at]
    // Threat: a name with a line break in it would end the comment, and go on as an entry.
    if (entry !== undefined) entry.commentBefore = ` ${printable(finding.sentence)}`
  }
  return document.toString({ lineWidth: 0 }).replace(hidden, escaped)
}

/** What a terminal obeys, or what turns the text around it: kept, as an escape, which YAML has in double quotes alone. */
const hidden = /[\p{Cf}\p{Zl}\p{Zp}\u007F-\u009F]/gu

const escaped = (character: string): string =>
  `\\U${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(8, '0')}`

function idScalar(id: string): Scalar<string> {
  const scalar = new Scalar(id)
  if (id.search(hidden) !== -1) scalar.type = Scalar.QUOTE_DOUBLE
  return scalar
}
