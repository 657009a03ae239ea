/**
 * Keeps the identity headers of a person on one host for a part of the assertion's life: signing takes longer than all
 * the rest of a check.
 *
 * Threat: somebody else's identity in an answer. What is kept hangs on the identity object itself, and is found by the
 * origin and by the session; it is used only while the key that signed it is still the current one. A session that was
 * read anew with other groups is another object.
 */

import type { Identity } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Clock } from '../clock.ts'
import type { IdentityHeaders } from './headers.ts'
import { audienceOf } from './sign.ts'

export interface RememberedHeadersOptions {
  readonly make: IdentityHeaders
  /** What signs now; a change forgets everything it did not sign. Throws `ERR_SIGNING_UNAVAILABLE`. */
  readonly currentKey: () => object
  /** For how long an answer is used again, in milliseconds. */
  readonly keepMs: number
  readonly clock: Clock
}

interface Kept {
  readonly session: string | undefined
  readonly audience: string
  readonly headers: readonly string[]
  readonly key: object
  readonly madeAt: number
}

/**
 * How many are kept of one identity: hosts that somebody uses in turn under a cookie for all of them. An identity is in
 * memory as long as its session is, and with it goes what is kept of it (`bytesOfHeaders` in opened-logins.ts).
 */
const mostOfOne = 8

export function createRememberedHeaders({
  make,
  currentKey,
  keepMs,
  clock,
}: RememberedHeadersOptions): IdentityHeaders {
  const keptOf = new WeakMap<Identity, Kept[]>()

  function makeAnew(identity: Identity, request: AccessRequest, session: string | undefined, key: object) {
    const audience = audienceOf(request)
    const headers = Object.freeze(make(identity, request, session))
    const others = keptOf.get(identity)?.filter(one => one.session !== session || one.audience !== audience) ?? []
    const kept = { session, audience, headers, key, madeAt: clock.now() }
    keptOf.set(identity, [kept, ...others.slice(0, mostOfOne - 1)])
    return headers
  }

  return (identity, request, session) => {
    if (identity.kind === 'anonymous') return make(identity, request, session)
    const key = currentKey()
    const known = findKept(keptOf.get(identity) ?? none, session, request.url)
    const isUsable = known !== undefined && known.key === key
    // A clock that was set back must not lengthen the life of what is kept.
    if (isUsable && Math.abs(clock.now() - known.madeAt) < keepMs) return known.headers
    return makeAnew(identity, request, session, key)
  }
}

const none: readonly Kept[] = []

function findKept(all: readonly Kept[], session: string | undefined, url: string): Kept | undefined {
  for (const one of all) if (one.session === session && isAt(url, one.audience)) return one
  return undefined
}

const slash = 0x2f

/** Whether the URL is one of this origin: another port, or a longer name, goes on with another character. */
const isAt = (url: string, origin: string): boolean => url.charCodeAt(origin.length) === slash && url.startsWith(origin)
