/** Every case of the bench starts, is answered as expected and gives figures; how large they are is not a test's business. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultCaseNames, loadCaseNames, specialCaseNames } from '../../bench/catalogue.ts'
import type { BenchResult, StoredCase } from '../../bench/report.ts'
import { hasSetting, workersSetting } from '../../bench/service-folder.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../peers.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** As built: a process of the sources costs seconds of the compiler each, and the bench starts dozens. */
const command = ['dist/bench/main.js']
const shortRun = ['--rounds', '1', '--seconds', '0.2', '--warm-up', '0.2']
const hasRedis = requirePeer('redis-server') !== undefined
const hasNginx = requirePeer('nginx') !== undefined

/** That of the gateway has a test of its own, with a cluster. */
const experiments = specialCaseNames.filter(name => name !== 'gateway')

/** Three minutes on two free cores, and three times that beside others. */
const patienceMs = 900_000

/** Everything that the bench writes goes here, so that what it leaves behind can be seen. */
const temporary = mkdtempSync(join(tmpdir(), 'sallyport-bench-test-'))
// The workers of an NGINX that root started are another user.
chmodSync(temporary, 0o755)
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const bench = (...args: string[]) =>
  promisify(execFile)(process.execPath, [...command, ...args], {
    cwd: root,
    timeout: patienceMs,
    env: { ...process.env, TMPDIR: temporary },
  })

describe('a short run of everything', () => {
  let result: BenchResult
  let text: string
  const figuresOf = (name: string): StoredCase => result.cases[name] ?? {}

  beforeAll(async () => {
    const { stdout } = await bench(...loadCaseNames, ...experiments, ...shortRun, '--sizes', '10,1000', '--json')
    text = stdout
    result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  }, patienceMs + 60_000)

  const withoutRedis = loadCaseNames.filter(name => name !== 'check-redis')
  test.each(hasRedis ? loadCaseNames : withoutRedis)('%s is asked, and its answers are timed', name => {
    const { ratio = 0, spread = [0, 0], p50Ms, p99Ms, p999Ms } = figuresOf(name)
    expect(ratio).toBeGreaterThan(0)
    expect(spread).toEqual([ratio, ratio])
    expect(p50Ms).toBeGreaterThan(0)
    expect(p99Ms).toBeGreaterThanOrEqual(Number(p50Ms))
    expect(p999Ms).toBeGreaterThanOrEqual(Number(p99Ms))
  })

  test('tail compares two servers at one rate', () => {
    const { ratio, ratePerSecond, bare, p99Ms } = figuresOf('tail')
    expect(ratio).toBeGreaterThan(0)
    expect(ratePerSecond).toBeGreaterThan(0)
    expect(bare).toMatchObject({ p50Ms: expect.any(Number), p999Ms: expect.any(Number) })
    expect(p99Ms).toBeGreaterThan(0)
  })

  test.each(hasRedis ? ['lmdb', 'redis'] : ['lmdb'])('sessions in %s are counted in bytes', store => {
    expect(figuresOf(`sessions-${store}-10`).ratio).toBe(1)
    const { ratio, bytesPerSession } = figuresOf(`sessions-${store}-1000`)
    expect(ratio).toBeGreaterThan(0)
    // The ID token alone has 900.
    expect(bytesPerSession).toBeGreaterThan(900)
  })

  test('a reload is watched from outside and from inside', () => {
    const { rows, reloadMs, longestMs, loopLagMs } = figuresOf('reload')
    expect(rows).toBe(1_000)
    for (const figure of [reloadMs, longestMs, loopLagMs]) expect(figure).toBeGreaterThan(0)
  })

  test.skipIf(!hasRedis)('a log-out reaches the other process', () => {
    expect(figuresOf('revoke')).toMatchObject({ logOuts: 20 })
    expect(figuresOf('revoke').mostMs).toBeGreaterThan(0)
  })

  test.each(['one-process', 'workers', 'lmdb', ...(hasRedis ? ['redis', 'redis-workers', 'redis-not-cached'] : [])])(
    'an end is told: %s',
    name => {
      expect(figuresOf(`endings-${name}`).ends).toBeGreaterThan(0)
      expect(figuresOf(`endings-${name}`).mostMs).toBeGreaterThan(0)
    },
  )

  test('a start ends with an answer', () => {
    expect(figuresOf('start').medianMs).toBeGreaterThan(0)
  })

  test.skipIf(!hasNginx)('NGINX is asked with and without a check', () => {
    expect(figuresOf('nginx-unchecked').ratio).toBe(1)
    expect(figuresOf('nginx-checked').ratio).toBeGreaterThan(0)
    expect(figuresOf('nginx-checked-no-keep-alive').ratio).toBeGreaterThan(0)
  })

  const proxies = ['nginx', 'traefik', 'caddy', 'envoy', 'envoy-grpc', 'haproxy'] as const
  test.each(proxies)('%s is asked with and without a check, in front of a static site', kind => {
    const isHere = hasNginx && requirePeer(programOf(kind)) !== undefined
    expect((figuresOf(`${kind}-unchecked`).ratio ?? 0) > 0).toBe(isHere)
    expect((figuresOf(`${kind}-checked`).ratio ?? 0) > 0).toBe(isHere)
  })

  test('workers are compared, or the build has none and the bench says so', () => {
    if (hasSetting(workersSetting)) expect(figuresOf('workers-2').ratio).toBeGreaterThan(0)
    else expect(text).toContain('this build has no server.workers')
  })

  test('the table of policies is part of it', () => {
    expect(figuresOf('decide-policy-1000')).toMatchObject({ rows: 1_000, compileMs: expect.any(Number) })
    // As large as was asked for, and no larger.
    expect(figuresOf('decide-policy-10000')).toEqual({})
  })

  test('a cluster of the size that was asked for is read and asked', () => {
    expect(text).toContain('1,000 accounts, 2,000 bindings, 600 roles')
    for (const name of ['readJsonMs', 'readYamlMs', 'everyGrantMs']) expect(figuresOf('reach')[name]).toBeGreaterThan(0)
  })

  test('says which rows naive has', () => {
    expect(text).toContain('naive decides over 100 rows, the checks over 1000')
  })

  test('leaves no directory behind', () => {
    expect(readdirSync(temporary)).toEqual([])
  })
})

