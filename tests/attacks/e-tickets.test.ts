/** To whom a login hands a ticket, through the whole service, on every store. Mallory runs a host that nobody named. */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { startService, TestBrowser, type TestService } from '../service.ts'

const policy = `
p, authenticated, wiki.example.com,   /**, *, -, allow
p, authenticated, *.apps.example.com, /**, *, -, allow
p, authenticated, *.bare.example.com, /**, *, -, allow
p, authenticated, *,                  /**, *, -, allow
`
const hosts = [
  { host: '*.ours.example.com', tickets: true },
  { host: 'shut.ours.example.com', tickets: false },
  { host: 'named.apps.example.com', maxAge: '8h' },
]
const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a ticket', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    let alice: TestBrowser

    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startService({ policy, hosts, settings: { sessions } })
      alice = new TestBrowser()
      await world.logIn('alice', 'https://wiki.example.com/', alice)
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    /** Mallory's link: the nonce is her own, so she could redeem the ticket wherever it is sent. */
    async function follow(target: string, browser = alice): Promise<string> {
      const nonce = randomBytes(32).toString('base64url')
      const handoff = createHash('sha256').update(nonce).digest('base64url')
      const link = `${world.publicUrl}/login?rd=${encodeURIComponent(target)}&handoff=${handoff}`
      return (await browser.request(link)).headers.get('location') ?? ''
    }

    it.each([
      ['a name below a wildcard row', 'http://evil.apps.example.com/x'],
      ['the same, over https', 'https://evil.apps.example.com/x'],
      ['a name that only "*" covers', 'https://evil.example.net/x'],
      ['a host that is kept out', 'https://shut.ours.example.com/x'],
      ['another port below a marked wildcard', 'https://a.ours.example.com:8443/x'],
      ['the wildcard itself', 'https://*.ours.example.com/x'],
      ['the apex of a marked wildcard', 'https://ours.example.com/x'],
      ['a name that ends like a marked one', 'https://evilours.example.com/x'],
    ])('E14 never goes to %s', async (_name, target) => {
      expect(await follow(target)).toBe(`${world.publicUrl}/`)
      const page = await (await alice.request(`${world.publicUrl}/`)).text()
      expect(page).toContain('You are logged in')
      expect(page).toContain('role="status"')
      expect(page).not.toContain('ticket=')
    })

    it.each([
      ['named in a row', 'https://wiki.example.com/x', 'https://wiki.example.com'],
      ['named in a row, on any port', 'https://wiki.example.com:8443/x', 'https://wiki.example.com:8443'],
      ['named in hosts', 'https://named.apps.example.com/x', 'https://named.apps.example.com'],
      ['below a marked wildcard', 'https://a.b.ours.example.com/x', 'https://a.b.ours.example.com'],
    ])('goes to a host that is %s', async (_name, target, origin) => {
      expect(await follow(target)).toMatch(
        new RegExp(`^${origin.replaceAll('.', '\\.')}/\\.sallyport/handoff\\?ticket=`),
      )
    })

    it('is not given either when Alice has to log in first, and she is told why, with the address as a link', async () => {
      const browser = new TestBrowser()
      const target = 'https://evil.apps.example.com/x?y="><script>'
      const callback = await browser.visitor.logIn(await follow(target, browser), 'alice')
      expect((await browser.request(callback)).headers.get('location')).toBe(`${world.publicUrl}/`)
      const page = await (await browser.request(`${world.publicUrl}/`)).text()
      expect(page).toContain('Logins do not lead back to evil.apps.example.com')
      expect(page).toContain('href="https://evil.apps.example.com/x?y=')
      expect(page).not.toContain('<script>')
      expect(await (await browser.request(`${world.publicUrl}/`)).text()).not.toContain('evil.apps')
    })

    it('leaves a line for the operator that says what to do', async () => {
      await follow('https://missed.apps.example.com/')
      const lines = world.logText().split('\n')
      const line = lines.find(text => text.includes('missed.apps.example.com')) ?? '{}'
      expect(JSON.parse(line)).toMatchObject({
        level: 'warn',
        reason: 'host-not-named',
        msg: 'login does not lead back',
      })
      expect(JSON.parse(line).advice).toContain('tickets: true')
    })

    it('and the start has said which rows these are', () => {
      const line =
        world
          .logText()
          .split('\n')
          .find(text => text.includes('do not lead back to the hosts')) ?? '{}'
      expect(JSON.parse(line)).toMatchObject({ count: 1, rows: [{ rule: 'policy.csv:4' }] })
    })
  })
})

describe('where one cookie is for a domain (sessions.binding: domain)', () => {
  let world: TestService
  let alice: TestBrowser
  beforeAll(async () => {
    world = await startService({
      policy: 'p, authenticated, *.localhost, /**, *, -, allow\np, authenticated, *.example.com, /**, *, -, allow\n',
      settings: { sessions: { binding: 'domain', cookieDomain: 'auth.localhost' } },
    })
    alice = new TestBrowser()
    const start = await alice.request(`${world.publicUrl}/login`)
    await alice.request(await alice.visitor.logIn(start.headers.get('location') ?? '', 'alice'))
  })
  afterAll(() => world.close())

  it.each([
    [
      'goes to a host that is sent the cookie anyway',
      'wiki.auth.localhost',
      /^http:\/\/wiki\.auth\.localhost\/\.sallyport/,
    ],
    ['E14 goes to no other host of a wildcard row', 'wiki.example.com', /^http:\/\/auth\.localhost:\d+\/$/],
    ['E14 nor to a neighbour of the domain', 'evil.localhost', /^http:\/\/auth\.localhost:\d+\/$/],
  ])('a ticket %s', async (_name, host, wanted) => {
    const link = `${world.publicUrl}/login?rd=http://${host}/a`
    const handoff = link.replace('?', `?handoff=${'n'.repeat(43)}&`)
    expect((await alice.request(handoff)).headers.get('location')).toMatch(wanted)
  })
})
