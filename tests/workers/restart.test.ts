/** Ends of workers, wanted and unwanted, while requests come in all the time. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type RunningService, type ServeOptions, spawnService, untilListening } from '../lifecycle/process.ts'
import { stretched, withLateness } from '../pace.ts'
import {
  admin,
  allowedChecks,
  check,
  isAlive,
  metric,
  openPolicy,
  post,
  startLoad,
  startWorkers,
  workersOf,
} from './service.ts'

const running: RunningService[] = []
const start = async (options: Partial<ServeOptions> = {}): Promise<RunningService> => {
  const service = await startWorkers(options)
  running.push(service)
  return service
}
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

const pidsOf = (service: RunningService): number[] => workersOf(service).map(({ pid }) => pid)

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })

/** First line of the answer to a check. */
async function askOver(socket: Socket): Promise<string> {
  const lines = [
    'GET /verify/auth-request HTTP/1.1',
    'Host: auth',
    'X-Original-Method: GET',
    'X-Original-URL: https://wiki.example.com/public/a',
    'Connection: close',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text.split('\r\n', 1)[0] ?? ''
}

/** Ended, also where its parent has not heard of it yet. */
const isOver = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

describe('a restart of the workers', () => {
  it('drops no request, counts on, and leaves only new processes', async () => {
    const service = await start()
    const old = pidsOf(service)
    const load = startLoad(service)
    await load.untilMore(50)
    const before = await metric(service, allowedChecks)
    for (let round = 0; round < 3; round += 1) {
      const response = await post(service, '/workers/restart')
      expect([response.status, await response.json()]).toEqual([200, { outcome: 'restarted' }])
      await load.untilMore(20)
    }
    const during = await metric(service, allowedChecks)
    const { allowed, failures } = await load.end()
    expect(failures).toEqual([])
    expect(allowed).toBeGreaterThan(100)
    expect(during).toBeGreaterThan(before)
    await expect.poll(() => pidsOf(service).filter(isAlive).length).toBe(2)
    expect(old.filter(isAlive)).toEqual([])
    expect(pidsOf(service)).toHaveLength(8)
    // Every answer that a client got is in the sum, also those of the processes that are gone.
    expect(await metric(service, allowedChecks)).toBe(allowed)
    expect(await metric(service, 'sallyport_worker_restarts_total')).toBe(0)
  })

  it('loses no connection that was dealt to a worker in the moment of its end', async () => {
    const service = await start()
    const [leaving = 0] = pidsOf(service)
    const primary = service.child.pid ?? 0
    // The order of things that comes about by itself under load: a worker lets go while the primary has not looked yet.
    process.kill(leaving, 'SIGSTOP')
    const restarted = post(service, '/workers/restart')
    await expect.poll(() => pidsOf(service).length).toBe(3)
    process.kill(primary, 'SIGSTOP')
    const sockets = await Promise.all(Array.from({ length: 6 }, () => open(service.port)))
    process.kill(leaving, 'SIGCONT')
    // It ends by itself or waits for the primary, which is what it has to do; there is no sign of waiting.
    for (let looks = 0; looks < 60 && !isOver(leaving); looks += 1) await delay(25)
    process.kill(primary, 'SIGCONT')
    expect(await Promise.all(sockets.map(askOver))).toEqual(sockets.map(() => 'HTTP/1.1 200 OK'))
    expect((await restarted).status).toBe(200)
    await expect.poll(() => isAlive(leaving)).toBe(false)
  })

  it('lets an idle connection live until it is used once more, and then asks its client to come back', async () => {
    const service = await start()
    const [first, second] = [
      new Agent({ keepAlive: true, maxSockets: 1 }),
      new Agent({ keepAlive: true, maxSockets: 1 }),
    ]
    for (const agent of [first, second]) expect((await check(service, '/public/a', agent)).isLast).toBe(false)
    const old = pidsOf(service)
    await post(service, '/workers/restart')
    await delay(500)
    expect(old.filter(isAlive)).toEqual(old)
    for (const agent of [first, second]) {
      expect(await check(service, '/public/b', agent)).toMatchObject({ status: 200, isLast: true })
    }
    await expect.poll(() => old.filter(isAlive)).toEqual([])
    expect(await metric(service, allowedChecks)).toBe(4)
    for (const agent of [first, second]) agent.destroy()
  })

  it('on SIGUSR2 takes the configuration as it is by now; one that is refused changes nothing', async () => {
    const service = await start()
    const file = join(service.directory, 'sallyport.yaml')
    const original = JSON.parse(readFileSync(file, 'utf8')) as object
    const withRateLimit = (rateLimit: unknown) =>
      writeFileSync(file, JSON.stringify({ ...original, login: { rateLimit } }))
    withRateLimit('many')
    service.child.kill('SIGUSR2')
    await expect.poll(service.stderr).toMatch(/login\.rateLimit.*workers not restarted/)
    expect(pidsOf(service)).toHaveLength(2)
    const refused = await post(service, '/workers/restart')
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      { outcome: 'failed', error: expect.stringContaining('login.rateLimit') },
    ])
    withRateLimit(1)
    service.child.kill('SIGUSR2')
    await expect.poll(service.stderr).toContain('workers restarted')
    const page = () => fetch(`http://localhost:${service.port}/signed-out`, { headers: { connection: 'close' } })
    expect([(await page()).status, (await page()).status, (await page()).status]).toEqual([200, 429, 429])
  })

  it('ends at the first worker that does not come up; the others go on with the last good policy', async () => {
    const service = await start({ settings: { policy: { watch: false } } })
    const old = pidsOf(service)
    writeFileSync(join(service.directory, 'policy.csv'), 'p, anyone\n')
    const response = await post(service, '/workers/restart')
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { outcome: 'failed', error: expect.stringContaining('policy.csv:1:1') },
    ])
    expect(old.filter(isAlive)).toEqual(old)
    expect((await check(service, '/public/a')).status).toBe(200)
  })

  it('gives all the same policy when the new ones find a newer one', async () => {
    const service = await start({ settings: { policy: { watch: false } } })
    writeFileSync(
      join(service.directory, 'policy.csv'),
      `${openPolicy}p, anyone, wiki.example.com, /n, read, -, allow\n`,
    )
    const [first] = workersOf(service)
    process.kill(first?.pid ?? 0, 'SIGKILL')
    await expect.poll(() => pidsOf(service).length).toBe(3)
    const statuses = async () =>
      new Set(await Promise.all([1, 2, 3, 4].map(async () => (await check(service, '/n')).status)))
    await expect.poll(statuses).toEqual(new Set([200]))
  })
})

