/** Contract of the pages that people see. A page is data; who sends it decides status and headers. */
import type { DeviceCodePage, DeviceConsentPage, GrantConsentPage } from './grant-pages.ts'
import type { PasswordMadePage } from './passwords.ts'
import type { SessionOverview } from './session-overview.ts'

export interface Page {
  readonly html: string
  /** Value of Content-Security-Policy that this page needs; nothing else is allowed on it. */
  readonly contentSecurityPolicy: string
  /** Its language is the one that `Accept-Language` asks for, and another reader gets another page. */
  readonly isOfReader?: true
}

/** What is known of whoever reads a page. */
export interface Reader {
  readonly headers: { readonly 'accept-language'?: string | undefined }
}

/** The pages, as this person reads them. */
export type PagesFor<Name extends keyof Pages = keyof Pages> = (reader: Reader) => Pick<Pages, Name>

export interface DeniedPage {
  /** E-mail, name or subject of the person; absent when nobody is logged in. */
  readonly who?: string
  readonly method: string
  readonly url: string
  readonly requestId: string
  readonly switchAccountUrl: string
  readonly logoutUrl: string
}

/** A form that was not passed on, because a login comes first. */
export interface UnsentFormPage extends Pick<DeniedPage, 'method' | 'url' | 'requestId'> {
  readonly loginUrl: string
}

export interface ErrorPage {
  readonly status: number
  readonly sentence: string
  readonly requestId: string
  /** What the person can do next. */
  readonly retryUrl?: string
}

/** A login that is not what was asked for. Each line is what it is about, and how it was wished for or came back. */
export interface StepUpFailedPage {
  readonly asked: readonly (readonly [string, string])[]
  /** Empty when the provider itself said that it cannot. */
  readonly delivered: readonly (readonly [string, string])[]
  readonly requestId: string
  readonly retryUrl: string
  /** Starts the same with another account. */
  readonly switchUrl: string
}

export interface WelcomePage {
  readonly who?: string
  readonly loginUrl: string
  readonly logoutUrl: string
  /** For somebody whose login did not lead back. `link` is where they wanted to be; `host` stands in the place of `{host}`. */
  readonly notice?: { readonly sentence: string; readonly host?: string; readonly link?: string }
  /** Those that the person may open now. `hasMore`: not all were looked at. */
  readonly applications?: { readonly list: readonly ListedApplication[]; readonly hasMore: boolean }
}

export interface ListedApplication {
  readonly title: string
  readonly url: string
}

export interface ChoicePage {
  /** Those of the last login of this browser go first. */
  readonly providers: readonly ChoosableProvider[]
  /** Where providers have e-mail domains. `isUnknown`: the address that was entered, `typed`, belongs to none. */
  readonly emailForm?: { readonly action: string; readonly isUnknown: boolean; readonly typed?: string }
  /** Where people may stay logged in: what the whole form posts `remember`, `provider` or `email` to. */
  readonly rememberAction?: string
  /** The box was ticked. */
  readonly isRemembered?: boolean
}

export interface ChoosableProvider {
  readonly name: string
  readonly label: string
  readonly url: string
  readonly isRemembered?: true
}

export interface Pages {
  denied(page: DeniedPage): Page
  unsentForm(page: UnsentFormPage): Page
  error(page: ErrorPage): Page
  stepUpFailed(page: StepUpFailedPage): Page
  /** Shown at the auth host's root: who is logged in, and why they are here and not where they wanted to be. */
  welcome(page: WelcomePage): Page
  /** Asks before logging out; the form posts to `action` with `csrfToken`. The answer leads on by a page of its own. */
  confirmLogout(page: { readonly who: string; readonly action: string; readonly csrfToken: string }): Page
  /** Who is logged in, until when, on which hosts, and where else; each with a form that ends it. */
  sessionOverview(page: SessionOverview): Page
  /** The only time that a new application password is shown. */
  passwordMade(page: PasswordMadePage): Page
  /** `who`: somebody is logged in all the same. */
  signedOut(page: { readonly loginUrl: string; readonly who?: string }): Page
  chooseProvider(page: ChoicePage): Page
  /** Before the browser leaves for the provider; `url` is where one without scripts goes on. */
  keepFragment(page: { readonly url: string }): Page
  /** Leads on by itself to an address that is too long for a redirect. */
  leadBack(page: { readonly url: string }): Page
  /** After a form has decided; the browser goes on by itself, to the login where nothing else is named. */
  continueTo(page: { readonly label?: string; readonly url: string }): Page
  /** Asks whether kubectl on this computer may act as the person. */
  grantConsent(page: GrantConsentPage): Page
  /** Asks for the code that a machine without a browser shows. */
  deviceCode(page: DeviceCodePage): Page
  /** Asks whether that machine may act as the person. */
  deviceConsent(page: DeviceConsentPage): Page
  deviceDone(page: { readonly isAllowed: boolean }): Page
}
