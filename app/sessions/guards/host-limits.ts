/**
 * Guards a host that has a maximum age or a maximum idle time of its own: the session goes on elsewhere, here it wants
 * another login first.
 */
import { type Clock, isAhead } from '../../clock.ts'
import type { LoginSession } from '../login-session.ts'
import type { SessionGuard } from './session-guard.ts'
import type { Visits } from './visits.ts'

export interface HostLimits {
  /** Time from the person's login at the provider, in seconds. */
  readonly maxAgeSeconds?: number
  /** Time without a request to this host, in seconds. */
  readonly maxIdleSeconds?: number
}

export interface HostLimitsOptions {
  /** Of a canonical host. */
  readonly limitsFor: (host: string) => HostLimits
  readonly visits: Visits
  /** When a session ends at the latest, seconds since the epoch. */
  readonly endOf: (login: LoginSession) => number
  readonly clock: Clock
}

export function createHostLimitsGuard({ limitsFor, visits, endOf, clock }: HostLimitsOptions): SessionGuard {
  return (login, { sessionId }, domain) => {
    const { maxAgeSeconds, maxIdleSeconds } = limitsFor(domain)
    if (maxAgeSeconds !== undefined && !isYoung(login, maxAgeSeconds, clock)) {
      return { reason: 'session-too-old', login: { maxAgeSeconds } }
    }
    if (maxIdleSeconds === undefined) return login
    const idle = { reason: 'session-idle', login: { maxAgeSeconds: maxIdleSeconds } } as const
    const isUsed = visits.use(sessionId, domain, { idleSeconds: maxIdleSeconds, endsAt: endOf(login) })
    if (isUsed instanceof Promise) return isUsed.then(used => (used ? login : idle))
    return isUsed ? login : idle
  }
}

/** Providers need not say when the login was; then it was when they sent the person here. */
function isYoung({ identity, startedAt }: LoginSession, maxAgeSeconds: number, clock: Clock): boolean {
  const since = identity.authTime ?? startedAt
  // Threat: a clock that was set back, by which a login of yesterday stays young until tomorrow.
  return clock.now() / 1000 - since <= maxAgeSeconds && !isAhead(since, clock)
}
