/**
 * `until:2026-12-31`, in the condition of a row that allows: from the next day on it allows nothing. `until:2026-12-31@Europe/Berlin`
 * is that day there, in UTC otherwise, and `until:2026-12-31T18:00:00+01:00` an instant: as `until` of a date window is.
 */
import { ValueError } from '../policy-error.ts'
import type { Condition } from './condition.ts'
import { endOf } from './date-end.ts'

const prefix = 'until:'

export const isRowEnd = (term: string): boolean => term.startsWith(prefix)

/** Rows that end together share their end. */
const known = new Map<string, Condition>()
const mostKnown = 10_000

/**
 * A date window that every question about rows knows how to ask about. Throws `ValueError`.
 *
 * Threat: a row that denies comes to its end, and nobody is told that what it shut is open.
 */
export function parseRowEnd(term: string, isDeny: boolean): Condition {
  if (isDeny) {
    throw new ValueError(
      'a row that denies has no end of its own: what it denies would be open from then on; remove it on that day, or name a date-window in conditions.yaml',
    )
  }
  const before = known.get(term)
  if (before !== undefined) return before
  const end = readEnd(term)
  if (known.size >= mostKnown) known.clear()
  known.set(term, end)
  return end
}

function readEnd(term: string): Condition {
  const [, until = '', zone] = /^until:([^@]*)(?:@(.*))?$/s.exec(term) ?? []
  const end = endOf(until, zone)
  if (end === undefined) throw new ValueError(`${prefix} expected 2026-12-31 or 2026-12-31T18:00:00Z`)
  if (zone !== undefined && until.includes(':')) throw new ValueError(`${prefix} a time has its offset, and no zone`)
  return {
    kind: 'criterion',
    type: 'date-window',
    argument: zone === undefined ? { until } : { until, zone },
    test: ({ context: { now } }) => now < end,
    isOver: now => now >= end,
  }
}
