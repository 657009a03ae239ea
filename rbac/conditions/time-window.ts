/**
 * `time-window: {days: mon-fri, from: "09:00", to: "18:00", zone: Europe/Berlin}`: it is that time of the week there.
 *
 * `from` is inside, `to` is not. A window that passes midnight belongs to the day on which it starts. Default: every
 * day, all day, UTC.
 */

import { ValueError } from '../policy-error.ts'
import { unknownName } from '../unknown-name.ts'
import { parseMapping, parseText, parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'
import { createZoneClock } from './times.ts'

const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

export function timeWindow(value: unknown): Criterion {
  const { days, from, to, zone } = parseMapping(value, ['days', 'from', 'to', 'zone'])
  if (days === undefined && from === undefined && to === undefined) throw new ValueError('expected days, from or to')
  const weekdays = days === undefined ? new Set<string>(week) : parseDays(days)
  const start = from === undefined ? 0 : parseMinute(from, 'from')
  const end = to === undefined ? 1440 : parseMinute(to, 'to')
  if (start === end) throw new ValueError('from and to are the same time')
  const clock = createZoneClock(zone === undefined ? 'UTC' : parseText(zone, 'a time zone such as Europe/Berlin'))
  return {
    type: 'time-window',
    test: ({ context }) => {
      const { weekday, minute } = clock(context.now)
      if (start < end) return weekdays.has(weekday) && minute >= start && minute < end
      return minute >= start ? weekdays.has(weekday) : minute < end && weekdays.has(dayBefore(weekday))
    },
  }
}

function dayBefore(weekday: string): string {
  return week.at(dayIndex(weekday) - 1) ?? ''
}

function dayIndex(name: string): number {
  const index = (week as readonly string[]).indexOf(name)
  if (index === -1) throw new ValueError(unknownName('day', name, week))
  return index
}

function parseDays(value: unknown): ReadonlySet<string> {
  const days = new Set<string>()
  for (const range of parseTexts(value, 'days such as mon-fri or [sat, sun]').flatMap(text => text.split(','))) {
    const [first = '', last = first, ...rest] = range.trim().toLowerCase().split('-')
    if (rest.length > 0) throw new ValueError(`not a range of days: "${range}"`)
    const start = dayIndex(first)
    const length = ((dayIndex(last) - start + 7) % 7) + 1
    for (let step = 0; step < length; step++) days.add(week[(start + step) % 7] ?? '')
  }
  return days
}

function parseMinute(value: unknown, key: string): number {
  const [, hour, minute] = /^(\d{1,2}):(\d\d)$/.exec(String(value)) ?? []
  const minutes = Number(hour) * 60 + Number(minute)
  if (!(minutes <= 1440 && Number(minute) < 60)) throw new ValueError(`${key}: expected a time such as "09:00"`)
  return minutes
}
