/**
 * The gateway of a service that is several processes: a hundred streams of each kind, dealt to two workers, end with the
 * session, the group, the policy, and the service; and what a worker does that is replaced, killed, or without a store.
 */
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stretched, withLateness } from '../pace.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { askHttp1, type FakeApiServer, startAuthority, startFakeApiServer } from './gateway-world.ts'
import { endingsOf, keepOpen, kinds, type ManyStreams, openStreams } from './many-streams.ts'
import { startWorkersWorld, type WorkersWorld } from './workers-world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const policy = (more = ''): string => `p, group:ops, kube:prod, /**, *, -, allow\n${more}`
const each = 100
/** How often the provider is asked, and how often what is open is looked at: a group is seen to be gone after both. */
const verifyMs = 1000
const lookMs = 2000

describe.each(['lmdb', 'redis'] as const)('two workers, sessions in %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('and a gateway', () => {
    const authority = startAuthority()
    let redis: RunningRedis | undefined
    let api: FakeApiServer
    let world: WorkersWorld

    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      api = await startFakeApiServer(authority)
      keepOpen(api)
      // A busy machine lets a Redis wait.
      const where = redis === undefined ? {} : { store: 'redis', url: redis.url, timeout: '20s' }
      world = await startWorkersWorld({
        authority,
        api,
        policy: policy(),
        sessions: { ...where, verifyEvery: `${verifyMs / 1000}s` },
      })
    })
    afterAll(async () => {
      await world?.stop()
      await api?.close()
      await redis?.stop()
      authority.close()
    })

    const gatewayFor = async () => ({ port: world.port, authority, token: await world.tokenOf('alice') })
    const get = (token: string) =>
      askHttp1(world.port, authority, {
        path: '/clusters/prod/api/v1/pods',
        headers: { authorization: `Bearer ${token}` },
      })

    /** Milliseconds from the cause to the last end, beyond what the machine was late for. */
    async function endAfter(streams: ManyStreams, cause: () => Promise<void>, boundMs: number): Promise<void> {
      const { result, late } = await withLateness(async () => {
        const startedAt = performance.now()
        await cause()
        return (await streams.allEnded) - startedAt
      })
      process.stderr.write(`kubernetes: ${streams.count} streams over ${store} ended after ${Math.round(result)} ms\n`)
      expect(result).toBeLessThan(stretched(boundMs, late.mostMs))
    }

    it('L06 end when the sessions of the person are ended', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, each)
      expect(streams.stillOpen()).toBe(each * kinds.length)
      await endAfter(streams, () => world.endSessionsOf('alice'), 1000)
      expect(streams.endings()).toEqual(endingsOf(each, 401))
      expect(
        streams.said().filter(text => text.includes('your session has ended; run: sallyport kube login')),
      ).toHaveLength(4 * each)
      expect((await get(gateway.token)).status).toBe(401)
    })

    it('L06 end when the provider has taken the group away', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, each)
      const cause = async () => world.provider.people.setGroups('alice', ['staff'])
      try {
        await endAfter(streams, cause, verifyMs + lookMs + 1000)
      } finally {
        world.provider.people.setGroups('alice', ['ops'])
      }
      expect(streams.endings()).toEqual(endingsOf(each, 403))
      expect(streams.said().filter(text => text.includes('you may not do this any more'))).toHaveLength(4 * each)
    })

    it('L06 end when another policy says no, and not when it cannot be used', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, each)
      await expect(world.writePolicy('p, everybody, kube:prod, /, get, -, allow\n')).rejects.toThrow('rejected')
      expect((await get(gateway.token)).status).toBe(200)
      expect(streams.stillOpen()).toBe(streams.count)
      const cause = () => world.writePolicy(policy('p, group:ops, kube:prod, /payments/**, *, -, deny\n'))
      try {
        await endAfter(streams, cause, 1000)
      } finally {
        await world.writePolicy(policy())
      }
      expect(streams.endings()).toEqual(endingsOf(each, 403))
    })

    it.runIf(store === 'lmdb')(
      '2,000 idle watches cost little, are all told, and hold up no call',
      async () => {
        const gateway = await gatewayFor()
        const residentMb = () => world.workers().reduce((sum, pid) => sum + residentOf(pid), 0)
        for (let call = 0; call < 50; call += 1) await get(gateway.token)
        const before = residentMb()
        const watches = await openWatches(gateway, 2000)
        const grown = residentMb() - before
        process.stderr.write(`kubernetes: 2,000 idle watches take ${Math.round(grown)} MB\n`)
        expect(grown).toBeLessThan(400)
        const { result, late } = await withLateness(async () => {
          const startedAt = performance.now()
          expect((await get(gateway.token)).status).toBe(200)
          return performance.now() - startedAt
        })
        expect(result).toBeLessThan(stretched(1000, late.mostMs))
        const ended = watches.allEnded
        await world.endSessionsOf('alice')
        expect(await ended).toEqual({ 'an ERROR event': 2000 })
      },
      300_000,
    )

    it('a worker that is killed takes its streams along, without a word; those of the other go on', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, 10)
      const [killed = 0] = world.workers().slice(-2)
      process.kill(killed, 'SIGKILL')
      await expect.poll(() => world.workers().length, { timeout: 60_000 }).toBeGreaterThan(2)
      // That a connection broke is told one by one.
      const lost = () => streams.count - streams.stillOpen()
      await expect.poll(lost, { timeout: 60_000 }).toBeGreaterThan(streams.count / 4)
      expect(lost()).toBeLessThan((streams.count * 3) / 4)
      // Nobody is left who could say anything: to kubectl exec that is a command that ended well.
      for (const how of Object.keys(streams.endings())) expect(how).toContain('broken off')
      expect((await get(gateway.token)).status).toBe(200)
      streams.close()
    })

    it('a worker that is replaced carries what it has, and ends it with a word when it has to go', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, 5)
      const before = new Set(world.workers())
      await world.restartWorkers()
      expect((await get(gateway.token)).status).toBe(200)
      expect(world.workers().filter(pid => !before.has(pid))).toHaveLength(2)
      expect(streams.stillOpen()).toBe(streams.count)
      // The next restart waits for nobody.
      await world.restartWorkers()
      await streams.allEnded
      expect(streams.endings()).toEqual(endingsOf(5, 503))
    })

    it.runIf(store === 'redis')(
      'L09 without the store nobody passes, what is open ends, and all is well when it is back',
      async () => {
        const gateway = await gatewayFor()
        const streams = await openStreams(gateway, 5)
        const { port } = redis as RunningRedis
        await redis?.stop()
        const refused = await get(gateway.token)
        expect([refused.status, JSON.parse(refused.text).reason]).toEqual([503, 'ServiceUnavailable'])
        await streams.allEnded
        expect(streams.endings()).toEqual(endingsOf(5, 503))
        redis = await startRedis({ port })
        // It has come back empty, of keys too, which a worker that is new would make afresh: whoever had a session logs in again.
        await world.untilReady()
        expect((await get(gateway.token)).status).toBe(401)
        expect((await get(await world.tokenOf('alice'))).status).toBe(200)
      },
    )

    it('a service that stops ends every stream with a word', async () => {
      const gateway = await gatewayFor()
      const streams = await openStreams(gateway, 20)
      world.signal('SIGTERM')
      await streams.allEnded
      expect(streams.endings()).toEqual(endingsOf(20, 503))
      expect(await world.ended).toBe(0)
    })
  })
})

function residentOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Over HTTP/2, as many on a connection as the gateway takes. */
async function openWatches(
  { port, authority, token }: { port: number; authority: { certificate: string }; token: string },
  count: number,
) {
  const perSession = 200
  const sessions = Array.from({ length: count / perSession }, () =>
    connectHttp2(`https://localhost:${port}`, { ca: authority.certificate }),
  )
  const ends: Promise<string>[] = []
  for (const session of sessions) {
    session.on('error', () => undefined)
    const begun = Array.from({ length: perSession }, () => {
      const stream = session.request({
        ':path': '/clusters/prod/api/v1/namespaces/payments/configmaps?watch=true',
        authorization: `Bearer ${token}`,
      })
      let text = ''
      stream.on('data', chunk => {
        text += chunk
      })
      stream.on('error', () => undefined)
      ends.push(
        new Promise(resolve =>
          stream.once('close', () => resolve(text.includes('"type":"ERROR"') ? 'an ERROR event' : text)),
        ),
      )
      return new Promise<void>((resolve, reject) => {
        stream.once('data', chunk =>
          String(chunk).includes('ADDED') ? resolve() : reject(new Error(`a watch has not begun: ${chunk}`)),
        )
        stream.once('close', () => reject(new Error('a watch has not begun')))
      })
    })
    await Promise.all(begun)
  }
  return {
    allEnded: Promise.all(ends).then(all => {
      for (const session of sessions) session.destroy()
      const counts: Record<string, number> = {}
      for (const how of all) counts[how] = (counts[how] ?? 0) + 1
      return counts
    }),
  }
}
