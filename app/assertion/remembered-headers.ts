/**
 * Keeps the identity headers of a person on one host for a part of the assertion's life: signing takes longer than all
 * the rest of a check.
 *
 * Threat: somebody else's identity in an answer. What is kept is found by the identity object itself, by the audience and
 * by the session, and it is used only while the key that signed it is still the current one. A session that was read
 * anew with other groups is another object.
 */
import { LRUCache } from 'lru-cache'
import type { Identity } from '../../rbac/identity.ts'
import type { Clock } from '../clock.ts'
import { createNumbering } from '../numbering.ts'
import type { IdentityHeaders } from './headers.ts'
import { audienceOf } from './sign.ts'

export interface RememberedHeadersOptions {
  readonly make: IdentityHeaders
  /** What signs now; a change forgets everything it did not sign. Throws `ERR_SIGNING_UNAVAILABLE`. */
  readonly currentKey: () => object
  /** For how long an answer is used again, in milliseconds. */
  readonly keepMs: number
  readonly clock: Clock
  /** How much may be kept, in bytes; the longest unused goes first. Default 32 MiB. */
  readonly maxBytes?: number
}

interface Kept {
  readonly headers: readonly string[]
  readonly key: object
  readonly madeAt: number
}

/** The cache's own book-keeping for an entry. */
const entryBytes = 300

export function createRememberedHeaders(options: RememberedHeadersOptions): IdentityHeaders {
  const { make, currentKey, keepMs, clock, maxBytes = 32 * 1_024 * 1_024 } = options
  const numberOf = createNumbering<Identity>()
  const kept = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    sizeCalculation: ({ headers }, key) => headers.reduce((sum, text) => sum + text.length, entryBytes + key.length),
  })
  return (identity, request, session) => {
    if (identity.kind === 'anonymous') return make(identity, request, session)
    const signingKey = currentKey()
    const now = clock.now()
    // Neither a number nor a digest holds a space.
    const key = `${numberOf(identity)} ${session ?? ''} ${audienceOf(request)}`
    const known = kept.get(key)
    // A clock that was set back must not lengthen the life of what is kept.
    if (known !== undefined && known.key === signingKey && Math.abs(now - known.madeAt) < keepMs) return known.headers
    const headers = Object.freeze(make(identity, request, session))
    kept.set(key, { headers, key: signingKey, madeAt: now })
    return headers
  }
}
