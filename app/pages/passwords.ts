/** What the page of sessions shows of application passwords, and the page on which a new one is shown once. */
import { cut, type Html, html } from './html.ts'
import { facts, moment } from './moments.ts'

/** Moments are seconds since the epoch. */
export interface PasswordsOverview {
  readonly list: readonly ShownPassword[]
  /** There may be others that the list does not have. */
  readonly hasMore: boolean
  /** Absent: the login is too old for it, and `loginUrl` leads to another one. */
  readonly form?: PasswordForm
  readonly loginUrl: string
}

export interface ShownPassword {
  readonly handle: string
  readonly name: string
  readonly hosts: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number
  readonly lastUsedAt?: number
  readonly lastUsedFrom?: string
}

export interface PasswordForm {
  /** To choose from. */
  readonly hosts: readonly string[]
  /** Whether others may be typed. */
  readonly hasOthers: boolean
  readonly days: number
  readonly mostDays: number
}

export interface PasswordMadePage extends Pick<ShownPassword, 'handle' | 'name' | 'hosts' | 'expiresAt'> {
  readonly now: number
  /** What a program is given as the user name. */
  readonly user: string
  /** Secret; it is on this page and nowhere else. */
  readonly password: string
}

const TEXT_BYTES = 160
const HOSTS_BYTES = 600

export function passwordsBody(
  { list, hasMore, form, loginUrl }: PasswordsOverview,
  csrfToken: string,
  now: number,
): Html {
  const token = html`<input type="hidden" name="token" value="${csrfToken}">`
  return html`
<h2>Passwords for programs</h2>
<p>For programs that cannot open a login page: git, WebDAV, a feed reader. Each works on its hosts alone, until you revoke it.</p>${list.map(one => passwordBody(one, token, now))}${hasMore ? html`<p>There may be more than this list shows. Revoke all to be sure.</p>` : undefined}${list.length === 0 && !hasMore ? undefined : revokeAll(token)}
${form === undefined ? html`<nav><a href="${loginUrl}">Log in again to make one</a></nav>` : formBody(form, token)}`
}

const passwordBody = (password: ShownPassword, token: Html, now: number): Html => html`
${facts([
  ['Name', cut(password.name, TEXT_BYTES)],
  ['For', hostsText(password.hosts)],
  ['Made', moment(password.createdAt, now)],
  ['Ends', moment(password.expiresAt, now)],
  [
    'Last used',
    password.lastUsedAt === undefined ? 'never' : usedBody(password.lastUsedAt, password.lastUsedFrom, now),
  ],
  ['Handle', password.handle],
])}
<nav><form method="post" action="/session/passwords/revoke">${token}<input type="hidden" name="password" value="${password.handle}"><button aria-label="Revoke this password: ${cut(password.name, TEXT_BYTES)}">Revoke this password</button></form></nav>`

const usedBody = (at: number, from: string | undefined, now: number): Html =>
  html`${moment(at, now)}${from === undefined ? undefined : html`, from ${from}`}`

const revokeAll = (token: Html): Html => html`
<nav><form method="post" action="/session/passwords/revoke-all">${token}<button>Revoke all passwords</button></form></nav>`

const hostsText = (hosts: readonly string[]): string => cut(hosts.join(', '), HOSTS_BYTES)

function formBody({ hosts, hasOthers, days, mostDays }: PasswordForm, token: Html): Html {
  const boxes = hosts.map(
    host =>
      html`<label><input type="checkbox" name="host" value="${host}"${hosts.length === 1 ? html` checked` : undefined}> ${host}</label>`,
  )
  const other = hasOthers
    ? html`<label for="other">${hosts.length === 0 ? 'Host' : 'Another host'}</label><input id="other" name="host" maxlength="253" autocomplete="off" spellcheck="false">`
    : undefined
  return html`<nav class="list"><form method="post" action="/session/passwords">${token}<label for="name">What it is for</label><input id="name" name="name" maxlength="64" autocomplete="off" required>${boxes}${other}<label for="days">Days until it ends (at most ${mostDays})</label><input id="days" name="days" type="number" min="1" max="${mostDays}" value="${days}" required><button class="main">Make a password</button></form></nav>`
}

export const passwordMadeBody = (page: PasswordMadePage): Html => html`<p>Copy it now: it is shown once.</p>
${facts([
  ['User name', page.user],
  ['Password', html`<code>${page.password}</code>`],
  ['Name', cut(page.name, TEXT_BYTES)],
  ['For', hostsText(page.hosts)],
  ['Ends', moment(page.expiresAt, page.now)],
])}
<p><small>The handle ${page.handle} works as the user name as well.</small></p>
<nav><a class="main" href="/session">Done</a></nav>`
