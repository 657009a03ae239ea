/**
 * The one cookie that an application's host gets, bound to that host (RFC 6265bis section 4.1.3.2, `__Host-`).
 *
 * `s.<session id>.<mac>` is a session; the MAC covers the host, so that a cookie which one application has stolen from
 * its own requests is worth nothing on any other. `n.<nonce>` marks a browser that was sent to log in: the ticket that
 * comes back works in that browser only.
 */
import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import { createRandomTexts } from '../random-texts.ts'
import { createCookieVerdicts, type SessionCookie } from './cookie-verdicts.ts'
import { sessionDigestOf } from './seal.ts'

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
  /** Set-Cookie value that removes the cookie. */
  clear(): string
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

const sessionIdPattern = /^[\w-]{16,128}$/
const noncePattern = /^[\w-]{43}$/
const nonceBytes = 32
const macLength = 43
const [semicolon, space, equalsSign] = [0x3b, 0x20, 0x3d]
/** More than any proxy or Node itself lets through by default. */
const longestHeader = 65_536
/** Threat: a parent domain that plants many cookies of our name. Each costs a MAC, and each session found a look-up. */
const mostCandidates = 32
const mostSessions = 4

export function createHostCookies({
  secrets,
  name: plainName = 'sallyport',
  isSecure,
  memoryBytes = 4 * 1024 * 1024,
}: HostCookiesOptions): HostCookies {
  const keys = secrets.map(deriveKey)
  const [signingKey] = keys
  if (signingKey === undefined) throw new Error('at least one secret is needed to sign cookies')
  const name = isSecure ? `__Host-${plainName}` : plainName
  // Lax: a link from a mail program has to find the session. No Domain: the host alone gets it back.
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`

  const verdicts = createCookieVerdicts(memoryBytes)
  const newNonce = createRandomTexts(nonceBytes, 'base64url')

  return {
    name,
    issueSession(sessionId, domain, maxAgeSeconds) {
      if (!sessionIdPattern.test(sessionId)) throw new TypeError('a session id has 16 to 128 characters of base64url')
      const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
      return `${name}=s.${sessionId}.${macOf(signingKey, domain, sessionId)}${attributes}${age}`
    },
    issuePending() {
      const nonce = newNonce()
      return { setCookie: `${name}=n.${nonce}${attributes}`, nonceHash: hashNonce(nonce) }
    },
    bindingOf(sessionId, domain, cookieHeader) {
      const value = valuesOf(cookieHeader, name).find(one => readSession(one, domain, keys) === sessionId)
      return hashNonce(value === undefined ? macOf(signingKey, domain, sessionId) : macIn(value))
    },
    clear: () => `${name}=${attributes}; Max-Age=0`,
    read(cookieHeader, domain) {
      const values = valuesOf(cookieHeader, name)
      const reading = readValues(values, domain, keys)
      const [value, ...otherValues] = values
      const [sessionId] = reading.sessionIds
      if (value !== undefined && sessionId !== undefined && otherValues.length === 0) {
        verdicts.remember(domain, value, {
          sessionId,
          sessionDigest: sessionDigestOf(sessionId),
          bindingHash: hashNonce(macIn(value)),
        })
      }
      return reading
    },
    recall(cookieHeader, domain) {
      const start = onlyPairOf(cookieHeader, name)
      if (start === -1 || cookieHeader.length > longestHeader) return undefined
      return verdicts.recall(domain, cookieHeader.slice(start + name.length + 1, endOfPair(cookieHeader, start)))
    },
    strip(cookieHeader) {
      const start = onlyPairOf(cookieHeader, name)
      if (start >= 0) return withoutPair(cookieHeader, start)
      if (!cookieHeader.includes(name)) return cookieHeader
      const kept = cookieHeader.split(';').filter(pair => nameOf(pair) !== name)
      return kept.join(';').trim()
    },
  }
}

/**
 * Where `name=` begins when it stands once in the header, as a cookie of its own that was written the usual way; else -1,
 * and the header has to be taken apart. That both ways say the same is tested with random headers.
 */
function onlyPairOf(cookieHeader: string, name: string): number {
  const start = cookieHeader.indexOf(name)
  if (start === -1 || cookieHeader.charCodeAt(start + name.length) !== equalsSign) return -1
  // Threat: a value that holds our name (`a=sallyport=…`). Only what begins a pair is a name.
  const before = start === 0 ? semicolon : cookieHeader.charCodeAt(start - 1)
  const isFirstOfPair = before === semicolon || (before === space && cookieHeader.charCodeAt(start - 2) === semicolon)
  return isFirstOfPair && cookieHeader.indexOf(name, start + name.length) === -1 ? start : -1
}

function endOfPair(cookieHeader: string, start: number): number {
  const end = cookieHeader.indexOf(';', start)
  return end === -1 ? cookieHeader.length : end
}

function withoutPair(cookieHeader: string, start: number): string {
  const end = endOfPair(cookieHeader, start)
  if (start === 0) return cookieHeader.slice(end + 1).trim()
  return (cookieHeader.slice(0, cookieHeader.lastIndexOf(';', start)) + cookieHeader.slice(end)).trim()
}

/** One of the cookies of a header, of any name. */
const nameOf = (pair: string) => pair.slice(0, pair.includes('=') ? pair.indexOf('=') : undefined).trim()

function valuesOf(cookieHeader: string, name: string): string[] {
  // Most requests to a public path carry no cookie of ours: no need to take the header apart.
  if (cookieHeader.length > longestHeader || !cookieHeader.includes(name)) return []
  const pairs = cookieHeader.split(';').filter(pair => nameOf(pair) === name)
  return pairs.slice(0, mostCandidates).map(pair => pair.slice(pair.indexOf('=') + 1).trim())
}

function readValues(values: readonly string[], domain: string, keys: readonly KeyObject[]): HostCookieReading {
  const sessionIds: string[] = []
  let pendingNonceHash: string | undefined
  for (const value of values) {
    const sessionId = readSession(value, domain, keys)
    const isFurther = sessionId !== undefined && sessionIds.length < mostSessions && !sessionIds.includes(sessionId)
    if (isFurther) sessionIds.push(sessionId)
    pendingNonceHash ??= readPending(value)
  }
  const isGarbage = values.length > 0 && sessionIds.length === 0 && pendingNonceHash === undefined
  return { sessionIds, isGarbage, ...(pendingNonceHash === undefined ? {} : { pendingNonceHash }) }
}

function readSession(value: string, domain: string, keys: readonly KeyObject[]): string | undefined {
  const [tag, sessionId, mac, ...rest] = value.split('.', 4)
  if (tag !== 's' || sessionId === undefined || mac === undefined || rest.length > 0) return undefined
  if (!sessionIdPattern.test(sessionId) || mac.length !== macLength) return undefined
  const presented = Buffer.from(mac)
  // The texts are compared, not the decoded bytes: a cookie has exactly one spelling.
  const fits = (key: KeyObject) => {
    const expected = Buffer.from(macOf(key, domain, sessionId))
    return expected.length === presented.length && timingSafeEqual(expected, presented)
  }
  return keys.some(fits) ? sessionId : undefined
}

/** Of a value that `readSession` has taken. */
const macIn = (value: string) => value.slice(value.lastIndexOf('.') + 1)

function readPending(value: string): string | undefined {
  if (!value.startsWith('n.')) return undefined
  const nonce = value.slice(2)
  return noncePattern.test(nonce) ? hashNonce(nonce) : undefined
}

const hashNonce = (nonce: string) => createHash('sha256').update(nonce).digest('base64url')

function macOf(key: KeyObject, domain: string, sessionId: string): string {
  // Length first: no two pairs of host and id give the same bytes.
  const message = `${domain.length}:${domain}${sessionId.length}:${sessionId}`
  return createHmac('sha256', key).update(message).digest('base64url')
}

function deriveKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sallyport/host-cookie/1', 32)))
}
