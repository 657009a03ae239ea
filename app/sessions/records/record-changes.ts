/**
 * Who hears that a record may have changed: the writes of this process at once, those of others as soon as the backend
 * shows them.
 *
 * Nobody is believed here. What is told is a reason to read, and may come late, twice or never; so whoever listens reads,
 * and reads again now and then in any case.
 */
import type { ChangedRecord, ChangeListener, RecordKind, RecordStore } from '../record-store.ts'
import { type Around, aroundWrites } from './around-writes.ts'

/** What shows the changes of others. Started for the first listener; the answer stops it, after the last. */
export type ChangeSource = (tell: ChangeListener) => () => void

/** What a session stands or falls with. */
const told: ReadonlySet<RecordKind> = new Set(['session', 'cutoff'])

/** `store` that tells its own writes, and what `source` shows. Reads are untouched. */
export function withChanges(store: Omit<RecordStore, 'subscribe'>, source: ChangeSource): RecordStore {
  const listeners = new Set<ChangeListener>()
  let stop = (): void => undefined
  const tell: ChangeListener = changed => {
    for (const listener of [...listeners]) listener(changed)
  }
  const stopWithout = (listener: ChangeListener): void => {
    if (listeners.delete(listener) && listeners.size === 0) stop()
  }
  /** A write that failed may have been made all the same. */
  const change: Around = async (kind, key, write) => {
    if (!told.has(kind)) return write()
    try {
      return await write()
    } finally {
      tell({ kind, key })
    }
  }
  return {
    ...store,
    ...aroundWrites(store, change),
    subscribe(listener) {
      // One of its own for each call: the same function may listen twice.
      const own: ChangeListener = changed => listener(changed)
      listeners.add(own)
      if (listeners.size === 1) stop = source(tell)
      return () => stopWithout(own)
    },
    close() {
      if (listeners.size > 0) stop()
      listeners.clear()
      return store.close()
    },
  }
}

/** `store` that also hands on what it ends or describes anew, of one session or of many: to the other workers of this machine. */
export function withRelay(store: RecordStore, relay: (changed: ChangedRecord) => void): RecordStore {
  const relayed: Around = async (kind, key, write) => {
    try {
      return await write()
    } finally {
      relay({ kind, key })
    }
  }
  const ofKinds =
    (...kinds: readonly RecordKind[]): Around =>
    (kind, key, write) =>
      kinds.includes(kind) ? relayed(kind, key, write) : write()
  const [ofSession, ofCutoff, ofBoth] = [ofKinds('session'), ofKinds('cutoff'), ofKinds('session', 'cutoff')]
  return {
    ...store,
    end: (kind, key, tombstoneUntil) => ofSession(kind, key, () => store.end(kind, key, tombstoneUntil)),
    add: (kind, key, value, expiresAt) => ofCutoff(kind, key, () => store.add(kind, key, value, expiresAt)),
    replace: (kind, key, expected, next) => ofBoth(kind, key, () => store.replace(kind, key, expected, next)),
  }
}
