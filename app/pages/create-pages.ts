/** The pages that people see. Short sentences: what happened, who you are, what you can do. */
import { choiceBody } from './choice.ts'
import { deviceCodeBody, deviceConsentBody, deviceDoneBody, grantConsentBody } from './grant-pages.ts'
import { cut, type Html, html } from './html.ts'
import { keepFragmentPage } from './keep-fragment.ts'
import { type Branding, createLayout, type LayoutOptions } from './layout.ts'
import { leadBackPage } from './lead-back.ts'
import { type Language, messages } from './messages/messages.ts'
import { facts } from './moments.ts'
import type { Pages } from './pages.ts'
import { contactBody, link, WHO_BYTES } from './parts.ts'
import { passwordMadeBody } from './passwords.ts'
import { deniedBody, errorBody, stepUpFailedBody, unsentFormBody } from './refusals.ts'
import { sessionOverviewBody } from './session-overview.ts'
import { welcomeBody } from './welcome.ts'

export interface PagesOptions extends Branding {
  /** Default `en`. */
  readonly language?: Language
  readonly contact?: string
}

export function createPages({ language = 'en', contact, ...branding }: PagesOptions = {}): Pages {
  const words = messages[language]
  const context = { words, ...(contact !== undefined && { contact }) }
  const layOut = createLayout(branding, words.tag)
  /** Of the auth host, which no check of a proxy passes on. */
  const own = (title: string, body: Html, more: Pick<LayoutOptions, 'hasForm' | 'script'> = {}) =>
    layOut({ title, body, isOwn: true, ...more })
  const { grants, logout, passwords } = words
  return {
    denied: page => layOut({ title: words.denied.title, body: deniedBody(page, context), script: 'buttons' }),
    unsentForm: page => layOut({ title: words.form.title, body: unsentFormBody(page, context), script: 'buttons' }),
    error: page => layOut({ title: errorTitle(page.status), body: errorBody(page, context), script: 'buttons' }),
    stepUpFailed: page => own(words.stepUp.title, stepUpFailedBody(page, context), { script: 'buttons' }),
    welcome: page =>
      own(page.who === undefined ? words.welcome.nobody : words.welcome.somebody, welcomeBody(page, words)),
    confirmLogout: ({ who, action, csrfToken }) =>
      own(
        logout.title,
        html`${facts([[words.loggedInAs, cut(who, WHO_BYTES)]])}
<p>${logout.what}</p>
<nav><form method="post" action="${action}"><input type="hidden" name="token" value="${csrfToken}"><button class="main">${words.logOut}</button></form>${link('/', logout.stay)}</nav>`,
        { hasForm: true },
      ),
    sessionOverview: page =>
      own(words.session.title, sessionOverviewBody(page, words), { hasForm: true, script: 'times' }),
    passwordMade: page => own(passwords.madeTitle, passwordMadeBody(page, words), { script: 'times' }),
    signedOut: ({ loginUrl, who }) =>
      who === undefined
        ? own(
            logout.done,
            html`<p>${logout.ended}</p>
<nav>${link(loginUrl, words.logInAgain)}</nav>`,
          )
        : own(
            logout.still,
            html`<p>${logout.stillWhat}</p>
${facts([[words.loggedInAs, cut(who, WHO_BYTES)]])}
<nav>${link('/logout', words.logOut, { isMain: true })}${link('/', words.toStart)}</nav>`,
          ),
    chooseProvider: page =>
      own(words.choice.title, html`${choiceBody(page, words)}${contactBody(context)}`, {
        hasForm: page.emailForm !== undefined || page.rememberAction !== undefined,
      }),
    grantConsent: page =>
      own(page.reach === 'clusters' ? grants.clustersTitle : grants.hostsTitle, grantConsentBody(page, words), {
        hasForm: true,
      }),
    deviceCode: page => own(grants.codeTitle, deviceCodeBody(page, words), { hasForm: true }),
    deviceConsent: page => own(grants.machineTitle, deviceConsentBody(page, words), { hasForm: true }),
    deviceDone: ({ isAllowed }) => own(isAllowed ? grants.letIn : grants.denied, deviceDoneBody(isAllowed, words)),
    keepFragment: page => keepFragmentPage(page, words),
    leadBack: page => leadBackPage(page, words),
    continueTo: ({ label = words.theLogin, url }) =>
      own(words.oneMoment, html`<nav>${link(url, words.goOnTo(cut(label, WHO_BYTES)), { isMain: true })}</nav>`),
  }

  function errorTitle(status: number): string {
    const { nothing, refused, unavailable, wrong } = words.error
    if (status === 404) return nothing
    if (status === 503) return unavailable
    return status >= 500 ? wrong : refused
  }
}
