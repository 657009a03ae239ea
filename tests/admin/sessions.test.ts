/** What an operator is told about sessions and does to them, through the whole service and on every store. */
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFromThisMachine } from '../../app/admin/this-machine.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { startService, TestBrowser, type TestService } from '../service.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const wiki = 'https://wiki.example.com/'
const shop = 'https://shop.example.com/'
const policy = `p, authenticated, wiki.example.com, /**, *, -, allow
p, authenticated, shop.example.com, /**, *, -, allow
`

interface Shown {
  readonly handle: string
  readonly subject: string
  readonly email?: string
  readonly hosts: readonly { readonly host: string }[]
}
interface Answered {
  readonly status: number
  readonly body: {
    readonly sessions: readonly Shown[]
    readonly next?: string
    readonly ended?: number
    readonly error?: string
    readonly requestId?: string
  }
}

describe.each(['lmdb', 'redis'] as const)('sessions on the admin listener, kept in %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('when there is the store', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startService({
        policy,
        settings: { sessions },
        // Two providers in the configuration that are the same one: whose sessions end is told by the name.
        providers: corp => [corp, { ...corp, name: 'partner' }],
      })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const json = { 'content-type': 'application/json' }
    async function call(path: string, init: RequestInit = {}): Promise<Answered> {
      const response = await fetch(`http://127.0.0.1:${world.adminPort}${path}`, init)
      return { status: response.status, body: (await response.json()) as Answered['body'] }
    }
    const end = (body: unknown) => call('/sessions/end', { method: 'POST', headers: json, body: JSON.stringify(body) })
    const subjectOf = (person: string) => `${world.provider.issuer}#${person}`
    const bySubject = (person: string) => `/sessions?subject=${encodeURIComponent(subjectOf(person))}`
    const status = async (cookie: string, url = wiki) => (await world.ask('auth-request', { url, cookie })).status
    const eventsOf = (requestId: string | undefined) =>
      expect.poll(() => world.auditEvents().filter(event => event.requestId === requestId))

    it('are listed by person, with hosts and where they came from, and by host', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', wiki, browser, 'corp')
      await world.logIn('alice', shop, browser, 'corp')
      await world.logIn('bob', wiki, undefined, 'corp')
      const { status, body } = await call(bySubject('alice'))
      expect([status, body]).toEqual([
        200,
        {
          sessions: [
            {
              handle: expect.stringMatching(/^[\w-]{16}$/),
              subject: subjectOf('alice'),
              provider: 'corp',
              email: 'alice@example.com',
              name: 'Alice Example',
              clientAddress: expect.stringMatching(/127\.0\.0\.1$/),
              userAgent: expect.any(String),
              startedAt: expect.stringMatching(/^20.*Z$/),
              idleUntil: expect.stringMatching(/^20.*Z$/),
              endsAt: expect.stringMatching(/^20.*Z$/),
              hosts: [
                { host: 'wiki.example.com', since: expect.stringMatching(/^20.*Z$/) },
                { host: 'shop.example.com', since: expect.stringMatching(/^20.*Z$/) },
              ],
            },
          ],
        },
      ])
      const [shown] = body.sessions
      expect(await call(`/sessions/${shown?.handle}`)).toEqual({ status: 200, body: shown })
      const people = async (path: string) => (await call(path)).body.sessions.map(({ email }) => email).sort()
      expect(await people('/sessions?host=WIKI.example.com')).toEqual(['alice@example.com', 'bob@example.com'])
      expect(await people('/sessions?host=shop.example.com')).toEqual(['alice@example.com'])
      expect(await people('/sessions?all=true')).toEqual(['alice@example.com', 'bob@example.com'])
      // Neither the session id of the cookie nor the key in the store.
      const secret = cookie.split('=')[1]?.split('.')[1] ?? ''
      expect(secret).not.toBe('')
      expect(JSON.stringify(body)).not.toContain(secret)
    })

    it('are found by the session of the provider', async () => {
      const issuer = encodeURIComponent(world.provider.issuer)
      expect(await call(`/sessions?issuer=${issuer}&sid=nobody-has-this`)).toEqual({
        status: 200,
        body: { sessions: [] },
      })
    })

    it('come page by page, each once, while others end and begin', async () => {
      for (let count = 0; count < 5; count += 1) await world.logIn('carol', wiki, undefined, 'corp')
      const wanted = (await call(bySubject('carol'))).body.sessions.map(({ handle }) => handle)
      expect(wanted).toHaveLength(5)
      const seen: string[] = []
      let after = ''
      for (;;) {
        const { status, body } = await call(`${bySubject('carol')}&limit=2${after}`)
        expect(status).toBe(200)
        seen.push(...body.sessions.map(({ handle }) => handle))
        if (body.next === undefined) break
        await end({ session: body.sessions[0]?.handle })
        await world.logIn('carol', wiki, undefined, 'corp')
        after = `&after=${encodeURIComponent(body.next)}`
      }
      expect(seen).toEqual(expect.arrayContaining(wanted))
      expect(new Set(seen).size).toBe(seen.length)
      await end({ subject: subjectOf('carol') })
    })

    it('end one by one, everywhere and recorded with who did it', async () => {
      const browser = new TestBrowser()
      const cookie = await world.logIn('alice', wiki, browser, 'corp')
      const other = await world.logIn('alice', wiki, undefined, 'corp')
      const event = await world.eventOf(await world.ask('auth-request', { url: wiki, cookie }))
      const { body, status: answered } = await end({ session: event.session, by: 'Olga of operations' })
      expect([answered, body.ended]).toEqual([200, 1])
      expect([await status(cookie), await status(other)]).toEqual([401, 200])
      await eventsOf(body.requestId).toMatchObject([
        {
          event: 'session.ended',
          cause: 'admin',
          by: 'Olga of operations',
          session: event.session,
          subject: subjectOf('alice'),
          email: 'alice@example.com',
        },
      ])
      expect(await end({ session: event.session })).toMatchObject({ status: 404 })
      expect((await call(`/sessions/${event.session}`)).status).toBe(404)
      expect((await browser.request(`${world.publicUrl}/session`)).status).toBe(303)
    })

    it('end with their person, and nobody else does', async () => {
      const cookies = [
        await world.logIn('carol', wiki, undefined, 'corp'),
        await world.logIn('carol', shop, undefined, 'partner'),
      ]
      const bob = await world.logIn('bob', wiki, undefined, 'corp')
      const { body } = await end({ subject: subjectOf('carol') })
      expect(body.ended).toBe(2)
      expect([await status(cookies[0] ?? ''), await status(cookies[1] ?? '', shop)]).toEqual([401, 401])
      expect(await status(bob)).toBe(200)
      await eventsOf(body.requestId).toHaveLength(2)
      expect((await end({ subject: subjectOf('carol') })).body.ended).toBe(0)
    })

    it('end with their provider, by its name, or all together, recorded as one cut', async () => {
      const corp = await world.logIn('bob', wiki, undefined, 'corp')
      const partner = await world.logIn('bob', wiki, undefined, 'partner')
      const one = await end({ provider: 'partner' })
      expect(one).toMatchObject({ status: 200, body: { cut: 'provider', provider: 'partner' } })
      expect([await status(corp), await status(partner)]).toEqual([200, 401])
      const all = await end({ all: true })
      expect(all).toMatchObject({ status: 200, body: { cut: 'all' } })
      expect(await status(corp)).toBe(401)
      expect((await call('/sessions?all=true')).body.sessions).toEqual([])
      await eventsOf(one.body.requestId).toMatchObject([
        { event: 'sessions.cut', scope: 'provider', provider: 'partner', by: 'admin' },
      ])
      await eventsOf(all.body.requestId).toMatchObject([{ event: 'sessions.cut', scope: 'all', by: 'admin' }])
      const again = await world.logIn('bob', wiki, undefined, 'corp')
      expect(await status(again)).toBe(200)
      const listed = (await call('/sessions?all=true')).body.sessions
      expect(listed).toEqual([expect.objectContaining({ email: 'bob@example.com' })])
      expect(JSON.stringify(listed)).not.toContain('startedAtMs')
      expect((await end({ subject: `${world.provider.issuer}#bob` })).status).toBe(200)
      expect(await status(again)).toBe(401)
    })

    describe('refuse what they cannot read, and nothing ends by it:', () => {
      let cookie: string
      beforeAll(async () => {
        cookie = await world.logIn('alice', wiki, undefined, 'corp')
      })
      it.each([
        ['nothing', ''],
        ['an empty object', '{}'],
        ['only who asks', '{"by":"me"}'],
        ['no object', '[{"all":true}]'],
        ['an unknown name', '{"everybody":true}'],
        ['an unknown name beside a known one', '{"all":true,"dryRun":true}'],
        ['two selectors', '{"subject":"a","all":true}'],
        ['all, but not true', '{"all":false}'],
        ['all as a text', '{"all":"true"}'],
        ['an empty subject', '{"subject":""}'],
        ['a subject with a NUL', '{"subject":"a\\u0000b"}'],
        ['a list of subjects', '{"subject":["a"]}'],
        ['half of a pair', '{"issuer":"https://idp.example"}'],
        ['an unknown provider', '{"provider":"corporate"}'],
        ['a handle of another length', '{"session":"abc"}'],
        ['broken JSON', '{"all":tru'],
      ])('%s', async (_name, body) => {
        const answer = await call('/sessions/end', { method: 'POST', headers: json, body })
        expect([answer.status, typeof answer.body.error]).toEqual([400, 'string'])
        expect(await status(cookie)).toBe(200)
      })
      it.each([
        '/sessions',
        '/sessions?limit=10',
        '/sessions?all',
        '/sessions?all=false',
        '/sessions?all=true&all=true',
        '/sessions?subject=a&host=b',
        '/sessions?subject=',
        '/sessions?email=alice@example.com',
        '/sessions?sid=1',
        '/sessions?all=true&limit=0',
        '/sessions?all=true&limit=201',
        '/sessions?all=true&limit=ten',
        '/sessions?all=true&after=',
        '/sessions?all=true&after=not-a-cursor',
        '/sessions?all=true&after=%2B',
        '/sessions/short',
      ])('GET %s', async path => {
        const answer = await call(path)
        expect([answer.status, typeof answer.body.error]).toEqual([400, 'string'])
      })
    })

    it('are for this machine under its own names, and for no web page', async () => {
      const cookie = await world.logIn('alice', wiki, undefined, 'corp')
      const asked = async (headers: Readonly<Record<string, string>>) => {
        const options = { port: world.adminPort, path: '/sessions?all=true', headers }
        const response = await new Promise<IncomingMessage>(resolve => get(options, resolve))
        return [response.statusCode, (await text(response)).includes('alice@example.com')]
      }
      expect(await asked({ host: 'localhost:9181' })).toEqual([200, true])
      expect(await asked({ host: '192.0.2.7:9181' })).toEqual([403, false])
      expect(await asked({ host: 'evil.example' })).toEqual([421, false])
      expect(await asked({ host: 'localhost', origin: 'http://localhost' })).toEqual([403, false])
      expect(await asked({ host: 'localhost', 'sec-fetch-site': 'same-origin' })).toEqual([403, false])
      const form = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"all":true}' }
      expect((await call('/sessions/end', form)).status).toBe(415)
      expect(await status(cookie)).toBe(200)
    })
  })
})

describe('a call', () => {
  const from = (remoteAddress: string, host = 'localhost') =>
    isFromThisMachine({ socket: { remoteAddress }, headers: { host } } as never)

  it('comes from this machine when both its address and the name that it uses are of it', () => {
    for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) expect(from(address)).toBe(true)
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '1::1', '']) expect(from(address), address).toBe(false)
    for (const host of ['localhost.evil.example', '10.0.0.1', '']) expect(from('127.0.0.1', host), host).toBe(false)
  })
})
