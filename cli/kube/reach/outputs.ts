/** A review as one document of each kind. */
import type { Finding } from '../../../rbac/reach/finding.ts'
import type { Changes } from '../../../rbac/reach/report/baseline.ts'
import { csvText } from '../../../rbac/reach/report/csv.ts'
import { reportOf } from '../../../rbac/reach/report/report.ts'
import { sarifOf } from '../../../rbac/reach/report/sarif.ts'
import type { Review } from '../../../rbac/reach/review.ts'
import { printable } from '../../policy/printable.ts'
import type { Output } from './output-kinds.ts'

interface Shown {
  readonly review: Review
  /** All that were asked for, of every severity. */
  readonly findings: readonly Finding[]
  /** Expected ones and those within others as well. */
  readonly isAll: boolean
  readonly changes?: Changes | undefined
}

/** One document, whole. */
export function documentText(output: Exclude<Output, 'text'>, { review, findings, isAll, changes }: Shown): string {
  if (output === 'csv') return csvText(findings, printable)
  if (output === 'json')
    return `${JSON.stringify({ ...reportOf(review, findings), ...(changes !== undefined && { changes }) })}\n`
  return `${JSON.stringify(sarifOf({ findings, problems: review.facts.objects.problems, isAll }))}\n`
}
