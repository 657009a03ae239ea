/**
 * What docs/replicas.md and docs/upgrade.md claim, behind a real NGINX with the printed files: one replica is killed, or each is
 * replaced by another process, and sessions go on with no request refused.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { freePort, type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { ask, logInThrough } from '../proxies/balancer.ts'
import { folder, printInto, startPrinted } from '../proxy-config/printed.ts'
import { createOperatedWorld, type OperatedWorld, type Replica, statusAt } from './world.ts'

const isThere = ['nginx', 'redis-server'].every(peer => requirePeer(peer) !== undefined)

describe.skipIf(!isThere)('two replicas behind NGINX', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-replicas-'))
  const application = createDemoApp({ name: 'wiki' })
  let redis: RunningRedis
  let world: OperatedWorld
  let replicas: [Replica, Replica]
  let proxy: Child
  let port: number
  let cookie: string

  const sessions = () => ({ store: 'redis', url: redis.url })
  const page = () => `http://wiki.localhost:${port}/notes/today`
  const statusOf = async (): Promise<number> =>
    (await ask(page(), { headers: { cookie, accept: 'application/json' } })).status

  const auditOf = ({ file }: Replica): number => statSync(file.replace(/yaml$/, 'jsonl')).size

  /** What everybody is answered while something happens. */
  async function statusesDuring(act: () => Promise<void>): Promise<readonly number[]> {
    const seen = new Set<number>()
    let isOver = false
    const asking = Array.from({ length: 4 }, async () => {
      while (!isOver) seen.add(await statusOf())
    })
    await act()
    // Whoever is tried next is tried after it as well.
    for (let more = 0; more < 20; more += 1) seen.add(await statusOf())
    isOver = true
    await Promise.all(asking)
    return [...seen]
  }

  beforeAll(async () => {
    port = await freePort()
    redis = await startRedis()
    world = await createOperatedWorld(port)
    const [one, two] = [await world.configure('one', sessions()), await world.configure('two', sessions())]
    replicas = [await world.start(one), await world.start(two)]
    const files = folder(directory, 'nginx')
    const site = `wiki.localhost=127.0.0.1:${await listen(application)}`
    const both = replicas.flatMap(replica => ['--sallyport', `127.0.0.1:${replica.port}`])
    await printInto(
      files,
      ['nginx', '--config', one.file, '--host', site, ...both, '--listen', `127.0.0.1:${port}`],
      directory,
    )
    proxy = startPrinted('nginx', files)
    const isServed = async () =>
      (await ask(`http://wiki.localhost:${port}/public/a`).catch(() => undefined))?.status === 200
    await vi.waitUntil(isServed, { timeout: 60_000, interval: 25 })
    cookie = (await logInThrough((address, headers) => ask(address, { headers, port }), page())).cookie
  })
  afterAll(async () => {
    await proxy?.stop(1_000)
    await world?.close()
    await redis?.stop()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  it('are one service: a login by way of both counts at each', async () => {
    for (const replica of replicas) expect(await statusAt(replica, cookie)).toBe(200)
    expect(await statusOf()).toBe(200)
  })

  it('go on when one is killed: no check fails, nobody is logged out, and people log in', async () => {
    const [first, second] = replicas
    expect(await statusesDuring(() => world.stop(first, 'SIGKILL'))).toEqual([200])
    const other = await logInThrough((address, headers) => ask(address, { headers, port }), page())
    expect(other.last.status).toBe(200)
    replicas = [await world.start(first), second]
    expect(await statusAt(replicas[0], other.cookie)).toBe(200)
  })

  it('are upgraded one after the other: each ends by SIGTERM, and another process takes its place', async () => {
    const seen = await statusesDuring(async () => {
      for (const at of [0, 1] as const) {
        await world.stop(replicas[at], 'SIGTERM')
        replicas[at] = await world.start(replicas[at])
        // As the page says: NGINX asks one that was away again after two seconds, and until then has the other one alone.
        const before = auditOf(replicas[at])
        await expect.poll(() => auditOf(replicas[at])).toBeGreaterThan(before)
      }
    })
    expect(seen).toEqual([200])
  })

  it('share the keys of assertions, before and after', async () => {
    const keys = await Promise.all(
      replicas.map(async replica => (await fetch(`http://127.0.0.1:${replica.port}/.well-known/jwks.json`)).json()),
    )
    expect(keys[0]).toEqual(keys[1])
  })

  it('let nobody in when none is left', async () => {
    for (const replica of replicas) await world.stop(replica, 'SIGKILL')
    expect(await statusOf()).toBe(503)
  })
})
