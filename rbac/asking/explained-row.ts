/** A row of a domain as an explanation shows it. */
import type { RuleId } from '../decision.ts'
import type { Field, Outcome } from '../evaluation.ts'
import type { RowEffect } from '../row.ts'

/** `not-tried`: an earlier field missed, or an earlier row had decided. */
export type ExplainedOutcome = Outcome | 'not-tried'

export interface ExplainedRow {
  readonly rule: RuleId
  readonly subject: string
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly condition: string
  readonly effect: RowEffect
  /** As the row has them; they decide nothing. */
  readonly note?: string
  readonly owner?: string
  readonly fields: Readonly<Record<Field, ExplainedOutcome>>
  /** The row fits and its condition lets it apply. For a shadow row: it would, were it enforced. */
  readonly applies: boolean
  /** The row that the decision names. */
  readonly isDeciding: boolean
}
