/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */
import { createHostSettings } from '../config/host-settings.ts'
import type { Base, Kept } from './compose-kept.ts'
import { createSessionCookieAuthenticator, type SessionGuard } from './identity/session-cookie.ts'
import { createClockGuard } from './sessions/clock-guard.ts'
import { createHostLimitsGuard } from './sessions/host-limits.ts'
import { createHostProviderGuard } from './sessions/host-providers.ts'

export function composeAuthenticator(base: Base, kept: Kept) {
  const { cookies, sessions } = kept
  const guards: readonly SessionGuard[] = [
    createClockGuard(base.clock),
    ...composeHostProviders(base),
    ...composeHostLimits(base, kept),
  ]
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}

/** Without a limit there is no guard, and checks do not even ask. */
function composeHostLimits({ config, clock }: Base, { visits, endOf }: Kept): readonly SessionGuard[] {
  const isLimited = config.hosts.some(host => host.maxAgeSeconds !== undefined || host.maxIdleSeconds !== undefined)
  return isLimited ? [createHostLimitsGuard({ limitsFor: createHostSettings(config.hosts), visits, endOf, clock })] : []
}

/** Where no host has a list there is no guard, and checks do not even ask. */
function composeHostProviders({ config }: Base): readonly SessionGuard[] {
  if (config.hosts.every(({ providers }) => providers === undefined)) return []
  const hostSettings = createHostSettings(config.hosts)
  return [createHostProviderGuard(host => hostSettings(host).providers)]
}
