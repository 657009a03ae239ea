/**
 * Records that anybody can have made without being known: login attempts, and addresses on the way to a login. What one
 * client, its network and all together can keep is bounded; what has been there longest goes first.
 *
 * Threat: a stranger who fills the store, and one who pushes out what others have begun. A client meets its own bound
 * first and pushes out its own; only very many networks at once meet the one for all.
 */

import { createHmac } from 'node:crypto'
import type { ClientNetworks } from '../../client-networks.ts'
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { RecordStore, StoredMember } from '../record-store.ts'
import { digestOf } from './seal.ts'
import { createSealedRecords, type SealedRecordsOptions } from './sealed-records.ts'

/** Records that strangers have made: how many of them a client, a network and all together can keep is bounded. */
export interface BoundedStore<T> {
  /** What has been there longest goes first. */
  put(id: string, value: T, ttlSeconds: number, client: ClientNetworks): Promise<void>
  get(id: string): Promise<T | undefined>
  take(id: string): Promise<T | undefined>
}

/** How many records of one size there may be. */
export interface RecordBounds {
  readonly perClient: number
  readonly perNetwork: number
  readonly inAll: number
}

export interface BoundedRecordsOptions extends SealedRecordsOptions {
  readonly clock: Clock
  readonly bounds: { readonly short: RecordBounds; readonly long: RecordBounds }
}

/** From this size on, in characters of JSON, a record counts among the long ones. */
const longFrom = 2048
/** The index of all is one for each first letter of a record's name, base64url, so that none gets long. */
const shards = 64

interface Kept {
  readonly value: unknown
  readonly member: StoredMember
  /** Names of the indexes that it stands in. */
  readonly indexes: readonly string[]
}

export function createBoundedRecords<T>(options: BoundedRecordsOptions): BoundedStore<T> {
  const { records, secrets, kind, clock, bounds } = options
  const [secret = ''] = secrets
  const sealed = createSealedRecords(options)
  // Addresses are few enough to be guessed from a plain digest.
  const indexOf = (...parts: readonly string[]) =>
    createHmac('sha256', secret)
      .update(['sallyport/bound', kind, ...parts].join('\0'))
      .digest('base64url')
  const indexOfAll = (key: string, size: string) => indexOf(size, 'all', key.slice(0, 1))
  const indexesOf = (key: string, size: string, { address, network }: { address: string; network: string }) => [
    indexOf(size, 'client', address),
    indexOf(size, 'network', network),
    indexOfAll(key, size),
  ]

  /** From the narrowest bound to the widest: what goes for the first no longer counts for the others. */
  async function makeRoom(member: StoredMember, size: 'short' | 'long', indexes: readonly string[]): Promise<void> {
    const { perClient, perNetwork, inAll } = bounds[size]
    const most = [perClient, perNetwork, Math.ceil(inAll / shards)]
    for (const [place, index] of indexes.entries()) {
      const gone = await records.linkWithin(index, member.member, member.expiresAt, most[place] ?? 1)
      for (const one of gone) {
        await records.take(kind, one.member)
        await forget(records, one, [...indexes.slice(place + 1, -1), indexOfAll(one.member, size)])
      }
    }
  }

  return {
    async put(id, value, ttlSeconds, client) {
      const expiresAt = clock.now() + ttlSeconds * 1000
      const member = { member: digestOf(kind, id), expiresAt }
      const size = JSON.stringify(value).length < longFrom ? 'short' : 'long'
      const indexes = indexesOf(member.member, size, client)
      await makeRoom(member, size, indexes)
      const kept: Kept = { value, member, indexes }
      const isNew = await sealed.add(id, kept, expiresAt)
      if (!isNew) throw new OperationalError('ERR_INTERNAL', `a ${kind} with this id is already there`)
    },
    async get(id) {
      const kept = (await sealed.get(id))?.value as Kept | undefined
      return kept?.value as T | undefined
    },
    async take(id) {
      const kept = (await sealed.take(id)) as Kept | undefined
      if (kept === undefined) return undefined
      // A hint that stays counts until it expires; what was taken counts all the same.
      await forget(records, kept.member, kept.indexes).catch(() => undefined)
      return kept.value as T
    },
  }
}

async function forget(records: RecordStore, { member, expiresAt }: StoredMember, indexes: readonly string[]) {
  await Promise.all(indexes.map(index => records.unlink(index, member, expiresAt)))
}