test('the help names every case', async () => {
  const { stdout } = await bench('--help')
  for (const name of [...loadCaseNames, ...specialCaseNames]) expect(stdout).toContain(`\n  ${name} `)
  expect(defaultCaseNames).toHaveLength(11)
})

test('Ctrl-C ends every process and removes every directory', async () => {
  const child = spawn(process.execPath, [...command, 'check-lmdb', '--seconds', '0.1', '--warm-up', '60'], {
    cwd: root,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let progress = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    progress += chunk
  })
  while (!progress.includes('warming up bare')) await delay(50)
  const children = childrenOf(child.pid ?? 0)
  expect(children.length).toBeGreaterThanOrEqual(3)
  child.kill('SIGINT')
  await once(child, 'exit')
  expect(children.filter(pid => existsSync(`/proc/${pid}`))).toEqual([])
  expect(readdirSync(temporary)).toEqual([])
})

const childrenOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)

describe('a profile', () => {
  const files = ['check-lmdb.cpuprofile', 'check-lmdb.html'].map(name => join(root, 'profiles', name))

  test('is a file for other viewers, a page without a network, and a table', async () => {
    for (const file of files) rmSync(file, { force: true })
    const { stdout } = await bench('--profile', 'check-lmdb', '--seconds', '0.1')
    expect(stdout).toContain('self %')
    const [profile = '', page = ''] = files.map(file => readFileSync(file, 'utf8'))
    expect(JSON.parse(profile).samples.length).toBeGreaterThan(100)
    expect(page).toContain('dist/packed/')
    expect(page).not.toMatch(/\b(?:src|href)=/)
  })

  test('is refused for a case without a service', async () => {
    await expect(bench('--profile', 'naive')).rejects.toMatchObject({ code: 2 })
  })
})