describe('a signal to a service that still starts', () => {
  const startHalf = async (): Promise<RunningService> => {
    const service = await spawnService({
      policy: openPolicy,
      settings: { server: { workers: 2 }, policy: { watch: false } },
    })
    running.push(service)
    await expect.poll(() => pidsOf(service).length, { interval: 5 }).toBe(1)
    return service
  }

  it('does not end it: after SIGUSR2 the workers are replaced when all serve', async () => {
    const service = await startHalf()
    service.child.kill('SIGUSR2')
    await untilListening(service)
    await expect.poll(service.stderr).toContain('workers restarted')
    expect(pidsOf(service)).toHaveLength(4)
    expect((await check(service, '/public/a')).status).toBe(200)
  })

  it('does not end it: after SIGHUP each reads the policy again when all serve', async () => {
    const service = await startHalf()
    const more = `${openPolicy}p, anyone, wiki.example.com, /n, read, -, allow\n`
    writeFileSync(join(service.directory, 'policy.csv'), more)
    service.child.kill('SIGHUP')
    await untilListening(service)
    const statuses = async () =>
      new Set(await Promise.all([1, 2, 3, 4].map(async () => (await check(service, '/n')).status)))
    await expect.poll(statuses).toEqual(new Set([200]))
  })
})

describe('a worker that is killed under load', () => {
  it('is replaced; only what it was answering is lost, and no count goes backwards', async () => {
    const service = await start()
    const load = startLoad(service)
    await load.untilMore(30)
    const before = await metric(service, allowedChecks)
    const [victim] = workersOf(service)
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    await expect.poll(() => pidsOf(service).length).toBe(3)
    expect(await metric(service, allowedChecks)).toBeGreaterThanOrEqual(before)
    await load.untilMore(20)
    const { allowed, failures } = await load.end()
    expect(allowed).toBeGreaterThan(50)
    // Each of the six clients has at most one request under way.
    expect(failures.length).toBeLessThanOrEqual(6)
    // And each is told at once that its connection is gone, also one that the worker had not looked at yet.
    expect(failures).not.toContain('no answer within a minute')
    expect(await metric(service, 'sallyport_worker_restarts_total')).toBe(1)
    expect(service.stderr()).toContain('"how":"SIGKILL","msg":"a worker has ended and is replaced"')
    expect(JSON.parse((await service.readiness()).body)).toMatchObject({
      checks: expect.arrayContaining([{ name: 'workers', ok: true }]),
    })
  })

  it('says that one is missing, while the other serves', async () => {
    const service = await start({ settings: { policy: { watch: false } } })
    writeFileSync(join(service.directory, 'policy.csv'), 'p, anyone\n')
    process.kill(workersOf(service)[0]?.pid ?? 0, 'SIGKILL')
    await expect.poll(service.stderr).toContain('a worker cannot be started')
    const { status, body } = await service.readiness()
    expect([status, JSON.parse(body)]).toMatchObject([
      200,
      { status: 'degraded', checks: expect.arrayContaining([{ name: 'workers', ok: false, detail: '1 of 2 serve' }]) },
    ])
    expect((await check(service, '/public/a')).status).toBe(200)
    writeFileSync(join(service.directory, 'policy.csv'), openPolicy)
    await expect.poll(() => pidsOf(service).length).toBe(3)
  })

  it('is the end, with its reason, when none serves and none can be started', async () => {
    const service = await start({ settings: { policy: { watch: false } } })
    writeFileSync(join(service.directory, 'policy.csv'), 'p, anyone\n')
    for (const pid of pidsOf(service)) process.kill(pid, 'SIGKILL')
    await expect.poll(async () => (await service.readiness()).status).toBe(503)
    expect(await service.ended).toBe(2)
    expect(service.stderr()).toMatch(/\nThe policy cannot be used: one problem\.\n.*policy\.csv:1:1 .*\n$/)
    expect(pidsOf(service)).toHaveLength(2)
  })
})

