/**
 * Login sessions by id, opened. Every call asks the store; what is remembered is only what the stored bytes mean, which
 * is a pure function of secret, id and bytes and costs a key derivation, a decryption and a parse to find out.
 */
import { LRUCache } from 'lru-cache'
import type { LoginSession } from './login-session.ts'
import type { RecordStore, StoredRecord, ValueOrPromise } from './record-store.ts'
import { createSeal, digestOf } from './records/seal.ts'
import { parseJson } from './records/sealed-records.ts'
import { parsePayload } from './session-payload.ts'

export interface OpenedLoginsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  /** What may be remembered, in bytes (at least 1; an estimate that errs on the safe side). */
  readonly memoryBytes: number
}

export interface OpenedLogin {
  /** Deeply frozen; the same object as long as the stored value stays the same. */
  readonly login: LoginSession
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface OpenedLogins {
  /** `undefined` for a record that is not there, does not open, or holds no login. Fails as `RecordStore.get` does. */
  get(sessionId: string): ValueOrPromise<OpenedLogin | undefined>
}

interface Memory extends OpenedLogin {
  /** Name of the record in the store. */
  readonly key: string
  readonly record: StoredRecord
  readonly bytes: number
}

/** Objects, strings and the places in the cache that belong to one session, beside its contents. */
const overheadBytes = 1024
/** Identity headers of one host, which live as long as the identity does (remembered-headers.ts). */
const bytesOfHeaders = 2048
/** A parsed text takes more room than its bytes: up to two per character, and an object around each of its parts. */
const parsedFactor = 4

export function createOpenedLogins({ records, secrets, memoryBytes }: OpenedLoginsOptions): OpenedLogins {
  const seal = createSeal(secrets)
  const memories = new LRUCache<string, Memory>({ maxSize: memoryBytes, sizeCalculation: ({ bytes }) => bytes })

  function open(id: string, key: string, known: Memory | undefined, record: StoredRecord | undefined) {
    if (record === undefined) {
      // What has ended is not kept in memory either.
      if (known !== undefined) memories.delete(id)
      return undefined
    }
    if (known !== undefined && known.record === record) return known
    // Only the expiry has moved: what was made of the value stays what it is.
    const isSameValue = known !== undefined && areSame(known.record.value, record.value)
    const login = isSameValue ? known.login : openLogin(seal.unseal('session', id, record.value))
    if (login === undefined) return undefined
    const bytes = overheadBytes + bytesOfHeaders + 2 * id.length + (1 + parsedFactor) * record.value.length
    const opened: Memory = { key, record, login, expiresAt: record.expiresAt, bytes }
    // A part of a string keeps the whole one alive, here a Cookie header of any length.
    memories.set(known === undefined ? Buffer.from(id).toString() : id, opened)
    return opened
  }

  return {
    get(sessionId) {
      const known = memories.get(sessionId)
      const key = known === undefined ? digestOf('session', sessionId) : known.key
      const found = records.get('session', key, known?.record)
      return found instanceof Promise
        ? found.then(record => open(sessionId, key, known, record))
        : open(sessionId, key, known, found)
    },
  }
}

const areSame = (one: Uint8Array, other: Uint8Array) => one === other || Buffer.compare(one, other) === 0

function openLogin(plaintext: Buffer | undefined): LoginSession | undefined {
  const login = parsePayload(parseJson(plaintext))
  if (login !== undefined) freezeDeeply(login)
  return login
}

/** Threat: whoever changed a shared identity would change it for every later request of that person. */
function freezeDeeply(value: object): void {
  // No recursion: claims come from outside, and may be nested deeper than a stack is.
  const waiting = [value]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    Object.freeze(next)
    for (const member of Object.values(next)) if (typeof member === 'object' && member !== null) waiting.push(member)
  }
}
