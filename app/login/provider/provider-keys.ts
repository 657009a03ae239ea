/**
 * The keys that a provider signs with (OpenID Connect Core 1.0 sections 10.1 and 10.1.1), read when they are needed.
 *
 * A provider may begin to use a new key at any moment. A token that came from its own token endpoint is proof enough to
 * look for it at once. A token that anybody can send is none: it makes us ask at most once in a while.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { OperationalError } from '../../errors.ts'
import { busyIn } from './busy-provider.ts'
import { describeError } from './describe-error.ts'
import { callEndpoint } from './endpoint-call.ts'
import type { OutboundFetch } from './outbound.ts'

/** Who brought a token: `provider`: the answer of its token endpoint; `anybody`: a request from outside. */
export type TokenOrigin = 'provider' | 'anybody'

export interface ProviderKeys {
  /**
   * Runs `verify` with the keys, again with those that are published by now where no key fits, and with each in turn
   * where several have one name. Rejects with what `verify` rejects with, or with `ERR_PROVIDER_UNAVAILABLE` when the
   * keys cannot be read.
   */
  verifyWith<T>(origin: TokenOrigin, verify: (getKey: JWTVerifyGetKey) => Promise<T>): Promise<T>
}

export interface ProviderKeysOptions {
  /** `jwks_uri` of the metadata. */
  readonly address: string
  /** A `notingFetch`. */
  readonly fetch: OutboundFetch
  /** Default 5 s. */
  readonly timeoutSeconds?: number
}

/** Older keys are read anew before they are used: one that the provider has withdrawn does not count for longer. */
const maxAgeMs = 300_000
/** Unknown key ids are anybody's to send; that is how often they make us ask the provider. */
const cooldownMs = 30_000
/** Threat: tokens by the thousand while the provider is down, each with a call to it. */
const retryMs = 5_000

interface KeySet {
  readonly getKey: JWTVerifyGetKey
  readonly readAt: number
}

export function createProviderKeys({ address, fetch, timeoutSeconds = 5 }: ProviderKeysOptions): ProviderKeys {
  let known: KeySet | undefined
  let reading: Promise<KeySet> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  let missedAt = Number.NEGATIVE_INFINITY

  async function read(): Promise<KeySet> {
    const startedAt = performance.now()
    try {
      const getKey = await callEndpoint('jwks_uri', async () =>
        createLocalJWKSet(await fetchKeys(address, fetch, timeoutSeconds)),
      )
      known = { getKey, readAt: startedAt }
      return known
    } catch (error) {
      failedAt = startedAt
      const busy = busyIn(error)
      if (busy !== undefined) throw busy
      throw new OperationalError('ERR_PROVIDER_UNAVAILABLE', describeError(error), { cause: error })
    }
  }

  function readAnew(): Promise<KeySet> {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  /** Worth another try of whoever sent the token, unlike one whose key is not there. */
  function requireReadable(origin: TokenOrigin): void {
    if (origin === 'provider' || performance.now() - failedAt >= retryMs) return
    throw new OperationalError('ERR_PROVIDER_UNAVAILABLE', 'the keys of the provider could not be read a moment ago')
  }

  function current(origin: TokenOrigin): KeySet | Promise<KeySet> {
    const now = performance.now()
    if (known !== undefined && now - known.readAt < maxAgeMs) return known
    requireReadable(origin)
    return readAnew()
  }

  return {
    async verifyWith(origin, verify) {
      const askedAt = performance.now()
      const set = await current(origin)
      try {
        return await withEach(set.getKey, verify)
      } catch (error) {
        const hasJustRead = set.readAt >= askedAt
        const isCoolingDown = origin === 'anybody' && performance.now() - missedAt < cooldownMs
        if (hasJustRead || isCoolingDown || !isAboutKey(error, origin)) throw error
        requireReadable(origin)
        const { getKey } = await readAnew()
        return await withEach(getKey, verify).catch(failure => {
          // Only a token whose key is not there either can get here: a key that is, was worth the question.
          if (isAboutKey(failure, origin)) missedAt = performance.now()
          throw failure
        })
      }
    },
  }
}

/**
 * No key has the name; or, where the provider itself sent the token, the key of that name did not make the signature:
 * after a new installation a provider may use a name again.
 */
const isAboutKey = (error: unknown, origin: TokenOrigin): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  (origin === 'provider' && error instanceof errors.JWSSignatureVerificationFailed)

/** A token that names no key, where there are several, is refused: nobody has said which of them it is. */
async function withEach<T>(getKey: JWTVerifyGetKey, verify: (getKey: JWTVerifyGetKey) => Promise<T>): Promise<T> {
  let isNamed = false
  const noting: JWTVerifyGetKey = (header, token) => {
    isNamed = typeof header?.kid === 'string'
    return getKey(header, token)
  }
  try {
    return await verify(noting)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys) || !isNamed) throw error
    for await (const key of error) {
      try {
        return await verify(async () => key)
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

async function fetchKeys(address: string, fetch: OutboundFetch, timeoutSeconds: number): Promise<JSONWebKeySet> {
  const response = await fetch(address, {
    headers: { Accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  })
  if (response.status !== 200) throw new Error(`the answer has the status ${response.status}`)
  return (await response.json()) as JSONWebKeySet
}
