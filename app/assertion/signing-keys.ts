/**
 * The keys that sign identity assertions: one per epoch, shared by all replicas, published with overlap (RFC 7517).
 *
 * Time is divided into epochs of the rotation's length. The first replica that needs an epoch's key writes it to the
 * store with `add`; every other one finds it there, so that replicas agree without a leader. The previous, the current
 * and the next epoch's keys are published: an upstream knows a key a whole rotation before it signs anything, and can
 * still verify what the last one signed.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import type { SharedStore } from '../sessions/records/sealed-records.ts'

export type SigningAlgorithm = 'ES256' | 'EdDSA'

/** A key as the store keeps it. The JWK holds the private part: only a store that seals its values may be used. */
export interface StoredKey {
  readonly algorithm: SigningAlgorithm
  readonly privateJwk: Readonly<Record<string, unknown>>
}

export interface SigningKey {
  /** RFC 7638 SHA-256 thumbprint of the public key. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicJwk: PublicJwk
}

interface HeldKey {
  readonly key: SigningKey
  readonly stored: StoredKey
}

/** Public parameters only (RFC 7517 section 4, RFC 7518 section 6.2.1, RFC 8037 section 2). */
export interface PublicJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y?: string
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly use: 'sig'
}

export interface SigningKeys {
  /** Loads or makes the keys and keeps them renewed. Never rejects: a store that is down is asked again, see `status`. */
  start(): Promise<void>
  /** The current epoch's key. Throws `ERR_SIGNING_UNAVAILABLE` when there is none. */
  current(): SigningKey
  /** What `/.well-known/jwks.json` publishes: the previous, the current and the next epoch's public keys. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  status(): { readonly ok: boolean; readonly detail?: string }
  /** Stops the renewal. */
  close(): void
}

export interface SigningKeysOptions {
  readonly store: SharedStore<StoredKey>
  readonly algorithm: SigningAlgorithm
  /** Length of an epoch, in seconds; at least 600, twice what the key set may be cached for. */
  readonly rotateEverySeconds: number
  readonly clock: Clock
  /** Told of every failed attempt; the next one follows by itself. */
  readonly onError: (error: unknown) => void
}

const shortestRotationSeconds = 600
const renewEveryMs = 60_000
const firstRetryMs = 1_000
const longestRetryMs = 30_000
/** Records of one epoch that may be unreadable (sealed with a secret that was replaced) before this gives up. */
const slotsPerEpoch = 4
/** Keys of one epoch that made way for another one and are left for all to publish. More have no room, and fail closed. */
const othersPerEpoch = 4

