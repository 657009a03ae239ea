/** The pages on which people let kubectl in. */
import { cut, type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
import { facts } from './moments.ts'

/** The form posts `fields`, the token and `decision`, which is `allow` or `deny`, to `action`. */
export interface GrantConsentPage {
  readonly who: string
  /** What it is let use. */
  readonly reach: 'clusters' | 'hosts' | 'clusters-and-hosts'
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  readonly csrfToken: string
}

/** `isUnknown`: what was typed is no code that waits. */
export interface DeviceCodePage {
  readonly action: string
  readonly isUnknown: boolean
}

export interface DeviceConsentPage extends Omit<GrantConsentPage, 'fields'> {
  readonly userCode: string
  /** Seconds since the epoch. */
  readonly now: number
  readonly askedAt: number
  /** Of the machine that asked. */
  readonly clientAddress?: string
  /** It is not the one that this browser comes from. */
  readonly isOtherAddress: boolean
}

const TEXT_BYTES = 160

export function grantConsentBody({ who, reach, ...form }: GrantConsentPage, words: Messages): Html {
  const { grants } = words
  const { program, use } = grants.words[reach]
  return html`${facts([[words.loggedInAs, cut(who, TEXT_BYTES)]])}
<p>${grants.asks(program, use)}</p>
<p><small>${grants.denyIt}</small></p>
${decisionForm(form, words)}`
}

export const deviceCodeBody = ({ action, isUnknown }: DeviceCodePage, { goOn, grants }: Messages): Html =>
  html`${isUnknown ? html`<p role="alert">${grants.noCode}</p>` : undefined}
<nav class="list" aria-label="${grants.codeTitle}"><form method="get" action="${action}"><label for="user_code">${grants.codeLabel}</label><input id="user_code" name="user_code" maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX" required autofocus><button class="main">${goOn}</button></form></nav>`

export function deviceConsentBody(page: DeviceConsentPage, words: Messages): Html {
  const { who, reach, userCode, now, askedAt, clientAddress, isOtherAddress, ...rest } = page
  const { grants } = words
  const { program, use } = grants.words[reach]
  const elsewhere = isOtherAddress ? html`<p role="alert">${grants.elsewhere}</p>` : undefined
  return html`${facts([
    [words.loggedInAs, cut(who, TEXT_BYTES)],
    [grants.code, userCode],
    [grants.askedFrom, cut(clientAddress ?? grants.unknown, TEXT_BYTES)],
    [grants.asked, ago(now - askedAt, words)],
  ])}
${elsewhere}
<p>${grants.machineAsks(program, use)}</p>
<p><strong>${grants.sentToYou}</strong></p>
${decisionForm({ ...rest, fields: { user_code: userCode } }, words)}`
}

export const deviceDoneBody = (isAllowed: boolean, { grants, welcome }: Messages): Html =>
  isAllowed
    ? html`<p>${grants.goesOn}</p>
<nav><a href="/session">${welcome.sessions}</a></nav>`
    : html`<p>${grants.getsNothing}</p>`

type DecisionForm = Omit<GrantConsentPage, 'who' | 'reach'>

function decisionForm({ action, fields, csrfToken }: DecisionForm, { grants }: Messages): Html {
  const hidden = Object.entries({ ...fields, token: csrfToken }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return html`<nav><form method="post" action="${action}">${hidden}<button class="main" name="decision" value="allow">${grants.allow}</button><button name="decision" value="deny">${grants.deny}</button></form></nav>`
}

const ago = (seconds: number, { time }: Messages): string =>
  seconds < 60 ? time.lastMinute : time.minutesAgo(Math.floor(seconds / 60))
