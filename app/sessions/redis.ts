/**
 * Records in Redis (6.2 or later), over node-redis and RESP3.
 *
 * Keys: `<prefix><kind>:{<digest>}` holds one entry (see entry.ts): a record or a tombstone, so that the two can never
 * disagree. The digest is the hash tag: whatever is kept for one record is in one slot of a Redis Cluster.
 * `<prefix>index:{<digest>}` is a sorted set of which all scores are 0, so that it is ordered by its members: see
 * index-members.ts. `<prefix>probe` is written by `verifyConnection`.
 *
 * An entry's expiry counts by the injected clock and stands in the entry; Redis' own time to live only collects the
 * garbage. The server must not evict (`maxmemory-policy noeviction`): with a tombstone evicted, a late save could bring
 * an ended session back. How durable `end` is, is the server's `appendonly` setting.
 */
import type { Clock } from '../clock.ts'
import { withDeadline } from './deadline.ts'
import { decodeEntry, encodeEntry, encodeMoment, isEntryOf, ownCopy } from './entry.ts'
import { encodeMember, pageOf, rangeOf, requireDigest } from './index-members.ts'
import { createRunner } from './redis-commands.ts'
import { connectTo, createRedactor, type RedisState, watchState } from './redis-connection.ts'
import { createTracking } from './redis-tracking.ts'
import type { RecordKind, RecordStore, StoredRecord } from './session-store.ts'
import { type CacheEvent, createTrackedRecords, trackedKinds } from './tracked-records.ts'

export interface RedisRecordsOptions {
  /** `redis://` or `rediss://`, with user, password and database number as far as needed. */
  readonly url: string
  /** Put before every key; default `sallyport:`. */
  readonly prefix?: string
  /** How long one command may take, in milliseconds; default 1000. */
  readonly commandTimeoutMs?: number
  readonly clock: Clock
  /** Told when the connection becomes ready and when it is lost; the cause names no secret. */
  readonly onStateChange?: (state: RedisState) => void
  /** Sessions that were read are remembered until Redis tells of a change; absent: each read asks Redis. */
  readonly cache?: RedisCacheOptions
}

export interface RedisCacheOptions {
  /** What may be remembered, in bytes. */
  readonly maxBytes: number
  readonly onEvent?: (event: CacheEvent) => void
}

/**
 * Returns at once and connects in the background, for ever; until then every method rejects with
 * `ERR_STORE_UNAVAILABLE`. Throws for a URL that cannot be read.
 */
export function createRedisRecords(options: RedisRecordsOptions): RecordStore {
  const { clock, prefix = 'sallyport:', commandTimeoutMs = 1000 } = options
  const describe = createRedactor(options.url)
  const client = connectTo(options.url, { commandTimeoutMs, isTold: options.cache !== undefined })
  watchState(client, describe, options.onStateChange)
  const run = createRunner(client, describe, commandTimeoutMs)
  const keyOf = (kind: RecordKind, key: string) => `${prefix}${kind}:{${key}}`
  const indexKeyOf = (index: string) => {
    requireDigest(index)
    return `${prefix}index:{${index}}`
  }
  const now = () => encodeMoment(clock.now())
  const ttl = (expiresAt: number) => String(Math.max(1, Math.ceil(expiresAt - clock.now())))

  const records: RecordStore = {
    name: 'redis',
    async put(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await run('put', () => client.putRecord(keyOf(kind, key), now(), entry, ttl(expiresAt)))) === 1
    },
    async add(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await run('add', () => client.addRecord(keyOf(kind, key), now(), entry, ttl(expiresAt)))) === 1
    },
    get(kind, key, known) {
      // Threat: stale replicas, as described in redis-scripts.ts.
      const stored = run('get', () => client.sendCommand<Buffer | null>(['GETEX', keyOf(kind, key)]))
      return stored.then(encoded => (encoded === null ? undefined : liveRecord(encoded, known, clock.now())))
    },
    async extend(kind, key, expiresAt) {
      const moment = encodeMoment(expiresAt)
      return (await run('extend', () => client.extendRecord(keyOf(kind, key), now(), moment, ttl(expiresAt)))) === 1
    },
    async take(kind, key) {
      return (await run('take', () => client.takeRecord(keyOf(kind, key), now()))) ?? undefined
    },
    async end(kind, key, tombstoneUntil) {
      const entry = encodeEntry({ kind: 'tombstone', expiresAt: tombstoneUntil, value: Buffer.alloc(0) })
      await run('end', () => client.endRecord(keyOf(kind, key), now(), entry, ttl(tombstoneUntil)))
    },
    async replace(kind, key, expected, value, expiresAt) {
      const id = keyOf(kind, key)
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      const replaced = await run('replace', () =>
        client.replaceRecord(id, now(), viewOf(expected), entry, ttl(expiresAt)),
      )
      return replaced === 1
    },
    async remove(kind, key, expected) {
      return (await run('remove', () => client.removeRecord(keyOf(kind, key), now(), viewOf(expected)))) === 1
    },
    async link(index, member, expiresAt) {
      const text = encodeMember(member, expiresAt)
      await run('link', () => client.linkMember(indexKeyOf(index), now(), text, ttl(expiresAt)))
    },
    async unlink(index, member, expiresAt) {
      const text = encodeMember(member, expiresAt)
      await run('unlink', () => client.unlinkMember(indexKeyOf(index), text))
    },
    async page(index, options) {
      const { start, isAfter, limit } = rangeOf(options, clock.now())
      const from = (isAfter ? '(' : '[') + start
      const found = await run('page', () => client.pageMembers(indexKeyOf(index), from, String(limit)))
      return pageOf(found.map(String), options.limit)
    },
    async verifyConnection() {
      await run('probe', () => client.set(`${prefix}probe`, now(), { expiration: { type: 'PX', value: 60_000 } }))
    },
    async close() {
      await withDeadline(client.close(), commandTimeoutMs, 'redis: pending commands dropped').catch(() => {
        if (client.isOpen) client.destroy()
      })
    },
  }
  if (options.cache === undefined) return records
  const { maxBytes, onEvent } = options.cache
  const tracking = createTracking(client, {
    keyPrefixes: new Map(trackedKinds.map(kind => [kind, keyOf(kind, '').slice(0, -1)])),
    heartbeatKey: `${prefix}probe`,
    run,
  })
  return createTrackedRecords(records, tracking, { clock, maxBytes, ...(onEvent === undefined ? {} : { onEvent }) })
}

const viewOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** `known` itself when nothing has changed. */
function liveRecord(encoded: Buffer, known: StoredRecord | undefined, now: number): StoredRecord | undefined {
  const record = known !== undefined && isEntryOf(encoded, known.value, known.expiresAt) ? known : recordIn(encoded)
  return record === undefined || record.expiresAt <= now ? undefined : record
}

function recordIn(encoded: Buffer): StoredRecord | undefined {
  const entry = decodeEntry(encoded)
  return entry?.kind === 'record' ? { value: ownCopy(entry.value), expiresAt: entry.expiresAt } : undefined
}
