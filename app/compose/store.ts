/** Composition of the store: for the service, and for commands that move what it holds. */
import type { Config } from '../../config/config.ts'
import type { Clock } from '../clock.ts'
import type { RecordStore } from '../sessions/record-store.ts'
import type { StoredItem } from '../sessions/records/stored-items.ts'
import type { InspectedServer } from '../sessions/redis/inspection.ts'
import type { RedisRecordsOptions } from '../sessions/redis/redis-records.ts'

type StoreSettings = Config['sessions']['store']
type RedisSettings = Extract<StoreSettings, { readonly kind: 'redis' }>

/** What the service adds. */
export type StoreWatch = Pick<RedisRecordsOptions, 'cache' | 'onStateChange'>

/** Loads the code of this store alone. `watch` counts for Redis only; its `cache` only where the settings want one. */
export async function composeRecords(store: StoreSettings, clock: Clock, watch: StoreWatch = {}): Promise<RecordStore> {
  if (store.kind === 'lmdb') {
    const { createLmdbRecords } = await import('../sessions/lmdb/lmdb-records.ts')
    return createLmdbRecords({ path: store.path, clock })
  }
  const { createRedisRecords } = await import('../sessions/redis/redis-records.ts')
  const { cache, ...further } = watch
  const isRemembered = cache !== undefined && store.isCached
  return createRedisRecords({ ...redisOptions(store, clock), ...further, ...(isRemembered ? { cache } : {}) })
}

function redisOptions(store: RedisSettings, clock: Clock): RedisRecordsOptions {
  const { url, topology, writeReplicas, prefix, timeoutSeconds } = store
  const tls = 'tls' in store && store.tls !== undefined ? { tls: store.tls } : {}
  return { url, topology, writeReplicas, prefix, commandTimeoutMs: timeoutSeconds * 1000, clock, ...tls }
}

export interface RedisInspection {
  /** Rejects with `ERR_STORE_UNAVAILABLE`, also while the connections are being made. */
  inspect(): Promise<readonly InspectedServer[]>
  close(): Promise<void>
}

/** Looks at the servers and changes nothing. */
export async function composeInspection(store: RedisSettings, clock: Clock): Promise<RedisInspection> {
  const [{ inspectServers }, { openTopology }] = await Promise.all([
    import('../sessions/redis/inspection.ts'),
    import('../sessions/redis/redis-records.ts'),
  ])
  const topology = openTopology(redisOptions(store, clock))
  return { inspect: () => inspectServers(topology, `${store.prefix}probe`), close: () => topology.close() }
}

export interface StoreReader {
  readonly items: AsyncIterable<StoredItem>
  /** Resolves when there is something to read from; as `RecordStore.probe`. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** Everything that the store holds. `items` rejects with `ERR_STORE_UNAVAILABLE`. */
export async function composeReader(store: StoreSettings, clock: Clock): Promise<StoreReader> {
  if (store.kind === 'lmdb') {
    const { readLmdbItems } = await import('../sessions/lmdb/items.ts')
    const nothing = async () => undefined
    return { items: readLmdbItems({ path: store.path, clock }), probe: nothing, close: nothing }
  }
  const [{ readRedisItems }, { openTopology }] = await Promise.all([
    import('../sessions/redis/items.ts'),
    import('../sessions/redis/redis-records.ts'),
  ])
  const topology = openTopology(redisOptions(store, clock))
  return {
    items: readRedisItems({ topology, prefix: store.prefix, clock }),
    probe: () => topology.probe(),
    close: () => topology.close(),
  }
}
