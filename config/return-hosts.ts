/** What the configuration says of the hosts that logins lead back to. */
import type { Config } from './config.ts'
import { createHostSettings } from './host-settings.ts'

export function returnHostsOf({ hosts, login, sessions }: Pick<Config, 'hosts' | 'login' | 'sessions'>) {
  const settingsOf = createHostSettings(hosts)
  return {
    /** Patterns among them name no host. */
    named: [...login.returnTo, ...hosts.map(({ host }) => host)],
    /** What is said of a host, or of a pattern such as `*.example.com`. */
    tickets: (domain: string): boolean | undefined => settingsOf(domain).tickets,
    cookieDomain: sessions.cookieDomain,
  }
}
