/**
 * Which URLs a login may return to: the guard against open redirects.
 *
 * An attacker's link starts a login here and ends it there, where a copy of the login page waits. Browsers, Node and
 * proxies read odd URLs differently, so only what the one canonicaliser accepts is looked at, and only its result is
 * ever sent out.
 */
import {
  type AccessRequest,
  type CanonicalOptions,
  canonicaliseUrl,
  MalformedRequestError,
} from '../../rbac/access-request.ts'

export interface ReturnToOptions {
  /** Origin of the auth host. */
  readonly publicUrl: string
  /** Domain patterns of the policy in force: `host`, `*.host`; `*`, `console` and `kube:…` name no host. */
  readonly allowedDomains: () => readonly string[]
  /** Further patterns from the configuration. */
  readonly extraDomains?: readonly string[]
  readonly canonical?: CanonicalOptions
}

/** The canonical URL, or `undefined` when a login may not return there. */
export type ReturnToGuard = (raw: unknown) => string | undefined

/** Returning to one of these would start the login again, or end it at once. */
const ownEndpoints = /^\/(?:login|callback|logout|signed-out)(?:\/|$)/

export function createReturnToGuard(options: ReturnToOptions): ReturnToGuard {
  const home = new URL(options.publicUrl)
  return raw => {
    const request = parse(raw, options.canonical)
    // The canonical form holds names that no browser opens: `xn--a` is no Punycode.
    if (request === undefined || !URL.canParse(request.url)) return undefined
    const target = new URL(request.url)
    // Two parsers that disagree about the host are the attack itself.
    if (target.hostname !== request.domain || !isReachable(target, home)) return undefined
    if (target.hostname === home.hostname) return isOwnPage(target, home, request) ? request.url : undefined
    const patterns = [...options.allowedDomains(), ...(options.extraDomains ?? [])]
    return patterns.some(pattern => matchesHost(pattern, request.domain)) ? request.url : undefined
  }
}

function parse(raw: unknown, options: CanonicalOptions | undefined): AccessRequest | undefined {
  if (typeof raw !== 'string' || !/^https?:\/\/[^/]/.test(raw)) return undefined
  try {
    return canonicaliseUrl('GET', /^https?:\/\/[^/?#]+$/.test(raw) ? `${raw}/` : raw, options)
  } catch (error) {
    if (error instanceof MalformedRequestError) return undefined
    throw error
  }
}

/** Session cookies of an https site must not be asked for over http; other ports are other servers. */
function isReachable(target: URL, home: URL): boolean {
  if (home.protocol === 'https:' && target.protocol !== 'https:') return false
  return target.port === '' || target.port === home.port
}

const isOwnPage = (target: URL, home: URL, request: AccessRequest) =>
  target.origin === home.origin && !ownEndpoints.test(request.resource)

/** `*` and `kube:…` equal no host, so that each host has to be named; a host that is called `console` is not the console. */
function matchesHost(pattern: string, host: string): boolean {
  if (pattern === 'console') return false
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}
