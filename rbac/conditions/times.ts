/** Durations, instants and the local time of a zone, for conditions and test files. Pure: the clock comes in. */
import { ValueError } from '../policy-error.ts'

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const duration = /^(\d{1,9})([smhd])$/
const day = /^(\d{4})-(\d\d)-(\d\d)$/
const instant = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:([Zz])|([+-])(\d\d):(\d\d))$/

/** Seconds of `15m`, `12h`, `900s`, `2d` or a plain number of seconds. Throws `ValueError`. */
export function parseDuration(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  const [, count, unit] = duration.exec(String(value)) ?? []
  const seconds = Number(count) * (unitSeconds[unit ?? ''] ?? Number.NaN)
  if (!(seconds > 0)) throw new ValueError('expected a duration such as 15m, 12h or 2d')
  return seconds
}

/** Seconds since the epoch of an RFC 3339 time with its offset; `undefined` for anything else. */
export function parseInstant(text: string): number | undefined {
  const [, date, hour, minute, second, , sign, offsetHour, offsetMinute] = instant.exec(text) ?? []
  const days = date === undefined ? undefined : daysSinceEpoch(date)
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined
  const offset = (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)) * (sign === '-' ? -60 : 60)
  return days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second ?? 0) - offset
}

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar; `undefined` when there is no such day. */
export function daysSinceEpoch(text: string): number | undefined {
  const [, ...fields] = day.exec(text) ?? []
  const [year, month, date] = fields.map(Number)
  if (year === undefined || month === undefined || date === undefined) return undefined
  if (date < 1 || date > daysInMonth(year, month)) return undefined
  const leaps = (years: number): number => Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400)
  const daysBefore = (year - 1) * 365 + leaps(year - 1) - (1969 * 365 + leaps(1969))
  const inYear = Array.from({ length: month - 1 }, (_, index) => daysInMonth(year, index + 1))
  return daysBefore + inYear.reduce((sum, days) => sum + days, 0) + date - 1
}

/** `2026-12-31` of days since 1970-01-01: what {@link daysSinceEpoch} reads. From the year 1 to 9999. */
export function dayText(days: number): string {
  const startOf = (year: number): number => daysSinceEpoch(`${pad(year, 4)}-01-01`) ?? 0
  let year = Math.floor(1970 + days / 365.2425)
  while (startOf(year) > days) year -= 1
  while (year < 9999 && startOf(year + 1) <= days) year += 1
  let rest = days - startOf(year)
  let month = 1
  for (; rest >= daysInMonth(year, month); month++) rest -= daysInMonth(year, month)
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(rest + 1, 2)}`
}

const pad = (value: number, length: number): string => String(value).padStart(length, '0')

/** `2026-12-31T23:00:00Z` of seconds since the epoch. */
export function instantText(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const second = Math.floor(seconds) - days * 86_400
  const clock = [second / 3600, (second / 60) % 60, second % 60].map(part => pad(Math.floor(part), 2))
  return `${dayText(days)}T${clock.join(':')}Z`
}

function daysInMonth(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
}

/** What a clock on the wall shows. */
export interface LocalTime {
  /** `YYYY-MM-DD`; compares as text. */
  readonly date: string
  /** `mon` to `sun`. */
  readonly weekday: string
  /** Minutes since midnight, 0 to 1439. */
  readonly minute: number
}

/**
 * Seconds since the epoch: the beginning of 1973. Since then every zone is whole minutes away from UTC and changes on a
 * whole minute, so that a minute of UTC is one minute there (Liberia was the last, until 7 January 1972).
 */
const wholeMinutesSince = 94_694_400

/** Clock of an IANA time zone, summer time included. Throws `ValueError` for a zone that is not known. */
export function createZoneClock(zone: string): (now: number) => LocalTime {
  const read = createReader(zone)
  let last = Number.NaN
  let shown: LocalTime = read(0)
  return now => {
    const minute = Math.floor(now / 60)
    if (minute === last) return shown
    const local = read(now)
    if (now >= wholeMinutesSince) {
      last = minute
      shown = local
    }
    return local
  }
}

function createReader(zone: string): (now: number) => LocalTime {
  const format = createFormat(zone)
  return now => {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
    for (const { type, value } of format.formatToParts(now * 1000)) parts[type] = value
    const { year = '', month = '', day: date = '', weekday = '', hour, minute } = parts
    return Object.freeze({
      date: `${year.padStart(4, '0')}-${month}-${date}`,
      weekday: weekday.toLowerCase(),
      minute: Number(hour) * 60 + Number(minute),
    })
  }
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch {
    throw new ValueError(`unknown time zone "${timeZone}"; expected a name such as Europe/Berlin or UTC`)
  }
}
