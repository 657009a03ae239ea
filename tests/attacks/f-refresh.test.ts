/** F08 to F10, G19, K07: sessions that their provider is asked about again, on every store and over two replicas. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import type { Answer } from '../raw-exchange.ts'
import { header, navigation, TestBrowser, type TestReplica, type TestService } from '../service.ts'
import { startWorld, wiki } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const shop = 'https://shop.example.com'
/** Just above `sessions.verifyEvery`, and below the life of an access token. */
const aWhile = 301

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a session that is due', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      world = await startPair(redis, { refreshTokens: 'rotated' })
    })
    afterEach(() => heal(world))
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const replicas = () => [world.replica(0), world.replica(1)]
    const tokenCalls = () => world.provider.endpoints.count('token')
    const home = (cookie: string, replica: TestReplica = world) =>
      replica.ask('forward-auth', { url: `${wiki}/`, cookie })
    const admin = (cookie: string, replica: TestReplica = world) =>
      replica.ask('auth-request', { url: `${wiki}/admin/a`, cookie })

    it('F08 causes one token call and 50 equal answers, over two replicas', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      world.moveClock(aWhile)
      const before = tokenCalls()
      world.provider.endpoints.setFault('token', { delayMs: 300 })
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => home(cookie, world.replica(index % 2))),
      )
      world.provider.endpoints.setFault('token')
      expect(tokenCalls() - before).toBe(1)
      const told = answers.map(answer => [
        answer.status,
        header(answer, 'remote-user'),
        header(answer, 'remote-groups'),
      ])
      expect(new Set(told.map(parts => JSON.stringify(parts)))).toEqual(
        new Set([JSON.stringify([200, header(answers[0] as never, 'remote-user'), 'ops'])]),
      )
      // And nobody asks again before it is due again.
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(200)
      expect(tokenCalls() - before).toBe(1)
    })

    it('is asked about beside its checks before it is due, and no check waits', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      const before = tokenCalls()
      const verifiedBefore = eventsOf(world).filter(({ event }) => event === 'session.verified').length
      world.moveClock(200)
      expect((await home(cookie)).status).toBe(200)
      expect(tokenCalls() - before).toBe(0)
      world.moveClock(60)
      const held = holding()
      world.provider.endpoints.setFault('token', { heldUntil: held.released })
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(200)
      await expect.poll(() => tokenCalls() - before).toBe(1)
      expect(eventsOf(world).filter(({ event }) => event === 'session.verified')).toHaveLength(verifiedBefore)
      held.release()
      const { session } = await world.eventOf(await home(cookie))
      const isVerified = () =>
        eventsOf(world).some(event => event.event === 'session.verified' && event.session === session)
      await expect.poll(isVerified).toBe(true)
      world.provider.endpoints.setFault('token')
      expect(tokenCalls() - before).toBe(1)
    })

    it('never loses a refresh token that works once, whichever replica asks', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      for (let round = 0; round < 6; round += 1) {
        world.moveClock(aWhile)
        const answer = await admin(cookie, world.replica(round % 2))
        expect(answer.status, `round ${round}`).toBe(200)
      }
    })

    it('F10 ends when the provider answers invalid_grant, on every replica', async () => {
      const cookie = await world.logIn('bob', `${wiki}/`)
      world.moveClock(aWhile)
      world.provider.endpoints.setFault('token', { status: 400, body: { error: 'invalid_grant' }, times: 1 })
      const answer = await home(cookie)
      expect(answer.status).toBe(401)
      expect(header(answer, 'set-cookie')).toMatch(/Max-Age=0/)
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(401)
      await expect
        .poll(() => lastEvents(world, 2))
        .toMatchObject([
          { event: 'session.verification-failed', code: 'ERR_LOGIN_REFUSED', reason: 'refused', provider: 'corp' },
          { event: 'session.ended', cause: 'provider-refused' },
        ])
    })

    it.each([
      ['answers 503', { status: 503 }],
      ['answers 429', { status: 429 }],
      ['refuses this service', { status: 401, body: { error: 'invalid_client' } }],
      ['closes the connection', { isCut: true }],
    ])('F10 lasts while the provider %s, says so once, and heals', async (_, fault) => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      const [failures, warnings] = [failedEvents(world).length, outages(world)]
      world.moveClock(aWhile)
      world.provider.endpoints.setFault('token', fault)
      expect((await home(cookie)).status).toBe(200)
      for (let minute = 0; minute < 5; minute += 1) {
        world.moveClock(60)
        expect((await admin(cookie)).status).toBe(200)
      }
      await expect.poll(() => failedEvents(world).length - failures).toBe(1)
      expect(failedEvents(world).at(-1)).toMatchObject({ reason: 'unavailable' })
      expect(outages(world) - warnings).toBe(1)
      world.provider.endpoints.setFault('token')
      world.provider.people.setGroups('alice', [])
      // The check that asks again does not wait for a provider that has been silent: one of the next ones is told.
      await expect.poll(() => later(world, () => admin(cookie))).toBe(403)
    })

    it('F10 ends when the provider has been silent for longer than the grace', async () => {
      const cookie = await world.logIn('carol', `${wiki}/`)
      world.provider.endpoints.setFault('token', { status: 500 })
      for (let step = 0; step < 11; step += 1) {
        world.moveClock(step === 0 ? aWhile : 355)
        expect((await home(cookie, world.replica(step % 2))).status, `step ${step}`).toBe(200)
      }
      world.moveClock(60)
      expect((await home(cookie)).status).toBe(401)
      world.provider.endpoints.setFault('token')
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(401)
      await expect
        .poll(() => lastEvents(world, 1))
        .toMatchObject([{ event: 'session.ended', cause: 'verification-overdue' }])
    })

    it('G19 has no group any more that was taken away, after one verification', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      expect((await admin(cookie)).status).toBe(200)
      world.provider.people.setGroups('alice', ['guests'])
      world.moveClock(aWhile)
      const answer = await admin(cookie)
      expect(answer.status).toBe(403)
      for (const replica of replicas()) {
        expect((await admin(cookie, replica)).status).toBe(403)
        expect(header(await home(cookie, replica), 'remote-groups')).toBe('guests')
      }
    })

    it('G19 ends when the account is closed', async () => {
      const cookie = await world.logIn('bob', `${wiki}/`)
      world.provider.people.disable('bob')
      world.moveClock(aWhile)
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(401)
    })

    it('opens no other host while its provider refuses it', async () => {
      const browser = new TestBrowser()
      await world.logIn('bob', `${wiki}/`, browser)
      const enter = () =>
        browser.request(`${world.publicUrl}/login?rd=${encodeURIComponent(`${shop}/`)}&handoff=${'h'.repeat(43)}`)
      expect((await enter()).headers.get('location')).toContain(`${shop}/.sallyport/handoff`)
      world.provider.people.disable('bob')
      world.moveClock(aWhile)
      expect((await enter()).headers.get('location')).toContain(world.provider.issuer)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).not.toMatch(/\bbob\b/)
    })

    it('K07 that is logged out while its provider is asked stays so, whatever the provider says', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      const form = await logOutForm(world, browser)
      world.moveClock(aWhile)
      const before = tokenCalls()
      const held = holding()
      world.provider.endpoints.setFault('token', { heldUntil: held.released, times: 1 })
      const asked = replicas().map(replica => home(cookie, replica))
      await expect.poll(() => tokenCalls() - before).toBe(1)
      expect((await form()).status).toBe(200)
      held.release()
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([401, 401])
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(401)
      world.moveClock(aWhile)
      for (const replica of replicas()) expect((await home(cookie, replica)).status).toBe(401)
      expect(tokenCalls() - before).toBe(1)
    })
  })

  it.runIf(store === 'lmdb' || hasRedis)(
    'a replica that stops while it asks leaves the new token to the others',
    async () => {
      const redis = store === 'redis' ? await startRedis() : undefined
      const world = await startPair(redis, { refreshTokens: 'rotated' })
      try {
        const cookie = await world.logIn('alice', `${wiki}/`)
        const home = (index: number) => world.replica(index).ask('forward-auth', { url: `${wiki}/`, cookie })
        world.moveClock(250)
        world.provider.endpoints.setFault('token', { delayMs: 700, times: 1 })
        const before = world.provider.endpoints.count('token')
        expect((await home(0)).status).toBe(200)
        await expect.poll(() => world.provider.endpoints.count('token') - before).toBe(1)
        await world.replica(0).close()
        const events = world
          .replica(0)
          .auditEvents()
          .map(({ event }) => event)
        expect(events).toContain('session.verified')
        for (let round = 0; round < 2; round += 1) {
          world.moveClock(aWhile)
          expect((await home(1)).status, `round ${round}`).toBe(200)
        }
        expect(world.provider.endpoints.count('token') - before).toBe(3)
      } finally {
        await world.close()
        await redis?.stop()
      }
    },
  )

  it.runIf(store === 'lmdb' || hasRedis)(
    'no token is in the log, the audit file, a metric or readable in the store',
    async () => {
      const redis = store === 'redis' ? await startRedis() : undefined
      const world = await startPair(redis, { refreshTokens: 'rotated' })
      const issued: string[] = []
      world.provider.provider.on('grant.success', ({ body }) => {
        const { refresh_token, access_token, id_token } = body as Record<string, string>
        for (const token of [refresh_token, access_token, id_token]) if (token !== undefined) issued.push(token)
      })
      try {
        const cookie = await world.logIn('alice', `${wiki}/`)
        for (const fault of [undefined, { status: 500 }, { status: 400, body: { error: 'invalid_grant' } }]) {
          world.provider.endpoints.setFault('token', fault)
          world.moveClock(aWhile)
          await world.ask('forward-auth', { url: `${wiki}/`, cookie })
        }
        await expect
          .poll(async () => later(world, () => world.ask('forward-auth', { url: `${wiki}/`, cookie })))
          .toBe(401)
        expect(issued.length).toBe(6)
        const metrics = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
        expect(metrics).toContain('sallyport_session_verifications_total{provider="corp",outcome="verified"} 1')
        const file = join(world.directory, 'data', 'sessions.mdb')
        const stored = redis === undefined ? readFileSync(file, 'latin1') : ''
        const written = [world.logText(), JSON.stringify(world.auditEvents()), metrics, stored].join('\n')
        for (const token of issued) expect(written).not.toContain(token)
      } finally {
        await world.close()
        await redis?.stop()
      }
    },
  )

  describe.runIf(store === 'lmdb' || hasRedis)('a session without a refresh token', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      world = await startPair(redis, {})
    })
    afterEach(() => heal(world))
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const ask = (cookie: string, path = '/', isNavigation = false) =>
      world.ask('forward-auth', { url: `${wiki}${path}`, cookie, headers: isNavigation ? navigation : [] })
    const calls = () => world.provider.endpoints.count('userinfo')

    it('G19 is confirmed by userinfo, once for all checks', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      const before = calls()
      world.provider.people.setGroups('alice', ['guests'])
      world.moveClock(aWhile)
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(cookie, '/admin/a')))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403))
      expect(calls() - before).toBe(1)
    })

    it('F10 ends when userinfo refuses the access token, and lasts while it is down', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      world.moveClock(aWhile)
      world.provider.endpoints.setFault('userinfo', { status: 502 })
      expect((await ask(cookie)).status).toBe(200)
      world.provider.endpoints.setFault('userinfo', { status: 401 })
      await expect.poll(() => later(world, () => ask(cookie))).toBe(401)
    })

    it('G19 is confirmed in the browser when the access token is over, and goes on under its own id', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.provider.people.setGroups('alice', ['guests'])
      world.moveClock(700)
      // A script cannot be sent away; it goes on within the grace.
      expect((await ask(cookie, '/admin/a')).status).toBe(200)
      const challenged = await ask(cookie, '/admin/a', true)
      expect(challenged.status).toBe(302)
      expect(header(challenged, 'location')).toContain('prompt=none')
      const ticket = await follow(browser, header(challenged, 'location') ?? '')
      expect(ticket).toContain('/.sallyport/handoff?ticket=')
      const back = await world.ask('forward-auth', { url: ticket, cookie, headers: navigation })
      expect(header(back, 'location')).toBe(`${wiki}/admin/a`)
      // The cookie from before is still that of the session.
      expect((await ask(cookie, '/admin/a', true)).status).toBe(403)
      expect(header(await ask(cookie), 'remote-groups')).toBe('guests')
    })

    it('sends no browser away twice in a minute, whose provider does not give it back', async () => {
      const cookie = await world.logIn('alice', `${wiki}/`)
      world.moveClock(700)
      expect((await ask(cookie, '/', true)).status).toBe(302)
      expect((await ask(cookie, '/', true)).status).toBe(200)
      world.moveClock(61)
      expect((await ask(cookie, '/', true)).status).toBe(302)
      world.moveClock(3600)
      expect((await ask(cookie, '/', true)).status).toBe(302)
      expect((await ask(cookie, '/', true)).status).toBe(302)
      expect((await ask(cookie)).status).toBe(401)
    })

    it('F10 ends when the provider would have to ask the person, who then logs in', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const challenged = await ask(cookie, '/', true)
      // The provider's own session is over.
      browser.visitor.jar.removeAllCookiesSync()
      const login = (await browser.request(header(challenged, 'location') ?? '')).headers.get('location') ?? ''
      const refused = await browser.request(await browser.visitor.logIn(login, 'alice'))
      const again = new URL(refused.headers.get('location') ?? '')
      expect(again.origin).toBe(world.provider.issuer)
      expect(again.searchParams.has('prompt')).toBe(false)
      expect((await ask(cookie)).status).toBe(401)
      await expect
        .poll(() => world.auditEvents().filter(({ cause }) => cause === 'provider-refused').length)
        .toBeGreaterThan(0)
      const ticket = await follow(browser, await browser.visitor.logIn(again.href, 'alice'))
      expect(ticket).toContain('/.sallyport/handoff?ticket=')
    })

    /** What the provider sends the browser back with, in place of its own answer to a silent login. */
    async function answeredWith(error: string, challenged: Answer, browser: TestBrowser) {
      const start = await browser.request(header(challenged, 'location') ?? '')
      const { searchParams } = new URL(start.headers.get('location') ?? '')
      const callback = new URL(searchParams.get('redirect_uri') ?? '')
      const state = searchParams.get('state') ?? ''
      callback.search = new URLSearchParams({ error, state, iss: world.provider.issuer }).toString()
      return browser.request(callback.href)
    }

    it('F10 ends when the provider answers access_denied, and the person is asked', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const answer = await answeredWith('access_denied', await ask(cookie, '/', true), browser)
      const next = new URL(answer.headers.get('location') ?? '')
      expect([answer.status, next.origin, next.searchParams.has('prompt')]).toEqual([302, world.provider.issuer, false])
      expect((await ask(cookie)).status).toBe(401)
    })

    it.each(['server_error', 'temporarily_unavailable'])(
      'F10 goes on within the grace when the provider answers %s, without a page in between, and ends after it',
      async error => {
        const browser = new TestBrowser()
        const cookie = await world.logIn('alice', `${wiki}/`, browser)
        world.moveClock(700)
        const answer = await answeredWith(error, await ask(cookie, '/', true), browser)
        const ticket = answer.headers.get('location') ?? ''
        expect(ticket).toContain('/.sallyport/handoff?ticket=')
        const back = await world.ask('forward-auth', { url: ticket, cookie, headers: navigation })
        expect(header(back, 'location')).toBe(`${wiki}/`)
        expect((await ask(cookie, '/', true)).status).toBe(200)
        world.moveClock(3600)
        const late = await answeredWith(error, await ask(cookie, '/', true), browser)
        expect(late.headers.get('location')).toContain(world.provider.issuer)
        expect((await ask(cookie)).status).toBe(401)
      },
    )

    it('F10 goes on within the grace when the provider is down, and nobody is sent there', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const challenged = await ask(cookie, '/', true)
      world.provider.endpoints.setFault('discovery', { isCut: true })
      const answer = await browser.request(header(challenged, 'location') ?? '')
      const ticket = answer.headers.get('location') ?? ''
      expect(ticket).toContain('/.sallyport/handoff?ticket=')
      expect((await ask(cookie, '/', true)).status).toBe(200)
      world.moveClock(3600)
      const late = await browser.request(header(await ask(cookie, '/', true), 'location') ?? '')
      expect(late.status).toBe(503)
      expect(await late.text()).toContain('The identity provider cannot be reached')
      expect((await ask(cookie)).status).toBe(401)
    })

    it('F10 goes on within the grace when the token endpoint is down as the person comes back', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const challenged = await ask(cookie, '/', true)
      world.provider.endpoints.setFault('token', { status: 503 })
      const ticket = await follow(browser, header(challenged, 'location') ?? '')
      expect(ticket).toContain('/.sallyport/handoff?ticket=')
      expect((await ask(cookie, '/', true)).status).toBe(200)
    })

    it('K06 is not ended by a link that asks for a silent login before it is due', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      browser.visitor.jar.removeAllCookiesSync()
      const link = `${world.publicUrl}/login?prompt=none&rd=${encodeURIComponent(`${wiki}/`)}`
      expect((await browser.request(link)).headers.get('location')).toBe(`${wiki}/`)
      expect((await ask(cookie)).status).toBe(200)
    })

    it('K06 is not ended by a late answer to a silent login that another tab has done without', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const enter = async () => {
        const link = `${world.publicUrl}/login?prompt=none&rd=${encodeURIComponent(`${wiki}/`)}`
        return (await browser.request(link)).headers.get('location') ?? ''
      }
      const [first, second] = [await enter(), await enter()]
      await browser.request(await browser.visitor.logIn(first, 'alice'))
      browser.visitor.jar.removeAllCookiesSync()
      const refused = await browser.request(await browser.visitor.logIn(second, 'alice'))
      expect(refused.headers.get('location')).toContain(world.provider.issuer)
      expect((await ask(cookie, '/', true)).status).toBe(200)
    })

    it('K07 that is logged out during a silent login is not made anew by it', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      world.moveClock(700)
      const challenged = await ask(cookie, '/', true)
      const login = (await browser.request(header(challenged, 'location') ?? '')).headers.get('location') ?? ''
      const callback = await browser.visitor.logIn(login, 'alice')
      expect((await (await logOutForm(world, browser))()).status).toBe(200)
      expect((await browser.request(callback)).headers.get('location')).toBe(`${wiki}/`)
      expect((await ask(cookie)).status).toBe(401)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).not.toContain('alice')
    })

    it('K07 is not confirmed by a silent login of somebody else: that is a login of its own', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', `${wiki}/`, browser)
      const elsewhere = new TestBrowser()
      await world.logIn('bob', `${wiki}/`, elsewhere)
      world.moveClock(700)
      const challenged = await ask(cookie, '/', true)
      const login = (await browser.request(header(challenged, 'location') ?? '')).headers.get('location') ?? ''
      await browser.request(await elsewhere.visitor.logIn(login, 'bob'))
      expect((await ask(cookie)).status).toBe(401)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).toContain('bob')
      await expect
        .poll(() => world.auditEvents().filter(({ cause }) => cause === 'login-replaced').length)
        .toBeGreaterThan(0)
    })
  })
})

