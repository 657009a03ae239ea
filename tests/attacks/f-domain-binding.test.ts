/** F06 and what one cookie for a whole domain means, through the whole service and on every store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header, navigation, startService, TestBrowser, type TestService } from '../service.ts'
import { expectDenied } from './world.ts'

const wiki = 'https://wiki.auth.localhost'
const shop = 'https://shop.auth.localhost'
const payroll = 'https://payroll.example.org'
const policy = [wiki, shop, payroll]
  .map(origin => `p, authenticated, ${new URL(origin).hostname}, /**, *, -, allow\n`)
  .join('')
const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('F06 a cookie of a domain', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const where = redis === undefined ? { store } : { store, url: redis.url }
      const sessions = { ...where, binding: 'domain', cookieDomain: 'auth.localhost' }
      world = await startService({ policy, settings: { sessions } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const ask = (origin: string, cookie: string) =>
      world.ask('forward-auth', { url: `${origin}/`, cookie, headers: navigation })
    const valueIn = (cookie: string) => cookie.slice(cookie.indexOf('=') + 1)

    it('works on every host below the domain, and on no other', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      expect(cookie).toMatch(/^sallyport-domain=d\./)
      for (const origin of [wiki, shop, 'https://wiki.auth.localhost:8443']) {
        const answer = await ask(origin, cookie)
        expect(header(answer, 'remote-user'), origin).toBe('alice')
        // The application could use it at all others.
        expect(header(answer, 'cookie') ?? '').toBe('')
      }
      expectDenied(await world.ask('forward-auth', { url: `${payroll}/`, cookie }))
    })

    it('leaves hosts elsewhere the cookie that is theirs alone', async () => {
      const cookie = await world.logIn('alice', `${payroll}/`)
      expect(cookie).toMatch(/^sallyport=s\./)
      expect((await ask(payroll, cookie)).status).toBe(200)
      for (const disguise of [
        cookie,
        `sallyport-domain=${valueIn(cookie)}`,
        `sallyport-domain=d${valueIn(cookie).slice(1)}`,
      ]) {
        expectDenied(await world.ask('forward-auth', { url: `${wiki}/`, cookie: disguise }), disguise)
      }
    })

    it('is worth nothing as the cookie of a host', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      for (const origin of [wiki, payroll]) {
        for (const disguise of [`sallyport=${valueIn(cookie)}`, `sallyport=s${valueIn(cookie).slice(1)}`]) {
          expectDenied(await world.ask('forward-auth', { url: `${origin}/`, cookie: disguise }), disguise)
        }
      }
    })

    it('cannot be had without the browser that was sent to log in', async () => {
      const browser = new TestBrowser()
      const challenged = await ask(wiki, '')
      const start = header(challenged, 'location') ?? ''
      const atProvider = (await browser.request(start)).headers.get('location') ?? ''
      const back = await browser.visitor.logIn(atProvider, 'bob')
      const handoff = (await browser.request(back)).headers.get('location') ?? ''
      expect(handoff).toContain('/.sallyport/handoff?ticket=')
      const victim = await world.ask('forward-auth', { url: handoff, headers: navigation })
      // A pending cookie for a login of their own, and no session.
      expect(header(victim, 'set-cookie')).toMatch(/^sallyport=n\.[\w-]{43};/)
      expect(header(victim, 'location')).toContain('/login?again=1&')
    })

    it('is cleared with its domain once its session has ended, everywhere', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      expect((await ask(shop, cookie)).status).toBe(200)
      const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
      const body = `token=${encodeURIComponent(token)}`
      await browser.request(`${world.publicUrl}/logout`, { method: 'POST', body })
      for (const origin of [wiki, shop]) {
        const answer = await world.ask('forward-auth', { url: `${origin}/`, cookie })
        expectDenied(answer)
        expect(header(answer, 'set-cookie')).toMatch(/^sallyport-domain=; Domain=auth\.localhost; .*Max-Age=0$/)
      }
    })
  })
})
