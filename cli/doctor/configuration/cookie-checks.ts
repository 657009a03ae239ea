/** Whose browser sends us the session's cookie. */
import type { Config } from '../../../config/config.ts'
import { type Check, failed, notApplicable, passed } from './check.ts'

/** `domains`: hosts and wildcards of the policy. */
export function cookieChecks({ sessions, server }: Config, domains: readonly string[]): readonly Check[] {
  const run = async () => {
    const { cookieDomain } = sessions
    if (cookieDomain === undefined)
      return notApplicable('each host has a cookie of its own (sessions.binding: host), which fits wherever it is')
    const outside = domains.filter(domain => isHost(domain) && !isWithin(domain.replace(/^\*\./, ''), cookieDomain))
    if (outside.length === 0)
      return passed(`${new URL(server.url).hostname} and every host of the policy lie below ${cookieDomain}`)
    return failed(
      `${outside.join(', ')} ${outside.length === 1 ? 'lies' : 'lie'} outside ${cookieDomain}: browsers send no cookie there, so nobody stays logged in`,
      'leave sessions.binding at host, which needs no common domain, or take these hosts out of the policy',
    )
  }
  return [{ name: 'cookie-domain', title: 'browsers send the cookie to every host', run }]
}

/** Clusters, applications and the like have no browsers. */
const isHost = (domain: string): boolean => domain.includes('.') && !domain.includes(':')

const isWithin = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`)
