/** Answers that are posted to the whole service: what strangers can send there, and how much of it is kept. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stores } from '../login/kept-in.ts'
import { type RunningRedis, startRedis } from '../peers.ts'
import { cookiePair, header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const wiki = 'https://wiki.example.com'
const policy = 'p, authenticated, wiki.example.com, /**, *, -, allow\n'
const newState = () => randomBytes(32).toString('base64url')
const form = 'application/x-www-form-urlencoded'

describe.each(stores)('on %s', store => {
  let redis: RunningRedis | undefined
  let world: TestService
  let callback: string

  beforeAll(async () => {
    if (store === 'redis') redis = await startRedis()
    world = await startService({
      policy,
      replicas: 2,
      settings: {
        sessions: redis === undefined ? { store } : { store, url: redis.url },
        login: { rateLimit: 10_000 },
      },
      providers: corp => [
        { ...corp, responseMode: 'form_post' },
        { ...corp, name: 'asking' },
      ],
    })
    callback = `${world.publicUrl}/callback/corp`
  })
  afterAll(async () => {
    await world.close()
    await redis?.stop()
  })

  /** From another site, by somebody at this address. */
  const post = (body: string, headers: Record<string, string> = {}, url = callback) =>
    new TestBrowser().request(url, {
      method: 'POST',
      body,
      headers: { origin: 'https://idp.example.net', 'sec-fetch-site': 'cross-site', ...headers },
    })
  const from = (address: string) => ({ 'x-forwarded-for': address })

  /** A login by Alice as far as what the provider's page posts. */
  async function begin(browser: TestBrowser) {
    const challenge = await world.ask('forward-auth', { url: `${wiki}/a`, headers: navigation })
    const login = `${header(challenge, 'location')}&provider=corp`
    const asked = (await browser.request(login)).headers.get('location') ?? ''
    return { pending: cookiePair(challenge), ...(await browser.visitor.logInByPost(asked, 'alice')) }
  }

  it('a login by a post ends in the application, and its code is in no log and no audit line', async () => {
    const alice = new TestBrowser()
    const { pending, body } = await begin(alice)
    const back = new URL((await post(body)).headers.get('location') ?? '', callback)
    // The proxy may take the browser to another replica for it.
    const { port } = world.replica(1)
    const headers = { host: back.host, cookie: await alice.jar.getCookieString(callback) }
    const [answer] = await once(get({ port, path: `${back.pathname}${back.search}`, headers }), 'response')
    answer.resume()
    const handed = await world.ask('forward-auth', {
      url: answer.headers.location,
      cookie: pending,
      headers: navigation,
    })
    const allowed = await world.ask('forward-auth', { url: `${wiki}/a`, cookie: cookiePair(handed) })
    expect([allowed.status, header(allowed, 'remote-email')]).toEqual([200, 'alice@example.com'])
    const code = new URLSearchParams(body).get('code') ?? ''
    expect(code.length).toBeGreaterThan(20)
    for (const replica of [world, world.replica(1)]) {
      expect(replica.logText()).not.toContain(code)
      expect(JSON.stringify(replica.auditEvents())).not.toContain(code)
    }
  })

  const state = newState()
  const good = `code=abc-the-code&state=${state}`
  it.each([
    ['a body of more than 16 KB', `${good}&x=${'a'.repeat(16_400)}`, {}, 413],
    ['JSON', JSON.stringify({ code: 'abc-the-code', state }), { 'content-type': 'application/json' }, 415],
    ['text', good, { 'content-type': 'text/plain' }, 415],
    ['a form with parts', good, { 'content-type': 'multipart/form-data; boundary=x' }, 415],
    ['a form in another charset', good, { 'content-type': `${form}; charset=utf-16` }, 415],
    ['a form that is said to be two things', good, { 'content-type': `${form}, application/json` }, 415],
    ['a compressed form', good, { 'content-encoding': 'gzip' }, 415],
    ['a state that comes twice', `${good}&state=${newState()}`, {}, 400],
    ['a code that comes twice', `${good}&code=def`, {}, 400],
    ['a code that comes twice, once in disguise', `${good}&%63ode=def`, {}, 400],
    ['a list of states', `code=abc-the-code&state[]=${state}`, {}, 400],
    ['an object for a state', `code=abc-the-code&state[x]=${state}`, {}, 400],
    ['an empty state', 'code=abc-the-code&state=', {}, 400],
    ['a state that we never made', 'code=abc-the-code&state=../../etc/passwd', {}, 400],
    ['a prototype', `code=abc-the-code&__proto__[state]=${state}`, {}, 400],
    ['nothing', '', {}, 400],
    ['bytes that no form has', `code=abc-the-code\u0000\n&state=${state}`, {}, 400],
    ['a text that takes more room than it has bytes', `${good}&x=${'ÿ'.repeat(100)}`, {}, 400],
  ])(
    'G21 %s is refused with one line in the log, and nothing of it is in there',
    async (_name, body, headers, status) => {
      const before = world.logText().length
      const response = await post(body, headers)
      expect(response.status).toBe(status)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(response.headers.get('set-cookie')).toBeNull()
      await response.text()
      const lines = world.logText().slice(before).trim().split('\n')
      expect(lines).toHaveLength(1)
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn' })
      expect(lines[0]).not.toMatch(/abc-the-code/)
      expect(lines[0]).not.toContain(state)
    },
  )

  it.each(['state', 'code', 'x'])('G21 %s in the address beside the body is refused', async name => {
    const response = await post(good, {}, `${callback}?${name}=${newState()}`)
    expect(response.status).toBe(400)
  })

  it('G21 only the callback of a provider that posts takes a post from another site', async () => {
    expect((await post(good, {}, `${world.publicUrl}/callback/asking`)).status).toBe(405)
    for (const path of ['/callback', '/callback/', '/callback/nobody', '/Callback/corp', '/callback/corp/', '/']) {
      expect((await post(good, {}, `${world.publicUrl}${path}`)).status, path).toBe(404)
    }
    // Forms of this site are still its own.
    const alice = new TestBrowser()
    const { body } = await begin(alice)
    await alice.request(new URL((await post(body)).headers.get('location') ?? '', callback).href)
    const headers = { origin: 'https://idp.example.net', 'sec-fetch-site': 'cross-site' }
    const logout = await alice.request(`${world.publicUrl}/logout`, { method: 'POST', body: 'token=x', headers })
    expect(logout.status).toBe(403)
  })

  it('another host is refused before the body is looked at', async () => {
    const answer = await world.send('POST /callback/corp HTTP/1.1', [
      ['Content-Type', form],
      ['Content-Length', '0'],
    ])
    expect(answer.status).toBe(421)
  })

  it("G21 a flood pushes out what its own client has posted, and nobody else's", async () => {
    const [alice, mallory] = [new TestBrowser(), new TestBrowser()]
    const [hers, his] = [await begin(alice), await begin(mallory)]
    const herBack = (await post(hers.body, from('192.0.2.1'))).headers.get('location') ?? ''
    const hisBack = (await post(his.body, from('198.51.100.1'))).headers.get('location') ?? ''
    for (let count = 0; count < 10; count += 1) {
      const posts = Array.from({ length: 20 }, () => post(`state=${newState()}&code=x`, from('198.51.100.1')))
      expect((await Promise.all(posts)).map(({ status }) => status)).toEqual(Array(20).fill(303))
    }
    const refused = await mallory.request(new URL(hisBack, callback).href)
    expect(refused.status).toBe(403)
    // What the login was for is known all the same.
    expect(await refused.text()).toContain(`/login?provider=corp&amp;handoff=`)
    const landed = await alice.request(new URL(herBack, callback).href)
    expect(landed.headers.get('location')).toContain('/.sallyport/handoff?ticket=')
  })
})

it('posts are counted with everything else that one client asks for', async () => {
  const world = await startService({
    policy,
    settings: { login: { rateLimit: 5 } },
    providers: corp => [{ ...corp, responseMode: 'form_post' }],
  })
  try {
    const statuses: number[] = []
    for (let count = 0; count < 7; count += 1) {
      const response = await new TestBrowser().request(`${world.publicUrl}/callback/corp`, {
        method: 'POST',
        body: `state=${newState()}&code=x`,
      })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([303, 303, 303, 303, 303, 429, 429])
  } finally {
    await world.close()
  }
})
