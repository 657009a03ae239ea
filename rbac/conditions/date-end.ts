/** When a date or an instant is over, as date windows and the ends of rows take it: a date is its whole day in a zone. */
import { createZoneClock, daysSinceEpoch, dayText, parseInstant } from './times.ts'

const [minute, quarterHour, hour, day] = [60, 900, 3600, 86_400]

/** A clock for each zone: rows name many days and few zones. */
const clocks = new Map<string, ReturnType<typeof createZoneClock>>()

/**
 * Seconds since the epoch of the first moment behind it; `undefined` for what is neither. Throws `ValueError` for a zone that is
 * not known.
 */
export function endOf(text: string, zone = 'UTC'): number | undefined {
  const clock = clocks.get(zone) ?? createZoneClock(zone)
  clocks.set(zone, clock)
  return parseInstant(text) ?? endOfDay(text, zone, clock)
}

/** The same of the first moment in it. */
export function startOf(text: string, zone = 'UTC'): number | undefined {
  const days = daysSinceEpoch(text)
  if (days === undefined) return parseInstant(text)
  return endOf(dayText(days - 1), zone)
}

/**
 * Zones are up to fourteen hours ahead of UTC and twelve behind. Searched from behind, for where clocks are set back over midnight
 * the last hour of a day comes twice.
 */
function endOfDay(text: string, zone: string, clock: ReturnType<typeof createZoneClock>): number | undefined {
  const days = daysSinceEpoch(text)
  if (days === undefined) return undefined
  const midnight = (days + 1) * day
  if (zone === 'UTC') return midnight
  const isBehind = (now: number): boolean => clock(now).date > text
  const search = (from: number, step: number): number => {
    let end = from
    while (isBehind(end - step)) end -= step
    return end
  }
  return search(search(midnight + 15 * hour, quarterHour), minute)
}
