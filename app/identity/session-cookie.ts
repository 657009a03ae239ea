/** Session cookie of one host -> the person who logged in. */
import type { SessionChallenge } from '../../rbac/decision.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { SessionCookie } from '../sessions/cookies/cookie-verdicts.ts'
import type { HostCookieReading, HostCookies } from '../sessions/cookies/host-cookie.ts'
import type { Asked, SessionGuard } from '../sessions/guards/session-guard.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import type { SessionStore, SessionView } from '../sessions/session-store.ts'
import type { Authenticator } from './authenticators.ts'

export interface SessionCookieAuthenticator {
  /**
   * Throws or rejects with `ERR_STORE_UNAVAILABLE` when the store cannot tell. Threat: taking an unreadable session for none would
   * turn an outage into rules for anonymous requests, and into log-outs.
   */
  authenticate(cookieHeader: string, domain: string, asked?: Asked): ValueOrPromise<CookieAuthentication>
  /**
   * What a session is worth on a host to which it came by no cookie: looked at as if it had, by the same guards, and not used by
   * that. `undefined`: it has ended. Throws or rejects as `authenticate`.
   */
  ofSession(sessionId: string, domain: string, asked: Asked): ValueOrPromise<StandingSession | undefined>
}

/** Of a session that came by no cookie. */
export interface StandingSession {
  readonly identity: Identity
  readonly sessionDigest: string
  /** The session does not do here as it is; `identity` is nobody's then. */
  readonly sessionChallenge?: SessionChallenge
}

export interface CookieAuthentication {
  readonly identity: Identity
  /** Secret; present when a session was found. */
  readonly sessionId?: string
  /** For audit events; present with `sessionId`. */
  readonly sessionDigest?: string
  /** Present where it does here. */
  readonly login?: LoginSession
  /**
   * Stands for the cookie that this browser holds for the host, be it pending or a session's: a handoff is bound to it,
   * so that a login which comes back after a step-up finds the browser that left, and no other.
   */
  readonly bindingHash?: string
  /** The cookie that came is worth nothing: garbage, made for another host, or of a session that has ended. */
  readonly clearCookie: boolean
  /** The session does not do here as it is; `identity` is nobody's then. */
  readonly sessionChallenge?: SessionChallenge
}

export interface SessionCookieAuthenticatorOptions {
  readonly cookies: Pick<HostCookies, 'read' | 'recall' | 'bindingOf'>
  readonly sessions: SessionView & Pick<SessionStore, 'find' | 'digest'>
  /** In this order; each gets the login that the one before has let through. */
  readonly guards?: readonly SessionGuard[]
}

