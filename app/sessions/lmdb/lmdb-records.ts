/**
 * Records in an embedded LMDB file: the default store, safe for several processes on one machine.
 *
 * Database `records`: `<kind>/<digest>` holds one entry (see entry.ts), a record or a tombstone. Database `expiry`:
 * `[expiry, <kind>/<digest>]` with an empty value, exactly one for each entry, so that the sweep reads only what has
 * expired. Database `index`: `[<index>, <expiry and member>]` (see index-members.ts) with an empty value, and for each its
 * `[expiry, index/<index>/<expiry and member>]` in `expiry`. Database `meta`: `probe`, written by `probe`. Every conditional write is one write transaction,
 * and LMDB has one writer at a time across all processes.
 */
import type { Clock } from '../../clock.ts'
import type { RecordKind, RecordStore, StoredMember } from '../record-store.ts'
import { withDeadline } from '../records/deadline.ts'
import { decodeEntry, type Entry, encodeEntry } from '../records/entry.ts'
import { decodeMember, encodeMember, requireDigest } from '../records/index-members.ts'
import { withChanges } from '../records/record-changes.ts'
import { isDurable } from '../records/record-kinds.ts'
import { watchTransactions } from './changes.ts'
import { type Databases, flushed, guard, linkId, openDatabases, transact } from './databases.ts'
import { createReader } from './reader.ts'
import { startSweep } from './sweep.ts'

export interface LmdbRecordsOptions {
  /** Directory of the database; made with mode 0700 when absent. */
  readonly path: string
  readonly clock: Clock
  /** Pause between two sweeps of expired entries, in milliseconds; default 60 000. */
  readonly sweepIntervalMs?: number
}

/** A writer in another process that holds the lock for longer is stuck; nobody waits for it. */
const writeTimeoutMs = 5000
const closeTimeoutMs = 2000
/** Members that make room in one step. */
const mostTakenAlong = 200
const noValue = Buffer.alloc(0)

/** Throws `ERR_STORE_UNAVAILABLE` when the directory or the file cannot be used. */
export function createLmdbRecords(options: LmdbRecordsOptions): RecordStore {
  const { clock, path, sweepIntervalMs = 60_000 } = options
  const databases = openDatabases(path)
  const reader = createReader(databases, clock)
  const entries = createEntries(databases, clock)
  const stopSweep = startSweep(databases, clock, sweepIntervalMs)

  const transaction = <T>(operation: string, change: () => T): Promise<T> =>
    guard(operation, withDeadline(transact(databases.root, change), writeTimeoutMs, `lmdb ${operation}: still waiting`))
  const untilOnDisk = (operation: string) =>
    guard(operation, withDeadline(flushed(databases.root), writeTimeoutMs, `lmdb ${operation}: not on the disk yet`))

  /** One change of a record: `change` gets its id and what is live under it. */
  async function write<T>(
    operation: string,
    kind: RecordKind,
    key: string,
    change: (id: string, entry: Entry | undefined) => T,
  ): Promise<T> {
    const id = keyOf(kind, key)
    const result = await transaction(operation, () => change(id, entries.live(id)))
    if (isDurable(operation, kind)) await untilOnDisk(operation)
    return result
  }

  const store: Omit<RecordStore, 'subscribe'> = {
    name: 'lmdb',
    put: (kind, key, value, expiresAt) =>
      write('put', kind, key, (id, entry) => {
        if (entry?.kind === 'tombstone') return false
        entries.set(id, { kind: 'record', expiresAt, value })
        return true
      }),
    add: (kind, key, value, expiresAt) =>
      write('add', kind, key, (id, entry) => {
        if (entry !== undefined) return false
        entries.set(id, { kind: 'record', expiresAt, value })
        return true
      }),
    get: (kind, key, known) => reader.read(keyOf(kind, key), known),
    extend: (kind, key, expiresAt) =>
      write('extend', kind, key, (id, entry) => {
        if (entry?.kind !== 'record') return false
        entries.set(id, { ...entry, expiresAt })
        return true
      }),
    take: (kind, key) =>
      write('take', kind, key, (id, entry) => {
        if (entry?.kind !== 'record') return undefined
        entries.remove(id)
        return entry.value
      }),
    replace: (kind, key, expected, { value, expiresAt }) =>
      write('replace', kind, key, (id, entry) => {
        if (!isRecordOf(entry, expected)) return false
        entries.set(id, { kind: 'record', expiresAt, value })
        return true
      }),
    remove: (kind, key, expected) =>
      write('remove', kind, key, (id, entry) => {
        if (!isRecordOf(entry, expected)) return false
        entries.remove(id)
        return true
      }),
    end: (kind, key, tombstoneUntil) =>
      write('end', kind, key, (id, entry) => {
        // A tombstone that stands longer stays.
        if (entry?.kind === 'tombstone' && entry.expiresAt >= tombstoneUntil) return
        entries.set(id, { kind: 'tombstone', expiresAt: tombstoneUntil, value: noValue })
      }),
    link: (index, member, expiresAt) => transaction('link', () => entries.link(index, member, expiresAt)),
    linkWithin: (index, member, expiresAt, most) =>
      transaction('link', () => entries.linkWithin(index, member, expiresAt, most)),
    unlink: (index, member, expiresAt) => transaction('unlink', () => entries.unlink(index, member, expiresAt)),
    page: async (index, page) => reader.page(index, page),
    probe: () => transaction('probe', () => void databases.meta.put('probe', String(clock.now()))),
    async close() {
      stopSweep()
      reader.close()
      // After a commit that failed the library waits for a flush that never comes.
      await withDeadline(databases.root.close(), closeTimeoutMs, '').catch(() => undefined)
    },
  }
  return withChanges(store, watchTransactions(databases))
}

