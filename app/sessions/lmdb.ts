/**
 * Records in an embedded LMDB file: the default store, safe for several processes on one machine.
 *
 * Database `records`: `<kind>/<digest>` holds one entry (see entry.ts), a record or a tombstone. Database `expiry`:
 * `[expiry, <kind>/<digest>]` with an empty value, exactly one for each entry, so that the sweep reads only what has
 * expired. Database `meta`: `probe`, written by `verifyConnection`. Every conditional write is one write transaction,
 * and LMDB has one writer at a time across all processes.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import { withDeadline } from './deadline.ts'
import { decodeEntry, type Entry, encodeEntry, isEntryOf, ownCopy } from './entry.ts'
import type { RecordKind, RecordStore, StoredRecord } from './session-store.ts'

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
/** Entries removed in one transaction: about a millisecond of the event loop. */
const sweepBatch = 200
const noValue = Buffer.alloc(0)

interface Databases {
  readonly root: RootDatabase<Buffer, string>
  readonly records: Database<Buffer, string>
  readonly expiry: Database<Buffer, [number, string]>
  readonly meta: Database<string, string>
}

/** Throws `ERR_STORE_UNAVAILABLE` when the directory or the file cannot be used. */
export function createLmdbRecords(options: LmdbRecordsOptions): RecordStore {
  const { clock, path, sweepIntervalMs = 60_000 } = options
  const databases = openDatabases(path)
  const reader = createReader(databases, clock)
  const entries = createEntries(databases, clock)
  const stopSweep = startSweep(databases, clock, sweepIntervalMs)

  const write = <T>(operation: string, change: () => T): Promise<T> =>
    guard(operation, withDeadline(transact(databases.root, change), writeTimeoutMs, `lmdb ${operation}: still waiting`))

  return {
    name: 'lmdb',
    put: (kind, key, value, expiresAt) =>
      write('put', () => {
        const id = keyOf(kind, key)
        if (entries.live(id)?.kind === 'tombstone') return false
        entries.set(id, { kind: 'record', expiresAt, value })
        return true
      }),
    add: (kind, key, value, expiresAt) =>
      write('add', () => {
        const id = keyOf(kind, key)
        if (entries.live(id) !== undefined) return false
        entries.set(id, { kind: 'record', expiresAt, value })
        return true
      }),
    get: (kind, key, known) => reader.read(keyOf(kind, key), known),
    extend: (kind, key, expiresAt) =>
      write('extend', () => {
        const id = keyOf(kind, key)
        const entry = entries.live(id)
        if (entry?.kind !== 'record') return false
        entries.set(id, { ...entry, expiresAt })
        return true
      }),
    take: (kind, key) =>
      write('take', () => {
        const id = keyOf(kind, key)
        const entry = entries.live(id)
        if (entry?.kind !== 'record') return undefined
        entries.remove(id)
        return entry.value
      }),
    async end(kind, key, tombstoneUntil) {
      await write('end', () => {
        const id = keyOf(kind, key)
        const entry = entries.live(id)
        // A tombstone that stands longer stays.
        if (entry?.kind === 'tombstone' && entry.expiresAt >= tombstoneUntil) return
        entries.set(id, { kind: 'tombstone', expiresAt: tombstoneUntil, value: noValue })
      })
      await guard('end', withDeadline(flushed(databases.root), writeTimeoutMs, 'lmdb end: not on the disk yet'))
    },
    verifyConnection: () => write('probe', () => void databases.meta.put('probe', String(clock.now()))),
    async close() {
      stopSweep()
      reader.close()
      // After a commit that failed the library waits for a flush that never comes.
      await withDeadline(databases.root.close(), closeTimeoutMs, '').catch(() => undefined)
    },
  }
}

const keyOf = (kind: RecordKind, key: string) => `${kind}/${key}`

function openDatabases(path: string): Databases {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const file = join(path, 'sessions.mdb')
    refuseForeignFile(file)
    const root = open<Buffer, string>({
      path: file,
      // Said aloud: otherwise a dot in the name decides whether the path is a file.
      noSubdir: true,
      encoding: 'binary',
      maxDbs: 4,
      // With batches per turn, a commit that fails (a full disk) also rejects a promise of the library's own that nobody
      // handles, and the process would end.
      eventTurnBatching: false,
    })
    // Also in a directory that was there before with wider permissions.
    chmodSync(file, 0o600)
    return {
      root,
      records: root.openDB<Buffer, string>({ name: 'records', encoding: 'binary' }),
      expiry: root.openDB<Buffer, [number, string]>({ name: 'expiry', encoding: 'binary' }),
      meta: root.openDB<string, string>({ name: 'meta', encoding: 'string' }),
    }
  } catch (cause) {
    throw unavailable(`open ${path}`, cause)
  }
}

