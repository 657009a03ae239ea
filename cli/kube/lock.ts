/**
 * A lock that processes of one person take in turn: a file with the name of who has it.
 *
 * Twenty kubectl that start at once are to log in once and refresh once. A process that was killed leaves its file behind;
 * that must keep nobody out, and two that find it must not both take it.
 */
import { randomBytes } from 'node:crypto'
import { open, readFile, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

export interface LockOptions {
  /** How long to wait for others, in milliseconds. 0: one try. */
  readonly waitMs: number
}

/** Somebody else has had it for all the time. */
export class LockBusyError extends Error {}

/** Whoever has it shows each five seconds that it is alive. */
const beatMs = 5_000
const staleMs = 30_000
const pauseMs = 40

/** `work` runs while nobody else's does. Rejects with `LockBusyError`. */
export async function withLock<T>(path: string, { waitMs }: LockOptions, work: () => Promise<T>): Promise<T> {
  const own = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}`
  const until = Date.now() + waitMs
  while (!(await take(path, own))) {
    await breakIfStale(path)
    if (Date.now() >= until) throw new LockBusyError(`another sallyport has ${path}`)
    await pause(pauseMs)
  }
  const beat = setInterval(() => void touch(path), beatMs)
  beat.unref()
  try {
    return await work()
  } finally {
    clearInterval(beat)
    // Of somebody who took it for stale it is theirs by now.
    if ((await readOrNothing(path)) === own) await unlink(path).catch(() => undefined)
  }
}

async function take(path: string, own: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(own)
    await file.close()
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** One at a time looks and removes: a lock that is new must not go for one that was old. */
async function breakIfStale(path: string): Promise<void> {
  if (!(await isStale(path))) return
  const guard = `${path}.break`
  if (!(await take(guard, String(process.pid)))) {
    const age = await ageOf(guard)
    if (age !== undefined && age > staleMs) await unlink(guard).catch(() => undefined)
    return
  }
  try {
    if (await isStale(path)) await unlink(path).catch(() => undefined)
  } finally {
    await unlink(guard).catch(() => undefined)
  }
}

async function isStale(path: string): Promise<boolean> {
  const [age, text] = await Promise.all([ageOf(path), readOrNothing(path)])
  if (age === undefined || text === undefined) return false
  if (age > staleMs) return true
  const [, pid, host] = /^(\d+) (\S+) /.exec(text) ?? []
  // A home may be shared by machines, and a process number says nothing elsewhere.
  return pid !== undefined && host === hostname() && !isAlive(Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isCode(error, 'ESRCH')
  }
}

async function ageOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found === undefined ? undefined : Date.now() - found.mtimeMs
}

const readOrNothing = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

function touch(path: string): Promise<void> {
  const now = new Date()
  return utimes(path, now, now).catch(() => undefined)
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
