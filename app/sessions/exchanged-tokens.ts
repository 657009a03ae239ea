/**
 * What stands behind each token that this service makes out of another one: whose it is, and that it has not been revoked.
 *
 * Threat: a token that leaves out a group or a claim of the one that it was made from; a row that denies by it would not
 * apply. So the identity is kept here, whole, and the token only leads to it. Threat: a token that was revoked, and counts
 * somewhere because it was seen before. So its record, and those of the tokens that it was made from, are looked for with
 * each use: what was ended anywhere counts nowhere from then on.
 */
import type { Machine, User } from '../../rbac/identity.ts'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import type { RecordStore, ValueOrPromise } from './record-store.ts'
import { digestOf } from './records/seal.ts'
import { createSealedRecords } from './records/sealed-records.ts'

/** A token of a chain: who made it, and its `jti` where it has one. */
export interface Link {
  /** Name of its issuer in the configuration; our own is `sallyport`. */
  readonly issuer: string
  readonly id?: string
}

export interface ExchangedToken {
  readonly identity: Machine | User
  /** Canonical host that it is for, and no other. */
  readonly host: string
  /** What it may do there; absent: what the policy lets its bearer do. */
  readonly scope?: string
  /** The tokens that it was made from, the first one first. */
  readonly chain: readonly Link[]
  /** Who acted, as rows name them, in that order. */
  readonly actors: readonly string[]
  /** The same ones, whole: rows may deny by what they are. Absent where nobody acted, and in records of earlier versions. */
  readonly actorIdentities?: readonly (Machine | User)[]
  /** `act` (RFC 8693 section 4.1), the last one outermost. */
  readonly act?: Act
  /** `may_act` of the first token (RFC 8693 section 4.4): it holds for all that is made of it. */
  readonly mayAct?: Readonly<Record<string, unknown>>
  /** What its bearer has to prove (RFC 7800). */
  readonly confirmation?: Confirmation
  /**
   * Secret. The login session that it was made from: it counts for as long as that stands, and for whom that says it is.
   * Absent where it was made from no login.
   */
  readonly sessionId?: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

export interface Act {
  /** `<issuer>#<sub>` */
  readonly sub: string
  readonly act?: Act
}

/** At least one of the two; where both are there, both have to be proved. */
export interface Confirmation {
  /** Thumbprint of a key (RFC 9449 section 6.1). */
  readonly jkt?: string
  /** Thumbprint of a client certificate (RFC 8705 section 3.1). */
  readonly 'x5t#S256'?: string
}

export interface OpenedToken {
  /** Frozen. */
  readonly token: ExchangedToken
  /** Whether it, and all that it was made from, are there still. Throws or rejects with `ERR_STORE_UNAVAILABLE`. */
  stands(): ValueOrPromise<boolean>
}

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface ExchangedTokens {
  /** `id`: its `jti`. */
  keep(id: string, token: ExchangedToken): Promise<void>
  /** `undefined` for one that has expired or was ended, or one that it was made from, and where it is not known who acts. */
  open(id: string): Promise<OpenedToken | undefined>
  /** Durable when it resolves, and whether or not it is seen here; all that was made of it ends as well. */
  end(id: string, expiresAt: number): Promise<void>
  /** Notes the id of a proof (RFC 9449 section 11.1), in milliseconds since the epoch; false if it was there before. */
  firstUse(id: string, expiresAtMs: number): Promise<boolean>
}

export interface ExchangedTokensOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
}

export const ownIssuer = 'sallyport'
const kind = 'exchanged-token'
/**
 * Threat: a clock of another replica that is behind, by which a token goes on counting when it has been forgotten here that it
 * was ended. As long as the longest life that one can have, counted from both its end and our moment.
 */
const marginMs = 3_600_000

export function createExchangedTokens({ records, secrets, clock }: ExchangedTokensOptions): ExchangedTokens {
  const sealed = createSealedRecords({ records, secrets, kind })
  const proofs = createSealedRecords({ records, secrets, kind: 'proof' })

  function createStands(id: string, { chain, expiresAt }: ExchangedToken): OpenedToken['stands'] {
    const own = chain.flatMap(link => (link.issuer === ownIssuer && link.id !== undefined ? [link.id] : []))
    const keys = [id, ...own].map(one => digestOf(kind, one))
    return () => {
      if (clock.now() >= expiresAt * 1000) return false
      const found = keys.map(key => records.get(kind, key))
      if (!found.some(record => record instanceof Promise)) return found.every(record => record !== undefined)
      return Promise.all(found).then(all => all.every(record => record !== undefined))
    }
  }

  return {
    async keep(id, token) {
      const isNew = await sealed.add(id, token, token.expiresAt * 1000)
      if (!isNew) throw new OperationalError('ERR_INTERNAL', 'a token with this id is already there')
    },
    async open(id) {
      const record = await sealed.get(id)
      if (record === undefined) return undefined
      // The seal vouches that nobody else wrote it.
      const token = freezeAll(record.value as ExchangedToken)
      // Threat: a record of an earlier version, which does not say who acted: a row that denies it to them would not apply.
      if (token.actors.length !== (token.actorIdentities ?? []).length) return undefined
      const stands = createStands(id, token)
      return (await stands()) ? { token, stands } : undefined
    },
    firstUse: (id, expiresAtMs) => proofs.add(id, true, expiresAtMs),
    end: (id, expiresAt) => sealed.end(id, Math.max(expiresAt * 1000, clock.now()) + marginMs),
  }
}

/** Who is known by reference has to stay as he is. */
function freezeAll<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const item of Object.values(value)) freezeAll(item)
  return Object.freeze(value)
}