/** LMDB's native code crashes on a file that is not its own. The magic number follows the 24 bytes of a page's header. */
function refuseForeignFile(file: string): void {
  if (!existsSync(file)) return
  const descriptor = openSync(file, 'r')
  try {
    const start = Buffer.alloc(28)
    const length = readSync(descriptor, start)
    if (length > 0 && start.readUInt32LE(24) !== 0xbeefc0de) throw new Error(`${file} is no LMDB file`)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Reads outside of transactions. LMDB-js keeps one snapshot for a timer's tick; a session that another process ended in
 * between would still be there. So the snapshot is given back when this turn of the event loop is over.
 */
function createReader({ root, records }: Databases, clock: Clock) {
  let isResetDue = false
  let isClosed = false
  const reset = () => {
    isResetDue = false
    if (!isClosed) root.resetReadTxn()
  }
  /** The bytes stay as they are until the next call of the library. */
  const borrow = (id: string): Buffer | undefined => {
    if (isClosed) throw new Error('the store is closed')
    if (!isResetDue) {
      isResetDue = true
      setImmediate(reset)
    }
    return records.getBinaryFast(id) as Buffer | undefined
  }
  return {
    /** Throws `ERR_STORE_UNAVAILABLE`. */
    read(id: string, known: StoredRecord | undefined): StoredRecord | undefined {
      try {
        const encoded = borrow(id)
        if (encoded === undefined) return undefined
        // Almost every read finds what the last one found: then nothing is copied.
        const isKnown = known !== undefined && isEntryOf(encoded, known.value, known.expiresAt)
        const record = isKnown ? known : recordIn(encoded)
        return record === undefined || record.expiresAt <= clock.now() ? undefined : record
      } catch (error) {
        throw unavailable('get', error)
      }
    },
    close(): void {
      isClosed = true
    },
  }
}

function recordIn(encoded: Buffer): StoredRecord | undefined {
  const entry = decodeEntry(encoded)
  if (entry?.kind !== 'record') return undefined
  return { value: ownCopy(entry.value), expiresAt: entry.expiresAt }
}

/** Entries and their index within a write transaction. */
function createEntries({ records, expiry }: Databases, clock: Clock) {
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
  }
}

/** Removes expired entries in small transactions until none is left; returns what stops it. */
function startSweep(databases: Databases, clock: Clock, intervalMs: number): () => void {
  let isRunning = false
  let isStopped = false
  const sweep = async () => {
    if (isRunning) return
    isRunning = true
    try {
      while (!isStopped && (await transact(databases.root, () => sweepOnce(databases, clock.now()))) === sweepBatch);
    } catch {
      // A sweep that fails is tried again at the next interval; whether the file can be written is what
      // `verifyConnection` reports.
    } finally {
      isRunning = false
    }
  }
  const timer = setInterval(sweep, intervalMs)
  timer.unref()
  return () => {
    isStopped = true
    clearInterval(timer)
  }
}

function sweepOnce({ records, expiry }: Databases, now: number): number {
  const due = [...expiry.getKeys({ end: [now, ''], limit: sweepBatch })]
  for (const indexed of due) {
    const [expiresAt, id] = indexed
    const encoded = records.getBinary(id)
    // Written anew in the meantime: the entry has its own place in the index.
    if (encoded !== undefined && decodeEntry(encoded)?.expiresAt === expiresAt) records.remove(id)
    expiry.remove(indexed)
  }
  return due.length
}

/** One write transaction: all of `change` or, when it throws, nothing. */
async function transact<T>(root: RootDatabase<Buffer, string>, change: () => T): Promise<T> {
  try {
    // A child transaction is undone by itself; the outer one may be shared with other writes.
    return await root.childTransaction(change)
  } catch (error) {
    throw await reasonOf(error)
  }
}

async function flushed(root: RootDatabase<Buffer, string>): Promise<void> {
  await root.flushed
}

async function guard<T>(operation: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof OperationalError || error instanceof RangeError) throw error
    throw unavailable(operation, error)
  }
}

/** The reason of a failed commit arrives later, as a promise on the error. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const reason = Promise.resolve(error.commitError).then(
    () => error,
    (cause: unknown) => cause,
  )
  return withDeadline(reason, 100, error.message).catch(() => error)
}

function unavailable(operation: string, cause: unknown): OperationalError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new OperationalError('ERR_STORE_UNAVAILABLE', `lmdb ${operation}: ${message}`, { cause })
}