describe('a single process', () => {
  it('has no workers: SIGUSR2 changes nothing, and there is nothing to ask for', async () => {
    const service = await start({ settings: { server: { workers: 1 } } })
    service.child.kill('SIGUSR2')
    await expect.poll(service.stderr).toContain('a single process has no workers to restart')
    expect((await check(service, '/public/a')).status).toBe(200)
    expect((await post(service, '/workers/restart')).status).toBe(404)
    expect(await metric(service, 'sallyport_workers')).toBe(1)
  })
})

describe('the end of the service', () => {
  it('on SIGTERM drains every worker, also one that is just leaving, and exits with 0', async () => {
    const service = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await check(service, '/public/last-words', agent)
    await post(service, '/workers/restart')
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
    expect(pidsOf(service).filter(isAlive)).toEqual([])
    expect(service.stdout()).toContain('/public/last-words')
    await expect(admin(service, '/healthz')).rejects.toThrow()
    agent.destroy()
  })

  it('on SIGTERM ends in time even if a client never does', async () => {
    const service = await start({ settings: { server: { shutdownTimeout: '1s' } } })
    const socket = connect(service.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /verify/auth-request HTTP/1.1\r\nHost: x\r\nX-Never')
    await delay(100)
    const started = performance.now()
    service.child.kill('SIGTERM')
    const { result: code, late } = await withLateness(() => service.ended)
    expect(code).toBe(0)
    expect(performance.now() - started).toBeLessThan(stretched(4_000, late.mostMs))
    socket.destroy()
  })

  it('is the end of the workers too when the primary is killed; what they decided is written', async () => {
    const service = await start({ settings: { audit: { destination: 'audit.jsonl' } } })
    const workers = pidsOf(service)
    const { requestId } = await check(service, '/public/last-words')
    service.child.kill('SIGKILL')
    await service.ended
    await expect.poll(() => workers.filter(isAlive)).toEqual([])
    await expect(check(service, '/public/a')).rejects.toThrow()
    expect(readFileSync(join(service.directory, 'audit.jsonl'), 'utf8')).toContain(requestId)
  })
})
