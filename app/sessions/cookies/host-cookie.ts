/**
 * The one cookie that an application's host gets, bound to that host (RFC 6265bis section 4.1.3.2, `__Host-`).
 *
 * `s.<session id>.<mac>` is a session; the MAC covers the host, so that a cookie which one application has stolen from
 * its own requests is worth nothing on any other. `n.<nonce>` marks a browser that was sent to log in: the ticket that
 * comes back works in that browser only.
 */
import { createHash } from 'node:crypto'
import { createRandomTexts } from '../../random-texts.ts'
import { sessionDigestOf } from '../records/seal.ts'
import { type BoundSessions, createBoundSessions } from './bound-sessions.ts'
import { endOfPair, longestHeader, onlyPairOf, valuesOf, withoutCookie } from './cookie-header.ts'
import { createCookieVerdicts, type SessionCookie } from './cookie-verdicts.ts'

export interface HostCookies {
  /** Name of the cookie, with its `__Host-` prefix where that is possible. */
  readonly name: string
  /**
   * Set-Cookie value that makes the session usable on `domain` (canonical host, no port), for as long as the browser
   * runs, or for `maxAgeSeconds`.
   */
  issueSession(sessionId: string, domain: string, maxAgeSeconds?: number): string
  /** Set-Cookie value with a fresh nonce, and the digest of it that may be shown to others. */
  issuePending(): { readonly setCookie: string; readonly nonceHash: string }
  /**
   * Digest that stands for the session's cookie in this header where a nonce's would stand for a pending one. It is that
   * of the cookie as it came: replicas that sign with different secrets, while one replaces another, say the same.
   */
  bindingOf(sessionId: string, domain: string, cookieHeader: string): string
  /** Set-Cookie value that removes what is worth nothing on `domain`. */
  clear(domain: string): string
  /** What a Cookie header says to `domain`; never throws. */
  read(cookieHeader: string, domain: string): HostCookieReading
  /**
   * The session that `read` has found before for exactly this cookie on exactly this host, when the header has no other
   * cookie of ours; `undefined` for everything else, which only `read` can judge. Never throws.
   */
  recall(cookieHeader: string, domain: string): SessionCookie | undefined
  /** The Cookie header without our cookie, for the upstream; empty when nothing is left. */
  strip(cookieHeader: string): string
}

export interface HostCookieReading {
  /** Session ids whose MAC fits this domain, at most four. They may have ended. */
  readonly sessionIds: readonly string[]
  /** base64url SHA-256 of the nonce in the pending cookie. */
  readonly pendingNonceHash?: string
  /** A cookie of our name came, and nothing in it can be used. */
  readonly isGarbage: boolean
}

export interface HostCookiesOptions {
  /** Master secrets: the first signs, all of them verify. */
  readonly secrets: readonly string[]
  /** Name without prefix, default `sallyport`. */
  readonly name?: string
  /** The browser reaches us over https: `__Host-` prefix and `Secure`. */
  readonly isSecure: boolean
  /** How much the verdicts on cookies may take in memory, in bytes; default 4 MiB. */
  readonly memoryBytes?: number
}

const noncePattern = /^[\w-]{43}$/
const nonceBytes = 32
/** Threat: many cookies of our name, each with a session to look up. */
export const mostSessions = 4

export function createHostCookies({
  secrets,
  name: plainName = 'sallyport',
  isSecure,
  memoryBytes = 4 * 1024 * 1024,
}: HostCookiesOptions): HostCookies {
  const bound = createBoundSessions(secrets, 's')
  const name = isSecure ? `__Host-${plainName}` : plainName
  // Lax: a link from a mail program has to find the session. No Domain: the host alone gets it back.
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`

  const verdicts = createCookieVerdicts(memoryBytes)
  const newNonce = createRandomTexts(nonceBytes, 'base64url')

  return {
    name,
    issueSession: (sessionId, domain, maxAgeSeconds) =>
      `${name}=${bound.write(sessionId, domain)}${attributes}${maxAgeOf(maxAgeSeconds)}`,
    issuePending() {
      const nonce = newNonce()
      return { setCookie: `${name}=n.${nonce}${attributes}`, nonceHash: hashNonce(nonce) }
    },
    bindingOf: (sessionId, domain, cookieHeader) => bound.bindingOf(sessionId, domain, valuesOf(cookieHeader, name)),
    clear: () => `${name}=${attributes}; Max-Age=0`,
    read(cookieHeader, domain) {
      const values = valuesOf(cookieHeader, name)
      const reading = readValues(values, domain, bound)
      const [value, ...otherValues] = values
      const [sessionId] = reading.sessionIds
      if (value !== undefined && sessionId !== undefined && otherValues.length === 0) {
        verdicts.remember(domain, value, {
          sessionId,
          sessionDigest: sessionDigestOf(sessionId),
          bindingHash: bound.bindingOf(sessionId, domain, values),
        })
      }
      return reading
    },
    recall(cookieHeader, domain) {
      const start = onlyPairOf(cookieHeader, name)
      if (start === -1 || cookieHeader.length > longestHeader) return undefined
      return verdicts.recall(domain, cookieHeader.slice(start + name.length + 1, endOfPair(cookieHeader, start)))
    },
    strip: cookieHeader => withoutCookie(cookieHeader, name),
  }
}

/** A cookie without it goes when the browser is closed. */
export const maxAgeOf = (seconds: number | undefined): string => (seconds === undefined ? '' : `; Max-Age=${seconds}`)

function readValues(values: readonly string[], domain: string, bound: BoundSessions): HostCookieReading {
  const sessionIds: string[] = []
  let pendingNonceHash: string | undefined
  for (const value of values) {
    const sessionId = bound.read(value, domain)
    const isFurther = sessionId !== undefined && sessionIds.length < mostSessions && !sessionIds.includes(sessionId)
    if (isFurther) sessionIds.push(sessionId)
    pendingNonceHash ??= readPending(value)
  }
  const isGarbage = values.length > 0 && sessionIds.length === 0 && pendingNonceHash === undefined
  return { sessionIds, isGarbage, ...(pendingNonceHash === undefined ? {} : { pendingNonceHash }) }
}

function readPending(value: string): string | undefined {
  if (!value.startsWith('n.')) return undefined
  const nonce = value.slice(2)
  return noncePattern.test(nonce) ? hashNonce(nonce) : undefined
}

const hashNonce = (nonce: string) => createHash('sha256').update(nonce).digest('base64url')
