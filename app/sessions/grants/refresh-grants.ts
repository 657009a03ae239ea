/**
 * Grants: what a machine keeps so that kubectl can go on without the person, for as long as a login session lasts.
 *
 * A refresh token is the grant's name and a secret, 32 bytes each. The name leads to the record and opens it, as the id in
 * a cookie does (records/seal.ts); the secret changes with each use (RFC 9700 section 4.14.2). All secrets of a grant come
 * from one seed in its record, so that an answer that was lost can be given once more, and none has to be kept.
 *
 * Threat: a copy of the machine's cache. Whoever comes second with a token that has been replaced shows that there is a
 * copy, and nobody can tell who has it: the grant ends.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { RecordStore } from '../record-store.ts'
import { digestOf } from '../records/seal.ts'
import { createSealedRecords, type OpenedRecord } from '../records/sealed-records.ts'
import { untilWritten } from '../records/until-written.ts'

export interface Grant {
  /** First 16 characters of its key's digest, for audit events. Opens nothing. */
  readonly handle: string
  /** The login session that it hangs on. */
  readonly sessionId: string
  readonly way: 'browser' | 'device'
  /** Milliseconds since the epoch. */
  readonly endsAt: number
}

export interface OpenedGrant {
  readonly grant: Grant
  /** A token that was replaced before; the grant has ended. */
  readonly isReused: boolean
  /** The next refresh token, and the one before loses its worth; `undefined` when the grant ended meanwhile. */
  rotate(): Promise<string | undefined>
}

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface RefreshGrants {
  begin(grant: Omit<Grant, 'handle'>): Promise<{ readonly grant: Grant; readonly token: string }>
  /** Of whatever came; `undefined` for what is no token of a grant that stands. */
  open(token: string): Promise<OpenedGrant | undefined>
  /** Ends the grant of a token, whichever of its tokens it is; the grant that it was. */
  end(token: string): Promise<Grant | undefined>
}

export interface RefreshGrantsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
}

interface Kept extends Omit<Grant, 'handle' | 'endsAt'> {
  /** base64url, 32 bytes. */
  readonly seed: string
  /** Counts the uses. */
  readonly generation: number
  /** Milliseconds since the epoch. */
  readonly rotatedAt: number
}

/** For how long the token before is answered once more: an answer can be lost on its way. */
const graceMs = 30_000
const handleLength = 16

export function createRefreshGrants({ records, secrets, clock }: RefreshGrantsOptions): RefreshGrants {
  const grants = createSealedRecords({ records, secrets, kind: 'grant' })

  async function find(token: string): Promise<Found | undefined> {
    const parts = partsOf(token)
    const record = parts === undefined ? undefined : await grants.get(parts.name)
    return parts === undefined || record === undefined ? undefined : { ...parts, ...foundIn(parts, record, clock) }
  }

  const end = (name: string, { endsAt }: Grant): Promise<void> => grants.end(name, endsAt)

  const rotate = (token: string): Promise<string | undefined> =>
    untilWritten('a grant', async () => {
      const found = await find(token)
      if (found === undefined || found.standing === 'replaced') return { outcome: undefined }
      const { name, kept, record } = found
      if (found.standing === 'previous') return { outcome: tokenOf(name, kept) }
      const next: Kept = { ...kept, generation: kept.generation + 1, rotatedAt: clock.now() }
      const isWritten = await grants.replace(name, record.version, next, record.expiresAt)
      return isWritten ? { outcome: tokenOf(name, next) } : undefined
    })

  return {
    async begin({ endsAt, ...rest }) {
      const name = randomBytes(32).toString('base64url')
      const seed = randomBytes(32).toString('base64url')
      const kept: Kept = { ...rest, seed, generation: 0, rotatedAt: 0 }
      await grants.add(name, kept, endsAt)
      return { grant: { ...rest, endsAt, handle: handleOf(name) }, token: tokenOf(name, kept) }
    },
    async open(token) {
      const found = await find(token)
      if (found === undefined) return undefined
      const { name, grant } = found
      const isReused = found.standing === 'replaced'
      if (isReused) await end(name, grant)
      return { grant, isReused, rotate: () => rotate(token) }
    },
    async end(token) {
      const found = await find(token)
      if (found === undefined) return undefined
      await end(found.name, found.grant)
      return found.grant
    },
  }
}

interface Found {
  readonly name: string
  readonly grant: Grant
  readonly kept: Kept
  readonly record: OpenedRecord
  readonly standing: 'current' | 'previous' | 'replaced'
}

function foundIn({ name, secret }: Parts, record: OpenedRecord, clock: Clock) {
  // The seal vouches that nobody else wrote it.
  const kept = record.value as Kept
  const { sessionId, way } = kept
  const grant: Grant = { handle: handleOf(name), sessionId, way, endsAt: record.expiresAt }
  return { grant, kept, record, standing: standingOf(secret, kept, clock) }
}

function standingOf(secret: Buffer, kept: Kept, clock: Clock): Found['standing'] {
  if (timingSafeEqual(secret, secretOf(kept, kept.generation))) return 'current'
  const isPrevious = timingSafeEqual(secret, secretOf(kept, kept.generation - 1))
  // A clock that was set back must not make the grace longer.
  return isPrevious && Math.abs(clock.now() - kept.rotatedAt) <= graceMs ? 'previous' : 'replaced'
}

const secretOf = ({ seed }: Kept, generation: number): Buffer =>
  createHmac('sha256', Buffer.from(seed, 'base64url')).update(`sallyport/refresh/1/${generation}`).digest()

const tokenOf = (name: string, kept: Kept): string => `${name}.${secretOf(kept, kept.generation).toString('base64url')}`

interface Parts {
  readonly name: string
  readonly secret: Buffer
}

function partsOf(token: string): Parts | undefined {
  const [, name, text] = /^([\w-]{43})\.([\w-]{43})$/.exec(token) ?? []
  if (name === undefined || text === undefined) return undefined
  return { name, secret: Buffer.from(text, 'base64url') }
}

const handleOf = (name: string): string => digestOf('grant', name).slice(0, handleLength)
