/** The built service as an operator runs it, with Alice's session planted through the store code itself. */

import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { systemClock } from '../app/clock.ts'
import { createHostCookies } from '../app/sessions/cookie.ts'
import { createExpressSessionStore } from '../app/sessions/express-store.ts'
import { createLmdbRecords } from '../app/sessions/lmdb.ts'
import { createRedisRecords } from '../app/sessions/redis.ts'
import type { LoginSession, RecordStore } from '../app/sessions/session-store.ts'
import { wikiHost } from './browser-request.ts'
import { startPinned, stop } from './roles.ts'
import { serviceRows } from './rules.ts'

export interface BenchService {
  readonly port: number
  readonly pid: number
  /** `name=value` of Alice's session on the wiki. */
  readonly cookie: string
  readonly stop: () => Promise<void>
}

const issuer = 'https://idp.example.com'

/** `redisUrl` absent: the embedded store. */
export async function startService(redisUrl: string | undefined): Promise<BenchService> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  try {
    const secret = randomBytes(32).toString('base64url')
    const config = writeConfig(folder, secret, redisUrl)
    const cookie = await plantSession(folder, secret, redisUrl)
    const main = resolve('dist/cli/main.js')
    const child = startPinned('server', [process.execPath, ...process.execArgv, main, 'serve', '--config', config], {
      stderr: 'pipe',
    })
    const port = await listeningPort(child)
    return { port, pid: child.pid ?? 0, cookie, stop: () => stop(child).finally(() => remove(folder)) }
  } catch (error) {
    remove(folder)
    throw error
  }
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })

function writeConfig(folder: string, secret: string, redisUrl: string | undefined): string {
  mkdirSync(join(folder, 'policy'))
  writeFileSync(join(folder, 'policy', 'bench.csv'), serviceRows())
  writeFileSync(join(folder, 'session-secret'), secret, { mode: 0o600 })
  writeFileSync(join(folder, 'client-secret'), secret, { mode: 0o600 })
  const store = redisUrl === undefined ? { store: 'lmdb', path: './data' } : { store: 'redis', url: redisUrl }
  // Nothing listens at the discard port: the bench logs nobody in.
  const provider = {
    name: 'corp',
    issuer: 'http://127.0.0.1:9',
    clientId: 'bench',
    clientSecretFile: './client-secret',
  }
  const config = {
    server: { url: 'https://auth.example.com', listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
    providers: [provider],
    sessions: { ...store, secretFile: './session-secret' },
    policy: { directory: './policy' },
    audit: { destination: './audit.jsonl' },
  }
  const path = join(folder, 'sallyport.yaml')
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config, null, 2))
  return path
}

async function plantSession(folder: string, secret: string, redisUrl: string | undefined): Promise<string> {
  const records = redisUrl === undefined ? embedded(folder) : await connected(redisUrl)
  const sessionId = randomBytes(32).toString('base64url')
  const store = createExpressSessionStore({
    records,
    secrets: [secret],
    clock: systemClock,
    lifetimeSeconds: 12 * 3_600,
    idleSeconds: 3_600,
  })
  const login: LoginSession = {
    identity: {
      kind: 'user',
      subject: `${issuer}#alice`,
      provider: 'corp',
      groups: ['ops', 'wiki-editors'],
      email: 'alice@example.com',
      name: 'Alice Archer',
      authTime: Math.floor(Date.now() / 1_000),
      amr: ['pwd', 'otp'],
      claims: { department: 'engineering', locale: 'en-GB' },
    },
    startedAt: Math.floor(Date.now() / 1_000),
    // As long as the ID tokens of real providers.
    idToken: 'a'.repeat(900),
  }
  const session = { cookie: { originalMaxAge: null }, passport: { user: login } }
  await promisify((done: (error?: unknown) => void) => store.set(sessionId, session as never, done))()
  await records.close()
  const cookies = createHostCookies({ secrets: [secret], isSecure: true })
  return cookies.issueSession(sessionId, wikiHost).split(';')[0] ?? ''
}

const embedded = (folder: string): RecordStore => createLmdbRecords({ path: join(folder, 'data'), clock: systemClock })

function connected(url: string): Promise<RecordStore> {
  return new Promise(resolve => {
    const records = createRedisRecords({
      url,
      clock: systemClock,
      onStateChange: ({ isReady }) => isReady && resolve(records),
    })
  })
}

/** The service says on its log where it listens. Rejects with the log when it ends instead. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const log: string[] = []
    if (child.stderr === null) throw new Error('the log of the service cannot be read')
    createInterface({ input: child.stderr }).on('line', line => {
      log.push(line)
      const { msg, main } = parseLine(line)
      if (msg === 'listening' && typeof main === 'number') resolve(main)
    })
    child.once('exit', code => reject(new Error(`the service ended with ${code}:\n${log.join('\n')}`)))
  })
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}
