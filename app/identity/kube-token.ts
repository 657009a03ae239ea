/**
 * Token of kubectl -> the login session that it was made from.
 *
 * Threat: a token that is good for minutes keeps a session alive that ended seconds ago. So the token only says which session
 * it belongs to; whether that stands, and who it is now, is asked of the session with each call.
 */
import type { LoginSession } from '../sessions/login-session.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'

export interface KubeTokenOptions {
  /** Secret id of the session that the token hangs on; `undefined` for a token that is worth nothing at this cluster. */
  readonly read: (token: string, cluster: string) => ValueOrPromise<string | undefined>
  /** The session as a check finds it, used and asked about at its provider; `undefined` when it does not stand. */
  readonly standing: (sessionId: string) => ValueOrPromise<LoginSession | undefined>
  readonly digest: (sessionId: string) => string
}

interface Bearer {
  readonly sessionId: string
  readonly sessionDigest: string
  readonly login: LoginSession
}

/**
 * An answer at hand where nobody has to be asked. Throws or rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell; an error
 * never yields an identity.
 */
export function createKubeTokenLogin({ read, standing, digest }: KubeTokenOptions) {
  const bearerOf = (sessionId: string, login: LoginSession | undefined): Bearer | undefined =>
    login === undefined ? undefined : { sessionId, sessionDigest: digest(sessionId), login }
  const open = (sessionId: string | undefined): ValueOrPromise<Bearer | undefined> => {
    if (sessionId === undefined) return undefined
    const login = standing(sessionId)
    return login instanceof Promise ? login.then(found => bearerOf(sessionId, found)) : bearerOf(sessionId, login)
  }
  return (token: string, cluster: string): ValueOrPromise<Bearer | undefined> => {
    const sessionId = read(token, cluster)
    return sessionId instanceof Promise ? sessionId.then(open) : open(sessionId)
  }
}
