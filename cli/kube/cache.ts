/**
 * What is kept between two runs: one file for each auth host, with its refresh token and the tokens of its clusters.
 *
 * Threat: other accounts of the machine. The folder is this account's alone, and so is each file; one that belongs to
 * somebody else is not used.
 */
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type LockOptions, withLock } from './lock.ts'

export interface KeptToken {
  readonly token: string
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly expiresAt: number
  /** When the auth host last stood by it. */
  readonly confirmedAt: number
}

export interface Kept {
  readonly refreshToken?: string
  /** By cluster; `account` is for questions about the login itself. */
  readonly tokens: Readonly<Record<string, KeptToken>>
  /** Certificates of the authority that vouches for the auth host, as a path. */
  readonly caFile?: string
  /** The session has ended, and nobody has logged in since. */
  readonly isEnded?: true
  /** A login was begun that nobody asked for by name: there is no second one until somebody does. */
  readonly unattendedAt?: number
}

export interface Cache {
  read(server: string): Promise<Kept>
  write(server: string, kept: Kept): Promise<void>
  /** One process at a time, for each auth host. */
  withLock<T>(server: string, options: LockOptions, work: () => Promise<T>): Promise<T>
  /** The auth host of the last login. */
  lastServer(): Promise<string | undefined>
  noteServer(server: string): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

/** `SALLYPORT_TEST_…` is no setting; the variable is for containers and tests. */
export function cacheDirectory(env: Environment): string {
  const { XDG_CACHE_HOME: xdg, KUBECACHEDIR: kube, HOME: home = homedir() } = env
  if (xdg !== undefined && xdg !== '') return join(xdg, 'sallyport', 'kube')
  return join(kube !== undefined && kube !== '' ? kube : join(home, '.kube', 'cache'), 'sallyport')
}

export async function openCache(env: Environment): Promise<Cache> {
  const directory = cacheDirectory(env)
  await makePrivate(directory)
  const pathOf = (server: string, ending: string) => join(directory, `${nameOf(server)}.${ending}`)
  const serverFile = join(directory, 'server')
  return {
    read: async server => parseKept(await readOrNothing(pathOf(server, 'json'))),
    write: (server, kept) => replace(pathOf(server, 'json'), `${JSON.stringify(kept)}\n`),
    withLock: (server, options, work) => withLock(pathOf(server, 'lock'), options, work),
    lastServer: async () => (await readOrNothing(serverFile))?.trim() || undefined,
    noteServer: server => replace(serverFile, `${server}\n`),
  }
}

const nameOf = (server: string): string => createHash('sha256').update(server).digest('hex').slice(0, 24)

async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { mode, uid } = await stat(directory)
  const own = process.getuid?.()
  if (own !== undefined && uid !== own) throw new Error(`${directory} belongs to another account and is not used`)
  if ((mode & 0o077) !== 0 && own !== undefined) await chmod(directory, 0o700)
}

/** Whole or not at all: another process may read at any moment. */
async function replace(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(fresh, text, { mode: 0o600, flag: 'wx' })
  await rename(fresh, path)
}

const readOrNothing = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

/** Of whatever stands in the file; what cannot be read is as if it were not there, and a login writes it anew. */
export function parseKept(text: string | undefined): Kept {
  const found = parseObject(text)
  const tokens = Object.entries(isObject(found.tokens) ? found.tokens : {}).flatMap(([name, value]) =>
    isKeptToken(value) ? [[name, value] as const] : [],
  )
  return {
    tokens: Object.fromEntries(tokens),
    ...(isText(found.refreshToken) && { refreshToken: found.refreshToken }),
    ...(isText(found.caFile) && { caFile: found.caFile }),
    ...(found.isEnded === true && { isEnded: true as const }),
    ...(typeof found.unattendedAt === 'number' && { unattendedAt: found.unattendedAt }),
  }
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(text ?? '{}')
    return isObject(found) ? found : {}
  } catch {
    return {}
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isKeptToken = (value: unknown): value is KeptToken =>
  isObject(value) && isText(value.token) && typeof value.expiresAt === 'number' && typeof value.confirmedAt === 'number'
