/** What an operator is told of a Redis that cannot be used, or that may forget: in readiness, and in one line of the log. */
import { afterEach, describe, expect, test } from 'vitest'
import { composeStore, storeProbes } from '../../app/compose/store.ts'
import { unreachable } from '../../app/sessions/redis/unreachable.ts'
import { createLogger } from '../../app/telemetry/logger.ts'
import { createMetrics } from '../../app/telemetry/metrics.ts'
import { createReadiness, type ReadinessCheck } from '../../app/telemetry/readiness.ts'
import { freePort, requirePeer, startRedis } from '../peers.ts'
import { createMovableClock } from './fixtures.ts'
import { makeCertificates } from './redis-topologies.ts'
import { until } from './waiting.ts'

const isHere = !['redis-server', 'openssl'].map(requirePeer).includes(undefined)
const password = 'hush-hush-4711'

describe.runIf(isHere)('a Redis', () => {
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function start(...options: Parameters<typeof startRedis>) {
    const server = await startRedis(...options)
    cleanups.push(() => server.stop())
    return server
  }

  /** Over this address; resolves when `line` has been logged. */
  async function told(
    url: string,
    line: string,
  ): Promise<{ readonly entry: unknown; readonly checks: readonly ReadinessCheck[] }> {
    const lines: string[] = []
    const logger = createLogger({ level: 'info', destination: { write: (text: string) => void lines.push(text) } })
    const store = { kind: 'redis', url, topology: { kind: 'single' }, writeReplicas: 0, prefix: 'sallyport:' } as const
    const settings = { store: { ...store, timeoutSeconds: 1, isCached: true }, cacheBytes: 1_048_576 }
    const metrics = createMetrics({ version: '0', providers: [], fronts: [], deciders: [], clusters: [] })
    const records = await composeStore(settings, { clock: createMovableClock(), logger, metrics })
    cleanups.push(() => records.close())
    const found = (): string | undefined => lines.find(one => one.includes(`"msg":"${line}`))
    await until(async () => found() !== undefined)
    expect(lines.join('')).not.toContain(password)
    const entry = JSON.parse(found() ?? '')
    const report = await createReadiness(storeProbes(records))()
    expect(JSON.stringify(report)).not.toContain(password)
    return { entry, checks: report.checks }
  }
  const down = 'session store is down'
  /** The reason stands in the log and in readiness, with the address. */
  async function expectReason(url: string, reason: RegExp): Promise<void> {
    const { entry, checks } = await told(url, down)
    const host = new URL(url).host
    expect(entry).toEqual({
      level: 'error',
      time: expect.any(String),
      reason: expect.stringMatching(new RegExp(`^${host} cannot be used: ${reason.source}`)),
      msg: down,
    })
    expect(checks[0]).toEqual({
      name: 'store',
      ok: false,
      detail: expect.stringMatching(new RegExp(`^redis probe: ${host} cannot be used: ${reason.source}`)),
    })
    // Nobody knows: that is not "fine".
    expect(checks[1]).toMatchObject({ name: 'store-eviction', ok: false })
  }

  test('that is not there', async () => {
    await expectReason(`redis://127.0.0.1:${await freePort()}`, /connect ECONNREFUSED .*\(nothing listens there\)/)
  })

  test('that wants a password, or another one', async () => {
    const { port } = await start({ password })
    await expectReason(`redis://127.0.0.1:${port}`, /NOAUTH .*\(it wants a password/)
    await expectReason(`redis://:${password}x@127.0.0.1:${port}`, /WRONGPASS .*\(the user or the password/)
  })

  test('that speaks TLS and is asked without, and the other way round', async () => {
    const certificates = makeCertificates()
    cleanups.push(() => certificates.remove())
    const port = await freePort()
    await start({ args: ['--port', '0', '--tls-port', String(port), ...certificates.serverArgs] })
    await expectReason(`redis://127.0.0.1:${port}`, /.*\(it may want TLS: then sessions.url begins with rediss:/)
    await expectReason(`rediss://127.0.0.1:${port}`, /.*\(its certificate is not believed: sessions.tls/)
    const plain = await start()
    await expectReason(
      `rediss://127.0.0.1:${plain.port}`,
      /.*\(it may speak no TLS: then sessions.url begins with redis:/,
    )
  })

  test('that evicts: warned of, and no longer ready without a word', async () => {
    const { url, port } = await start({ args: ['--maxmemory-policy', 'volatile-lru'] })
    const hazard = `127.0.0.1:${port} has maxmemory-policy volatile-lru`
    const { entry, checks } = await told(url, 'the session store may forget')
    expect(entry).toMatchObject({ level: 'warn', hazards: [hazard] })
    expect(checks).toEqual([
      { name: 'store', ok: true },
      { name: 'store-eviction', ok: false, detail: `${hazard}: it has to be noeviction` },
    ])
  })

  test.each([
    ['that evicts nothing', []],
    // What a user without INFO cannot see is not claimed, and not passed over.
    [
      'J140: that does not tell',
      ['--maxmemory-policy', 'volatile-lru', '--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-info'],
    ],
  ])('%s is ready', async (_name, args) => {
    const { url, port } = await start({ args })
    const isSilent = args.includes('-info')
    const line = isSilent ? 'the session store does not tell its maxmemory-policy' : 'session store is ready'
    const { entry, checks } = await told(url, line)
    if (isSilent) expect(entry).toMatchObject({ level: 'warn', servers: [`127.0.0.1:${port}`] })
    expect(checks).toEqual([
      { name: 'store', ok: true },
      { name: 'store-eviction', ok: true },
    ])
  })
})

test.each([
  ['getaddrinfo ENOTFOUND redis.example', false, 'its name cannot be resolved'],
  ['NOPERM this user has no permissions', false, 'its user may not do what is needed'],
  ['Connection timeout', false, 'it takes connections and says nothing'],
  ['Socket closed unexpectedly', true, 'it has closed the connection'],
  ['connect EHOSTUNREACH 10.0.0.1', false, 'no way leads there from here'],
])('%s', (message, isTls, hint) => {
  const described = unreachable(new TypeError(message), { address: 'redis.example:6379', isTls })
  expect(described.message).toContain(`redis.example:6379 cannot be used: ${message} (${hint}`)
  expect(described.name).toBe('TypeError')
})

test('what is not known has no hint', () => {
  const described = unreachable(new Error('LOADING'), { address: 'redis.example:6379', isTls: false })
  expect(described.message).toBe('redis.example:6379 cannot be used: LOADING')
})