export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { store, algorithm, rotateEverySeconds, clock, onError } = options
  if (!(rotateEverySeconds >= shortestRotationSeconds)) {
    throw new RangeError(`rotateEverySeconds must be at least ${shortestRotationSeconds}`)
  }
  const keys = new Map<number, HeldKey>()
  /** What the store gave another key for, by the epoch in which nobody needs it any more. */
  let replaced: readonly { readonly key: SigningKey; readonly until: number }[] = []
  let timer: NodeJS.Timeout | undefined
  let renewal: Promise<void> | undefined
  let isClosed = false
  let retryMs = firstRetryMs
  let lookedBackTo: number | undefined

  const epochNow = (): number => Math.floor(clock.now() / 1_000 / rotateEverySeconds)
  // Published for one epoch after its own: a key that signs nothing any more is not kept any longer.
  const expiryOf = (epoch: number): number => (epoch + 2) * rotateEverySeconds * 1_000
  const idOf = (epoch: number, slot: number): string => `${algorithm}:${rotateEverySeconds}:${epoch}:${slot}`

  const idOfOther = (epoch: number, place: number): string => `${idOf(epoch, place)}:other`

  /**
   * Asked again with each renewal. A store that lost what it had gets the key back from the first who looks; whoever started in
   * between has made another one, and then all take that one. Else they would sign with different keys for a whole epoch, and
   * publish different sets.
   */
  async function ensure(epoch: number): Promise<void> {
    const held = keys.get(epoch)?.stored
    for (let slot = 0; slot < slotsPerEpoch; slot += 1) {
      const stored = await readOrAdd(store, idOf(epoch, slot), held ?? (() => makeKey(algorithm)), expiryOf(epoch))
      if (stored !== undefined) return hold(epoch, stored)
    }
    throw new OperationalError('ERR_SIGNING_UNAVAILABLE', 'no readable signing key in the store')
  }

  async function hold(epoch: number, stored: StoredKey): Promise<void> {
    const held = keys.get(epoch)
    if (held !== undefined && held.stored.privateJwk.x === stored.privateJwk.x) return
    const key = await importKey(stored)
    // What it signed has to be verified for as long as if it had stayed, whichever replica is asked for the key set.
    if (held !== undefined) {
      await leave(epoch, held.stored)
      publish(held.key, epoch)
    }
    keys.set(epoch, { key, stored })
  }

  function publish(key: SigningKey, epoch: number): void {
    if (replaced.some(({ key: { kid } }) => kid === key.kid)) return
    replaced = [...replaced, { key, until: epoch + 2 }]
  }

  async function leave(epoch: number, stored: StoredKey): Promise<void> {
    for (let place = 0; place < othersPerEpoch; place += 1) {
      const id = idOfOther(epoch, place)
      if (await store.add(id, stored, expiryOf(epoch))) return
      if ((await store.get(id))?.privateJwk.x === stored.privateJwk.x) return
    }
  }

  /** What other replicas signed with before they took the key that all have. */
  async function adoptOthers(epoch: number): Promise<void> {
    for (let place = 0; place < othersPerEpoch; place += 1) {
      const stored = await store.get(idOfOther(epoch, place))
      if (stored !== undefined) publish(await importKey(stored), epoch)
    }
  }

  /** Looked for once: nobody makes the key of an epoch that is over. */
  async function adoptPrevious(epoch: number): Promise<void> {
    if (keys.has(epoch) || lookedBackTo === epoch) return
    for (let slot = 0; slot < slotsPerEpoch; slot += 1) {
      const stored = await store.get(idOf(epoch, slot))
      if (stored !== undefined) return hold(epoch, stored)
    }
    // Not before: a store that stumbled is asked again.
    lookedBackTo = epoch
  }

  async function renew(): Promise<void> {
    const epoch = epochNow()
    await ensure(epoch)
    await ensure(epoch + 1)
    await adoptPrevious(epoch - 1)
    const last = keys.get(epoch - 1)?.stored
    if (last !== undefined && (await store.get(idOf(epoch - 1, 0))) === undefined) await leave(epoch - 1, last)
    for (const each of [epoch - 1, epoch, epoch + 1]) await adoptOthers(each)
    for (const known of keys.keys()) if (known < epoch - 1) keys.delete(known)
    replaced = replaced.filter(({ until }) => epoch < until)
  }

  /** One renewal at a time; the next one is planned when it ends, sooner after a failure. */
  function renewOnce(): Promise<void> {
    renewal ??= renew()
      .then(
        () => {
          retryMs = firstRetryMs
          plan(renewEveryMs)
        },
        (error: unknown) => {
          onError(error)
          plan(retryMs)
          retryMs = Math.min(retryMs * 2, longestRetryMs)
        },
      )
      .finally(() => {
        renewal = undefined
      })
    return renewal
  }

  function plan(delayMs: number): void {
    clearTimeout(timer)
    if (isClosed) return
    timer = setTimeout(() => void renewOnce(), delayMs).unref()
  }

  return {
    start: () => renewOnce(),
    current() {
      const key = keys.get(epochNow())?.key
      if (key !== undefined) return key
      throw new OperationalError('ERR_SIGNING_UNAVAILABLE', 'there is no signing key for this time')
    },
    jwks() {
      const epoch = epochNow()
      const held = [epoch - 1, epoch, epoch + 1].flatMap(each => keys.get(each)?.key ?? [])
      const still = replaced.filter(({ until }) => epoch < until).map(({ key }) => key)
      const published = new Map([...held, ...still].map(({ kid, publicJwk }) => [kid, publicJwk]))
      return { keys: [...published.values()] }
    },
    status() {
      const epoch = epochNow()
      if (!keys.has(epoch)) return { ok: false, detail: 'there is no signing key for this time' }
      if (!keys.has(epoch + 1)) return { ok: false, detail: 'the next signing key is not in the store yet' }
      return { ok: true }
    },
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** The stored key, ours if nobody was first; `undefined` when there is a record that cannot be read. */
async function readOrAdd(
  store: SharedStore<StoredKey>,
  id: string,
  own: StoredKey | (() => Promise<StoredKey>),
  expiresAt: number,
): Promise<StoredKey | undefined> {
  const found = await store.get(id)
  if (found !== undefined) return found
  const made = typeof own === 'function' ? await own() : own
  return (await store.add(id, made, expiresAt)) ? made : store.get(id)
}

const generate = promisify(generateKeyPair)

async function makeKey(algorithm: SigningAlgorithm): Promise<StoredKey> {
  const pair = algorithm === 'ES256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('ed25519')
  return { algorithm, privateJwk: { ...pair.privateKey.export({ format: 'jwk' }) } }
}

async function importKey(stored: StoredKey): Promise<SigningKey> {
  const { algorithm } = stored
  const privateKey = createPrivateKey({ key: { ...stored.privateJwk }, format: 'jwk' })
  // The public part is computed from the private key and then picked by name: `d` can never be published.
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (kty === undefined || crv === undefined || x === undefined) {
    throw new OperationalError('ERR_SIGNING_UNAVAILABLE', 'the stored signing key is of another type')
  }
  const parameters = y === undefined ? { kty, crv, x } : { kty, crv, x, y }
  const kid = await calculateJwkThumbprint(parameters, 'sha256')
  return { kid, algorithm, privateKey, publicJwk: { ...parameters, kid, alg: algorithm, use: 'sig' } }
}
