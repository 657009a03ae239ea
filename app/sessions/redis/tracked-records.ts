/**
 * What every check reads of a shared store, remembered until the store tells that it has changed: sessions, visits, and
 * the cutoff that ends many sessions at once.
 *
 * Threat: a session that was ended and is still believed here. What is remembered is used only while the store is known
 * to tell of every change (see tracking.ts), and for five seconds at most; then it is read again. Everything that
 * leaves a doubt empties the memory or goes around it.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import type { ChangeListener, RecordKind, RecordStore, StoredRecord } from '../record-store.ts'
import { type Around, aroundWrites } from '../records/around-writes.ts'
import { withChanges } from '../records/record-changes.ts'

export type CacheEvent = 'hit' | 'miss' | 'invalidation'

/** The kinds that are remembered. */
export const trackedKinds = ['session', 'cutoff', 'visit'] as const satisfies readonly RecordKind[]

/** Tells of changes that any process makes to records of the tracked kinds. */
export interface Tracking {
  /**
   * Whether every change of the records with this key that was made more than a moment ago has been told. `now` is on the
   * monotonic clock, in milliseconds.
   */
  isCurrent(now: number, key: string): boolean
  /** Whether their changes from now on will be told. */
  isOn(key: string): boolean
  subscribe(listener: ChangeListener): void
  close(): void
}

export interface TrackedRecordsOptions {
  readonly clock: Clock
  /** What may be remembered, in bytes; at least 1. */
  readonly maxBytes: number
  /** How long a record is believed without having been read again, in milliseconds; default and most 5000. */
  readonly maxAgeMs?: number
  readonly onEvent?: (event: CacheEvent) => void
}

interface Remembered {
  /** Absent: there was none. */
  readonly record?: StoredRecord
  /** When the read that brought it was sent, on the monotonic clock. */
  readonly readAt: number
}

/** Reads of one key that are under way. */
interface Reads {
  count: number
  /** The key has changed meanwhile: what they bring may be what was there before. */
  isSpoiled: boolean
}

/** The objects around a value, its digest, and the place in the cache. */
const overheadBytes = 704
const longestAgeMs = 5000
const tracked: ReadonlySet<RecordKind> = new Set(trackedKinds)
/**
 * The kind of which is also remembered that there is none, as there mostly is no cutoff. Its keys are our own, and few:
 * with those that come out of cookies, anybody could fill the memory.
 */
const ownKind: RecordKind = 'cutoff'

interface Memory {
  get(key: string): Remembered | undefined
  set(key: string, remembered: Remembered): unknown
  delete(key: string): boolean
  clear(): void
}

const createBounded = (maxSize: number): Memory =>
  new LRUCache<string, Remembered>({
    maxSize,
    sizeCalculation: ({ record }, name) => overheadBytes + name.length + (record?.value.length ?? 0),
  })

/** What each check reads by its key alone, without a text to be made of it; no key has a slash. */
const nameOf = (kind: RecordKind, key: string): string => (kind === 'visit' ? `visit/${key}` : key)

export function createTrackedRecords(
  store: Omit<RecordStore, 'subscribe'>,
  tracking: Tracking,
  { clock, maxBytes, maxAgeMs = longestAgeMs, onEvent = () => undefined }: TrackedRecordsOptions,
): RecordStore {
  const bounded = createBounded(maxBytes)
  const own: Memory = new Map()
  const memoryOf = (kind: RecordKind): Memory => (kind === ownKind ? own : bounded)
  const underWay = new Map<string, Reads>()
  const longestAge = Math.min(maxAgeMs, longestAgeMs)
  let tell: ChangeListener = () => undefined

  function forget(kind: RecordKind, key: string): void {
    const name = nameOf(kind, key)
    memoryOf(kind).delete(name)
    const reads = underWay.get(name)
    if (reads === undefined) return
    // Whoever reads from now on sees what is there from now on.
    reads.isSpoiled = true
    underWay.delete(name)
  }
  function forgetAll(): void {
    bounded.clear()
    own.clear()
    for (const reads of underWay.values()) reads.isSpoiled = true
    underWay.clear()
  }
  tracking.subscribe(changed => {
    onEvent('invalidation')
    if (changed === undefined) forgetAll()
    else forget(changed.kind, changed.key)
    // Afterwards: whoever is told reads, and is not to be answered from what was remembered.
    tell(changed)
  })

  async function readThrough(
    kind: RecordKind,
    key: string,
    known: StoredRecord | undefined,
  ): Promise<StoredRecord | undefined> {
    const name = nameOf(kind, key)
    // Threat: a change that is told while its key is being read, before the answer is remembered.
    const reads = underWay.get(name) ?? { count: 0, isSpoiled: !tracking.isOn(key) }
    const readAt = performance.now()
    reads.count += 1
    if (!reads.isSpoiled) underWay.set(name, reads)
    try {
      const record = await store.get(kind, key, known)
      if (reads.isSpoiled) return record
      if (record !== undefined || kind === ownKind) {
        memoryOf(kind).set(name, record === undefined ? { readAt } : { record, readAt })
      }
      return record
    } finally {
      reads.count -= 1
      if (reads.count === 0 && underWay.get(name) === reads) underWay.delete(name)
    }
  }

  function recall(kind: RecordKind, key: string): Remembered | undefined {
    const now = performance.now()
    if (!tracking.isCurrent(now, key)) return undefined
    const found = memoryOf(kind).get(nameOf(kind, key))
    if (found === undefined || now - found.readAt >= longestAge) return undefined
    return found.record === undefined || found.record.expiresAt > clock.now() ? found : undefined
  }

  /** Our own changes are not waited for to be told; before, so that no check is answered from memory meanwhile. */
  const change: Around = async (kind, key, write) => {
    if (!tracked.has(kind)) return write()
    forget(kind, key)
    try {
      return await write()
    } finally {
      forget(kind, key)
    }
  }

  const records: Omit<RecordStore, 'subscribe'> = {
    ...store,
    get(kind, key, known) {
      if (!tracked.has(kind)) return store.get(kind, key, known)
      const found = recall(kind, key)
      // The numbers are those of sessions: a cutoff that is read with each would only blur them.
      if (kind === 'session') onEvent(found === undefined ? 'miss' : 'hit')
      return found === undefined ? readThrough(kind, key, known) : found.record
    },
    ...aroundWrites(store, change),
    close() {
      tracking.close()
      forgetAll()
      return store.close()
    },
  }
  return withChanges(records, listener => {
    tell = listener
    return () => {
      tell = () => undefined
    }
  })
}
