/** F: sessions and cookies, through the whole service and on every store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { cookiePair, header, navigation, TestBrowser, type TestService } from '../service.ts'
import { expectAnonymous, expectDenied, fronts, startWorld, wiki } from './world.ts'

const shop = 'https://shop.example.com'
const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a session cookie', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      // What the provider says meanwhile: f-refresh.test.ts.
      const ages = { lifetime: '12h', idle: '1h', verifyEvery: '0s' }
      world = await startWorld({ settings: { sessions: { ...sessions, ...ages } } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const home = (cookie: string, front: (typeof fronts)[number] = 'forward-auth') =>
      world.ask(front, { url: `${wiki}/`, cookie })

    it.each(fronts)('F01 that is malformed, cut or garbage is 401 on %s, and cleared', async front => {
      const good = await world.logIn('carol', `${wiki}/`)
      const [name = '', value = ''] = good.split('=', 2)
      const cut = [value.slice(0, -1), value.slice(0, 20), value.slice(2), `${value}x`, value.replace('s.', 'n.')]
      const garbage = [
        '',
        's',
        's.',
        's..',
        'null',
        '%00',
        '{}',
        'x'.repeat(4000),
        's.a.b',
        'n.short',
        '"',
        '\u00ff\u00fe',
      ]
      for (const bad of [...cut, ...garbage]) {
        const answer = await home(`${name}=${bad}`, front)
        expectDenied(answer, bad)
        expect(answer.status, bad).toBe(401)
        expect(header(answer, 'set-cookie'), bad).toMatch(/Max-Age=0/)
      }
      expect((await home(good, front)).status).toBe(200)
    })

    it('F02 of a session that has ended is 401, and cleared', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('carol', `${wiki}/`, browser)
      await logOut(browser)
      const answer = await home(cookie)
      expect(answer.status).toBe(401)
      expect(header(answer, 'set-cookie')).toMatch(/Max-Age=0/)
    })

    it('F03 that was planted before the login is worth nothing after it', async () => {
      const mallory = new TestBrowser()
      await world.logIn('bob', `${wiki}/`, mallory)
      const planted = (await mallory.jar.getCookies(world.publicUrl)).find(({ key }) => key === 'sallyport-login')
      expect(planted).toBeDefined()
      const victim = new TestBrowser()
      await victim.jar.setCookie(String(planted), world.publicUrl)
      const url = `${world.publicUrl}/login?prompt=login&rd=${encodeURIComponent(`${wiki}/`)}`
      const authorization = (await victim.request(url)).headers.get('location') ?? ''
      await victim.request(await victim.visitor.logIn(authorization, 'alice'))
      const after = (await victim.jar.getCookies(world.publicUrl)).find(({ key }) => key === 'sallyport-login')
      expect(after?.value).not.toBe(planted?.value)
      const page = await mallory.request(`${world.publicUrl}/`)
      expect(await page.text()).not.toContain('alice')
    })

    it('F04 that a neighbour has planted beside the good one does no harm', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      const [name = ''] = cookie.split('=')
      for (const both of [
        `${name}=planted; ${cookie}`,
        `${cookie}; ${name}=s.planted.mac`,
        `a=1; ${name}=; ${cookie}`,
      ]) {
        expect((await home(both)).status, both).toBe(200)
      }
    })

    it('F05 is worthless on any other host', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      for (const front of fronts) {
        const answer = await world.ask(front, { url: `${shop}/`, cookie })
        expect(answer.status).toBe(401)
        expectDenied(answer)
      }
    })

    it('F07 cannot come back once its session has ended, however many saves are under way', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('carol', `${wiki}/`, browser)
      // Each look at a page touches the session; the end comes in the middle of them.
      const touches = Array.from({ length: 20 }, () => browser.request(`${world.publicUrl}/logout`))
      const ended = logOut(browser)
      await Promise.all([...touches, ended])
      expect((await home(cookie)).status).toBe(401)
      expect((await browser.request(`${world.publicUrl}/`).then(page => page.text())).includes('carol')).toBe(false)
    })

    it('F13 stays alive while only subrequests arrive, and needs no Set-Cookie for it', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      for (let hour = 0; hour < 3; hour += 1) {
        world.moveClock(50 * 60)
        const answer = await home(cookie)
        expect(answer.status).toBe(200)
        expect(answer.headers.has('set-cookie')).toBe(false)
      }
      world.moveClock(61 * 60)
      expect((await home(cookie)).status).toBe(401)
    })

    it('F14 is not handed to the application, the rest of the Cookie header is', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      const answer = await home(`theme=dark; ${cookie}; lang=en`)
      expect(header(answer, 'cookie')).toBe('theme=dark; lang=en')
      const nginx = await home(`theme=dark; ${cookie}`, 'auth-request')
      expect(header(nginx, 'x-sallyport-cookie')).toBe('theme=dark')
    })

    it('F16 ends with its absolute lifetime, however much it is used', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      for (let step = 0; step < 14; step += 1) {
        expect((await home(cookie)).status).toBe(200)
        world.moveClock(50 * 60)
      }
      world.moveClock(30 * 60)
      expect((await home(cookie)).status).toBe(401)
    })

    it('F18 hidden in thousands of others is no way in', async () => {
      const many = Array.from({ length: 3000 }, (_, index) => `c${index}=1`).join('; ')
      expectDenied(await home(many))
      expectDenied(await home('x'.repeat(64_000)))
    })

    async function logOut(browser: TestBrowser): Promise<void> {
      const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
      const response = await browser.request(`${world.publicUrl}/logout`, { method: 'POST', body: `token=${token}` })
      expect(response.status).toBe(200)
    }
  })
})

describe.runIf(hasRedis)('F11 a store that is down', () => {
  it('is 503, never 200, never a log-out, and heals without a restart', async () => {
    let redis = await startRedis()
    const world = await startWorld({ settings: { sessions: { store: 'redis', url: redis.url, timeout: '2s' } } })
    try {
      const cookie = await world.logIn('carol', `${wiki}/`)
      const ask = () => world.ask('forward-auth', { url: `${wiki}/`, cookie, headers: navigation })
      expect((await ask()).status).toBe(200)
      await redis.stop()
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const answer = await ask()
        expect(answer.status).toBe(503)
        expect(answer.headers.has('set-cookie')).toBe(false)
      }
      expectAnonymous(await world.ask('forward-auth', { url: `${wiki}/public/a` }))
      const readiness = await fetch(`http://127.0.0.1:${world.adminPort}/readyz`)
      expect(readiness.status).toBe(503)
      expect(await readiness.text()).toContain('"name":"store","ok":false')
      redis = await startRedis({ port: redis.port })
      // The new server knows no session: a clear 401, no longer an outage.
      await expect.poll(async () => (await ask()).status).toBe(302)
    } finally {
      await world.close()
      await redis.stop()
    }
  })

  it('that hangs is given up after its time', async () => {
    const redis = await startRedis()
    const world = await startWorld({ settings: { sessions: { store: 'redis', url: redis.url, timeout: '1s' } } })
    try {
      const cookie = await world.logIn('carol', `${wiki}/`)
      redis.process.kill('SIGSTOP')
      const started = performance.now()
      const ask = async () => (await world.ask('auth-request', { url: `${wiki}/`, cookie })).status
      // What was vouched for less than 250 ms ago may still be believed.
      while (performance.now() - started < 250) await ask()
      // It stays stopped until there is an answer: what is not given up is waited for in vain.
      expect(await ask()).toBe(503)
      redis.process.kill('SIGCONT')
      await expect.poll(async () => (await world.ask('auth-request', { url: `${wiki}/`, cookie })).status).toBe(200)
    } finally {
      redis.process.kill('SIGCONT')
      await world.close()
      await redis.stop()
    }
  })
})

describe('a handoff', () => {
  it('F21 is bound to the browser that was challenged', async () => {
    const world = await startWorld()
    try {
      const mallory = new TestBrowser()
      const challenged = await world.ask('forward-auth', { url: `${wiki}/`, headers: navigation })
      const login = await mallory.request(header(challenged, 'location') ?? '')
      const callback = await mallory.visitor.logIn(login.headers.get('location') ?? '', 'bob')
      const ticket = (await mallory.request(callback)).headers.get('location') ?? ''
      expect(ticket).toContain('/.sallyport/handoff?ticket=')
      // The victim follows Mallory's link with a cookie of their own.
      const victim = cookiePair(await world.ask('forward-auth', { url: `${wiki}/`, headers: navigation }))
      const answer = await world.ask('forward-auth', { url: ticket, cookie: victim, headers: navigation })
      expect(answer.headers.has('set-cookie')).toBe(false)
      expect((await world.ask('forward-auth', { url: `${wiki}/`, cookie: victim })).status).toBe(401)
    } finally {
      await world.close()
    }
  })
})
