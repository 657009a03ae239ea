/** A review as one document of each kind. */
import type { Finding } from '../../../rbac/reach/finding.ts'
import type { Asked, Baseline, Changes } from '../../../rbac/reach/report/baseline.ts'
import { csvText } from '../../../rbac/reach/report/csv.ts'
import { type PageContext, pageDataOf } from '../../../rbac/reach/report/page/page-data.ts'
import { placesIn } from '../../../rbac/reach/report/places.ts'
import { reportOf } from '../../../rbac/reach/report/report.ts'
import { sarifOf } from '../../../rbac/reach/report/sarif.ts'
import type { Review } from '../../../rbac/reach/review.ts'
import { type SuppressionOutcome, suppressedText } from '../../../rbac/reach/suppress/suppression.ts'
import { printable } from '../../../spelling/printable.ts'
import type { InputChoice } from './input.ts'
import { jsonText } from './json-text.ts'
import type { Output } from './output-kinds.ts'
import { pageText } from './page/page.ts'
import { outcomeEntry } from './suppress/suppressions.ts'

/** Of every way of somebody, which `--to` and the page show. */
export const wayBounds = { maxSteps: 8, maxPaths: 50 }

interface Shown {
  readonly review: Review
  /** All that were asked for, of every severity. */
  readonly findings: readonly Finding[]
  /** Expected ones and those within others as well. */
  readonly isAll: boolean
  readonly asked: Asked
  readonly before: Baseline | undefined
  readonly changes: Changes | undefined
  /** Absent where there is no file of them. */
  readonly suppressions?: readonly SuppressionOutcome[]
  readonly choice: Choice
}

interface Choice extends InputChoice {
  readonly subject?: string
  readonly namespace?: string
}

/** One document, whole. */
export function documentText(output: Exclude<Output, 'text'>, shown: Shown): string {
  const { review, findings, isAll, asked, before, changes, suppressions } = shown
  if (output === 'csv') return csvText(findings, placesIn(review))
  if (output === 'html') return pageText(pageDataOf(review, findings, contextOf(shown)))
  if (output === 'sarif') return jsonText(sarifOf({ review, findings, isAll, baseline: before, suppressions }))
  return jsonText({
    ...reportOf(review, findings),
    ...(Object.keys(asked).length > 0 && { asked }),
    ...(changes !== undefined && { changes }),
    ...(suppressions !== undefined && { suppressions: suppressions.map(outcomeEntry) }),
  })
}

function contextOf({ choice, isAll, before, changes, suppressions = [] }: Shown): PageContext {
  const { from, context, inCluster = false, subject, namespace, readNamespace } = choice
  const broken = suppressions.filter(({ state }) => state !== 'applies')
  const source = from?.map(path => (path === '-' ? 'standard input' : path)).join(', ')
  const cluster = inCluster
    ? 'The cluster of this pod'
    : `The cluster of ${context ?? 'the current context of kubectl'}`
  return {
    from: source === undefined ? cluster : `Manifests of ${source}`,
    at: new Date().toISOString(),
    limits: [
      ...(readNamespace === undefined ? [] : [`what stands in namespace ${readNamespace.join(' or ')}, or in none`]),
      ...(subject === undefined ? [] : [`findings of ${subject}`]),
      ...(namespace === undefined ? [] : [`findings in namespace ${namespace}`]),
    ],
    remarks: broken.map(
      ({ suppression: { line, of }, state, message }) =>
        `A suppression does not hold, line ${line}, ${suppressedText(of)}: ${message} [${state}]`,
    ),
    isAll,
    bounds: wayBounds,
    ...(before !== undefined && changes !== undefined && { since: { baseline: before, changes } }),
    shown: shownText,
  }
}

/** A user may be called anything, at any length: nobody reads more of it than this. */
const longestText = 2_000

const shownText = (text: string): string =>
  text.length <= longestText
    ? printable(text)
    : `${printable(text.slice(0, longestText))}… (${text.length - longestText} more characters)`
