/** Composition of the store: for the service, and for commands that move what it holds. */
import type { Config } from '../../config/config.ts'
import type { Clock } from '../clock.ts'
import type { RecordStore, StoreHazards } from '../sessions/record-store.ts'
import type { StoredItem } from '../sessions/records/stored-items.ts'
import type { InspectedServer } from '../sessions/redis/inspection.ts'
import type { RedisRecordsOptions } from '../sessions/redis/redis-records.ts'
import type { ReadinessProbe } from '../telemetry/readiness.ts'
import type { Base } from './kept.ts'

type StoreSettings = Config['sessions']['store']
type RedisSettings = Extract<StoreSettings, { readonly kind: 'redis' }>

/** What the service adds. */
type StoreWatch = Pick<RedisRecordsOptions, 'cache' | 'onStateChange'>

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

/** For the service: what becomes of the connection is counted and logged, with what its servers are set to lose. */
export async function composeStore(
  { store, cacheBytes }: Pick<Config['sessions'], 'store' | 'cacheBytes'>,
  { clock, logger, metrics }: Pick<Base, 'clock' | 'logger' | 'metrics'>,
): Promise<RecordStore> {
  let warnOfHazards = (): void => undefined
  const records = await composeRecords(store, clock, {
    cache: { maxBytes: (cacheBytes * 3) / 8, onEvent: metrics.sessionCache },
    onStateChange: state => {
      metrics.storeUp(state.isReady)
      if (!state.isReady) return logger.error({ reason: state.cause.message }, 'session store is down')
      logger.info({}, 'session store is ready')
      warnOfHazards()
    },
  })
  warnOfHazards = () =>
    void hazardsOf(records).then(
      ({ set, untold }) => {
        if (set.length > 0)
          logger.warn({ hazards: set }, 'the session store may forget sessions, and that they have ended')
        if (untold.length > 0)
          logger.warn(
            { servers: untold },
            'the session store does not tell its maxmemory-policy (INFO is not permitted): it has to be noeviction, or it may forget that sessions have ended',
          )
      },
      // It has gone away again, which is logged by itself.
      () => undefined,
    )
  return records
}

const hazardsOf = async (records: RecordStore): Promise<StoreHazards> =>
  (await records.hazards?.()) ?? { set: [], untold: [] }

/** For readiness. */
export const storeProbes = (records: RecordStore): readonly ReadinessProbe[] => [
  { name: 'store', isRequired: true, probe: () => records.probe().then(() => ({ ok: true })) },
  ...(records.hazards === undefined
    ? []
    : [{ name: 'store-eviction', isRequired: false, probe: () => hazardsOf(records).then(evictionState) }]),
]

/** What a server does not tell degrades nothing, or a Redis of somebody else's would never be ready; the log has said it. */
const evictionState = ({ set }: StoreHazards) =>
  set.length === 0 ? { ok: true } : { ok: false, detail: `${set.join('; ')}: it has to be noeviction` }

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
