/** Several services over one store: what one knows, the others know. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from './peers.ts'
import { startService, TestBrowser, type TestService } from './service.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const wiki = 'https://wiki.example.com/'
const policy = `
p, authenticated, wiki.example.com, /**, read, -, allow
`

describe.each(['lmdb', 'redis'] as const)('replicas on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('of one service', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startService({
        policy,
        replicas: 2,
        settings: { sessions },
        providers: corp => [corp, { ...corp, name: 'partner', label: 'Partner' }],
        hosts: [{ host: 'wiki.example.com', maxAge: '1h' }],
      })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    it('answer for each other, each with an audit file and a clock of its own', async () => {
      const second = world.replica(1)
      expect(second.port).not.toBe(world.port)
      expect((await second.ask('forward-auth', { url: wiki })).status).toBe(401)
      const chooser = await new TestBrowser().request(`${world.publicUrl}/login?rd=${encodeURIComponent(wiki)}`)
      expect(await chooser.text()).toContain('Partner')
      const cookie = await world.logIn('alice', wiki, undefined, 'partner')
      const answer = await second.ask('forward-auth', { url: wiki, cookie })
      expect(answer.status).toBe(200)
      expect(await second.eventOf(answer)).toMatchObject({ event: 'access.allowed', provider: 'partner' })
      expect(world.auditEvents().filter(({ event }) => event === 'access.allowed')).toEqual([])
      second.moveClock(13 * 3600)
      expect((await second.ask('forward-auth', { url: wiki, cookie })).status).toBe(401)
      expect((await world.ask('forward-auth', { url: wiki, cookie })).status).toBe(200)
    })
  })
})
