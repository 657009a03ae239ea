/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */
import { createHostSettings } from '../config/host-settings.ts'
import type { Base, Kept } from './compose-kept.ts'
import { createSessionCookieAuthenticator, type SessionGuard } from './identity/session-cookie.ts'
import { createHostProviderGuard } from './sessions/host-providers.ts'

export function composeAuthenticator(base: Base, kept: Kept) {
  const { cookies, sessions } = kept
  const guards: readonly SessionGuard[] = [...composeHostProviders(base)]
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}

/** Where no host has a list there is no guard, and checks do not even ask. */
function composeHostProviders({ config }: Base): readonly SessionGuard[] {
  if (config.hosts.every(({ providers }) => providers === undefined)) return []
  const hostSettings = createHostSettings(config.hosts)
  return [createHostProviderGuard(host => hostSettings(host).providers)]
}
