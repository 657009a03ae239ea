/** The page on which people see their session, and where else they are logged in. */
import { browserName } from './browser-name.ts'
import { cut, type Html, html } from './html.ts'

/** Moments are seconds since the epoch. */
export interface SessionOverview {
  readonly now: number
  /** How the person is called. */
  readonly who: string
  /** Label of the identity provider. */
  readonly provider: string
  /** As the provider last told them. */
  readonly groups: readonly string[]
  readonly startedAt: number
  /** When the provider last stood by the login. */
  readonly verifiedAt: number
  /** Since when it could not be asked; absent: it could. */
  readonly unverifiedSince?: number
  /** What is only in the list of sessions; absent for a login that began before there was one. */
  readonly listed?: SeenSession
  readonly others: readonly OtherSession[]
  /** Where there are more of them. */
  readonly moreUrl?: string
  readonly csrfToken: string
}

export interface SeenSession {
  readonly endsAt: number
  readonly idleUntil: number
  readonly clientAddress?: string
  readonly userAgent?: string
  readonly hosts: readonly { readonly host: string; readonly since: number }[]
}

export interface OtherSession extends SeenSession {
  readonly handle: string
  readonly startedAt: number
}

const TEXT_BYTES = 160
const GROUPS_BYTES = 400
const minute = 60
const hour = 60 * minute
const day = 24 * hour

export function sessionOverviewBody(page: SessionOverview): Html {
  const { now, listed, unverifiedSince } = page
  return html`${facts([
    ['Logged in as', cut(page.who, TEXT_BYTES)],
    ['With', cut(page.provider, TEXT_BYTES)],
    ['Groups', page.groups.length === 0 ? 'none' : cut(page.groups.join(', '), GROUPS_BYTES)],
    ['Since', moment(page.startedAt, now)],
    ...(listed === undefined ? [] : lifetimeFacts(listed, now)),
    ['Confirmed by the identity provider', moment(page.verifiedAt, now)],
    ...(unverifiedSince === undefined
      ? []
      : ([['The identity provider cannot be asked since', moment(unverifiedSince, now)]] as const)),
    ...(listed === undefined ? [] : placeFacts(listed)),
  ])}
<nav><a class="main" href="/logout">Log out</a></nav>
<h2>Elsewhere</h2>${page.others.length === 0 ? html`<p>${emptyText(page)}</p>` : othersOf(page)}${more(page.moreUrl)}`
}

const emptyText = ({ moreUrl }: SessionOverview): string =>
  moreUrl === undefined ? 'You are not logged in anywhere else.' : 'Nothing on this page of the list.'

function othersOf({ others, csrfToken, now }: SessionOverview): Html {
  const token = html`<input type="hidden" name="token" value="${csrfToken}">`
  return html`${others.map(
    other => html`
${facts([...placeFacts(other), ['Since', moment(other.startedAt, now)], ...lifetimeFacts(other, now)])}
<nav><form method="post" action="/session/end">${token}<input type="hidden" name="session" value="${other.handle}"><button aria-label="End this session: ${cut(nameOf(other), TEXT_BYTES)}">End this session</button></form></nav>`,
  )}
<nav><form method="post" action="/session/end-others">${token}<button class="main">End all other sessions</button></form></nav>`
}

/** Of several buttons on the page, which one this is. */
const nameOf = ({ userAgent, clientAddress, handle }: OtherSession): string =>
  [userAgent === undefined ? handle : browserName(userAgent), clientAddress ?? ''].join(' ').trim()

const more = (url: string | undefined): Html | undefined =>
  url === undefined ? undefined : html`<nav><a href="${url}">Show more</a></nav>`

type Fact = readonly [term: string, value: string | Html]

const facts = (rows: readonly Fact[]): Html =>
  html`<dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`

function lifetimeFacts({ idleUntil, endsAt }: SeenSession, now: number): readonly Fact[] {
  return [
    ['Ends, if it is not used', moment(idleUntil, now)],
    ['Ends in any case', moment(endsAt, now)],
  ]
}

function placeFacts({ clientAddress, userAgent, hosts }: SeenSession): readonly Fact[] {
  const names = hosts.map(({ host }) => host).join(', ')
  return [
    ...(clientAddress === undefined ? [] : ([['Address at the login', clientAddress]] as const)),
    ...(userAgent === undefined ? [] : ([['Browser', cut(browserName(userAgent), TEXT_BYTES)]] as const)),
    ['Used on', names === '' ? 'no application yet' : names],
  ]
}

/** Without a script nobody's time zone is known: so also how far it is from now. */
function moment(seconds: number, now: number): Html {
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
