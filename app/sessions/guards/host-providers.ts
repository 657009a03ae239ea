/**
 * Hosts that take the logins of some providers only.
 *
 * The login page keeps to the list as well. That is not enough: the cookie of a host outlives a change of the list, and
 * may have come from a login for another host.
 */
import type { SessionGuard } from './session-guard.ts'

/** `providersOfHost`: names that a host's people may log in with; `undefined` for all of them. */
export function createHostProviderGuard(
  providersOfHost: (host: string) => readonly string[] | undefined,
): SessionGuard {
  const challenge = { reason: 'session-of-other-provider', login: {} } as const
  return (login, _session, domain) => {
    const names = providersOfHost(domain)
    return names === undefined || names.includes(login.identity.provider) ? login : challenge
  }
}
