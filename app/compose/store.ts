/** Composition of the store: for the service, and for commands that move what it holds. */
import type { Config } from '../../config/config.ts'
import type { Clock } from '../clock.ts'
import { readLmdbItems } from '../sessions/lmdb/items.ts'
import { createLmdbRecords } from '../sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../sessions/record-store.ts'
import type { StoredItem } from '../sessions/records/stored-items.ts'
import { readRedisItems } from '../sessions/redis/items.ts'
import { createRedisRecords, openTopology, type RedisRecordsOptions } from '../sessions/redis/redis-records.ts'

type StoreSettings = Config['sessions']['store']
type RedisSettings = Extract<StoreSettings, { readonly kind: 'redis' }>

/** What the service adds. */
export type StoreWatch = Pick<RedisRecordsOptions, 'cache' | 'onStateChange'>

/** `watch` counts for Redis only; its `cache` only where the settings want one. */
export function composeRecords(store: StoreSettings, clock: Clock, watch: StoreWatch = {}): RecordStore {
  if (store.kind === 'lmdb') return createLmdbRecords({ path: store.path, clock })
  const { cache, ...further } = watch
  const isRemembered = cache !== undefined && store.isCached
  return createRedisRecords({ ...redisOptions(store, clock), ...further, ...(isRemembered ? { cache } : {}) })
}

function redisOptions(store: RedisSettings, clock: Clock): RedisRecordsOptions {
  const { url, topology, writeReplicas, prefix, timeoutSeconds } = store
  const tls = 'tls' in store && store.tls !== undefined ? { tls: store.tls } : {}
  return { url, topology, writeReplicas, prefix, commandTimeoutMs: timeoutSeconds * 1000, clock, ...tls }
}

export interface StoreReader {
  readonly items: AsyncIterable<StoredItem>
  /** Resolves when there is something to read from; as `RecordStore.probe`. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** Everything that the store holds. `items` rejects with `ERR_STORE_UNAVAILABLE`. */
export function composeReader(store: StoreSettings, clock: Clock): StoreReader {
  if (store.kind === 'lmdb') {
    const nothing = async () => undefined
    return { items: readLmdbItems({ path: store.path, clock }), probe: nothing, close: nothing }
  }
  const topology = openTopology(redisOptions(store, clock))
  return {
    items: readRedisItems({ topology, prefix: store.prefix, clock }),
    probe: () => topology.probe(),
    close: () => topology.close(),
  }
}
