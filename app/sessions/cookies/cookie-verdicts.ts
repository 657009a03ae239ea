/**
 * Cookies whose MAC was found to fit, remembered: secret, host and value decide alone, so the verdict never changes. It
 * says nothing about whether the session still exists.
 */
import { LRUCache } from 'lru-cache'

/** A session cookie whose MAC fits its host, with what follows from it. The session may have ended. */
export interface SessionCookie {
  readonly sessionId: string
  /** As `SessionStore.digest`. */
  readonly sessionDigest: string
  /** As `HostCookies.bindingOf`. */
  readonly bindingHash: string
}

export interface CookieVerdicts {
  /** `value` has to have been verified for `domain`; refusals are not kept, or anybody could push out the others. */
  remember(domain: string, value: string, cookie: SessionCookie): void
  recall(domain: string, value: string): SessionCookie | undefined
}

/** The object, three short strings, and a place in the cache. */
const overheadBytes = 512

/** `maxBytes`: an estimate that errs on the safe side; at least 1. */
export function createCookieVerdicts(maxBytes: number): CookieVerdicts {
  const cookies = new LRUCache<string, SessionCookie>({
    maxSize: maxBytes,
    sizeCalculation: ({ sessionId }, key) => overheadBytes + key.length + sessionId.length,
  })
  return {
    remember(domain, value, cookie) {
      const { sessionId, sessionDigest, bindingHash } = cookie
      cookies.set(ownText(keyOf(domain, value)), { sessionId: ownText(sessionId), sessionDigest, bindingHash })
    },
    recall: (domain, value) => cookies.get(keyOf(domain, value)),
  }
}

/** A part of a string keeps the whole one alive, here a Cookie header of any length. */
const ownText = (text: string) => Buffer.from(text).toString()

/**
 * Threat: a cookie of one host believed on another (F05). The host is in the key, and its length before it: no two pairs
 * of host and value give the same text.
 */
const keyOf = (domain: string, value: string) => `${domain.length}:${domain}${value}`