export function createSessionCookieAuthenticator(
  options: SessionCookieAuthenticatorOptions,
): SessionCookieAuthenticator {
  const { cookies, sessions, guards = [] } = options

  async function findAmong(
    reading: HostCookieReading,
    cookieHeader: string,
    domain: string,
    asked: Asked | undefined,
  ): Promise<CookieAuthentication> {
    const found = await findFirst(sessions, reading.sessionIds)
    if (found === undefined) return withoutSession(reading)
    const { sessionId, login } = found
    const sessionDigest = sessions.digest(sessionId)
    return guarded(
      { sessionId, sessionDigest, bindingHash: cookies.bindingOf(sessionId, domain, cookieHeader) },
      login,
      domain,
      asked,
    )
  }

  function guarded(
    cookie: SessionCookie,
    login: LoginSession | undefined,
    domain: string,
    asked: Asked | undefined,
  ): ValueOrPromise<CookieAuthentication> {
    let passed: LoginSession | SessionChallenge | undefined = login
    let place = 0
    for (const guard of guards) {
      if (passed === undefined || isChallenge(passed)) break
      const answer = guard(passed, cookie, domain, asked)
      place += 1
      if (answer instanceof Promise) {
        const rest = guards.slice(place)
        return answer
          .then(first => runGuards(rest, first, (next, found) => next(found, cookie, domain, asked)))
          .then(last => withSession(cookie, last))
      }
      passed = answer
    }
    return withSession(cookie, passed)
  }

  function ofFound(
    login: ValueOrPromise<LoginSession | undefined>,
    cookie: SessionCookie,
    domain: string,
    asked: Asked | undefined,
  ): ValueOrPromise<CookieAuthentication> {
    if (login instanceof Promise) return login.then(found => guarded(cookie, found, domain, asked))
    return guarded(cookie, login, domain, asked)
  }

  /** Threat: a script that asks each minute, by which the session of somebody who has left never is idle. */
  function lookAt(sessionId: string): ValueOrPromise<LoginSession | undefined> {
    const found = sessions.look(sessionId)
    return found instanceof Promise ? found.then(standing => standing?.login) : found?.login
  }

  return {
    authenticate(cookieHeader, domain, asked) {
      const cookie = cookies.recall(cookieHeader, domain)
      if (cookie === undefined) {
        const reading = cookies.read(cookieHeader, domain)
        return reading.sessionIds.length === 0
          ? withoutSession(reading)
          : findAmong(reading, cookieHeader, domain, asked)
      }
      return ofFound(sessions.find(cookie.sessionId), cookie, domain, asked)
    },
    ofSession(sessionId, domain, asked) {
      // There is no cookie that anything could be bound to.
      const session = { sessionId, sessionDigest: sessions.digest(sessionId), bindingHash: '' }
      const found = ofFound(lookAt(sessionId), session, domain, asked)
      return found instanceof Promise ? found.then(standingOf) : standingOf(found)
    },
  }
}

/** As one of several kinds of credentials: whatever stands in a cookie of our name is one. */
export const sessionCookieKind = (
  { strip }: Pick<HostCookies, 'strip'>,
  { authenticate }: SessionCookieAuthenticator,
): Authenticator => ({
  kind: 'cookie',
  knowsNobody: true,
  isResponsible: ({ cookie }) => strip(cookie) !== cookie,
  authenticate: asked => authenticate(asked.cookie, asked.request.domain, asked),
})

function standingOf(found: CookieAuthentication): StandingSession | undefined {
  const { identity, sessionDigest, sessionChallenge } = found
  if (sessionDigest === undefined) return undefined
  return { identity, sessionDigest, ...(sessionChallenge !== undefined && { sessionChallenge }) }
}

const isChallenge = (answer: LoginSession | SessionChallenge): answer is SessionChallenge => 'reason' in answer

async function runGuards(
  guards: readonly SessionGuard[],
  first: LoginSession | SessionChallenge | undefined,
  ask: (guard: SessionGuard, login: LoginSession) => ReturnType<SessionGuard>,
): Promise<LoginSession | SessionChallenge | undefined> {
  let passed = first
  for (const guard of guards) {
    if (passed === undefined || isChallenge(passed)) return passed
    passed = await ask(guard, passed)
  }
  return passed
}

/** What cookies are worth that lead to no session. */
function withoutSession({ pendingNonceHash, isGarbage, sessionIds }: HostCookieReading): CookieAuthentication {
  // Clearing removes the pending cookie as well, which has the same name and is still needed.
  if (pendingNonceHash !== undefined) return { identity: anonymous, bindingHash: pendingNonceHash, clearCookie: false }
  return isGarbage || sessionIds.length > 0 ? worthless : nobody
}

/** What the only cookie of a request is worth, once the store was asked. */
function withSession(cookie: SessionCookie, login: LoginSession | SessionChallenge | undefined): CookieAuthentication {
  if (login === undefined) return worthless
  const { sessionId, sessionDigest, bindingHash } = cookie
  if (isChallenge(login))
    return { identity: anonymous, sessionId, sessionDigest, bindingHash, clearCookie: false, sessionChallenge: login }
  return { identity: login.identity, sessionId, sessionDigest, login, bindingHash, clearCookie: false }
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
