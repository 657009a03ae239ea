/**
 * Records in Redis (6.2 or later), over node-redis and RESP3.
 *
 * Keys: `<prefix><kind>:{<digest>}` holds one entry (see entry.ts): a record or a tombstone, so that the two can never
 * disagree. The digest is the hash tag: whatever is kept for one record is in one slot of a Redis Cluster.
 * `<prefix>index:{<digest>}` is a sorted set of which all scores are 0, so that it is ordered by its members: see
 * index-members.ts. `<prefix>probe` is written by `probe`; in a Cluster `<prefix>probe:{<number>}`, a key of each
 * master's own. Which server holds a key is the topology's to know: topology.ts.
 *
 * An entry's expiry counts by the injected clock and stands in the entry; Redis' own time to live only collects the
 * garbage. The server must not evict (`maxmemory-policy noeviction`): with a tombstone evicted, a late save could bring
 * an ended session back. How durable `end` is, is the server's `appendonly` setting.
 */
import type { Clock } from '../../clock.ts'
import type { RecordKind, RecordStore, StoredRecord } from '../record-store.ts'
import { decodeEntry, encodeEntry, encodeMoment, isEntryOf, ownCopy } from '../records/entry.ts'
import { decodeMember, encodeMember, pageOf, rangeOf, requireDigest } from '../records/index-members.ts'
import { withChanges } from '../records/record-changes.ts'
import { isDurable } from '../records/record-kinds.ts'
import { addressIn, createRedactor, type RedisAccess, type RedisAddress } from './address.ts'
import { createClusterTopology } from './cluster.ts'
import type { Client, RedisState } from './connection.ts'
import { hazardsOf } from './inspection.ts'
import { openLink } from './link.ts'
import { createSentinelTopology } from './sentinel.ts'
import { createSingleServer, type Topology, type TopologyOptions } from './topology.ts'
import { type CacheEvent, createTrackedRecords, trackedKinds } from './tracked-records.ts'

const defaultPrefix = 'sallyport:'

