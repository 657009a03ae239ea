/** Contract of a guard: what looks at a session that was found, before anybody is let in by it. */
import type { SessionChallenge } from '../../../rbac/decision.ts'
import type { SessionCookie } from '../cookies/cookie-verdicts.ts'
import type { LoginSession } from '../login-session.ts'
import type { ValueOrPromise } from '../record-store.ts'

export interface OnlyHeaders {
  /** The value of a header that came exactly once, by its lower-case name. */
  readonly only: (name: string) => string | undefined
}

/** What a guard may look at beside the session; absent where a page is asked for. */
export interface Asked {
  readonly headers: OnlyHeaders
  readonly isInteractive: boolean
}

/**
 * Looks at a session that was found, before anybody is let in by it. The login, which may have been read anew; a
 * challenge; or `undefined` if the session has ended. A promise only where something has to be waited for. Throws or
 * rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell.
 */
export type SessionGuard = (
  login: LoginSession,
  session: Pick<SessionCookie, 'sessionId' | 'sessionDigest'>,
  domain: string,
  asked: Asked | undefined,
) => ValueOrPromise<LoginSession | SessionChallenge | undefined>
