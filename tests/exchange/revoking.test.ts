/** Ending a token, whatever the clocks of the replicas say: what is answered with 200 counts nowhere. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { claimsOf, type ExchangeWorld, startExchange } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const wiki = 'https://wiki.example.com/deploy/now'

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('J65 what a replica is asked to end', () => {
    let redis: RunningRedis | undefined
    let world: ExchangeWorld
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startExchange({ replicas: 2, settings: { sessions, machines: { exchange: {} } } })
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
    })

    const statusAt = async (replica: number, token: string) => {
      const headers: [string, string][] = [['Authorization', `Bearer ${token}`]]
      return (await world.replica(replica).ask('forward-auth', { url: wiki, headers })).status
    }
    const revokeAt = async (replica: number, token: string) => {
      const answer = await request(`http://127.0.0.1:${world.replica(replica).port}/token/revoke`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', host: new URL(world.publicUrl).host },
        body: new URLSearchParams({ token }).toString(),
      })
      return answer.status
    }

    it.each([
      [0, 0],
      [0, -10],
      [1, -6],
      [1, -30],
      [1, -3_000],
      [1, 601],
      [1, 620],
      [1, 86_400],
    ])('at %i, whose clock is off by %i s, counts nowhere when the clock is right again', async (replica, seconds) => {
      const made = await world.exchanged()
      const further = await world.exchanged({ subject_token: made })
      for (const token of [made, further]) for (const one of [0, 1]) expect(await statusAt(one, token)).toBe(200)
      world.replica(replica).moveClock(seconds)
      const answered = await revokeAt(replica, made)
      world.replica(replica).moveClock(-seconds)
      const still = []
      for (const token of [made, further]) for (const one of [0, 1]) still.push(await statusAt(one, token))
      expect([answered, still]).toEqual([200, [401, 401, 401, 401]])
      const { jti, sub } = claimsOf(made)
      const written = world.replica(replica)
      await expect
        .poll(() => written.auditEvents().find(one => one.event === 'exchange.revoked' && one.jti === jti), {
          timeout: 60_000,
        })
        .toMatchObject({ host: 'wiki.example.com', subject: sub })
    })

    it('is 503 where the key of the token is not known, and 200 where it is surely none of ours', async () => {
      const made = await world.exchanged()
      const [head = '', claims = '', signature = ''] = made.split('.')
      const withHead = (change: object) => {
        const header = { ...(JSON.parse(Buffer.from(head, 'base64url').toString()) as object), ...change }
        return [Buffer.from(JSON.stringify(header)).toString('base64url'), claims, signature].join('.')
      }
      expect(await revokeAt(0, withHead({ kid: randomBytes(32).toString('base64url') }))).toBe(503)
      expect(await revokeAt(0, withHead({ kid: undefined }))).toBe(200)
      expect(await revokeAt(0, withHead({ typ: 'JWT' }))).toBe(200)
      expect(await revokeAt(0, withHead({ x: 1 }))).toBe(200)
      expect(await statusAt(0, made)).toBe(200)
    })

    it('is 503 while the store does not answer', async () => {
      if (redis === undefined) return
      const made = await world.exchanged()
      await redis.stop()
      expect(await revokeAt(1, made)).toBe(503)
    })
  })
})
