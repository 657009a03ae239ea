/** The page on which people see their session, and where else they are logged in. */
import { browserName } from './browser-name.ts'
import { cut, type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
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

export function sessionOverviewBody(page: SessionOverview, words: Messages): Html {
  const { now, listed, unverifiedSince, csrfToken, passwords } = page
  const { session } = words
  return html`<nav><a class="main" href="/logout">${words.logOut}</a>${page.others.length === 0 ? undefined : endOthers(page, words)}</nav>
${facts([
  [words.loggedInAs, cut(page.who, TEXT_BYTES)],
  [session.with, cut(page.provider, TEXT_BYTES)],
  [session.groups, page.groups.length === 0 ? session.none : cut(page.groups.join(', '), GROUPS_BYTES)],
  [session.since, moment(page.startedAt, now, words)],
  ...(listed === undefined ? [] : lifetimeFacts(listed, now, words)),
  [session.confirmed, moment(page.verifiedAt, now, words)],
  ...(unverifiedSince === undefined ? [] : ([[session.unasked, moment(unverifiedSince, now, words)]] as const)),
  ...(listed === undefined ? [] : placeFacts(listed, words)),
])}
<h2>${session.elsewhere}</h2>${page.others.length === 0 ? html`<p>${page.moreUrl === undefined ? session.nowhere : session.nothingListed}</p>` : page.others.map(other => otherBody(other, page, words))}${more(page.moreUrl, words)}${passwords === undefined ? undefined : passwordsBody(passwords, { csrfToken, now }, words)}`
}

const tokenOf = ({ csrfToken }: SessionOverview): Html => html`<input type="hidden" name="token" value="${csrfToken}">`

function endOthers(page: SessionOverview, { session }: Messages): Html {
  const { passwords } = page
  const label = passwords === undefined || passwords.list.length === 0 ? session.endOthers : session.endOthersToo
  return html`<form method="post" action="/session/end-others">${tokenOf(page)}<button>${label}</button></form>`
}

/** What is to be done first, and what it is about in its name. */
function otherBody(other: OtherSession, page: SessionOverview, words: Messages): Html {
  const { session } = words
  const name = cut(nameOf(other, words), TEXT_BYTES)
  return html`
<h3>${name}</h3>
<div class="nav"><form method="post" action="/session/end">${tokenOf(page)}<input type="hidden" name="session" value="${other.handle}"><button aria-label="${session.end}: ${name}">${session.end}</button></form></div>
${facts([...placeFacts(other, words), [session.since, moment(other.startedAt, page.now, words)], ...lifetimeFacts(other, page.now, words)])}`
}

function nameOf({ userAgent, clientAddress }: OtherSession, { session }: Messages): string {
  const browser = userAgent === undefined ? session.unknownBrowser : browserName(userAgent, session.on)
  return clientAddress === undefined ? browser : `${browser}, ${clientAddress}`
}

const more = (url: string | undefined, { session }: Messages): Html | undefined =>
  url === undefined ? undefined : html`<div class="nav"><a href="${url}">${session.more}</a></div>`

function lifetimeFacts({ idleUntil, endsAt }: SeenSession, now: number, words: Messages): readonly Fact[] {
  return [
    [words.session.idle, moment(idleUntil, now, words)],
    [words.session.ends, moment(endsAt, now, words)],
  ]
}

function placeFacts({ clientAddress, userAgent, hosts }: SeenSession, { session }: Messages): readonly Fact[] {
  const names = hosts.map(({ host }) => host).join(', ')
  return [
    ...(clientAddress === undefined ? [] : ([[session.address, clientAddress]] as const)),
    ...(userAgent === undefined
      ? []
      : ([[session.browser, cut(browserName(userAgent, session.on), TEXT_BYTES)]] as const)),
    [session.usedOn, names === '' ? session.unused : names],
  ]
}
