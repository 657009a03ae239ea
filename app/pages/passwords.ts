/** What the page of sessions shows of application passwords, and the page on which a new one is shown once. */
import { cut, type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
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
  { csrfToken, now }: { readonly csrfToken: string; readonly now: number },
  words: Messages,
): Html {
  const { passwords } = words
  const token = html`<input type="hidden" name="token" value="${csrfToken}">`
  return html`
<h2>${passwords.title}</h2>
<p>${passwords.what}</p>${list.map(one => passwordBody(one, { token, now }, words))}${hasMore ? html`<p>${passwords.more}</p>` : undefined}${list.length === 0 && !hasMore ? undefined : revokeAll(token, words)}
${form === undefined ? html`<div class="nav"><a href="${loginUrl}">${passwords.logIn}</a></div>` : formBody(form, token, words)}`
}

interface Shown {
  readonly token: Html
  readonly now: number
}

const passwordBody = (password: ShownPassword, { token, now }: Shown, words: Messages): Html => html`
${facts([
  [words.passwords.name, cut(password.name, TEXT_BYTES)],
  [words.passwords.for, hostsText(password.hosts)],
  [words.passwords.made, moment(password.createdAt, now, words)],
  [words.passwords.ends, moment(password.expiresAt, now, words)],
  [words.passwords.lastUsed, usedBody(password, now, words)],
  [words.passwords.handle, password.handle],
])}
<div class="nav"><form method="post" action="/session/passwords/revoke">${token}<input type="hidden" name="password" value="${password.handle}"><button aria-label="${words.passwords.revoke}: ${cut(password.name, TEXT_BYTES)}">${words.passwords.revoke}</button></form></div>`

function usedBody({ lastUsedAt, lastUsedFrom }: ShownPassword, now: number, words: Messages): string | Html {
  if (lastUsedAt === undefined) return words.passwords.never
  const from = lastUsedFrom === undefined ? undefined : html`, ${words.passwords.from} ${lastUsedFrom}`
  return html`${moment(lastUsedAt, now, words)}${from}`
}

const revokeAll = (token: Html, { passwords }: Messages): Html => html`
<div class="nav"><form method="post" action="/session/passwords/revoke-all">${token}<button>${passwords.revokeAll}</button></form></div>`

const hostsText = (hosts: readonly string[]): string => cut(hosts.join(', '), HOSTS_BYTES)

function formBody({ hosts, hasOthers, days, mostDays }: PasswordForm, token: Html, { passwords }: Messages): Html {
  const boxes = hosts.map(
    host =>
      html`<label><input type="checkbox" name="host" value="${host}"${hosts.length === 1 ? html` checked` : undefined}> ${host}</label>`,
  )
  const other = hasOthers
    ? html`<label for="other">${hosts.length === 0 ? passwords.host : passwords.otherHost}</label><input id="other" name="host" maxlength="253" autocomplete="off" spellcheck="false">`
    : undefined
  return html`<nav class="list" aria-label="${passwords.make}"><form method="post" action="/session/passwords">${token}<label for="name">${passwords.purpose}</label><input id="name" name="name" maxlength="64" autocomplete="off" required>${boxes}${other}<label for="days">${passwords.days(mostDays)}</label><input id="days" name="days" type="number" min="1" max="${mostDays}" value="${days}" required><button class="main">${passwords.make}</button></form></nav>`
}

export const passwordMadeBody = (page: PasswordMadePage, words: Messages): Html => {
  const { passwords } = words
  return html`<p>${passwords.copy}</p>
${facts([
  [passwords.user, page.user],
  [passwords.password, html`<code>${page.password}</code>`],
  [passwords.name, cut(page.name, TEXT_BYTES)],
  [passwords.for, hostsText(page.hosts)],
  [passwords.ends, moment(page.expiresAt, page.now, words)],
])}
<p><small>${passwords.handleToo(page.handle)}</small></p>
<nav><a class="main" href="/session">${passwords.done}</a></nav>`
}
