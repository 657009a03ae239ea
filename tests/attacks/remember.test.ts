/** Staying logged in: an explicit choice, its longer limits, and an end that outlives them; on every store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { type Answer, header, navigation, TestBrowser, type TestService } from '../service.ts'
import { startWorld, wiki } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const hour = 3600
const day = 24 * hour
const limits = {
  lifetime: '12h',
  idle: '12h',
  remember: true,
  rememberLifetime: '30d',
  rememberIdle: '14d',
  verifyEvery: '0s',
}

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('staying logged in', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startWorld({ settings: { sessions: { ...sessions, ...limits } } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const home = (cookie: string) => world.ask('auth-request', { url: `${wiki}/`, cookie })
    const cookieLine = (answer: Answer) => header(answer, 'set-cookie') ?? ''
    const pairOf = (line: string) => line.split(';')[0] ?? ''

    /** Up to the page that asks, whose form is then posted, or whose address is gone to with another query. */
    async function logIn(
      browser: TestBrowser,
      { form, headers = {}, query = '' }: { form?: string; headers?: Record<string, string>; query?: string },
    ): Promise<{ host: Answer; authCookie: string }> {
      const challenged = await world.ask('forward-auth', { url: `${wiki}/`, headers: navigation })
      const login = `${header(challenged, 'location') ?? ''}${query}`
      const page = await browser.request(login)
      const text = await page.text()
      expect(page.status).toBe(200)
      expect(text).toContain('type="checkbox" name="remember" value="1"')
      expect(text).not.toContain('checked')
      const [, action = ''] = /<form method="post" action="([^"]*)"/.exec(text) ?? []
      const posted = await browser.request(new URL(action.replaceAll('&amp;', '&'), login).href, {
        method: 'POST',
        body: form ?? '',
        ...(Object.keys(headers).length === 0 ? {} : { headers }),
      })
      expect(posted.status).toBe(200)
      const [, next = ''] = /^0; url=(.*)$/.exec(posted.headers.get('refresh') ?? '') ?? []
      const started = await browser.request(new URL(next, login).href)
      expect(started.status).toBe(302)
      // The choice is for one login.
      expect((await browser.jar.getCookies(world.publicUrl)).map(({ key }) => key)).not.toContain('sallyport-remember')
      const callback = await browser.visitor.logIn(started.headers.get('location') ?? '', 'carol')
      const done = await browser.request(callback)
      const authCookie = done.headers.getSetCookie().find(line => line.startsWith('sallyport-login=')) ?? ''
      const ticket = done.headers.get('location') ?? ''
      const cookie = pairOf(cookieLine(challenged))
      return { host: await world.ask('forward-auth', { url: ticket, cookie, headers: navigation }), authCookie }
    }

    it('is a box that is empty: without it cookies end with the browser, and the session with its lifetime (F16)', async () => {
      const { host, authCookie } = await logIn(new TestBrowser(), { form: '' })
      expect(cookieLine(host)).not.toMatch(/max-age|expires/i)
      expect(authCookie).not.toMatch(/max-age|expires/i)
      const cookie = pairOf(cookieLine(host))
      world.moveClock(11 * hour)
      expect((await home(cookie)).status).toBe(200)
      world.moveClock(2 * hour)
      expect((await home(cookie)).status).toBe(401)
    })

    it('that was chosen lasts for its own lifetime and idle time, in cookies and in the store', async () => {
      const browser = new TestBrowser()
      const { host, authCookie } = await logIn(browser, { form: 'remember=1' })
      const [, seconds] = /Max-Age=(\d+)/.exec(cookieLine(host)) ?? []
      expect(Number(seconds)).toBeGreaterThan(30 * day - 60)
      expect(Number(seconds)).toBeLessThanOrEqual(30 * day)
      expect(authCookie).toMatch(/; Expires=/)
      const cookie = pairOf(cookieLine(host))
      for (const days of [13, 13]) {
        world.moveClock(days * day)
        expect((await home(cookie)).status).toBe(200)
      }
      world.moveClock(3 * day)
      expect((await home(cookie)).status).toBe(200)
      world.moveClock(day + hour)
      expect((await home(cookie)).status).toBe(401)
    })

    it('F13 ends after its idle time', async () => {
      const { host } = await logIn(new TestBrowser(), { form: 'remember=1' })
      world.moveClock(14 * day + hour)
      expect((await home(pairOf(cookieLine(host)))).status).toBe(401)
    })

    it.each<[string, { form?: string; headers?: Record<string, string>; query?: string }]>([
      ['a link', { form: '', query: '&remember=1' }],
      ['a form of another site', { form: 'remember=1', headers: { 'sec-fetch-site': 'cross-site' } }],
      ['a form of a neighbour', { form: 'remember=1', headers: { 'sec-fetch-site': 'same-site' } }],
      ['another value of the box', { form: 'remember=true' }],
      ['two boxes', { form: 'remember=1&remember=1' }],
    ])('F22 is not chosen by %s', async (_, how) => {
      const { host, authCookie } = await logIn(new TestBrowser(), how)
      expect(host.status).toBe(302)
      expect(cookieLine(host)).not.toMatch(/max-age/i)
      expect(authCookie).not.toMatch(/expires/i)
    })

    it('is kept by another login of the same person, who is not asked again', async () => {
      const browser = new TestBrowser()
      await logIn(browser, { form: 'remember=1' })
      const start = await browser.request(`${world.publicUrl}/login?prompt=login&rd=${encodeURIComponent(`${wiki}/`)}`)
      expect(start.status).toBe(302)
      const done = await browser.request(await browser.visitor.logIn(start.headers.get('location') ?? '', 'carol'))
      expect(done.headers.getSetCookie().find(line => line.startsWith('sallyport-login='))).toMatch(/; Expires=/)
    })

    it('F22 of one person is not that of the next on the same computer', async () => {
      const browser = new TestBrowser()
      await logIn(browser, { form: 'remember=1' })
      const start = await browser.request(`${world.publicUrl}/login?prompt=login`)
      const done = await browser.request(await browser.visitor.logIn(start.headers.get('location') ?? '', 'bob'))
      const line = done.headers.getSetCookie().find(set => set.startsWith('sallyport-login='))
      expect(line).toBeDefined()
      expect(line).not.toMatch(/expires/i)
    })
  })
})
