/** Facts and moments, as pages show them. */
import { type Html, html } from './html.ts'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

export type Fact = readonly [term: string, value: string | Html]

export const facts = (rows: readonly Fact[]): Html =>
  html`<dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`

/** Without a script nobody's time zone is known: so also how far it is from now. */
export function moment(seconds: number, now: number): Html {
  const iso = new Date(seconds * 1000).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time> (${distance(seconds - now)})`
}

function distance(seconds: number): string {
  const length = Math.abs(seconds)
  if (length < minute) return 'now'
  const text = lengthText(length)
  return seconds < 0 ? `${text} ago` : `in ${text}`
}

function lengthText(seconds: number): string {
  if (seconds < hour) return `${Math.floor(seconds / minute)} min`
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)} h ${Math.floor((seconds % hour) / minute)} min`
  return `${Math.floor(seconds / day)} days`
}
