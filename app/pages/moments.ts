/** Facts and moments, as pages show them. */
import { type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

export type Fact = readonly [term: string, value: string | Html]

/** Without the ends that HTML lets one leave out: there are pages with little room. */
export const facts = (rows: readonly Fact[]): Html =>
  html`<dl>${rows.map(([term, value]) => html`<dt>${term}<dd>${value}`)}</dl>`

/** In UTC, as nobody's time zone is known, until a script of the page says where the browser is; and how far it is from now. */
export function moment(seconds: number, now: number, { time }: Messages): Html {
  const iso = new Date(seconds * 1000).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time> (${distance(seconds - now, time)})`
}

function distance(seconds: number, time: Messages['time']): string {
  const length = Math.abs(seconds)
  if (length < minute) return time.now
  const text = lengthText(length, time)
  return seconds < 0 ? time.ago(text) : time.in(text)
}

function lengthText(seconds: number, time: Messages['time']): string {
  if (seconds < hour) return time.minutes(Math.floor(seconds / minute))
  if (seconds < 2 * day) return time.hours(Math.floor(seconds / hour), Math.floor((seconds % hour) / minute))
  return time.days(Math.floor(seconds / day))
}