/** Whether it is a live record, unchanged. */
const isRecordOf = (entry: Entry | undefined, expected: Uint8Array) =>
  entry?.kind === 'record' && Buffer.compare(entry.value, expected) === 0

const keyOf = (kind: RecordKind, key: string) => `${kind}/${key}`

/** Entries and their index within a write transaction. */
function createEntries({ records, expiry, index }: Databases, clock: Clock) {
  const stored = (id: string) => {
    const encoded = records.getBinary(id)
    return encoded === undefined ? undefined : decodeEntry(encoded)
  }
  return {
    /** The entry if it has not expired. */
    live(id: string): Entry | undefined {
      const entry = stored(id)
      return entry !== undefined && entry.expiresAt > clock.now() ? entry : undefined
    },
    set(id: string, entry: Entry): void {
      const encoded = encodeEntry(entry)
      const before = stored(id)
      if (before !== undefined) expiry.remove([before.expiresAt, id])
      records.put(id, encoded)
      expiry.put([Math.floor(entry.expiresAt), id], noValue)
    },
    remove(id: string): void {
      const before = stored(id)
      if (before !== undefined) expiry.remove([before.expiresAt, id])
      records.remove(id)
    },
    link(name: string, member: string, expiresAt: number): void {
      requireDigest(name)
      const text = encodeMember(member, expiresAt)
      index.put([name, text], noValue)
      expiry.put([Math.floor(expiresAt), linkId(name, text)], noValue)
    },
    linkWithin(name: string, member: string, expiresAt: number, most: number): StoredMember[] {
      this.link(name, member, expiresAt)
      // One for each call: the library writes into it.
      const range = () => ({ start: [name, ''] as [string, string], end: [name, '~'] as [string, string] })
      const over = Math.min(index.getKeysCount(range()) - most, mostTakenAlong)
      if (over <= 0) return []
      const gone = [...index.getKeys({ ...range(), limit: over })].map(([, text]) => decodeMember(text))
      for (const one of gone) this.unlink(name, one.member, one.expiresAt)
      return gone
    },
    unlink(name: string, member: string, expiresAt: number): void {
      requireDigest(name)
      const text = encodeMember(member, expiresAt)
      index.remove([name, text])
      expiry.remove([Math.floor(expiresAt), linkId(name, text)])
    },
  }
}
