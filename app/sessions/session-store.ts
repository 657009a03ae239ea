/** Contracts of everything that is kept: sessions, one-time records and long-lived keys. */
import type { User } from '../../rbac/identity.ts'
import type { ClientNetworks } from '../client-networks.ts'

/** What a login leaves behind; the payload of a session. */
export interface LoginSession {
  readonly identity: User
  /** When the person logged in here, seconds since the epoch. The absolute lifetime counts from it. */
  readonly startedAt: number
  /** When the provider last confirmed the login, seconds since the epoch; absent: at `startedAt`. */
  readonly verifiedAt?: number
  /**
   * The provider could not be asked: since when, and when it is asked again, in seconds since the epoch. `isDoubted`: it
   * said no the last time, in words that need not be about the person.
   */
  readonly unverified?: { readonly since: number; readonly retryAt: number; readonly isDoubted?: boolean }
  /** How the provider can be asked without the person; absent: it cannot. */
  readonly verifyBy?: 'refresh-token' | 'access-token'
  /** `sid` of the ID token (OpenID Connect Front-Channel Logout 1.0 section 3): the provider's name for its session. */
  readonly providerSession?: string
  /** Where the login came from, for the person to recognise it by. */
  readonly startedFrom?: { readonly clientAddress?: string; readonly userAgent?: string }
  /** The person asked to stay logged in. */
  readonly isRemembered?: true
  /** What has to come along with the cookie. */
  readonly boundTo?: { readonly kind: 'client-certificate'; readonly thumbprint: string }
  /** The ID token as received, for `id_token_hint` at log-out. */
  readonly idToken?: string
}

/**
 * What a provider can be asked with again, without the person: the refresh token, or else the access token. Sealed like
 * the session and ended with it; never read on the way of a check that need not wait.
 */
export interface ProviderTokens {
  readonly refreshToken?: string
  readonly accessToken?: string
  /** Seconds since the epoch; absent where the provider did not say. */
  readonly accessTokenExpiresAt?: number
  /** The ID token stated what userinfo does not, so userinfo alone cannot confirm the login. */
  readonly needsIdToken?: true
  /** Of the ID token of the login: a later one that has one has the same (OpenID Connect Core 1.0 section 12.2). */
  readonly nonce?: string
}

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

/**
 * Opaque records with an expiry, in one backend. Every method is atomic across processes and replicas.
 * Every method rejects with `ERR_STORE_UNAVAILABLE` when the backend is down, slow or refuses; `get` may also throw it.
 * `key` is already a digest; `value` is already sealed; times are milliseconds since the epoch of the injected clock.
 * Every write of the kinds `tokens`, `mark` and `cutoff` is durable when it resolves, as `end` is: lost, they would leave
 * a session that was ended, or one whose provider was never asked again.
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
   * overwritten if its value is still `expected`. False, and nothing written, if it was ended, is gone or has changed.
   */
  replace(kind: RecordKind, key: string, expected: Uint8Array, value: Uint8Array, expiresAt: number): Promise<boolean>
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
  verifyConnection(): Promise<void>
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

/** Login sessions as the check path and log-out see them; `sessionId` is the secret in the cookie. */
export interface SessionStore {
  /**
   * The session, or `undefined` when it is unknown, ended, tampered with, idle for too long or past its lifetime.
   * Moves the idle expiry at most once a minute. Deeply frozen, and the same object for as long as the stored bytes are
   * the same (and memory lasts): its `identity` may key what is derived from it.
   */
  find(sessionId: string): ValueOrPromise<LoginSession | undefined>
  /** Ends the session everywhere; a save that is already under way cannot bring it back. */
  end(sessionId: string): Promise<void>
  /**
   * Puts `change(login)` in the place of the login, whatever else writes the session meanwhile: `change` may run several
   * times and must not do anything else. The login that stands then; `undefined` when the session has ended.
   */
  update(sessionId: string, change: (login: LoginSession) => LoginSession): Promise<LoginSession | undefined>
  /** First 16 characters of the session key's digest: joins audit events, opens nothing. */
  digest(sessionId: string): string
}

/** Sessions looked at without being used. */
export interface SessionView {
  /** As `find`, and nothing is moved: looking keeps no session alive. */
  look(sessionId: string): ValueOrPromise<StandingSession | undefined>
}

export interface StandingSession {
  readonly login: LoginSession
  /** When it ends unless it is used again, milliseconds since the epoch. */
  readonly endsAt: number
}

/** Records that strangers have made: how many of them a client, a network and all together can keep is bounded. */
export interface BoundedStore<T> {
  /** What has been there longest goes first. */
  put(id: string, value: T, ttlSeconds: number, client: ClientNetworks): Promise<void>
  get(id: string): Promise<T | undefined>
  take(id: string): Promise<T | undefined>
}

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

/** Hands a login session from the auth host to one application's host. Lives a minute and works once. */
export interface HandoffTicket {
  readonly sessionId: string
  /** Canonical host (no port) that may redeem it. */
  readonly domain: string
  /** Where the browser goes afterwards; checked when the attempt was made. */
  readonly returnTo: string
  /** base64url SHA-256 of the nonce in the browser's pending cookie on that host: only that browser may redeem. */
  readonly nonceHash: string
  /** The browser had no such cookie when the ticket before this one came. */
  readonly isAgain?: true
}
