/**
 * Which URLs a login may return to: the guard against open redirects, and against tickets for hosts that nobody named.
 *
 * An attacker's link starts a login here and ends it there, where a copy of the login page waits, or a server that takes
 * the person's ticket. Browsers, Node and proxies read odd URLs differently, so only what the one canonicaliser accepts
 * is looked at, and only its result is ever sent out.
 */
import { domainToUnicode } from 'node:url'
import {
  type AccessRequest,
  type CanonicalOptions,
  canonicaliseUrl,
  MalformedRequestError,
} from '../../../rbac/request/access-request.ts'

export interface ReturnToOptions {
  /** Origin of the auth host. */
  readonly publicUrl: string
  /** Domain patterns of the policy in force: `host`, `*.host`; `*`, `console` and `kube:…` name no host. */
  readonly allowedDomains: () => readonly string[]
  /** Further hosts that the configuration names. */
  readonly named?: readonly string[]
  /** What the configuration says of tickets for a host; `undefined` for nothing. */
  readonly tickets?: (domain: string) => boolean | undefined
  /** The domain whose hosts all receive the session cookie anyway (`sessions.binding: domain`). */
  readonly cookieDomain?: string | undefined
  readonly canonical?: CanonicalOptions
}

/** Why a login does not return; a closed list, because it stands in log lines. */
export type NoReturnReason = 'used' | 'unreadable' | 'own-page' | 'scheme' | 'port' | 'host-not-named' | 'host-unknown'

export interface NoReturn {
  readonly reason: NoReturnReason
  /** Canonical; absent for what cannot be read. */
  readonly host?: string
  /** The canonical URL, for hosts that the policy covers: a person may choose to go there without a ticket. */
  readonly link?: string
}

/** The canonical URL, or why a login may not return there. */
export type ReturnToVerdict =
  | { readonly url: string; readonly refused?: undefined }
  | { readonly url?: undefined; readonly refused: NoReturn }

export type ReturnToGuard = (raw: unknown) => ReturnToVerdict

/** Returning to one of these would start the login again, or end it at once. */
const ownEndpoints = /^\/(?:login|callback|logout|signed-out)(?:\/|$)/

export function createReturnToGuard(options: ReturnToOptions): ReturnToGuard {
  const home = new URL(options.publicUrl)
  return raw => {
    const request = parse(raw, options.canonical)
    if (request === undefined) return { refused: { reason: 'unreadable' } }
    const target = new URL(request.url)
    const { domain: host, url } = request
    // Two parsers that disagree about the host are the attack itself.
    if (target.hostname !== host) return { refused: { reason: 'unreadable' } }
    if (host === home.hostname) {
      return isOwnPage(target, home, request) ? { url } : { refused: { reason: 'own-page', host } }
    }
    const standing = standingOf(host, options)
    const reason = reasonAgainst(standing, target, home)
    if (reason === undefined) return { url }
    return { refused: { reason, host, ...(standing !== 'unknown' && { link: url }) } }
  }
}

function reasonAgainst(standing: Standing, target: URL, home: URL): NoReturnReason | undefined {
  if (standing === 'unknown') return 'host-unknown'
  // Session cookies of an https site must not be asked for over http.
  if (home.protocol === 'https:' && target.protocol !== 'https:') return 'scheme'
  if (standing === 'covered') return 'host-not-named'
  const isUsualPort = target.port === '' || target.port === home.port
  return standing === 'marked' && !isUsualPort ? 'port' : undefined
}

function parse(raw: unknown, options: CanonicalOptions | undefined): AccessRequest | undefined {
  if (typeof raw !== 'string' || !/^https?:\/\/[^/]/.test(raw)) return undefined
  try {
    const request = canonicaliseUrl('GET', /^https?:\/\/[^/?#]+$/.test(raw) ? `${raw}/` : raw, options)
    return URL.canParse(request.url) && encodesName(request.domain) ? request : undefined
  } catch (error) {
    if (error instanceof MalformedRequestError) return undefined
    throw error
  }
}

/** False for such as `xn--a`: letters of Punycode that decode to nothing. Some versions of Node refuse them, some do not. */
const encodesName = (host: string) => !/(?:^|\.)xn--/.test(domainToUnicode(host))

/**
 * - `named`: somebody wrote this very host down, and answers for all its ports: the cookies of a host go to each of them.
 * - `marked`: below a domain whose hosts are all the operator's. A name that anybody can take there could still be a
 *   machine with other people's servers on other ports.
 * - `covered`: by a wildcard only.
 */
type Standing = 'named' | 'marked' | 'covered' | 'unknown'

/**
 * Threat: a ticket for a wildcard row goes to any name below it. Whoever can put up a host there (a forgotten DNS entry, a
 * tenant, a preview of a branch) makes up a nonce, sends somebody a link to `/login`, and takes over their session.
 */
function standingOf(host: string, options: ReturnToOptions): Standing {
  const { allowedDomains, named = [], tickets, cookieDomain } = options
  const said = tickets?.(host)
  const domains = allowedDomains()
  const isNamed = !['console', 'tokens', 'authzen'].includes(host) && (domains.includes(host) || named.includes(host))
  const isCovered = isNamed || said !== undefined || domains.some(pattern => covers(pattern, host))
  if (said === false) return isCovered ? 'covered' : 'unknown'
  if (isNamed) return 'named'
  if (said === true) return 'marked'
  if (!isCovered) return 'unknown'
  // A host below the cookie's domain is sent the cookie itself; a ticket gives it nothing more.
  const getsCookie = cookieDomain !== undefined && (host === cookieDomain || host.endsWith(`.${cookieDomain}`))
  return getsCookie && domains.some(pattern => pattern.startsWith('*.') && covers(pattern, host)) ? 'marked' : 'covered'
}

const isOwnPage = (target: URL, home: URL, request: AccessRequest) =>
  target.origin === home.origin && !ownEndpoints.test(request.resource)

function covers(pattern: string, host: string): boolean {
  return pattern === '*' || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)))
}
