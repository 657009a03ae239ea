/**
 * `date-window: {from: 2026-01-01, until: 2026-03-31}`: it is in that span of time.
 *
 * A date means the whole day in `zone` (default UTC), also for `until`. A time with its offset means that instant:
 * `from` is inside, `until` is not.
 */
import { ValueError } from '../policy-error.ts'
import { parseMapping, parseText } from './arguments.ts'
import type { Criterion } from './condition.ts'
import { createZoneClock, daysSinceEpoch, type LocalTime, parseInstant } from './times.ts'

/** Is this moment before the boundary? */
type IsBefore = (now: number, local: LocalTime) => boolean

export function dateWindow(value: unknown): Criterion {
  const { from, until, zone } = parseMapping(value, ['from', 'until', 'zone'])
  if (from === undefined && until === undefined) throw new ValueError('expected from or until')
  const clock = createZoneClock(zone === undefined ? 'UTC' : parseText(zone, 'a time zone such as Europe/Berlin'))
  const isBeforeStart = from === undefined ? () => false : parseStart(from)
  const isBeforeEnd = until === undefined ? () => true : parseEnd(until)
  if (startsAfterEnd(from, until)) throw new ValueError('the window ends before it begins')
  return {
    type: 'date-window',
    test: ({ context: { now } }) => {
      const local = clock(now)
      return !isBeforeStart(now, local) && isBeforeEnd(now, local)
    },
    isOver: now => !isBeforeEnd(now, clock(now)),
  }
}

const isDay = (value: unknown): value is string => typeof value === 'string' && daysSinceEpoch(value) !== undefined

function parseStart(value: unknown): IsBefore {
  if (isDay(value)) return (_, { date }) => date < value
  const start = instantOf(value, 'from')
  return now => now < start
}

function parseEnd(value: unknown): IsBefore {
  if (isDay(value)) return (_, { date }) => date <= value
  const end = instantOf(value, 'until')
  return now => now < end
}

function instantOf(value: unknown, key: string): number {
  const instant = typeof value === 'string' ? parseInstant(value) : undefined
  if (instant === undefined) throw new ValueError(`${key}: expected 2026-03-31 or 2026-03-31T18:00:00Z`)
  return instant
}

function startsAfterEnd(from: unknown, until: unknown): boolean {
  if (from === undefined || until === undefined) return false
  if (isDay(from) && isDay(until)) return from > until
  return !isDay(from) && !isDay(until) && instantOf(from, 'from') >= instantOf(until, 'until')
}
