/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */
import type { Kept } from './compose-kept.ts'
import { createSessionCookieAuthenticator, type SessionGuard } from './identity/session-cookie.ts'
import { createHostProviderGuard } from './sessions/host-providers.ts'

export function composeAuthenticator({ cookies, sessions, hostSettings }: Kept) {
  const guards: readonly SessionGuard[] = [createHostProviderGuard(host => hostSettings(host).providers)]
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}
