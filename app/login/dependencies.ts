/** What the login routes are given by the composition root. Each route names the parts that it needs. */
import type { Request } from 'express'
import type { AuditLog } from '../audit/event.ts'
import type { Clock } from '../clock.ts'
import type { PagesFor } from '../pages/pages.ts'
import type { HandoffTicket } from '../sessions/handoff-ticket.ts'
import type { KeptAddresses } from '../sessions/kept-addresses.ts'
import type { LoginSession, ProviderTokens } from '../sessions/login-session.ts'
import type { AppPasswords } from '../sessions/passwords/app-passwords.ts'
import type { Confirmations } from '../sessions/passwords/confirmations.ts'
import type { PasswordHash } from '../sessions/passwords/password-hash.ts'
import type { PasswordTexts } from '../sessions/passwords/password-text.ts'
import type { OneTimeStore } from '../sessions/records/sealed-records.ts'
import type { SessionDirectory } from '../sessions/session-directory.ts'
import type { Verification } from '../sessions/verification/verification.ts'
import type { ListedApplications } from './applications.ts'
import type { Attempts } from './attempts.ts'
import type { BrowserCookie } from './browser/browser-cookie.ts'
import type { FormTokens } from './browser/form-tokens.ts'
import type { ProviderCookie } from './browser/provider-cookie.ts'
import type { RememberCookie } from './browser/remember-cookie.ts'
import type { SessionMiddleware } from './browser/session-middleware.ts'
import type { Logger } from './logger.ts'
import type { PostedAnswers } from './posted-answers.ts'
import type { Providers } from './provider/providers.ts'
import type { ReturnToGuard } from './return/return-to.ts'

/** The auth host, and where logins lead. */
export interface LoginPlaces {
  /** Origin of the auth host, without a trailing slash. */
  readonly publicUrl: string
  readonly returnTo: ReturnToGuard
  /** Addresses that are too long for a link or a redirect. */
  readonly addresses: KeptAddresses
  /** Whether what stands behind `#` in the browser outlives the provider's pages. */
  readonly keepsFragment: boolean
  readonly tickets: OneTimeStore<HandoffTicket>
  /** Hosts with a title that whoever is logged in by this request may open now; of no other one anything is told. */
  readonly applications: (request: Request) => Promise<ListedApplications>
}

/** Who is asked who somebody is, and what was asked. */
export interface LoginAttempts {
  readonly providers: Providers
  /** Names that a host's people may log in with; `undefined` for all of them. */
  readonly providersOfHost: (host: string) => readonly string[] | undefined
  readonly attempts: Attempts
  /** What providers post, until the browser comes for it. */
  readonly postedAnswers: PostedAnswers
}

/** What a browser shows of itself on the auth host, beside its session. */
export interface BrowserMarks {
  readonly browserCookie: BrowserCookie
  readonly providerCookie: ProviderCookie
  readonly formTokens: FormTokens
  /** Present where people may choose to stay logged in. */
  readonly remember?: RememberCookie
  /**
   * Present where sessions are bound to it: thumbprint of the client certificate that came along by way of a trusted
   * proxy; `undefined` for none, or for none that is beyond doubt.
   */
  readonly certificateOf?: (request: Request) => string | undefined
}

/** The sessions that logins make, and how they go on and end. */
export interface LoginSessions {
  readonly sessions: SessionMiddleware
  /** Ends a session everywhere; what is still being saved cannot bring it back. */
  readonly endSession: (sessionId: string) => Promise<void>
  /** A person's sessions, by person and by handle. */
  readonly directory: Pick<SessionDirectory, 'list' | 'show' | 'end'>
  /** Whether a log-out has come for this login since its attempt began (seconds since the epoch). */
  readonly isLoggedOut: (login: LoginSession, attemptStartedAt: number) => Promise<boolean>
  /** Keeps what the provider of a session can be asked with again, for as long as the session lasts. */
  readonly keepTokens: (sessionId: string, tokens: ProviderTokens, login: LoginSession) => Promise<void>
  /** What stands behind application passwords, also of those that no host takes now. */
  readonly confirmations?: Pick<Confirmations, 'confirm' | 'refuse'>
  /** Of a person, also of those that no host takes now. */
  readonly revokeAllPasswords: AppPasswords['revokeAll']
  /** Present where people may make application passwords. */
  readonly passwords?: LoginPasswords
  readonly verification: Pick<Verification, 'ofPage' | 'isOverdue' | 'needsBrowser' | 'confirm'>
  /** What joins the audit events of one session. */
  readonly sessionDigest: (sessionId: string) => string
}

/** Application passwords, as their owners see them. */
export interface LoginPasswords {
  readonly store: Pick<AppPasswords, 'add' | 'ofPerson' | 'revoke'>
  readonly confirmations: Pick<Confirmations, 'begin'>
  readonly texts: Pick<PasswordTexts, 'mint'>
  readonly hash: Pick<PasswordHash, 'hash'>
  /** Hosts that people of a provider may choose from, and whether there are others that have to be typed. */
  readonly hostsFor: (provider: string) => { readonly hosts: readonly string[]; readonly hasOthers: boolean }
  /** Whether a host, by its canonical name, takes passwords of people of a provider. */
  readonly takes: (host: string, provider: string) => boolean
  /** Whether a session, by the id in its cookie, has not ended. */
  readonly stands: (sessionId: string) => Promise<boolean>
  readonly settings: {
    readonly lifetimeSeconds: number
    readonly maxLifetimeSeconds: number
    readonly freshLoginSeconds: number
    readonly perPerson: number
  }
}

/** What people read, what is written down, and when. */
export interface LoginRecords {
  readonly pages: PagesFor
  readonly audit: AuditLog
  readonly logger: Logger
  readonly clock: Clock
  readonly newRequestId: () => string
}

export type LoginDependencies = LoginPlaces & LoginAttempts & BrowserMarks & LoginSessions & LoginRecords
