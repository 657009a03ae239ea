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
  readonly standing: (sessionId: string) => Promise<LoginSession | undefined>
  readonly digest: (sessionId: string) => string
}

/** Rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell; an error never yields an identity. */
export function createKubeTokenLogin({ read, standing, digest }: KubeTokenOptions) {
  return async (token: string, cluster: string) => {
    const sessionId = await read(token, cluster)
    if (sessionId === undefined) return undefined
    const login = await standing(sessionId)
    return login === undefined ? undefined : { sessionId, sessionDigest: digest(sessionId), login }
  }
}
