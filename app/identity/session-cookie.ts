/** Session cookie of one host -> the person who logged in. */
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { HostCookieReading, HostCookies } from '../sessions/cookie.ts'
import type { SessionCookie } from '../sessions/cookie-verdicts.ts'
import type { LoginSession, SessionStore, ValueOrPromise } from '../sessions/session-store.ts'

export interface SessionCookieAuthenticator {
  /**
   * Throws or rejects with `ERR_STORE_UNAVAILABLE` when the store cannot tell. Threat: taking an unreadable session for none would
   * turn an outage into rules for anonymous requests, and into log-outs.
   */
  authenticate(cookieHeader: string, domain: string): ValueOrPromise<CookieAuthentication>
}

export interface CookieAuthentication {
  readonly identity: Identity
  /** Secret; present when a session was found. */
  readonly sessionId?: string
  /** For audit events; present with `sessionId`. */
  readonly sessionDigest?: string
  /**
   * Stands for the cookie that this browser holds for the host, be it pending or a session's: a handoff is bound to it,
   * so that a login which comes back after a step-up finds the browser that left, and no other.
   */
  readonly bindingHash?: string
  /** The cookie that came is worth nothing: garbage, made for another host, or of a session that has ended. */
  readonly clearCookie: boolean
}

export interface SessionCookieAuthenticatorOptions {
  readonly cookies: Pick<HostCookies, 'read' | 'recall' | 'bindingOf'>
  readonly sessions: Pick<SessionStore, 'find' | 'digest'>
}

export function createSessionCookieAuthenticator(
  options: SessionCookieAuthenticatorOptions,
): SessionCookieAuthenticator {
  const { cookies, sessions } = options

  async function findAmong(reading: HostCookieReading, domain: string): Promise<CookieAuthentication> {
    const found = await findFirst(sessions, reading.sessionIds)
    if (found === undefined) return withoutSession(reading)
    const { sessionId, login } = found
    const sessionDigest = sessions.digest(sessionId)
    return withSession({ sessionId, sessionDigest, bindingHash: cookies.bindingOf(sessionId, domain) }, login)
  }

  return {
    authenticate(cookieHeader, domain) {
      const cookie = cookies.recall(cookieHeader, domain)
      if (cookie === undefined) {
        const reading = cookies.read(cookieHeader, domain)
        return reading.sessionIds.length === 0 ? withoutSession(reading) : findAmong(reading, domain)
      }
      const login = sessions.find(cookie.sessionId)
      return login instanceof Promise ? login.then(found => withSession(cookie, found)) : withSession(cookie, login)
    },
  }
}

/** What cookies are worth that lead to no session. */
function withoutSession({ pendingNonceHash, isGarbage, sessionIds }: HostCookieReading): CookieAuthentication {
  // Clearing removes the pending cookie as well, which has the same name and is still needed.
  if (pendingNonceHash !== undefined) return { identity: anonymous, bindingHash: pendingNonceHash, clearCookie: false }
  return isGarbage || sessionIds.length > 0 ? worthless : nobody
}

/** What the only cookie of a request is worth, once the store was asked. */
function withSession(cookie: SessionCookie, login: LoginSession | undefined): CookieAuthentication {
  if (login === undefined) return worthless
  const { sessionId, sessionDigest, bindingHash } = cookie
  return { identity: login.identity, sessionId, sessionDigest, bindingHash, clearCookie: false }
}

const nobody: CookieAuthentication = Object.freeze({ identity: anonymous, clearCookie: false })
const worthless: CookieAuthentication = Object.freeze({ identity: anonymous, clearCookie: true })

/** Several cookies of one name may come, some of them planted or left over: the first that is a session counts. */
async function findFirst(sessions: Pick<SessionStore, 'find'>, sessionIds: readonly string[]) {
  for (const sessionId of sessionIds) {
    const login: LoginSession | undefined = await sessions.find(sessionId)
    if (login !== undefined) return { sessionId, login }
  }
  return undefined
}
