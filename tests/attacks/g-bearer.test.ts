/** G17: a bearer token beside a cookie, of another person: the cookie counts alone, and the audit log says whose it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header, type TestService } from '../service.ts'
import { fronts, startWorld, wiki } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('G17: a bearer token of somebody else beside a cookie', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      world = await startWorld({ settings: { sessions: redis === undefined ? { store } : { store, url: redis.url } } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    it.each(fronts)('neither adds to a person nor replaces one on %s', async front => {
      const ask = async (path: string, cookie: string, token: string) =>
        world.ask(front, { url: `${wiki}${path}`, cookie, headers: [['Authorization', `Bearer ${token}`]] })
      const cookies = { alice: await world.logIn('alice', `${wiki}/`), bob: await world.logIn('bob', `${wiki}/`) }
      const ofAlice = header(await ask('/', cookies.alice, 'x'), 'x-sallyport-assertion') ?? ''
      const ofBob = header(await ask('/', cookies.bob, 'x'), 'x-sallyport-assertion') ?? ''
      // Our own assertions are the tokens that come nearest to an identity here.
      expect(ofAlice).toMatch(/^eyJ/)
      for (const token of [ofAlice, ofBob, cookies.alice.split('=')[1] ?? '', 'garbage']) {
        const bob = await ask('/', cookies.bob, token)
        expect(header(bob, 'remote-user')).toBe('bob')
        expect(await world.eventOf(bob)).toMatchObject({ subject: `${world.provider.issuer}#bob` })
        expect((await ask('/admin/', cookies.bob, token)).status).toBe(403)
        expect((await ask('/admin/', cookies.alice, token)).status).toBe(200)
        expect(world.logText()).not.toContain(token.slice(0, 200))
        expect(JSON.stringify(world.auditEvents())).not.toContain(token.slice(0, 200))
      }
    })
  })
})
