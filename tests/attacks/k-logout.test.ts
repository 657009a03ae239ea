/** K: log-outs that a provider tells of, through the whole service, on every store, over two replicas. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requirePeer } from '../peers.ts'
import { close, leadsTo, listen } from '../provider.ts'
import { TestBrowser } from '../service.ts'
import { type LogoutWorld, logoutClaims, logoutToken, shop, startLogoutWorld, wiki } from './logout-world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const eventName = 'http://schemas.openid.net/event/backchannel-logout'
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const seconds = () => Math.floor(Date.now() / 1000)

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a log-out over the back channel', () => {
    let world: LogoutWorld
    beforeAll(async () => {
      world = await startLogoutWorld(store)
    })
    afterAll(() => world.close())

    /** Somebody whom no other test knows, with a session of the provider. */
    async function loggedIn(further: Record<string, unknown> = {}) {
      const [sub, sid] = [randomUUID(), randomUUID()]
      const cookie = await world.logIn(world.odd, { claims: { sub, sid, ...further }, userinfo: { sub } })
      return { sub, sid, cookie }
    }
    const endings = () => world.auditEvents().filter(({ event }) => event === 'session.ended')

    it('oidcc-client-test-rp-backchannel-rpinitlogout: a good token ends its session everywhere, and is audited', async () => {
      const { sub, sid, cookie } = await loggedIn()
      expect(await world.isLetIn(cookie)).toBe(true)
      const response = await world.send('odd', await logoutToken(world.odd, { sid, sub }))
      expect([response.status, await response.text()]).toEqual([200, ''])
      expect(response.headers.get('cache-control')).toContain('no-store')
      expect(response.headers.getSetCookie()).toEqual([])
      expect(await world.isLetIn(cookie)).toBe(false)
      await expect
        .poll(() => endings().filter(({ subject }) => subject === `${world.odd.issuer}#${sub}`))
        .toMatchObject([{ cause: 'back-channel', by: 'odd', session: expect.stringMatching(/^[\w-]{16}$/) }])
    })

    type Made = (claims: { sub: string; sid: string }) => Promise<string> | string
    const changed =
      (changes: Record<string, unknown>, protectedHeader = {}): Made =>
      claims =>
        logoutToken(world.odd, { ...claims, ...changes }, protectedHeader)
    const unsigned = (claims: object) =>
      `${base64url({ alg: 'none', typ: 'logout+jwt' })}.${base64url(logoutClaims(world.odd, { ...claims }))}.`
    const bad: readonly (readonly [string, Made])[] = [
      ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none: without a signature', unsigned],
      ['oidcc-client-test-rp-backchannel-rpinitlogout-no-event: without events', changed({ events: undefined })],
      ['oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce: with a nonce', changed({ nonce: 'n' })],
      [
        'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg: signed with the secret of the client',
        claims =>
          new SignJWT(logoutClaims(world.odd, claims))
            .setProtectedHeader({ alg: 'HS256' })
            .sign(Buffer.from('the client secret of a test')),
      ],
      ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud: for another client', changed({ aud: 'another' })],
      [
        'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event: with another event',
        changed({ events: { 'http://schemas.openid.net/event/other': {} } }),
      ],
      [
        'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss: of another issuer',
        changed({ iss: 'https://evil.example' }),
      ],
      ['of the other provider, as its own path gets it', claims => logoutToken(world.other, claims)],
      ['with a nonce that is null', changed({ nonce: null })],
      ['with an event that is no object', changed({ events: { [eventName]: true } })],
      ['with events in a list', changed({ events: [eventName] })],
      ['with neither sub nor sid', changed({ sub: undefined, sid: undefined })],
      ['with an empty sid', changed({ sub: undefined, sid: '' })],
      ['with a sid that is a number', changed({ sid: 7 })],
      ['without iat', changed({ iat: undefined })],
      ['with an old iat', changed({ iat: seconds() - 1000, exp: seconds() + 1000 })],
      ['with an iat in the future', changed({ iat: seconds() + 1000, exp: seconds() + 2000 })],
      ['that has expired', changed({ iat: seconds() - 200, exp: seconds() - 100 })],
      ['without exp and iat', changed({ exp: undefined, iat: undefined })],
      ['without exp, of six minutes ago', changed({ exp: undefined, iat: seconds() - 360 })],
      ['without exp, with an iat in the future', changed({ exp: undefined, iat: seconds() + 60 })],
      ['without exp, with an iat that is a text', changed({ exp: undefined, iat: String(seconds()) })],
      ['with an exp that is null', changed({ exp: null })],
      ['without jti', changed({ jti: undefined })],
      ['with a jti that is a number', changed({ jti: 7 })],
      ['without aud', changed({ aud: undefined })],
      ['that says it is an access token', changed({}, { typ: 'at+jwt' })],
      ['with an unknown key id', changed({}, { kid: 'k2' })],
      [
        'with an extension that has to be understood',
        claims =>
          new SignJWT(logoutClaims(world.odd, claims))
            .setProtectedHeader({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 })
            .sign(world.odd.privateKey, { crit: { x: true } }),
      ],
      [
        'signed with a key of its own',
        async claims =>
          new SignJWT(logoutClaims(world.odd, claims))
            .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
            .sign((await generateKeyPair('ES256')).privateKey),
      ],
      [
        'whose contents were changed afterwards',
        async claims => {
          const [head, , signature] = (await logoutToken(world.odd, { ...claims, sid: 'another' })).split('.')
          return `${head}.${base64url(logoutClaims(world.odd, claims))}.${signature}`
        },
      ],
      [
        'that is an ID token',
        claims =>
          world.odd.sign({ iss: world.odd.issuer, aud: 'sallyport', ...claims, iat: seconds(), exp: seconds() + 300 }),
      ],
      ['that is no token', () => 'garbage'],
      ['that is empty', () => ''],
    ]
    it('K01: a token without exp, as Hydra sends it, is taken once for its iat, and the log says so', async () => {
      const { cookie, ...claims } = await loggedIn()
      const said = () => world.logText().split('log-out token without exp was accepted').length
      const before = said()
      const token = await logoutToken(world.odd, { ...claims, exp: undefined, iat: seconds() - 200 })
      expect((await world.send('odd', token)).status).toBe(200)
      expect(await world.isLetIn(cookie)).toBe(false)
      await expect.poll(said).toBe(before + 1)
      // A copy counts as little as one of a token with exp.
      const ignored = () => world.logText().split('came again and was ignored').length
      const ignoredBefore = ignored()
      expect((await world.send('odd', token)).status).toBe(200)
      await expect.poll(ignored).toBe(ignoredBefore + 1)
      expect(said()).toBe(before + 1)
    })

    it('K01: a token with a fault is 400 and ends nothing', async () => {
      const { cookie, ...claims } = await loggedIn()
      for (const [what, make] of bad) {
        const response = await world.send('odd', await make(claims))
        expect(response.status, what).toBe(400)
        expect(await response.json(), what).toEqual({
          error: 'invalid_request',
          error_description: 'The log-out token did not pass its checks.',
        })
        expect(response.headers.get('cache-control'), what).toContain('no-store')
        expect(await world.isLetIn(cookie), what).toBe(true)
      }
      // So that each of them could only fail for its own reason.
      expect((await world.send('odd', await logoutToken(world.odd, claims))).status).toBe(200)
      expect(await world.isLetIn(cookie)).toBe(false)
      expect(world.logText()).not.toMatch(/eyJ[\w-]+\./)
    })

    it('K01: a body that is no form with one token is 400, one that is too long 413, and a path of no provider 404', async () => {
      const { sid, cookie } = await loggedIn()
      const token = await logoutToken(world.odd, { sid })
      const form = `logout_token=${token}`
      expect((await world.post('odd', form, 'text/plain')).status).toBe(400)
      expect((await world.post('odd', JSON.stringify({ logout_token: token }), 'application/json')).status).toBe(400)
      expect((await world.post('odd', `${form}&${form}`)).status).toBe(400)
      expect((await world.post('odd', '')).status).toBe(400)
      expect((await world.post('odd', `${form}&x=${'x'.repeat(20_000)}`)).status).toBe(413)
      for (const name of ['nobody', 'constructor', '__proto__', '%2e%2e']) {
        expect((await world.post(name, form)).status, name).toBe(404)
      }
      expect((await world.get('/backchannel-logout/odd')).status).toBe(404)
      expect(await world.isLetIn(cookie)).toBe(true)
    })

    it('K02: a token that comes again is 200 and ends nothing that began since', async () => {
      const [sub, sid] = [randomUUID(), randomUUID()]
      const token = await logoutToken(world.odd, { sub })
      await world.logIn(world.odd, { claims: { sub, sid }, userinfo: { sub } })
      expect((await world.send('odd', token)).status).toBe(200)
      world.moveClock(2)
      const cookie = await world.logIn(world.odd, { claims: { sub, sid: randomUUID() }, userinfo: { sub } })
      expect((await world.send('odd', token)).status).toBe(200)
      expect(await world.isLetIn(cookie)).toBe(true)
    })

    it('K03: a session of the same name at another provider stands', async () => {
      const { sub, sid, cookie } = await loggedIn()
      const elsewhere = await world.logIn(world.other, { claims: { sub, sid }, userinfo: { sub } })
      expect((await world.send('odd', await logoutToken(world.odd, { sid }))).status).toBe(200)
      expect(await world.isLetIn(cookie)).toBe(false)
      expect(await world.isLetIn(elsewhere)).toBe(true)
    })

    it('K04: a token with sub alone ends all sessions of the person, and nobody else is concerned', async () => {
      const { sub, cookie } = await loggedIn()
      const second = await world.logIn(world.odd, { claims: { sub, sid: randomUUID() }, userinfo: { sub } })
      const third = await world.logIn(world.odd, { claims: { sub }, userinfo: { sub } })
      const [namesake, bystander] = [
        await world.logIn(world.other, { claims: { sub }, userinfo: { sub } }),
        await loggedIn(),
      ]
      expect((await world.send('odd', await logoutToken(world.odd, { sub }))).status).toBe(200)
      for (const cookieOf of [cookie, second, third]) expect(await world.isLetIn(cookieOf)).toBe(false)
      expect(await world.isLetIn(namesake)).toBe(true)
      expect(await world.isLetIn(bystander.cookie)).toBe(true)
    })

    it('a token with sid leaves other sessions of the person, but for those of which the provider named none', async () => {
      const { sub, sid, cookie } = await loggedIn()
      const second = await world.logIn(world.odd, { claims: { sub, sid: randomUUID() }, userinfo: { sub } })
      const nameless = await world.logIn(world.odd, { claims: { sub }, userinfo: { sub } })
      expect((await world.send('odd', await logoutToken(world.odd, { sub, sid }))).status).toBe(200)
      expect(await world.isLetIn(cookie)).toBe(false)
      expect(await world.isLetIn(second)).toBe(true)
      expect(await world.isLetIn(nameless)).toBe(false)
    })

    it('of somebody who has no session is 200: the provider need not try again', async () => {
      const token = await logoutToken(world.odd, { sub: randomUUID(), sid: randomUUID() }, { typ: undefined as never })
      expect((await world.send('odd', token)).status).toBe(200)
    })

    it('that comes while the answer of the provider is being checked ends the login that follows', async () => {
      const [sub, sid] = [randomUUID(), randomUUID()]
      for (const claims of [{ sid }, { sub }, { sub, sid }]) {
        let release = () => {}
        const held = new Promise<void>(resolve => {
          release = resolve
        })
        let arrived = () => {}
        const isAsked = new Promise<void>(resolve => {
          arrived = resolve
        })
        const browser = new TestBrowser()
        const login = world.answer(
          world.odd,
          {
            claims: { sub, sid },
            userinfoAnswer: response => {
              arrived()
              void held.then(() =>
                response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ sub })),
              )
            },
          },
          wiki,
          browser,
        )
        await isAsked
        expect((await world.send('odd', await logoutToken(world.odd, claims))).status).toBe(200)
        world.moveClock(5)
        release()
        const { response } = await login
        expect(response.status).toBe(403)
        expect(await response.text()).toContain('You were logged out while you were logging in.')
        expect(await (await browser.request(`${world.publicUrl}/`)).text()).toContain('Nobody is logged in')
        const failures = () => world.auditEvents().filter(({ event }) => event === 'login.failed')
        await expect.poll(() => failures().at(-1)?.code).toBe('ERR_LOGIN_LOGGED_OUT')
        // Whoever starts again comes in.
        const again = await world.logIn(world.odd, { claims: { sub, sid }, userinfo: { sub } }, { browser })
        expect(await world.isLetIn(again)).toBe(true)
        world.moveClock(5)
      }
    })

    it('K08: a log-out here ends the session on unrelated domains at once', async () => {
      const browser = new TestBrowser()
      const [sub, sid] = [randomUUID(), randomUUID()]
      const first = await world.logIn(world.odd, { claims: { sub, sid }, userinfo: { sub } }, { browser })
      const cookieOfShop = await world.logInAgain(browser, shop)
      expect([await world.isLetIn(first), await world.isLetIn(cookieOfShop, shop)]).toEqual([true, true])
      const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
      const foreign = await world.get('/logout', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' })
      expect(foreign.status).toBe(303)
      expect([await world.isLetIn(first), await world.isLetIn(cookieOfShop, shop)]).toEqual([true, true])
      const response = await browser.request(`${world.publicUrl}/logout?rd=https://evil.example/`, {
        method: 'POST',
        body: `token=${token}&rd=https://evil.example/&post_logout_redirect_uri=https://evil.example/`,
      })
      const target = new URL(leadsTo(await response.text()))
      expect(target.origin).toBe(world.odd.issuer)
      expect(target.searchParams.get('post_logout_redirect_uri')).toBe(`${world.publicUrl}/signed-out`)
      expect([await world.isLetIn(first), await world.isLetIn(cookieOfShop, shop)]).toEqual([false, false])
      await expect
        .poll(() => endings().filter(({ subject }) => subject === `${world.odd.issuer}#${sub}`))
        .toMatchObject([{ cause: 'logout' }])
    })

    it('K05: does not make us ask a provider for its keys more than twice a minute, nor anybody else for anything', async () => {
      const { sid, cookie } = await loggedIn()
      const asked: string[] = []
      const stranger = createServer((request, response) => {
        asked.push(request.url ?? '')
        response.end('{}')
      })
      const address = `http://127.0.0.1:${await listen(stranger)}/keys`
      const before = world.odd.keyRequests()
      for (let count = 0; count < 200; count += 1) {
        const header = { kid: randomUUID(), jku: address, x5u: address, jwk: world.odd.publicJwk as never }
        expect((await world.send('odd', await logoutToken(world.odd, { sid }, header))).status).toBe(400)
      }
      expect(world.odd.keyRequests() - before).toBeLessThanOrEqual(1)
      expect(asked).toEqual([])
      expect(await world.isLetIn(cookie)).toBe(true)
      await close(stranger)
    })
  })
})
