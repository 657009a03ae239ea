/**
 * Session ids with a MAC over the place where they may be used: what stands in a session cookie, `<tag>.<id>.<mac>`.
 *
 * Each kind of place has a tag and a key of its own: what was made for a host never passes for a whole domain, and the
 * other way round, whatever the two are called.
 */
import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

export interface BoundSessions {
  /** Throws a `TypeError` for an id that could break out of a cookie. */
  write(sessionId: string, place: string): string
  /** The session id of a value that was written for this place with one of the secrets. */
  read(value: string, place: string): string | undefined
  /**
   * Digest that stands for the value of this session among those that came, and may be shown to others. It is that of the
   * value as it came: replicas that sign with different secrets, while one replaces another, say the same. Of the value
   * that `write` would give, where none came.
   */
  bindingOf(sessionId: string, place: string, values: readonly string[]): string
}

/** `s` binds to one host, `d` to a domain and all hosts below it. */
export type PlaceTag = 's' | 'd'

const purposes: Readonly<Record<PlaceTag, string>> = { s: 'sallyport/host-cookie/1', d: 'sallyport/domain-cookie/1' }
const sessionIdPattern = /^[\w-]{16,128}$/
const macLength = 43

/** `secrets`: the first signs, all of them verify. */
export function createBoundSessions(secrets: readonly string[], tag: PlaceTag): BoundSessions {
  const keys = secrets.map(secret => deriveKey(secret, purposes[tag]))
  const [signingKey] = keys
  if (signingKey === undefined) throw new Error('at least one secret is needed to sign cookies')

  function read(value: string, place: string): string | undefined {
    const [ownTag, sessionId, mac, ...rest] = value.split('.', 4)
    if (ownTag !== tag || sessionId === undefined || mac === undefined || rest.length > 0) return undefined
    if (!sessionIdPattern.test(sessionId) || mac.length !== macLength) return undefined
    return keys.some(key => fits(mac, macOf(key, place, sessionId))) ? sessionId : undefined
  }

  return {
    write(sessionId, place) {
      if (!sessionIdPattern.test(sessionId)) throw new TypeError('a session id has 16 to 128 characters of base64url')
      return `${tag}.${sessionId}.${macOf(signingKey, place, sessionId)}`
    },
    read,
    bindingOf(sessionId, place, values) {
      const value = values.find(one => read(one, place) === sessionId)
      return digestOfMac(value === undefined ? macOf(signingKey, place, sessionId) : macIn(value))
    },
  }
}

/** Of a value that `read` has taken. */
const macIn = (value: string) => value.slice(value.lastIndexOf('.') + 1)
const digestOfMac = (mac: string) => createHash('sha256').update(mac).digest('base64url')

/** The texts are compared, not the decoded bytes: a cookie has exactly one spelling. */
function fits(presented: string, expected: string): boolean {
  const [left, right] = [Buffer.from(presented), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function macOf(key: KeyObject, place: string, sessionId: string): string {
  // Length first: no two pairs of place and id give the same bytes.
  const message = `${place.length}:${place}${sessionId.length}:${sessionId}`
  return createHmac('sha256', key).update(message).digest('base64url')
}

function deriveKey(secret: string, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)))
}
