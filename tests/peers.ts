/**
 * Real programs that tests talk to: finding them, saying so when they are absent, starting a Redis.
 *
 * A machine with only Node passes the tests: what needs an absent program is skipped and the reason printed. With
 * REQUIRE_PEERS=1 an absent program is a failure, so that CI cannot skip by accident.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { accessSync, constants, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Path of an executable on the PATH. */
export function findPeer(binary: string): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return candidates.map(folder => join(folder, binary)).find(isExecutableFile)
}

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
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

/** Below those that systems give to whoever asks for any port, or for a way out (Linux from 32,768, others from 49,152). */
const [lowestPort, highestPort] = [20_000, 32_000]
const givenPorts = new Set<number>()

/**
 * A TCP port of the loopback interface that is free, for a program that binds it a little later. Nobody gets it by chance
 * in the meantime: an application that did would answer in the place of the proxy in front of it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    if (givenPorts.has(port) || !(await isFree(port))) continue
    givenPorts.add(port)
    return port
  }
  throw new Error(`no free port was found from ${lowestPort} to ${highestPort}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

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

/** SIGTERM, and SIGKILL for one that is still there after two seconds; resolves when the process has ended. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  // A stopped process would never see the SIGTERM.
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  const timer = new AbortController()
  const killed = delay(2000, undefined, { signal: timer.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  await ended
  timer.abort()
  await killed
}
