/**
 * Rows that time puts an end to: of their own (`until:`), or by a date window that somebody named (docs/policy.md, "Rows that
 * end"). A row that denies may end by such a name alone, and that is said louder.
 */
import type { Condition } from '../conditions/condition.ts'
import { endOf, startOf } from '../conditions/date-end.ts'
import { instantText } from '../conditions/times.ts'
import type { Row } from '../row.ts'

export interface ExpiringRow {
  readonly row: Row
  /** Seconds since the epoch of the first moment at which the row can apply no more, whatever is known. */
  readonly endsAt: number
}

/** How long before their end rows are named where nobody has said it, in seconds: two weeks. */
export const usualWarning = 14 * 86_400

/** By their end, then in order of load; of a list of hosts one of each line. */
export function expiringRows(rows: readonly Row[]): readonly ExpiringRow[] {
  // Rows with an equal condition share its compiled form.
  const ends = new Map<Condition, number>()
  const named = new Set<string>()
  const found = rows.flatMap(row => {
    const endsAt = ends.get(row.when) ?? spanOf(row.when).until
    ends.set(row.when, endsAt)
    if (endsAt === Number.POSITIVE_INFINITY || named.has(row.id)) return []
    named.add(row.id)
    return [{ row, endsAt }]
  })
  return found.sort((one, other) => one.endsAt - other.endsAt || one.row.order - other.row.order)
}

/** From when on a condition is the same for ever. */
interface Span {
  /** From then on it is never true. */
  readonly until: number
  /** From then on it is never false. */
  readonly from: number
}

const never: Span = { until: Number.POSITIVE_INFINITY, from: Number.POSITIVE_INFINITY }

function spanOf(condition: Condition): Span {
  switch (condition.kind) {
    case 'criterion':
      return condition.type === 'date-window' ? spanOfDates(condition.argument) : never
    case 'not': {
      const { until, from } = spanOf(condition.of)
      return { until: from, from: until }
    }
    case 'all': {
      const spans = condition.of.map(spanOf)
      return {
        until: Math.min(...spans.map(({ until }) => until)),
        from: Math.max(0, ...spans.map(({ from }) => from)),
      }
    }
    case 'any': {
      const spans = condition.of.map(spanOf)
      return {
        until: Math.max(0, ...spans.map(({ until }) => until)),
        from: Math.min(...spans.map(({ from }) => from)),
      }
    }
  }
}

function spanOfDates(argument: unknown): Span {
  const { from, until, zone = 'UTC' } = argument as Readonly<Record<string, unknown>>
  const end = until === undefined ? undefined : endOf(String(until), String(zone))
  if (end !== undefined) return { until: end, from: Number.POSITIVE_INFINITY }
  const start = from === undefined ? undefined : startOf(String(from), String(zone))
  return { until: Number.POSITIVE_INFINITY, from: start ?? Number.POSITIVE_INFINITY }
}

export type ExpiryState = 'over' | 'soon' | 'later'

/** @param now @param warning in seconds: a row that ends within it ends soon */
export const stateOf = ({ endsAt }: ExpiringRow, now: number, warning: number): ExpiryState =>
  endsAt <= now ? 'over' : endsAt <= now + warning ? 'soon' : 'later'

/** Whole days until the end, and since it where they are negative. */
export const daysLeft = ({ endsAt }: ExpiringRow, now: number): number => Math.trunc((endsAt - now) / 86_400)

/** Until the end or since it, for people. */
export function leftText(expiring: ExpiringRow, now: number): string {
  const days = Math.abs(daysLeft(expiring, now))
  const span = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`
  return expiring.endsAt <= now ? `since ${span}` : `in ${span}`
}

/** What is to be said of a row that is over or ends soon. */
export function describeEnd(expiring: ExpiringRow, now: number) {
  const { row, endsAt } = expiring
  const isOver = endsAt <= now
  const what = row.isDeny ? 'denies' : 'allows'
  const message = isOver
    ? `${what} nothing any more ${leftText(expiring, now)}: it ended at ${instantText(endsAt)}`
    : `${what} until ${instantText(endsAt)}, ${leftText(expiring, now)}${row.isDeny ? ', and what it denies is open from then on' : ''}`
  const advice = isOver ? 'remove it, or give it another end' : 'give it another end, or let it go'
  return { message, advice }
}
