/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */
import type { Kept } from './compose-kept.ts'
import { createSessionCookieAuthenticator, type SessionGuard } from './identity/session-cookie.ts'

export function composeAuthenticator({ cookies, sessions }: Kept) {
  const guards: readonly SessionGuard[] = []
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}
