/** Over gRPC while the store does not answer: nobody gets in by memory, and what needs no session goes on. */
import { describe, expect, it } from 'vitest'
import { requirePeer, startRedis } from '../peers.ts'
import { startService } from '../service.ts'
import { createEnvoyClient, requestAbout } from './client.ts'

const wiki = 'https://wiki.example.com'
const policy = `
p, anyone,        wiki.example.com, /public/**, read, -, allow
p, authenticated, wiki.example.com, /pages/**,  *,    -, allow
`

describe.runIf(requirePeer('redis-server') !== undefined)('a check over gRPC without a store', () => {
  it('F11 is 503 for whoever has a session, an allow for what anybody may read, and the health says so', async () => {
    const redis = await startRedis()
    const sessions = { store: 'redis', url: redis.url }
    const world = await startService({ policy, settings: { sessions, envoy: { listen: '127.0.0.1:0' } } })
    const client = createEnvoyClient(world.service.ports().envoy ?? 0)
    try {
      const cookie = await world.logIn('alice', `${wiki}/pages/a`)
      const ask = async (path: string, headers: [string, string][] = []) => {
        const answer = await client.check(requestAbout({ url: `${wiki}${path}`, headers }))
        return [answer.status.code, answer.denied_response?.status.code]
      }
      expect(await ask('/pages/a', [['cookie', cookie]])).toEqual([0, undefined])
      await redis.stop()
      await expect.poll(() => ask('/pages/a', [['cookie', cookie]]), { timeout: 60_000 }).toEqual([14, 503])
      expect(await ask('/public/a')).toEqual([0, undefined])
      expect(await client.health('')).toBe(1)
    } finally {
      client.close()
      await world.close()
      await redis.stop()
    }
  })
})
