/**
 * Pomerium's `date` and `time_of_day` as windows. There both ends are outside, to the nanosecond; here the start is inside
 * and a clock shows whole seconds or minutes. So each window is made twice: one within the original, one around it.
 */
import { parseInstant } from '../../../../rbac/conditions/times.ts'
import type { Located } from '../located.ts'

export interface Windows {
  readonly type: 'date-window' | 'time-window'
  /** Never holds where the original does not. */
  readonly inner: Readonly<Record<string, string>>
  /** Always holds where the original does. */
  readonly outer: Readonly<Record<string, string>>
}

/** Only times with their offset: the documentation does not say in which zone others are. */
export function datesOf(data: Located): Windows | undefined {
  const fields = fieldsOf(data, ['after', 'before'])
  const [after, before] = [fields?.after, fields?.before].map(instantOf)
  if (fields === undefined || (after ?? before) === undefined) return undefined
  if (Number.isNaN(after) || Number.isNaN(before) || (after ?? -1) + 1 >= (before ?? Number.POSITIVE_INFINITY)) {
    return undefined
  }
  const window = (from: number | undefined): Record<string, string> => ({
    ...(from === undefined ? {} : { from: textOf(from) }),
    ...(before === undefined ? {} : { until: textOf(before) }),
  })
  return { type: 'date-window', inner: window(after === undefined ? undefined : after + 1), outer: window(after) }
}

/** NaN for what is no whole second with an offset. */
const instantOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : ((text.includes('.') ? undefined : parseInstant(text)) ?? Number.NaN)

const textOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000', '')

/** Only windows within one day: what `after` later than `before` means there is not documented. */
export function timesOf(data: Located): Windows | undefined {
  const fields = fieldsOf(data, ['timezone', 'after', 'before'])
  const zone = fields?.timezone ?? ''
  if (fields === undefined || !isZone(zone) || (fields.after ?? fields.before) === undefined) return undefined
  const after = fields.after === undefined ? undefined : secondOf(fields.after)
  const before = fields.before === undefined ? 86_400 : secondOf(fields.before)
  const [from, to] = [after === undefined ? 0 : Math.floor(after / 60) + 1, Math.floor(before / 60)]
  if (!(from < to)) return undefined
  const window = (start: number, end: number) => ({ from: clockOf(start), to: clockOf(end), zone })
  return {
    type: 'time-window',
    inner: window(from, to),
    outer: window(Math.floor((after ?? 0) / 60), Math.ceil(before / 60)),
  }
}

/** Abbreviations such as EST mean different offsets to different programs. */
function isZone(name: string): boolean {
  if (name !== 'UTC' && !/^[A-Z]\w+\/[\w+-]+(?:\/\w+)?$/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const twelveHours = /^(1[0-2]|[1-9])(?::([0-5]\d))? ?(AM|PM)$/
const twentyFourHours = /^(2[0-3]|[01]?\d):([0-5]\d)(?::([0-5]\d))?$/

/** Seconds since midnight; NaN for what none of the documented forms is. */
function secondOf(text: string): number {
  const [, hour, minute = '0', half] = twelveHours.exec(text) ?? []
  if (hour !== undefined) return ((Number(hour) % 12) + (half === 'PM' ? 12 : 0)) * 3_600 + Number(minute) * 60
  const [, hours, minutes, seconds = '0'] = twentyFourHours.exec(text) ?? []
  return Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
}

const clockOf = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`

/** Texts by key; `undefined` when there is another key, or a value that is no text. */
function fieldsOf({ fields }: Located, known: readonly string[]): Partial<Record<string, string>> | undefined {
  const entries = [...(fields ?? [])].map(([key, { scalar }]) => [key, scalar] as const)
  const isKnown = entries.every(([key, scalar]) => known.includes(key) && typeof scalar === 'string')
  return isKnown && entries.length > 0 ? (Object.fromEntries(entries) as Record<string, string>) : undefined
}
