/** `/session`, through the whole service: what people see of their sessions, and which of them they can end. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { browserName } from '../../app/pages/browser-name.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { leadsTo } from '../provider.ts'
import { startService, TestBrowser, type TestService } from '../service.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const outbound = createOutbound()
const wiki = 'https://wiki.example.com/'
const shop = 'https://shop.example.com/'
const policy = `p, authenticated, wiki.example.com, /**, *, -, allow
p, authenticated, shop.example.com, /**, *, -, allow
`

describe.each(['lmdb', 'redis'] as const)('the page of sessions, kept in %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('when there is the store', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startService({ policy, settings: { sessions: { ...sessions, lifetime: '12h', idle: '1h' } } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })
    beforeEach(() => endAll())

    async function endAll(): Promise<void> {
      for (const person of ['alice', 'bob', 'carol']) {
        const body = JSON.stringify({ subject: `${world.provider.issuer}#${person}` })
        const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
        expect((await fetch(`http://127.0.0.1:${world.adminPort}/sessions/end`, call)).status).toBe(200)
      }
    }
    const visit = async (browser: TestBrowser, path = '/session') => {
      const response = await browser.request(`${world.publicUrl}${path}`)
      return { status: response.status, location: response.headers.get('location'), text: await response.text() }
    }
    const post = async (browser: TestBrowser, path: string, form: Readonly<Record<string, string>>) => {
      const body = new URLSearchParams(form).toString()
      const response = await browser.request(`${world.publicUrl}${path}`, { method: 'POST', body })
      return { status: response.status, location: response.headers.get('location'), text: await response.text() }
    }
    const tokenOf = (page: string) => /name="token" value="([\w-]+)"/.exec(page)?.[1] ?? ''
    const handlesOf = (page: string) =>
      [...page.matchAll(/name="session" value="([\w-]{16})"/g)].map(([, it]) => it ?? '')
    const status = async (cookie: string, url = wiki) => (await world.ask('auth-request', { url, cookie })).status
    const endings = (cause: string) => world.auditEvents().filter(event => event.cause === cause)

    /** Somebody with a session here and two elsewhere. */
    async function threeSessions(person: 'alice' | 'bob') {
      const browser = new TestBrowser()
      const cookies = [
        await world.logIn(person, wiki, browser),
        await world.logIn(person, wiki),
        await world.logIn(person, shop),
      ] as const
      return { browser, cookies }
    }

    it('says who one is, until when, on which hosts and where else', async () => {
      const { browser } = await threeSessions('alice')
      await world.logIn('alice', shop, browser)
      await world.logIn('bob', wiki)
      const { status, text } = await visit(browser)
      expect(status).toBe(200)
      const facts = [...text.matchAll(/<dt>(.*?)<dd>(.*?)(?=<dt>|<\/dl>)/g)].map(([, term, value]) => [term, value])
      expect(facts.slice(0, 10)).toEqual([
        ['Logged in as', 'alice@example.com'],
        ['With', 'corp'],
        ['Groups', 'ops'],
        ['Since', expect.stringMatching(/^<time datetime="20.*">20.* UTC<\/time> \(now\)$/)],
        ['Ends, if it is not used', expect.stringMatching(/UTC<\/time> \((in 59 min|in 1 h 0 min)\)$/)],
        ['Ends in any case', expect.stringMatching(/UTC<\/time> \((in 11 h 59 min|in 12 h 0 min)\)$/)],
        ['Confirmed by the identity provider', expect.stringMatching(/UTC<\/time> \(now\)$/)],
        ['Address at the login', expect.stringMatching(/127\.0\.0\.1$/)],
        ['Browser', 'undici'],
        ['Used on', 'wiki.example.com, shop.example.com'],
      ])
      expect(handlesOf(text)).toHaveLength(2)
      expect(text).not.toMatch(/\bbob\b/)
      const [cookie] = await browser.jar.getCookies(world.publicUrl)
      expect(text).not.toContain(decodeURIComponent(cookie?.value ?? '').slice(2, 40))
    })

    it('ends one other session, and only that one', async () => {
      const { browser, cookies } = await threeSessions('alice')
      const { text } = await visit(browser)
      const event = await world.eventOf(await world.ask('auth-request', { url: wiki, cookie: cookies[1] }))
      const handle = String(event.session)
      expect(handlesOf(text)).toContain(handle)
      const before = endings('other-session').length
      const answer = await post(browser, '/session/end', { token: tokenOf(text), session: handle })
      expect([answer.status, answer.location]).toEqual([303, '/session'])
      expect([await status(cookies[0]), await status(cookies[1]), await status(cookies[2], shop)]).toEqual([
        200, 401, 200,
      ])
      expect(handlesOf((await visit(browser)).text)).toHaveLength(1)
      await expect
        .poll(() => endings('other-session').slice(before))
        .toMatchObject([{ event: 'session.ended', session: handle, subject: `${world.provider.issuer}#alice` }])
    })

    it('ends all other sessions of the person, and nobody else', async () => {
      const { browser, cookies } = await threeSessions('alice')
      const bob = await world.logIn('bob', wiki)
      const { text } = await visit(browser)
      expect((await post(browser, '/session/end-others', { token: tokenOf(text) })).status).toBe(303)
      expect([await status(cookies[0]), await status(cookies[1]), await status(cookies[2], shop)]).toEqual([
        200, 401, 401,
      ])
      expect(await status(bob)).toBe(200)
      expect((await visit(browser)).text).toContain('You are not logged in anywhere else.')
    })

    it('ends the session that one is in by a log-out', async () => {
      const { browser, cookies } = await threeSessions('alice')
      const own = await world.eventOf(await world.ask('auth-request', { url: wiki, cookie: cookies[0] }))
      const { text } = await visit(browser)
      const answer = await post(browser, '/session/end', { token: tokenOf(text), session: String(own.session) })
      expect([answer.status, answer.location]).toEqual([303, '/logout'])
      expect(await status(cookies[0])).toBe(200)
    })

    it('knows no session of anybody else, and says the same of one that never was', async () => {
      const { browser } = await threeSessions('alice')
      const bob = await world.logIn('bob', wiki)
      const event = await world.eventOf(await world.ask('auth-request', { url: wiki, cookie: bob }))
      const token = tokenOf((await visit(browser)).text)
      const without = (page: string) => page.replace(/<code>[0-9a-f]+</, '')
      const others = await post(browser, '/session/end', { token, session: String(event.session) })
      const nobodys = await post(browser, '/session/end', { token, session: 'a'.repeat(16) })
      expect([others.status, nobodys.status]).toEqual([404, 404])
      expect(without(others.text)).toBe(without(nobodys.text))
      expect((await post(browser, '/session/end', { token })).status).toBe(404)
      expect(await status(bob)).toBe(200)
    })

    it.each(['/session/end', '/session/end-others'])('%s wants a form of this site', async path => {
      const { browser, cookies } = await threeSessions('alice')
      const { text } = await visit(browser)
      const session = handlesOf(text)[0] ?? ''
      const foreign = tokenOf((await visit((await threeSessions('bob')).browser)).text)
      expect(foreign).not.toBe('')
      for (const form of [{ session }, { session, token: '' }, { session, token: foreign }]) {
        expect((await post(browser, path, form)).status).toBe(403)
      }
      // Everything right, but sent by another site.
      const crossSite = await outbound.fetch(`${world.publicUrl}${path}`, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          cookie: await browser.jar.getCookieString(world.publicUrl),
          'sec-fetch-site': 'cross-site',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ session, token: tokenOf(text) }).toString(),
      })
      expect(crossSite.status).toBe(403)
      expect((await visit(browser, path)).status).toBe(404)
      expect([await status(cookies[1]), await status(cookies[2], shop)]).toEqual([200, 200])
    })

    it('sends nobody to the login, and back', async () => {
      const browser = new TestBrowser()
      const { status, location } = await visit(browser)
      const back = encodeURIComponent(`${world.publicUrl}/session`)
      expect([status, location]).toEqual([303, `/login?rd=${back}`])
      // No redirect: it would be a part of the form's own way, which ends at this origin.
      const expired = await post(browser, '/session/end-others', {})
      expect([expired.status, leadsTo(expired.text)]).toEqual([200, `${world.publicUrl}/session`])
      const authorization = (await visit(browser, location ?? '')).location ?? ''
      const callback = await browser.request(await browser.visitor.logIn(authorization, 'carol'))
      expect(callback.headers.get('location')).toBe(`${world.publicUrl}/session`)
    })

    it('leads from page to page, and refuses a page that there is not', async () => {
      const { browser } = await threeSessions('alice')
      expect((await visit(browser, '/session?after=nothing')).status).toBe(400)
      expect((await visit(browser, '/session')).text).not.toContain('/session?after=')
      // A few at a time: each waits for calls to the provider, which end after five seconds.
      for (let round = 0; round < 15; round += 1) {
        await Promise.all(Array.from({ length: 4 }, () => world.logIn('alice', wiki)))
      }
      const first = (await visit(browser)).text
      const next = /href="(\/session\?after=[\w%-]+)"/.exec(first)?.[1] ?? ''
      const second = (await visit(browser, next)).text
      const seen = [...handlesOf(first), ...handlesOf(second)]
      expect(new Set(seen).size).toBe(62)
      expect(seen).toHaveLength(62)
    })
  })
})

describe('a browser is called', () => {
  it.each([
    ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
    [
      'Edge on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0',
    ],
    [
      'Chrome on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
    ],
    [
      'Safari on iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    ],
    ['curl/8.5.0', 'curl/8.5.0'],
  ])('%s', (name, userAgent) => {
    expect(browserName(userAgent, (browser, system) => `${browser} on ${system}`)).toBe(name)
  })
})
