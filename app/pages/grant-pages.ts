/** The pages on which people let kubectl in. */
import { cut, type Html, html } from './html.ts'

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

/** Who asks, and for what. */
const wordsOf = {
  clusters: { program: 'kubectl', use: 'the clusters' },
  hosts: { program: 'the command line', use: 'your applications' },
  'clusters-and-hosts': { program: 'kubectl and the command line', use: 'the clusters and your applications' },
} as const

export const grantConsentBody = ({ who, reach, ...form }: GrantConsentPage): Html =>
  html`${facts([['Logged in as', cut(who, TEXT_BYTES)]])}
<p>A program asks to use ${wordsOf[reach].use} as you: ${wordsOf[reach].program} on this computer. It can do what you may do, until your session ends.</p>
<p><small>Deny it if you did not just start it in a terminal.</small></p>
${decisionForm(form)}`

export const deviceCodeBody = ({ action, isUnknown }: DeviceCodePage): Html =>
  html`${isUnknown ? html`<p role="alert">No machine waits with this code. It may have expired.</p>` : undefined}
<nav class="list"><form method="get" action="${action}"><label for="user_code">The code that your terminal shows</label><input id="user_code" name="user_code" maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX" required autofocus><button class="main">Go on</button></form></nav>`

export function deviceConsentBody({
  who,
  reach,
  userCode,
  now,
  askedAt,
  clientAddress,
  isOtherAddress,
  ...rest
}: DeviceConsentPage) {
  const place = clientAddress ?? 'unknown'
  const elsewhere = isOtherAddress
    ? html`<p role="alert">It asks from another address than this browser. Go on only if you know that machine.</p>`
    : undefined
  return html`${facts([
    ['Logged in as', cut(who, TEXT_BYTES)],
    ['Code', userCode],
    ['Asked from the address', cut(place, TEXT_BYTES)],
    ['Asked', ago(now - askedAt)],
  ])}
${elsewhere}
<p>A machine asks to use ${wordsOf[reach].use} as you: ${wordsOf[reach].program}, with this code on its screen. It can do what you may do, until your session ends.</p>
<p><strong>Did somebody send you this code or this link? Then deny it: whoever has that machine would act as you. Nobody who helps you needs it.</strong></p>
${decisionForm({ ...rest, fields: { user_code: userCode } })}`
}

export const deviceDoneBody = (isAllowed: boolean): Html =>
  isAllowed
    ? html`<p>The machine goes on by itself within some seconds. You can close this page.</p>
<nav><a href="/session">Your sessions</a></nav>`
    : html`<p>The machine gets nothing. You can close this page.</p>`

function decisionForm({ action, fields, csrfToken }: Omit<GrantConsentPage, 'who' | 'reach'>): Html {
  const hidden = Object.entries({ ...fields, token: csrfToken }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return html`<nav><form method="post" action="${action}">${hidden}<button class="main" name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form></nav>`
}

function ago(seconds: number): string {
  if (seconds < 60) return 'within the last minute'
  const minutes = Math.floor(seconds / 60)
  return minutes === 1 ? 'a minute ago' : `${minutes} minutes ago`
}

const facts = (rows: readonly (readonly [string, string])[]): Html =>
  html`<dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`
