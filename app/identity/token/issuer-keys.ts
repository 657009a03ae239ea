/**
 * The keys of one issuer of bearer tokens, in this process.
 *
 * Tokens are anybody's to send. So keys are read once at a time for however many wait, a key that is not there makes us look
 * for it at most once in a while, and an issuer that cannot be reached is left alone for some seconds. What was read last is
 * believed while reading fails, for an hour and not for longer: a key that was withdrawn must not count for good.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { OperationalError } from '../../errors.ts'

/** What was read, and for as long as the same is read the same object. */
export interface KeySet {
  readonly getKey: JWTVerifyGetKey
  /** Whether a token that gives this name, or none, may have been signed with one of them. */
  readonly has: (keyId: string | undefined) => boolean
}

export interface IssuerKeys {
  /** What is believed now; `undefined` when nothing is. Old keys are read anew beside it. */
  readonly current: () => KeySet | undefined
  /**
   * The set that has the key; `undefined` when the issuer has none of that name. Rejects with `ERR_ISSUER_UNAVAILABLE` when
   * it cannot tell.
   */
  readonly holding: (keyId: string | undefined) => Promise<KeySet | undefined>
}

export interface IssuerKeysOptions {
  /** Of the issuer, for the log. */
  readonly name: string
  /** Rejects when it cannot be read; has to end by itself. */
  readonly read: () => Promise<unknown>
  /** Keys that could not be read although some are believed. Must not throw. */
  readonly onError: (error: unknown) => void
  /** Milliseconds of a clock that nobody sets. Default: `performance.now`. */
  readonly now?: () => number
}

/** Older keys are read anew. */
export const freshMs = 300_000
/** Older keys are not believed. */
export const believedMs = 3_600_000
/** How often a name that is not there makes us look. */
export const missMs = 30_000
/** Threat: tokens by the thousand while the issuer is down, each with a call to it. */
export const retryMs = 5_000

interface Known {
  readonly set: KeySet
  /** What was read, to see whether anything changed. */
  readonly text: string
  readonly readAt: number
}

export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { name, read, onError, now = () => performance.now() } = options
  let known: Known | undefined
  let reading: Promise<KeySet> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  let missedAt = Number.NEGATIVE_INFINITY

  async function readOnce(): Promise<KeySet> {
    const readAt = now()
    try {
      const keys = usableKeys(await read())
      const text = JSON.stringify(keys)
      known = { set: known?.text === text ? known.set : keySetOf(keys), text, readAt }
      return known.set
    } catch (error) {
      failedAt = readAt
      throw new OperationalError('ERR_ISSUER_UNAVAILABLE', `the keys of the issuer ${name} cannot be read`, {
        cause: error,
      })
    }
  }

  function readAnew(): Promise<KeySet> {
    if (reading === undefined && now() - failedAt < retryMs) {
      const detail = `the keys of the issuer ${name} could not be read a moment ago`
      return Promise.reject(new OperationalError('ERR_ISSUER_UNAVAILABLE', detail))
    }
    reading ??= readOnce().finally(() => {
      reading = undefined
    })
    return reading
  }

  function current(): KeySet | undefined {
    if (known === undefined) return undefined
    const age = now() - known.readAt
    if (age >= freshMs && reading === undefined && now() - failedAt >= retryMs) readAnew().catch(onError)
    return age < believedMs ? known.set : undefined
  }

  return {
    current,
    async holding(keyId) {
      const askedAt = now()
      const set = current() ?? (await readAnew())
      if (set.has(keyId)) return set
      const isJustRead = known !== undefined && known.readAt >= askedAt
      if (isJustRead || now() - missedAt < missMs) return undefined
      const anew = await readAnew()
      if (anew.has(keyId)) return anew
      missedAt = now()
      return undefined
    },
  }
}

type Key = JSONWebKeySet['keys'][number]

const mostKeys = 64

/** Public keys for signatures; others that a set may hold are nobody's business here. Throws `Error` for what is no key set. */
function usableKeys(read: unknown): readonly Key[] {
  const keys = typeof read === 'object' && read !== null ? (read as { readonly keys?: unknown }).keys : undefined
  if (!Array.isArray(keys) || keys.length > mostKeys) throw new Error('expected a JSON Web Key Set')
  const usable = keys.filter(isUsable)
  if (usable.length === 0) throw new Error('the key set holds no public key for signatures')
  return usable
}

/** Threat: a key set with a shared secret, or with a key that is there to encrypt. */
function isUsable(key: unknown): key is Key {
  if (typeof key !== 'object' || key === null) return false
  const { kty, use, d, kid } = key as Readonly<Record<string, unknown>>
  const isPublic = (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && d === undefined
  return isPublic && (use === undefined || use === 'sig') && (kid === undefined || typeof kid === 'string')
}

export function keySetOf(keys: readonly Key[]): KeySet {
  const names = new Set(keys.map(({ kid }) => kid))
  return {
    getKey: createLocalJWKSet({ keys: keys.map(key => ({ ...key })) }),
    // Nobody has said which of several it is.
    has: keyId => (keyId === undefined ? keys.length === 1 : names.has(keyId)),
  }
}
