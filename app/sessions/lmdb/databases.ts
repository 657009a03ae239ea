/** The LMDB file: how it is opened, and how a write gets into it or fails. See lmdb-records.ts for its layout. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { OperationalError } from '../../errors.ts'
import { withDeadline } from '../records/deadline.ts'

export interface Databases {
  readonly root: RootDatabase<Buffer, string>
  readonly records: Database<Buffer, string>
  readonly expiry: Database<Buffer, [number, string]>
  readonly index: Database<Buffer, [string, string]>
  readonly meta: Database<string, string>
}

/** Throws `ERR_STORE_UNAVAILABLE` when the directory or the file cannot be used. */
export function openDatabases(path: string): Databases {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const file = join(path, 'sessions.mdb')
    refuseForeignFile(file)
    const root = open<Buffer, string>({
      path: file,
      // Said aloud: otherwise a dot in the name decides whether the path is a file.
      noSubdir: true,
      encoding: 'binary',
      maxDbs: 8,
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
      index: root.openDB<Buffer, [string, string]>({ name: 'index', encoding: 'binary' }),
      meta: root.openDB<string, string>({ name: 'meta', encoding: 'string' }),
    }
  } catch (cause) {
    throw unavailable(`open ${path}`, cause)
  }
}

const linkPrefix = 'index/'

/** The name of a link in `expiry`. No kind of record has the name `index`, no digest a slash. */
export const linkId = (index: string, text: string) => `${linkPrefix}${index}/${text}`

/** The key in `index` of a link that is named in `expiry`; `undefined` for the name of a record. */
export function linkIn(id: string): [string, string] | undefined {
  if (!id.startsWith(linkPrefix)) return undefined
  const [index = '', text = ''] = id.slice(linkPrefix.length).split('/')
  return [index, text]
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

/** One write transaction: all of `change` or, when it throws, nothing. */
export async function transact<T>(root: RootDatabase<Buffer, string>, change: () => T): Promise<T> {
  try {
    // A child transaction is undone by itself; the outer one may be shared with other writes.
    return await root.childTransaction(change)
  } catch (error) {
    throw await reasonOf(error)
  }
}

/** Resolves when every write that has resolved is on the disk. */
export async function flushed(root: RootDatabase<Buffer, string>): Promise<void> {
  await root.flushed
}

/** Rejects with `ERR_STORE_UNAVAILABLE` whatever the reason, but for a mistake of the caller. */
export async function guard<T>(operation: string, work: Promise<T>): Promise<T> {
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

export function unavailable(operation: string, cause: unknown): OperationalError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new OperationalError('ERR_STORE_UNAVAILABLE', `lmdb ${operation}: ${message}`, { cause })
}
