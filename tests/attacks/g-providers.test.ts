/** G: what several providers say about people, through the whole service and on every store. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import {
  type Answer,
  cookiePair,
  header,
  identityHeaders,
  navigation,
  startService,
  TestBrowser,
  type TestService,
} from '../service.ts'
import { expectDenied, fronts } from './world.ts'

const wiki = 'https://wiki.example.com'
const payroll = 'https://payroll.example.com'
const hasRedis = requirePeer('redis-server') !== undefined

const policy = `
p, authenticated,     wiki.example.com,    /,         read, -, allow
p, group:corp/ops,    wiki.example.com,    /admin/**, *,    -, allow
p, group:odd:ops,     wiki.example.com,    /odd/**,   *,    -, allow
p, authenticated,     wiki.example.com,    /lobby,    read, -, allow
p, group:odd:banned,  wiki.example.com,    /lobby,    *,    -, deny
p, authenticated,     payroll.example.com, /**,       *,    -, allow
`

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('of two providers', () => {
    let redis: RunningRedis | undefined
    let odd: MisbehavingProvider
    let world: TestService

    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      odd = await startMisbehavingProvider()
      const more = { name: 'odd', issuer: odd.issuer, groupPrefix: 'odd:' }
      world = await startService({
        policy,
        providers: corp => [corp, { ...corp, ...more }],
        hosts: [{ host: 'payroll.example.com', providers: ['corp'] }],
        settings: { sessions: redis === undefined ? { store } : { store, url: redis.url } },
      })
    })

    afterAll(async () => {
      await world.close()
      await odd.close()
      await redis?.stop()
    })

    /** As far as the callback's answer. */
    async function answerOf(answers: Answers, browser: TestBrowser, url = `${wiki}/`) {
      const challenged = await world.ask('forward-auth', { url, headers: navigation })
      const start = `${header(challenged, 'location')}&provider=odd`
      const authorization = (await browser.request(start)).headers.get('location') ?? ''
      const response = await browser.request(odd.answerTo(authorization, answers))
      return { pending: cookiePair(challenged), response, authorization }
    }

    async function logInAtOdd(answers: Answers): Promise<string> {
      const { pending, response } = await answerOf(answers, new TestBrowser())
      const url = response.headers.get('location') ?? ''
      return cookiePair(await world.ask('forward-auth', { url, cookie: pending, headers: navigation }))
    }

    async function expectRefusedLogin(answers: Answers, reason: string): Promise<void> {
      const browser = new TestBrowser()
      const { response } = await answerOf(answers, browser)
      expect(response.status).toBe(403)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).toContain('Nobody is logged in')
      expect(world.logText().split('\n').at(-2)).toContain(reason)
    }

    const ask = (path: string, cookie: string) => world.ask('auth-request', { url: `${wiki}${path}`, cookie })
    const groupsOf = (answer: Answer) => header(answer, 'remote-groups')

    it('G13: the same sub and the same verified address at another provider is another person', async () => {
      const alice = await world.logIn('alice', `${wiki}/`, new TestBrowser(), 'corp')
      const other = await logInAtOdd({
        claims: { groups: ['ops', 'corp/ops'], email: 'alice@example.com', email_verified: true },
      })
      const [atCorp, atOdd] = [await ask('/', alice), await ask('/', other)]
      expect([atCorp, atOdd].map(answer => header(answer, 'remote-email'))).toEqual(Array(2).fill('alice@example.com'))
      expect(header(atCorp, 'remote-user')).toBe(`${world.provider.issuer}#alice`)
      expect(header(atOdd, 'remote-user')).toBe(`${odd.issuer}#alice`)
      expect((await ask('/admin/x', alice)).status).toBe(200)
      const denied = await ask('/admin/x', other)
      expect(denied.status).toBe(403)
      expectDenied(denied)
    })

    it.each<[string, unknown, string]>([
      ['one text', 'ops', 'odd:ops'],
      ['a text with a JSON list in it', '["ops", "dev"]', 'odd:ops,odd:dev'],
      ['a list', ['ops', 'dev'], 'odd:ops,odd:dev'],
      ['names with separators', ['a,b', 'c|d', 'e;f'], 'odd:a%2Cb,odd:c|d,odd:e;f'],
      ['nothing', null, ''],
    ])('G14: groups as %s are read, each with the prefix of its provider', async (_name, groups, expected) => {
      const cookie = await logInAtOdd({ claims: { groups } })
      expect(groupsOf(await ask('/', cookie))).toBe(expected)
      expect((await ask('/odd/x', cookie)).status).toBe(expected.split(',').includes('odd:ops') ? 200 : 403)
    })

    it.each<[string, unknown, number]>([
      ['a list', ['ops', 'banned'], 403],
      ['a JSON list in a text', '["ops","banned"]', 403],
      ['one name', 'banned', 403],
      ['one other name', 'CN=Ops,OU=Groups,DC=corp', 200],
    ])('G14: a deny row applies to groups as %s', async (_name, groups, status) => {
      const cookie = await logInAtOdd({ claims: { groups } })
      expect((await ask('/lobby', cookie)).status).toBe(status)
    })

    it.each<[string, unknown]>([
      ['a number', 7],
      ['an object', { ops: true }],
      ['a list in a list', [['ops']]],
      ['twenty thousand', Array.from({ length: 20_000 }, (_, index) => `g${index}`)],
      ['what looks like a list', '[ops, banned]'],
      ['a text that may be two names', 'ops banned'],
      ['a name with a line break', ['ops\r\nRemote-User: root']],
    ])('G14: groups as %s refuse the login', async (_name, groups) => {
      await expectRefusedLogin({ claims: { groups } }, 'group')
    })

    it('G15: groups that are kept elsewhere refuse the login with a reason, and a deny rule is not lost', async () => {
      const elsewhere = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: odd.issuer } } }
      expect((await ask('/lobby', await logInAtOdd({ claims: { groups: ['banned'] } }))).status).toBe(403)
      await expectRefusedLogin({ claims: elsewhere }, 'too many groups')
      await expectRefusedLogin({ claims: { hasgroups: true } }, 'hasgroups')
    })

    it.each(fronts)('G16: no bearer token lets anybody in on %s, whoever issued it for whom', async front => {
      const now = Math.floor(Date.now() / 1000)
      const good = { iss: odd.issuer, sub: 'alice', aud: 'sallyport', iat: now, exp: now + 300, groups: ['ops'] }
      const tokens = await Promise.all(
        [{}, { aud: 'another-client' }, { iss: world.provider.issuer }, { iss: 'https://idp.example' }].map(change =>
          odd.sign({ ...good, ...change }),
        ),
      )
      for (const token of [...tokens, 'an access token', `${tokens[0]},x`]) {
        for (const name of ['Authorization', 'X-Forwarded-Access-Token', 'X-Auth-Request-Access-Token']) {
          const value = name === 'Authorization' ? `Bearer ${token}` : token
          const answer = await world.ask(front, { url: `${wiki}/`, headers: [[name, value]] })
          expect(answer.status, name).toBe(401)
          for (const identity of identityHeaders) expect(answer.headers.has(identity), identity).toBe(false)
        }
        expect(world.logText()).not.toContain(token)
        expect(JSON.stringify(world.auditEvents())).not.toContain(token)
      }
    })

    it('G18: the answer of one provider at the callback of the other, or with its state, lets nobody in', async () => {
      const browser = new TestBrowser()
      const start = (name: string) => `${world.publicUrl}/login?provider=${name}&rd=${encodeURIComponent(`${wiki}/`)}`
      const authorizationOf = async (name: string) =>
        new URL((await browser.request(start(name))).headers.get('location') ?? '')
      const stateOf = async (name: string) => (await authorizationOf(name)).searchParams.get('state') ?? ''
      const before = odd.tokenRequests.length + world.provider.endpoints.count('token')
      for (const [state, path, iss] of [
        [await stateOf('corp'), 'odd', odd.issuer],
        [await stateOf('odd'), 'corp', world.provider.issuer],
        [await stateOf('corp'), 'corp', odd.issuer],
        [await stateOf('odd'), 'odd', world.provider.issuer],
      ] as const) {
        const query = new URLSearchParams({ code: 'a-code', state, iss })
        const response = await browser.request(`${world.publicUrl}/callback/${path}?${query}`)
        expect(response.status, `${path} ${iss}`).toBe(403)
      }
      expect(odd.tokenRequests.length + world.provider.endpoints.count('token')).toBe(before)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).toContain('Nobody is logged in')
    })

    it('a host with a list of providers is not opened by a login of another one', async () => {
      const browser = new TestBrowser()
      await answerOf({}, browser)
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).toContain('You are logged in')
      const challenged = await world.ask('forward-auth', { url: `${payroll}/`, headers: navigation })
      for (const link of ['', '&provider=odd']) {
        const response = await browser.request(`${header(challenged, 'location')}${link}`)
        expect(response.headers.get('location')).toContain(`${world.provider.issuer}/auth?`)
      }
      const cookie = await world.logIn('bob', `${payroll}/`, browser)
      const answer = await world.ask('auth-request', { url: `${payroll}/`, cookie })
      expect(header(answer, 'remote-user')).toBe(`${world.provider.issuer}#bob`)
    })

    it.each(fronts)('nor by a cookie from before the list, on %s: a login is asked for', async front => {
      const browser = new TestBrowser()
      const { response } = await answerOf({}, browser)
      expect(response.status).toBe(303)
      const login = (await browser.jar.getCookies(world.publicUrl)).find(({ key }) => key === 'sallyport-login')
      const [, sessionId = ''] = /^s:([^.]+)\./.exec(decodeURIComponent(login?.value ?? '')) ?? []
      const file = JSON.parse(readFileSync(join(world.directory, 'sallyport.yaml'), 'utf8'))
      const cookies = createHostCookies({ secrets: [file.sessions.secret], isSecure: false, name: 'sallyport' })
      const cookieFor = (host: string) => cookies.issueSession(sessionId, host).split(';')[0] ?? ''
      const elsewhere = await world.ask(front, { url: `${wiki}/`, cookie: cookieFor('wiki.example.com') })
      expect(elsewhere.status).toBe(200)
      const answer = await world.ask(front, { url: `${payroll}/`, cookie: cookieFor('payroll.example.com') })
      expect(answer.status).toBe(401)
      expectDenied(answer)
      expect(await world.eventOf(answer)).toMatchObject({
        event: 'access.challenged',
        reason: 'session-of-other-provider',
      })
    })
  })
})
