/** The pages that people see. Short sentences: what happened, who you are, what you can do. */
import { deviceCodeBody, deviceConsentBody, deviceDoneBody, grantConsentBody } from './grant-pages.ts'
import { cut, type Html, html, sizeInPage } from './html.ts'
import { keepFragmentPage } from './keep-fragment.ts'
import { createLayout } from './layout.ts'
import { leadBackPage } from './lead-back.ts'
import type {
  ChoicePage,
  DeniedPage,
  ErrorPage,
  Pages,
  StepUpFailedPage,
  UnsentFormPage,
  WelcomePage,
} from './pages.ts'
import { passwordMadeBody } from './passwords.ts'
import { sessionOverviewBody } from './session-overview.ts'

export interface PagesOptions {
  /** Default `Sallyport`. */
  readonly productName?: string
}

/** Pages travel through the check of a proxy, where 4 KB are the limit; these share what the frame leaves. */
const WHO_BYTES = 160
const URL_BYTES = 280
const MAIN_LINK_BYTES = 1000
/** To the same login again; only pages of the auth host have it, which do not travel through a check. */
const RETRY_LINK_BYTES = 16_000
const SIDE_LINK_BYTES = 300

export function createPages(options: PagesOptions = {}): Pages {
  const productName = cut(options.productName ?? 'Sallyport', 64)
  const layOut = createLayout(productName)
  const lay = (title: string, body: Html, hasForm = false) => layOut({ title, body, hasForm })
  return {
    denied: page => lay('You may not open this', deniedBody(page)),
    unsentForm: page => lay('Log in first', unsentFormBody(page)),
    error: page => lay(errorTitle(page.status), errorBody(page)),
    stepUpFailed: page => lay('The login is not as asked', stepUpFailedBody(page)),
    welcome: ({ who, loginUrl, logoutUrl, notice }) =>
      who === undefined
        ? lay(
            'Nobody is logged in',
            html`<p>Log in once for all the applications behind this gate.</p>
<nav>${link(loginUrl, 'Log in', true)}</nav>`,
          )
        : lay(
            'You are logged in',
            html`${noticeBody(notice)}${facts([['Logged in as', cut(who, WHO_BYTES)]])}
<nav>${link('/session', 'Your sessions')}${link(logoutUrl, 'Log out')}</nav>`,
          ),
    confirmLogout: ({ who, action, csrfToken }) =>
      lay(
        'Log out?',
        html`${facts([['Logged in as', cut(who, WHO_BYTES)]])}
<p>This ends your session in every application.</p>
<nav><form method="post" action="${action}"><input type="hidden" name="token" value="${csrfToken}"><button class="main">Log out</button></form>${link('/', 'Stay')}</nav>`,
        true,
      ),
    sessionOverview: page => lay('Your session', sessionOverviewBody(page), true),
    passwordMade: page => lay('Your new password', passwordMadeBody(page)),
    signedOut: ({ loginUrl }) =>
      lay(
        'You are logged out',
        html`<p>Your session has ended in every application.</p>
<nav>${link(loginUrl, 'Log in again')}</nav>`,
      ),
    rememberChoice: ({ action }) =>
      lay(
        'Log in',
        html`<form method="post" action="${action}"><p><label><input type="checkbox" name="remember" value="1"> Stay logged in on this device</label></p>
<p><small>Leave it empty on a computer that others use.</small></p>
<nav><button class="main">Continue</button></nav></form>`,
        true,
      ),
    chooseProvider: page => lay('Log in with', choiceBody(page), page.emailForm !== undefined),
    grantConsent: page =>
      lay(page.reach === 'clusters' ? 'Let kubectl in?' : 'Let the command line in?', grantConsentBody(page), true),
    deviceCode: page => lay('Let a machine in', deviceCodeBody(page), true),
    deviceConsent: page => lay('Let this machine in?', deviceConsentBody(page), true),
    deviceDone: ({ isAllowed }) => lay(isAllowed ? 'The machine is let in' : 'Denied', deviceDoneBody(isAllowed)),
    keepFragment: keepFragmentPage,
    leadBack: leadBackPage,
    continueTo: ({ label, url }) =>
      lay('One moment', html`<nav>${link(url, `Go on to ${cut(label, WHO_BYTES)}`, true)}</nav>`),
  }
}

/** The whole address is shown: nobody is to follow the link to a host that they do not know. */
function noticeBody(notice: WelcomePage['notice']): Html | undefined {
  if (notice === undefined) return undefined
  const { sentence, link: url } = notice
  const asked =
    url === undefined
      ? undefined
      : html`${facts([['You wanted to open', cut(url, URL_BYTES)]])}
<nav>${link(url, 'Open it')}</nav>`
  return html`<p role="status">${cut(sentence, URL_BYTES * 2)}</p>
${asked}`
}

function deniedBody(page: DeniedPage): Html {
  const refused = html`${cut(page.method, 20)} ${cut(page.url, URL_BYTES)}`
  const request = ['Request', cut(page.requestId, 64)] as const
  const switchAccount = shortened(page.switchAccountUrl, MAIN_LINK_BYTES)
  if (page.who === undefined) {
    return html`<p>The rules do not admit anybody here without a login.</p>
${facts([['Refused', refused], request])}
<nav>${link(switchAccount, 'Log in', true)}</nav>`
  }
  return html`<p>You are logged in, and the rules do not admit you here.</p>
${facts([['You are', cut(page.who, WHO_BYTES)], ['Refused', refused], request])}
<nav>${link(switchAccount, 'Switch account', true)}${link(shortened(page.logoutUrl, SIDE_LINK_BYTES), 'Log out')}</nav>`
}

