/** JSON values in a RecordStore that knows neither their ids nor their contents; see seal.ts for what that protects. */
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { RecordKind, RecordStore, StoredRecord, ValueOrPromise } from '../record-store.ts'
import { createSeal, digestOf } from './seal.ts'

/** Records that are used once: handoff tickets. */
export interface OneTimeStore<T> {
  put(id: string, value: T, ttlSeconds: number): Promise<void>
  take(id: string): Promise<T | undefined>
}

/** Long-lived records that every replica shares, written once: signing keys. */
export interface SharedStore<T> {
  /** False if somebody else was first; read again to get theirs. */
  add(id: string, value: T, expiresAt: number): Promise<boolean>
  get(id: string): Promise<T | undefined>
}

export interface SealedRecordsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly kind: RecordKind
  /** Name of the record of an id in the store, always a digest. Default: one that only who knows the id can tell. */
  readonly keyOf?: (id: string) => string
}

/** As RecordStore, for one kind, by id instead of key and with values that JSON can carry. */
export interface SealedRecords {
  put(id: string, value: unknown, expiresAt: number): Promise<boolean>
  add(id: string, value: unknown, expiresAt: number): Promise<boolean>
  get(id: string): ValueOrPromise<OpenedRecord | undefined>
  extend(id: string, expiresAt: number): Promise<boolean>
  take(id: string): Promise<unknown>
  end(id: string, tombstoneUntil: number): Promise<void>
  /** Overwrites the record if it is still the one that was opened as `version`; false if ended, gone or changed. */
  replace(id: string, version: Uint8Array, value: unknown, expiresAt: number): Promise<boolean>
  /** Deletes the record if it is still the one that was opened as `version`. */
  remove(id: string, version: Uint8Array): Promise<boolean>
}

export interface OpenedRecord {
  readonly value: unknown
  readonly expiresAt: number
  /** The sealed bytes, which no other version shares: for `replace` and `remove`. */
  readonly version: Uint8Array
}

/** A record that does not open, or does not parse, is one that is not there. */
export function createSealedRecords(options: SealedRecordsOptions): SealedRecords {
  const { records, secrets, kind, keyOf = id => digestOf(kind, id) } = options
  const seal = createSeal(secrets)
  const close = (id: string, value: unknown) => seal.seal(kind, id, Buffer.from(JSON.stringify(value)))
  const open = (id: string, sealed: Uint8Array) => parseJson(seal.unseal(kind, id, sealed))
  const openRecord = (id: string, record: StoredRecord | undefined): OpenedRecord | undefined => {
    if (record === undefined) return undefined
    const value = open(id, record.value)
    return value === undefined ? undefined : { value, expiresAt: record.expiresAt, version: record.value }
  }
  return {
    put: (id, value, expiresAt) => records.put(kind, keyOf(id), close(id, value), expiresAt),
    add: (id, value, expiresAt) => records.add(kind, keyOf(id), close(id, value), expiresAt),
    get(id) {
      const found = records.get(kind, keyOf(id))
      return found instanceof Promise ? found.then(record => openRecord(id, record)) : openRecord(id, found)
    },
    extend: (id, expiresAt) => records.extend(kind, keyOf(id), expiresAt),
    async take(id) {
      const sealed = await records.take(kind, keyOf(id))
      return sealed === undefined ? undefined : open(id, sealed)
    },
    end: (id, tombstoneUntil) => records.end(kind, keyOf(id), tombstoneUntil),
    replace: (id, version, value, expiresAt) =>
      records.replace(kind, keyOf(id), version, { value: close(id, value), expiresAt }),
    remove: (id, version) => records.remove(kind, keyOf(id), version),
  }
}

/** `undefined` for what is no JSON. */
export function parseJson(plaintext: Buffer | undefined): unknown {
  if (plaintext === undefined) return undefined
  try {
    return JSON.parse(plaintext.toString())
  } catch {
    return undefined
  }
}

/**
 * Login attempts and handoff tickets. `T` is what was put: the seal vouches that nobody else wrote it, so its shape is
 * not checked again. Rejects with `ERR_INTERNAL` when an id is used for a second time while the first still stands.
 */
export function createOneTimeStore<T>(options: SealedRecordsOptions & { readonly clock: Clock }): OneTimeStore<T> {
  const sealed = createSealedRecords(options)
  return {
    async put(id, value, ttlSeconds) {
      const isNew = await sealed.add(id, value, options.clock.now() + ttlSeconds * 1000)
      if (!isNew) throw new OperationalError('ERR_INTERNAL', `a ${options.kind} with this id is already there`)
    },
    take: async id => (await sealed.take(id)) as T | undefined,
  }
}

/** Signing keys. Ids may be guessable; the values are safe by the master secret alone. */
export function createSharedStore<T>(options: SealedRecordsOptions): SharedStore<T> {
  const sealed = createSealedRecords(options)
  return {
    add: (id, value, expiresAt) => sealed.add(id, value, expiresAt),
    get: async id => (await sealed.get(id))?.value as T | undefined,
  }
}
