/** Session cookie of one host -> the person who logged in. */
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { HostCookies } from '../sessions/cookie.ts'
import type { LoginSession, SessionStore } from '../sessions/session-store.ts'

export interface SessionCookieAuthenticator {
  /**
   * Rejects with `ERR_STORE_UNAVAILABLE` when the store cannot tell. Threat: taking an unreadable session for none would
   * turn an outage into rules for anonymous requests, and into log-outs.
   */
  authenticate(cookieHeader: string, domain: string): Promise<CookieAuthentication>
}

export interface CookieAuthentication {
  readonly identity: Identity
  /** Secret; present when a session was found. */
  readonly sessionId?: string
  /** For audit events; present with `sessionId`. */
  readonly sessionDigest?: string
  /** base64url SHA-256 of the nonce in the browser's pending cookie. */
  readonly pendingNonceHash?: string
  /** The cookie that came is worth nothing: garbage, made for another host, or of a session that has ended. */
  readonly clearCookie: boolean
}

export interface SessionCookieAuthenticatorOptions {
  readonly cookies: Pick<HostCookies, 'read'>
  readonly sessions: Pick<SessionStore, 'find' | 'digest'>
}

export function createSessionCookieAuthenticator(
  options: SessionCookieAuthenticatorOptions,
): SessionCookieAuthenticator {
  const { cookies, sessions } = options
  return {
    async authenticate(cookieHeader, domain) {
      const reading = cookies.read(cookieHeader, domain)
      const { pendingNonceHash } = reading
      const pending = pendingNonceHash === undefined ? {} : { pendingNonceHash }
      const found = await findFirst(sessions, reading.sessionIds)
      if (found !== undefined) {
        const { sessionId, login } = found
        const sessionDigest = sessions.digest(sessionId)
        return { identity: login.identity, sessionId, sessionDigest, ...pending, clearCookie: false }
      }
      // Clearing removes the pending cookie as well, which has the same name and is still needed.
      const isWorthless = reading.isGarbage || reading.sessionIds.length > 0
      return { identity: anonymous, ...pending, clearCookie: isWorthless && pendingNonceHash === undefined }
    },
  }
}

/** Several cookies of one name may come, some of them planted or left over: the first that is a session counts. */
async function findFirst(sessions: Pick<SessionStore, 'find'>, sessionIds: readonly string[]) {
  for (const sessionId of sessionIds) {
    const login: LoginSession | undefined = await sessions.find(sessionId)
    if (login !== undefined) return { sessionId, login }
  }
  return undefined
}