/** A tab of its own, so that the form with what was typed is one step back from here. */
const unsentFormBody = ({ method, url, requestId, loginUrl }: UnsentFormPage): Html =>
  html`<p>Your form was not passed on: it needs a login. It is not sent by itself afterwards.</p>
<p>Log in, come back to this page, go back to the form and send it again.</p>
${facts([
  ['Not passed on', html`${cut(method, 20)} ${cut(url, URL_BYTES)}`],
  ['Request', cut(requestId, 64)],
])}
<nav><a class="main" target="_blank" rel="noopener" href="${isWeb(loginUrl) ? shortened(loginUrl, MAIN_LINK_BYTES) : '/'}">Log in (opens a new tab)</a></nav>`

/** The keyboard starts where Enter goes on: at what was used last, else at the field, else at the first of the list. */
function choiceBody({ providers, emailForm }: ChoicePage): Html {
  const sorted = [...providers].sort((a, b) => Number(b.isRemembered ?? false) - Number(a.isRemembered ?? false))
  const hasFocus = (index: number, isRemembered?: true) =>
    index === 0 && (isRemembered === true || emailForm === undefined)
  const links = sorted.map(({ label, url, isRemembered }, index) =>
    link(url, cut(label, WHO_BYTES), isRemembered, hasFocus(index, isRemembered)),
  )
  const isFieldFirst = emailForm !== undefined && sorted[0]?.isRemembered !== true
  return html`${emailForm === undefined ? undefined : emailBody(emailForm, isFieldFirst)}<nav class="list" aria-label="Identity providers">${links}</nav>`
}

function emailBody({ action, isUnknown }: NonNullable<ChoicePage['emailForm']>, hasFocus: boolean): Html {
  const notice = isUnknown
    ? html`<p role="alert">This address belongs to no login here. Please choose one below.</p>
`
    : undefined
  const focus = hasFocus ? html` autofocus` : undefined
  return html`${notice}<nav class="list"><form method="post" action="${action}"><label for="email">Your e-mail address</label><input id="email" name="email" type="email" maxlength="254" autocomplete="email" required${focus}><button>Go on</button></form></nav>
<p>or with</p>
`
}

function errorBody({ sentence, requestId, retryUrl }: ErrorPage): Html {
  const retry =
    retryUrl === undefined
      ? undefined
      : html`
<nav>${link(shortened(retryUrl, RETRY_LINK_BYTES), 'Try again', true)}</nav>`
  return html`<p>${cut(sentence, URL_BYTES)}</p>
<p><small>Request ${cut(requestId, 64)}</small></p>${retry}`
}

function stepUpFailedBody({ asked, delivered, requestId, retryUrl, switchUrl }: StepUpFailedPage): Html {
  const cutLines = (lines: StepUpFailedPage['asked']) =>
    lines.map(([term, value]) => [term, cut(value, URL_BYTES)] as const)
  const answered =
    delivered.length === 0
      ? html`<p>The identity provider says that it cannot.</p>`
      : html`<p>What came back:</p>
${facts(cutLines(delivered))}`
  return html`<p>The identity provider did not authenticate as asked. What was asked:</p>
${facts(cutLines(asked))}
${answered}
<p><small>Request ${cut(requestId, 64)}</small></p>
<nav>${link(shortened(retryUrl, RETRY_LINK_BYTES), 'Try again', true)}${link(shortened(switchUrl, RETRY_LINK_BYTES), 'Use another account')}</nav>`
}

function errorTitle(status: number): string {
  if (status === 404) return 'Nothing here'
  if (status === 503) return 'Not available at the moment'
  return status >= 500 ? 'Something went wrong' : 'That did not work'
}

const facts = (rows: readonly (readonly [string, string | Html])[]): Html =>
  html`<dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`

const link = (url: string, label: string, isMain = false, hasFocus = false): Html =>
  html`<a${isMain ? html` class="main"` : undefined}${hasFocus ? html` autofocus` : undefined} href="${isWeb(url) ? url : '/'}">${label}</a>`

const relativeTo = 'http://relative.invalid'

/** An address whose scheme can be seen at a glance. */
const plainWeb = /^https?:\/\/[\w.-]+(?::\d+)?(?:[/?#][!-~]*)?$/

/** Anything else would be a script in an address. */
const isWeb = (url: string): boolean =>
  plainWeb.test(url) ||
  (URL.canParse(url, relativeTo) && (/^https?:/.test(url) || /^https?:$/.test(new URL(url, relativeTo).protocol)))

/**
 * Too long a link loses where to return to, so that the person lands on the first page after logging in: better than a
 * page of which the proxy passes on the first 4 KB.
 */
function shortened(url: string, maxBytes: number): string {
  if (sizeInPage(url) <= maxBytes) return url
  if (!URL.canParse(url, relativeTo)) return '/'
  const target = new URL(url, relativeTo)
  target.searchParams.delete('rd')
  target.searchParams.delete('handoff')
  const shorter = target.origin === relativeTo ? `${target.pathname}${target.search}` : target.href
  return sizeInPage(shorter) <= maxBytes ? shorter : '/'
}
