/**
 * One session cookie for a domain and every host below it (`sessions.binding: domain`), beside the cookies of single
 * hosts (RFC 6265bis section 4.1.3.1, `__Secure-`).
 *
 * Threat: every host below the domain receives this cookie, and can set it: the least careful application can replay a
 * person's session at all others, or plant a session of its own. Whoever chooses this trusts all hosts below the domain.
 * The way in stays the ticket, redeemed with the pending cookie of one host, so that no link logs anybody in. Hosts
 * elsewhere keep the cookie that is theirs alone.
 */

import { sessionDigestOf } from '../records/seal.ts'
import { createBoundSessions } from './bound-sessions.ts'
import { endOfPair, longestHeader, onlyPairOf, valuesOf, withoutCookie } from './cookie-header.ts'
import { createCookieVerdicts } from './cookie-verdicts.ts'
import { type HostCookieReading, type HostCookies, maxAgeOf, mostSessions } from './host-cookie.ts'

export interface DomainCookiesOptions {
  /** Master secrets: the first signs, all of them verify. */
  readonly secrets: readonly string[]
  /** Canonical name of the domain, such as `example.com`. */
  readonly cookieDomain: string
  /** Name without prefix, default `sallyport`. */
  readonly name?: string
  /** The browser reaches us over https: `__Secure-` prefix and `Secure`. */
  readonly isSecure: boolean
  /** How much the verdicts on cookies may take in memory, in bytes; default 4 MiB. */
  readonly memoryBytes?: number
}

/** The longest that a login attempt may take: a pending cookie of longer ago is of no use. */
const pendingSeconds = 3600

/** `hosts` answers for every host outside the domain, and for pending cookies everywhere. */
export function createDomainCookies(hosts: HostCookies, options: DomainCookiesOptions): HostCookies {
  const { secrets, cookieDomain, name: plainName = 'sallyport', isSecure, memoryBytes = 4 * 1024 * 1024 } = options
  const bound = createBoundSessions(secrets, 'd')
  // Without https there is no prefix to tell the two cookies of a host apart.
  const name = isSecure ? `__Secure-${plainName}` : `${plainName}-domain`
  const attributes = `; Domain=${cookieDomain}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  const verdicts = createCookieVerdicts(memoryBytes)
  const isCovered = (domain: string) => domain === cookieDomain || domain.endsWith(`.${cookieDomain}`)

  const ownOf = (values: readonly string[]) => values.flatMap(value => bound.read(value, cookieDomain) ?? [])

  function read(cookieHeader: string, domain: string): HostCookieReading {
    const values = valuesOf(cookieHeader, name)
    const own = ownOf(values)
    const host = hosts.read(cookieHeader, domain)
    const [value, ...otherValues] = values
    const [sessionId] = own
    if (value !== undefined && sessionId !== undefined && otherValues.length === 0) {
      const sessionDigest = sessionDigestOf(sessionId)
      const bindingHash = bound.bindingOf(sessionId, cookieDomain, values)
      verdicts.remember(domain, value, { sessionId, sessionDigest, bindingHash })
    }
    const sessionIds = [...new Set([...own, ...host.sessionIds])].slice(0, mostSessions)
    const isGarbage = values.length > 0 && sessionIds.length === 0 && host.pendingNonceHash === undefined
    return { ...host, sessionIds, isGarbage }
  }

  return {
    name,
    issueSession: (sessionId, domain, maxAgeSeconds) =>
      isCovered(domain)
        ? `${name}=${bound.write(sessionId, cookieDomain)}${attributes}${maxAgeOf(maxAgeSeconds)}`
        : hosts.issueSession(sessionId, domain, maxAgeSeconds),
    // An answer sets one cookie only: the session's does not take the place of this one, which must go by itself.
    issuePending() {
      const { setCookie, nonceHash } = hosts.issuePending()
      return { setCookie: `${setCookie}; Max-Age=${pendingSeconds}`, nonceHash }
    },
    bindingOf(sessionId, domain, cookieHeader) {
      const values = isCovered(domain) ? valuesOf(cookieHeader, name) : []
      return ownOf(values).includes(sessionId)
        ? bound.bindingOf(sessionId, cookieDomain, values)
        : hosts.bindingOf(sessionId, domain, cookieHeader)
    },
    clear: domain => (isCovered(domain) ? `${name}=${attributes}; Max-Age=0` : hosts.clear(domain)),
    read: (cookieHeader, domain) => (isCovered(domain) ? read : hosts.read)(cookieHeader, domain),
    recall(cookieHeader, domain) {
      if (!isCovered(domain)) return hosts.recall(cookieHeader, domain)
      const start = onlyPairOf(cookieHeader, name)
      if (start === -1 || cookieHeader.length > longestHeader) return undefined
      if (!hasPendingAtMost(cookieHeader, hosts.name)) return undefined
      return verdicts.recall(domain, cookieHeader.slice(start + name.length + 1, endOfPair(cookieHeader, start)))
    },
    strip: cookieHeader => withoutCookie(hosts.strip(cookieHeader), name),
  }
}

/** Whether the host's own cookie is absent or a pending one: a session in it would have to be looked at as well. */
function hasPendingAtMost(cookieHeader: string, name: string): boolean {
  if (!cookieHeader.includes(name)) return true
  const start = onlyPairOf(cookieHeader, name)
  return start !== -1 && cookieHeader.startsWith('n.', start + name.length + 1)
}
