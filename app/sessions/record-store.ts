/** What a backend keeps, and how it is asked: the contract of LMDB, Redis and whatever stands before them. */

/**
 * An answer that is at hand, or one that has to be waited for. A check makes a promise only where something is awaited;
 * so a failure is thrown by the first and a rejection of the second, and whoever calls has to expect both.
 */
export type ValueOrPromise<T> = T | Promise<T>

/** The kinds of records; part of every key and of every seal, so that one kind can never be read as another. */
export type RecordKind =
  | 'session'
  | 'attempt'
  | 'answer'
  | 'address'
  | 'ticket'
  | 'signing-key'
  | 'tokens'
  | 'lease'
  | 'visit'
  | 'summary'
  | 'mark'
  | 'cutoff'
  | 'grant'
  | 'grant-code'
  | 'device-request'
  | 'user-code'
  | 'device-answer'
  | 'exchanged-token'
  | 'proof'
  | 'password'
  | 'person'

/** A line for each server, empty where there is none. */
export interface StoreHazards {
  /** What is set, with the address. */
  readonly set: readonly string[]
  /** Addresses of servers that do not tell what is set. */
  readonly untold: readonly string[]
}

/**
 * Opaque records with an expiry, in one backend. Every method is atomic across processes and replicas.
 * Every method rejects with `ERR_STORE_UNAVAILABLE` when the backend is down, slow or refuses; `get` may also throw it.
 * `key` is already a digest; `value` is already sealed; times are milliseconds since the epoch of the injected clock.
 * Every write of the kinds `tokens`, `mark`, `cutoff`, `grant`, `password` and `person` is durable when it resolves, as `end`
 * is: lost, they would leave a session that was ended, one whose provider was never asked again, a refresh token that looks
 * stolen, or a password that counts for somebody whom the provider has refused.
 */
export interface RecordStore {
  readonly name: 'lmdb' | 'redis'
  /** Write or overwrite. False, and nothing written, if the key was ended (its tombstone stands). */
  put(kind: RecordKind, key: string, value: Uint8Array, expiresAt: number): Promise<boolean>
  /** Write only if absent; false if a live record or a tombstone is there. */
  add(kind: RecordKind, key: string, value: Uint8Array, expiresAt: number): Promise<boolean>
  /**
   * `known` is what an earlier `get` of this key has returned. If the backend holds the same value and expiry, that very
   * object is returned again, so that nothing made of it has to be made anew.
   */
  get(kind: RecordKind, key: string, known?: StoredRecord): ValueOrPromise<StoredRecord | undefined>
  /** Move the expiry of a live record; never creates one. */
  extend(kind: RecordKind, key: string, expiresAt: number): Promise<boolean>
  /** Read and delete in one step: of any number of callers exactly one receives the value. */
  take(kind: RecordKind, key: string): Promise<Uint8Array | undefined>
  /** Delete, and refuse every later `put` and `add` of this key until `tombstoneUntil`. Durable when it resolves. */
  end(kind: RecordKind, key: string, tombstoneUntil: number): Promise<void>
  /**
   * Compare and swap on the stored bytes (every seal has a fresh nonce, so equal bytes are one version): the record is
   * overwritten with `next` if its value is still `expected`. False, and nothing written, if it was ended, is gone or has changed.
   */
  replace(kind: RecordKind, key: string, expected: Uint8Array, next: StoredRecord): Promise<boolean>
  /** Delete if the value is still `expected`: gives a lease back. Leaves no tombstone; false if nothing was deleted. */
  remove(kind: RecordKind, key: string, expected: Uint8Array): Promise<boolean>
  /**
   * Notes `member` in `index` until `expiresAt`; both are digests (a RangeError otherwise). Idempotent for the same
   * expiry; with another one the member stands there twice. A hint that outlives what it names: whoever reads it looks
   * whether that is still there.
   */
  link(index: string, member: string, expiresAt: number): Promise<void>
  /**
   * The same, in an index that holds at most `most`: those that stand first go, at most 200 at a time, and are returned.
   * Members whose expiries are equally far away go in the order in which they came.
   */
  linkWithin(index: string, member: string, expiresAt: number, most: number): Promise<readonly StoredMember[]>
  /** Takes back what `link` noted with the same three. */
  unlink(index: string, member: string, expiresAt: number): Promise<void>
  /**
   * Members in order of (expiry, member), without those that have expired. While others come and go, each one that
   * stays is on exactly one of the pages. Rejects with a RangeError for a limit or a cursor that cannot be.
   */
  page(index: string, options: PageOptions): Promise<IndexPage>
  /**
   * Tells `listener` of records that may have changed until the answer is called: the writes of sessions and cutoffs that
   * this object makes, when they are done, and those of others as far as the backend shows them. A reason to read, and no
   * promise: it may come late, twice or not at all, and for records that are as before. Costs nothing while nobody listens.
   */
  subscribe(listener: ChangeListener): () => void
  /** Resolves when the backend answers a write-capable round trip. */
  probe(): Promise<void>
  /**
   * Settings of the backend's servers by which it may lose what it has acknowledged. Rejects as every method. Absent: there are
   * none.
   */
  hazards?(): Promise<StoreHazards>
  close(): Promise<void>
}

export interface ChangedRecord {
  readonly kind: RecordKind
  readonly key: string
}

/** `undefined`: any record may have changed. */
export type ChangeListener = (changed: ChangedRecord | undefined) => void

export interface StoredRecord {
  readonly value: Uint8Array
  readonly expiresAt: number
}

/** A member of an index as it was noted. */
export interface StoredMember {
  readonly member: string
  readonly expiresAt: number
}

export interface PageOptions {
  /** `next` of an earlier page; absent: from the first. */
  readonly after?: string
  /** 1 to 1000. */
  readonly limit: number
}

export interface IndexPage {
  readonly members: readonly string[]
  /** Absent on the last page. */
  readonly next?: string
}
