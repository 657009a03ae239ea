/**
 * Sessions of a shared store that were read, remembered until the store tells that they have changed.
 *
 * Threat: a session that was ended and is still believed here. What is remembered is used only while the store is known
 * to tell of every change (see redis-tracking.ts), and for five seconds at most; then it is read again. Everything that
 * leaves a doubt empties the memory or goes around it.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { RecordKind, RecordStore, StoredRecord } from './session-store.ts'

export type CacheEvent = 'hit' | 'miss' | 'invalidation'

/** Tells of changes that any process makes to sessions. */
export interface Tracking {
  /** Whether every change that was made more than a moment ago has been told. */
  isCurrent(): boolean
  /** Whether changes from now on will be told. */
  isOn(): boolean
  /** `listener` gets the key that has changed, or `undefined` when any may have. */
  subscribe(listener: (key: string | undefined) => void): void
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
  readonly record: StoredRecord
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

export function createTrackedRecords(
  store: RecordStore,
  tracking: Tracking,
  { clock, maxBytes, maxAgeMs = longestAgeMs, onEvent = () => undefined }: TrackedRecordsOptions,
): RecordStore {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: maxBytes,
    sizeCalculation: ({ record }, key) => overheadBytes + key.length + record.value.length,
  })
  const underWay = new Map<string, Reads>()

  function forget(key: string): void {
    remembered.delete(key)
    const reads = underWay.get(key)
    if (reads === undefined) return
    // Whoever reads from now on sees what is there from now on.
    reads.isSpoiled = true
    underWay.delete(key)
  }
  function forgetAll(): void {
    remembered.clear()
    for (const reads of underWay.values()) reads.isSpoiled = true
    underWay.clear()
  }
  tracking.subscribe(key => {
    onEvent('invalidation')
    if (key === undefined) forgetAll()
    else forget(key)
  })

  async function readThrough(key: string, known: StoredRecord | undefined): Promise<StoredRecord | undefined> {
    // Threat: a change that is told while its key is being read, before the answer is remembered.
    const reads = underWay.get(key) ?? { count: 0, isSpoiled: !tracking.isOn() }
    const readAt = performance.now()
    reads.count += 1
    if (!reads.isSpoiled) underWay.set(key, reads)
    try {
      const record = await store.get('session', key, known)
      if (!reads.isSpoiled && record !== undefined) remembered.set(key, { record, readAt })
      return record
    } finally {
      reads.count -= 1
      if (reads.count === 0 && underWay.get(key) === reads) underWay.delete(key)
    }
  }

  function recall(key: string): StoredRecord | undefined {
    if (!tracking.isCurrent()) return undefined
    const found = remembered.get(key)
    if (found === undefined || performance.now() - found.readAt >= Math.min(maxAgeMs, longestAgeMs)) return undefined
    return found.record.expiresAt > clock.now() ? found.record : undefined
  }

  /** Our own changes are not waited for to be told; before, so that no check is answered from memory meanwhile. */
  async function change<T>(kind: RecordKind, key: string, write: () => Promise<T>): Promise<T> {
    if (kind !== 'session') return write()
    forget(key)
    try {
      return await write()
    } finally {
      forget(key)
    }
  }

  return {
    name: store.name,
    get(kind, key, known) {
      if (kind !== 'session') return store.get(kind, key, known)
      const record = recall(key)
      onEvent(record === undefined ? 'miss' : 'hit')
      return record ?? readThrough(key, known)
    },
    put: (kind, key, value, expiresAt) => change(kind, key, () => store.put(kind, key, value, expiresAt)),
    add: (kind, key, value, expiresAt) => change(kind, key, () => store.add(kind, key, value, expiresAt)),
    extend: (kind, key, expiresAt) => change(kind, key, () => store.extend(kind, key, expiresAt)),
    take: (kind, key) => change(kind, key, () => store.take(kind, key)),
    end: (kind, key, tombstoneUntil) => change(kind, key, () => store.end(kind, key, tombstoneUntil)),
    verifyConnection: () => store.verifyConnection(),
    close() {
      tracking.close()
      forgetAll()
      return store.close()
    },
  }
}
