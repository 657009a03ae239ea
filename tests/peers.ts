/**
 * Real programs that tests talk to: finding them, saying so when they are absent, starting a Redis.
 *
 * A machine with only Node passes the tests: what needs an absent program is skipped and the reason printed. With
 * REQUIRE_PEERS=1 an absent program is a failure, so that CI cannot skip by accident.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { endProcess } from '../cli/demo/child.ts'
import { isExecutableFile } from '../cli/demo/executables.ts'
import { freePort } from '../cli/demo/ports.ts'

export { endProcess, freePort, isExecutableFile }

/** Path of an executable on the PATH. */
export function findPeer(binary: string): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return candidates.map(folder => join(folder, binary)).find(isExecutableFile)
}

/** Path of an executable; when absent prints the reason and returns `undefined`, or throws with REQUIRE_PEERS=1. */
export function requirePeer(binary: string): string | undefined {
  const path = findPeer(binary)
  if (path !== undefined) return path
  if (process.env.REQUIRE_PEERS === '1') throw new Error(`${binary} is not on the PATH, and REQUIRE_PEERS=1 demands it`)
  process.stderr.write(`skipped: ${binary} is not on the PATH\n`)
  return undefined
}

/** For a browser's start, and for whatever a page is waited for; it only ends what waits in vain. */
export const browserPatienceMs = 120_000

export interface RedisOptions {
  readonly password?: string
  /** Further command-line arguments of redis-server. */
  readonly args?: readonly string[]
  /** Makes it a Sentinel: what its configuration file says, which a Sentinel writes anew by itself. */
  readonly sentinel?: string
  /** The port of an earlier server that is to come back; a free one when absent. */
  readonly port?: number
}

export interface RunningRedis {
  /** Without the password. */
  readonly url: string
  readonly port: number
  readonly process: ChildProcess
  /** Ends the server, also a paused one, and removes its files. */
  stop(): Promise<void>
}

/** A real redis-server on loopback, without persistence; rejects when it does not get ready within ten seconds. */
export async function startRedis(options: RedisOptions = {}): Promise<RunningRedis> {
  const attempts = options.port === undefined ? 5 : 1
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    try {
      return await startRedisOn(port, options)
    } catch (error) {
      // Another suite may have taken the port in between.
      if (attempt >= attempts) throw error
    }
  }
}

async function startRedisOn(port: number, options: RedisOptions): Promise<RunningRedis> {
  const binary = findPeer('redis-server')
  if (binary === undefined) throw new Error('redis-server is not on the PATH')
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-redis-'))
  const password = options.password === undefined ? [] : ['--requirepass', options.password]
  const file = join(directory, 'redis.conf')
  writeFileSync(file, options.sentinel ?? '')
  const child = spawn(
    binary,
    [
      file,
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'no',
    ].concat(password, options.args ?? [], options.sentinel === undefined ? [] : ['--sentinel']),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const stop = async () => {
    process.off('exit', killOnExit)
    await endProcess(child)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await untilReady(child)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `redis://127.0.0.1:${port}`, port, process: child, stop }
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => reject(new Error(`redis-server is not ready after a minute: ${output}`)), 60_000)
    const settle = (action: () => void) => {
      clearTimeout(timer)
      action()
    }
    child.once('error', error => settle(() => reject(error)))
    child.once('exit', code => settle(() => reject(new Error(`redis-server ended with ${code}: ${output}`))))
    child.stdout?.on('data', chunk => {
      output = (output + chunk).slice(-4000)
      if (/Ready to accept connections|Sentinel ID is/.test(output)) settle(resolve)
    })
  })
}