export interface RedisRecordsOptions extends RedisAccess {
  /** Default: `url` names the one server. */
  readonly topology?: RedisTopology
  /** How many replicas have to confirm the end of a session, and every other write that may not be lost; default 0. */
  readonly writeReplicas?: number
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

export type RedisTopology =
  | { readonly kind: 'single' }
  /** `url` names a Sentinel, with user and password of the servers; `nodes` are further Sentinels. */
  | {
      readonly kind: 'sentinel'
      readonly nodes: readonly RedisAddress[]
      readonly masterName: string
      /** What the Sentinels themselves want to hear. */
      readonly password?: string
    }
  /** `url` names a server of the cluster, `nodes` are further ones. */
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }

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
  const { clock, prefix = defaultPrefix } = options
  const topology = openTopology(options)
  const keyOf = (kind: RecordKind, key: string) => `${prefix}${kind}:{${key}}`
  const indexKeyOf = (index: string) => {
    requireDigest(index)
    return `${prefix}index:{${index}}`
  }
  const now = () => encodeMoment(clock.now())
  const ttl = (expiresAt: number) => String(Math.max(1, Math.ceil(expiresAt - clock.now())))
  /** A change of a record: `change` gets the key that it has in Redis. */
  const write = <T>(
    operation: string,
    kind: RecordKind,
    key: string,
    change: (client: Client, id: string) => Promise<T>,
  ): Promise<T> => {
    const run = isDurable(operation, kind) ? topology.runReplicated : topology.run
    return run(operation, key, client => change(client, keyOf(kind, key)))
  }

  const records: Omit<RecordStore, 'subscribe'> = {
    name: 'redis',
    async put(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await write('put', kind, key, (client, id) => client.putRecord(id, now(), entry, ttl(expiresAt)))) === 1
    },
    async add(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await write('add', kind, key, (client, id) => client.addRecord(id, now(), entry, ttl(expiresAt)))) === 1
    },
    get(kind, key, known) {
      const id = keyOf(kind, key)
      // Threat: stale replicas, as described in scripts.ts.
      const stored = topology.run('get', key, client => client.sendCommand<Buffer | null>(['GETEX', id]))
      return stored.then(encoded => (encoded === null ? undefined : liveRecord(encoded, known, clock.now())))
    },
    async extend(kind, key, expiresAt) {
      const moment = encodeMoment(expiresAt)
      const extended = await write('extend', kind, key, (client, id) =>
        client.extendRecord(id, now(), moment, ttl(expiresAt)),
      )
      return extended === 1
    },
    async take(kind, key) {
      return (await write('take', kind, key, (client, id) => client.takeRecord(id, now()))) ?? undefined
    },
    async end(kind, key, tombstoneUntil) {
      const entry = encodeEntry({ kind: 'tombstone', expiresAt: tombstoneUntil, value: Buffer.alloc(0) })
      await write('end', kind, key, (client, id) => client.endRecord(id, now(), entry, ttl(tombstoneUntil)))
    },
    async replace(kind, key, expected, { value, expiresAt }) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      const replaced = await write('replace', kind, key, (client, id) =>
        client.replaceRecord(id, now(), viewOf(expected), entry, ttl(expiresAt)),
      )
      return replaced === 1
    },
    async remove(kind, key, expected) {
      const view = viewOf(expected)
      return (await write('remove', kind, key, (client, id) => client.removeRecord(id, now(), view))) === 1
    },
    async link(index, member, expiresAt) {
      const [id, text] = [indexKeyOf(index), encodeMember(member, expiresAt)]
      await topology.run('link', index, client => client.linkMember(id, now(), text, ttl(expiresAt)))
    },
    async linkWithin(index, member, expiresAt, most) {
      const [id, text] = [indexKeyOf(index), encodeMember(member, expiresAt)]
      const gone = await topology.run('link', index, client =>
        client.linkMemberWithin(id, now(), text, ttl(expiresAt), String(most)),
      )
      return gone.map(one => decodeMember(String(one)))
    },
    async unlink(index, member, expiresAt) {
      const [id, text] = [indexKeyOf(index), encodeMember(member, expiresAt)]
      await topology.run('unlink', index, client => client.unlinkMember(id, text))
    },
    async page(index, options) {
      const { start, isAfter, limit } = rangeOf(options, clock.now())
      const [id, from] = [indexKeyOf(index), (isAfter ? '(' : '[') + start]
      const found = await topology.run('page', index, client => client.pageMembers(id, from, String(limit)))
      return pageOf(found.map(String), options.limit)
    },
    probe: () => topology.probe(),
    hazards: () => hazardsOf(topology),
    close: () => topology.close(),
  }
  // Nobody tells of the writes of others where nothing is remembered.
  if (options.cache === undefined) return withChanges(records, () => () => undefined)
  const { maxBytes, onEvent } = options.cache
  const further = onEvent === undefined ? {} : { onEvent }
  return createTrackedRecords(records, topology.tracking, { clock, maxBytes, ...further })
}

/** The connections alone. Throws for a URL that cannot be read. */
export function openTopology(options: RedisRecordsOptions): Topology {
  const { url, tls, prefix = defaultPrefix, topology = { kind: 'single' } } = options
  const { writeReplicas = 0, commandTimeoutMs = 1000 } = options
  const password = topology.kind === 'sentinel' ? topology.password : undefined
  const describe = createRedactor(url, password === undefined ? [] : [password])
  const keyPrefixes = new Map<RecordKind, string>(trackedKinds.map(kind => [kind, `${prefix}${kind}:{`]))
  const access = { url, ...(tls === undefined ? {} : { tls }) }
  const linkOptions = {
    access,
    commandTimeoutMs,
    describe,
    writeReplicas,
    loadsScripts: topology.kind === 'cluster',
    ...(options.cache === undefined ? {} : { keyPrefixes }),
  }
  const common: TopologyOptions = {
    openLink: place => openLink(linkOptions, place),
    prefix,
    ...(options.onStateChange === undefined ? {} : { onStateChange: options.onStateChange }),
  }
  if (topology.kind === 'single') return createSingleServer(common)
  const seeds = [addressIn(url), ...topology.nodes]
  if (topology.kind === 'cluster') return createClusterTopology({ ...common, seeds, commandTimeoutMs })
  const { masterName } = topology
  const isTls = url.startsWith('rediss:')
  return createSentinelTopology({
    ...common,
    sentinels: seeds,
    masterName,
    describe,
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: tls ?? {} } : {}),
  })
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
