/** The page on which people see their session, and where else they are logged in. */
import { browserName } from './browser-name.ts'
import { cut, type Html, html } from './html.ts'
import { type Fact, facts, moment } from './moments.ts'
import { type PasswordsOverview, passwordsBody } from './passwords.ts'

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
  /** Absent where no host takes any. */
  readonly passwords?: PasswordsOverview
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
<h2>Elsewhere</h2>${page.others.length === 0 ? html`<p>${emptyText(page)}</p>` : othersOf(page)}${more(page.moreUrl)}${page.passwords === undefined ? undefined : passwordsBody(page.passwords, page.csrfToken, now)}`
}

const emptyText = ({ moreUrl }: SessionOverview): string =>
  moreUrl === undefined ? 'You are not logged in anywhere else.' : 'Nothing on this page of the list.'

function othersOf({ others, csrfToken, now, passwords }: SessionOverview): Html {
  const token = html`<input type="hidden" name="token" value="${csrfToken}">`
  return html`${others.map(
    other => html`
${facts([...placeFacts(other), ['Since', moment(other.startedAt, now)], ...lifetimeFacts(other, now)])}
<nav><form method="post" action="/session/end">${token}<input type="hidden" name="session" value="${other.handle}"><button aria-label="End this session: ${cut(nameOf(other), TEXT_BYTES)}">End this session</button></form></nav>`,
  )}
<nav><form method="post" action="/session/end-others">${token}<button class="main">End all other sessions${passwords === undefined || passwords.list.length === 0 ? '' : ' and passwords'}</button></form></nav>`
}

/** Of several buttons on the page, which one this is. */
const nameOf = ({ userAgent, clientAddress, handle }: OtherSession): string =>
  [userAgent === undefined ? handle : browserName(userAgent), clientAddress ?? ''].join(' ').trim()

const more = (url: string | undefined): Html | undefined =>
  url === undefined ? undefined : html`<nav><a href="${url}">Show more</a></nav>`

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
