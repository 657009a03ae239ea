/** A review as one document of each kind. */
import type { Finding } from '../../../rbac/reach/finding.ts'
import type { Changes } from '../../../rbac/reach/report/baseline.ts'
import { csvText } from '../../../rbac/reach/report/csv.ts'
import { reportOf } from '../../../rbac/reach/report/report.ts'
import { sarifOf } from '../../../rbac/reach/report/sarif.ts'
import type { Review } from '../../../rbac/reach/review.ts'
import type { SuppressionOutcome } from '../../../rbac/reach/suppress/suppression.ts'
import { printable } from '../../policy/printable.ts'
import { jsonText } from './json-text.ts'
import type { Output } from './output-kinds.ts'
import { outcomeEntry } from './suppress/suppressions.ts'

interface Shown {
  readonly review: Review
  /** All that were asked for, of every severity. */
  readonly findings: readonly Finding[]
  /** Expected ones and those within others as well. */
  readonly isAll: boolean
  readonly changes?: Changes | undefined
  /** Absent where there is no file of them. */
  readonly suppressions?: readonly SuppressionOutcome[]
}

/** One document, whole. */
export function documentText(output: Exclude<Output, 'text'>, shown: Shown): string {
  const { review, findings, isAll, changes, suppressions } = shown
  if (output === 'csv') return csvText(findings, printable)
  const { problems } = review.facts.objects
  if (output === 'sarif') return jsonText(sarifOf({ findings, problems, isAll, suppressions }))
  return jsonText({
    ...reportOf(review, findings),
    ...(changes !== undefined && { changes }),
    ...(suppressions !== undefined && { suppressions: suppressions.map(outcomeEntry) }),
  })
}
