/** A real PostgreSQL server on loopback, as an account that is not root, which PostgreSQL refuses to run as. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findPeer, freePort } from '../peers.ts'

/** Where the npm packages of an operator are found: the project's own, or another directory's. */
const packagesDirectory = process.env.SALLYPORT_TEST_PACKAGES ?? join(import.meta.dirname, '../..')

export interface Client {
  connect(): Promise<void>
  query(sql: string, values?: readonly unknown[]): Promise<unknown>
  end(): Promise<void>
}

export interface Peers {
  /** Folder of `postgres` and `initdb`. */
  readonly binaries: string
  /** The node_modules that hold the adapter. */
  readonly nodeModules: string
}

/** Says on stderr what is missing and gives `undefined`; with REQUIRE_PEERS=1 throws instead. */
export function requirePostgres(): Peers | undefined {
  const binaries = findBinaries()
  const nodeModules = join(packagesDirectory, 'node_modules')
  const missing = [
    ...(binaries === undefined ? ['postgres (Debian package postgresql)'] : []),
    ...['casbin-pg-adapter', 'pg'].filter(name => !existsSync(join(nodeModules, name))),
  ]
  if (binaries !== undefined && missing.length === 0) return { binaries, nodeModules }
  const reason = `${missing.join(' and ')} not found`
  if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
  process.stderr.write(`skipped: ${reason}\n`)
  return undefined
}

/** Debian keeps the server out of the PATH, in a folder per major version. */
function findBinaries(): string | undefined {
  const onPath = findPeer('postgres')
  if (onPath !== undefined) return join(onPath, '..')
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian) : []
  const folders = versions.map(version => join(debian, version, 'bin'))
  return folders.find(folder => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))
}

export interface RunningPostgres {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  readonly client: () => Promise<Client>
  /** Ends the server at once, its connections with it. */
  readonly interrupt: () => Promise<void>
  /** Starts it again on the same port and data. */
  readonly resume: () => Promise<void>
  readonly stop: () => Promise<void>
}

const nobody = 65_534

export async function startPostgres({ binaries, nodeModules }: Peers): Promise<RunningPostgres> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-postgres-'))
  const data = join(root, 'data')
  mkdirSync(data, { mode: 0o700 })
  const isRoot = process.getuid?.() === 0
  const account = isRoot ? { uid: nobody, gid: nobody } : {}
  if (isRoot) for (const path of [root, data]) chownSync(path, nobody, nobody)
  chmodSync(root, 0o755)
  const initdb = ['-D', data, '-U', 'sallyport', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C']
  const made = spawnSync(join(binaries, 'initdb'), initdb, { ...account, cwd: root, timeout: 120_000 })
  if (made.status !== 0) throw new Error(`initdb failed: ${String(made.stderr)}`)
  const port = await freePort()
  const connection = { host: '127.0.0.1', port, user: 'sallyport', database: 'postgres' }
  const { Client } = createRequire(join(nodeModules, 'x'))('pg') as { Client: new (options: object) => Client }
  const client = async () => {
    const fresh = new Client(connection)
    await fresh.connect()
    return fresh
  }
  let server: ChildProcess | undefined
  const resume = async () => {
    const listen = ['-h', '127.0.0.1', '-p', String(port), '-k', root]
    server = spawn(join(binaries, 'postgres'), ['-D', data, ...listen, '-F'], {
      ...account,
      cwd: root,
      stdio: 'ignore',
    })
    await untilAnswering(client)
  }
  const interrupt = async () => {
    const ending = server
    server = undefined
    if (ending === undefined || ending.exitCode !== null) return
    const ended = new Promise(resolve => ending.once('exit', resolve))
    // Immediate shutdown, PostgreSQL's own word for it.
    ending.kill('SIGQUIT')
    await ended
  }
  await resume()
  return {
    connection,
    client,
    interrupt,
    resume,
    stop: async () => {
      await interrupt()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

async function untilAnswering(client: () => Promise<Client>): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const open = await client().catch(() => undefined)
    if (open !== undefined) return open.end()
    await delay(100)
  }
  throw new Error('postgres does not answer after 15 s')
}