type ProviderOptions = NonNullable<Parameters<typeof startWorld>[0]>['provider']

const startPair = (redis: RunningRedis | undefined, provider: NonNullable<ProviderOptions>) =>
  startWorld({
    replicas: 2,
    provider,
    settings: { sessions: redis === undefined ? { idle: '12h' } : { idle: '12h', store: 'redis', url: redis.url } },
  })

function heal({ moveClock, provider: { endpoints, people } }: TestService): void {
  for (const endpoint of ['discovery', 'token', 'userinfo'] as const) endpoints.setFault(endpoint)
  // A provider that was found down is asked again by logins after a second.
  moveClock(2)
  people.setGroups('alice', ['ops'])
  people.enable('bob')
}

/** A failure that was under way when the provider healed may have set the next attempt a little further off. */
async function later(world: TestService, ask: () => ReturnType<TestReplica['ask']>): Promise<number> {
  world.moveClock(30)
  return (await ask()).status
}

/** Through the provider, as a browser does that is logged in there, up to the handoff. */
async function follow(browser: TestBrowser, start: string): Promise<string> {
  let location = start
  for (let step = 0; step < 8 && !location.includes('/.sallyport/handoff'); step += 1) {
    const response = await browser.request(location)
    location = new URL(response.headers.get('location') ?? '', location).href
    if (location.startsWith('http://idp.localhost')) location = await browser.visitor.logIn(location, 'alice')
  }
  return location
}

/** The form on the log-out page, ready to be sent. */
async function logOutForm(world: TestService, browser: TestBrowser): Promise<() => Promise<Response>> {
  const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
  expect(token).not.toBe('')
  return () => browser.request(`${world.publicUrl}/logout`, { method: 'POST', body: `token=${token}` })
}

const eventsOf = (world: TestService) =>
  [0, 1]
    .flatMap(index => world.replica(index).auditEvents())
    .sort((a, b) => String(a.time).localeCompare(String(b.time)))
const failedEvents = (world: TestService) =>
  eventsOf(world).filter(({ event }) => event === 'session.verification-failed')
const lastEvents = (world: TestService, count: number) =>
  eventsOf(world)
    .filter(({ event }) => String(event).startsWith('session.'))
    .slice(-count)
const outages = (world: TestService) =>
  [0, 1].flatMap(index => world.replica(index).logText().split('provider gives no answer about sessions')).length - 2

/** Keeps an answer of the provider back until it is released. */
function holding() {
  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  return { released, release }
}
