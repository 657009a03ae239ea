/** Addresses beyond 2,000 characters, from the check to the login and back, on every store and over two replicas. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stores } from '../login/kept-in.ts'
import { type RunningRedis, startRedis } from '../peers.ts'
import { cookiePair, header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const wiki = 'https://wiki.example.com'
const long = `${wiki}/search?filter=${'(%C3%BC,"a\'b";c)&'.replaceAll('"', '%22').repeat(300)}end`

describe.each(stores)('on %s', store => {
  let redis: RunningRedis | undefined
  let world: TestService
  beforeAll(async () => {
    if (store === 'redis') redis = await startRedis()
    const sessions = redis === undefined ? { store } : { store, url: redis.url }
    const policy = `p, authenticated, wiki.example.com, /**, *, -, allow\n`
    world = await startService({ policy, replicas: 2, settings: { sessions } })
  })
  afterAll(async () => {
    await world.close()
    await redis?.stop()
  })

  const from = (address: string) => [...navigation, ['X-Forwarded-For', address]] as const

  it('lead back whole, and no answer of a check is long', async () => {
    expect(long.length).toBeGreaterThan(6000)
    expect(long.length).toBeLessThan(8192)
    // Asked at one replica, logged in at the other.
    const challenge = await world.replica(1).ask('forward-auth', { url: long, headers: from('192.0.2.1') })
    const location = header(challenge, 'location') ?? ''
    expect(location.length).toBeLessThan(1000)
    expect(new URL(location).searchParams.get('rd')).toBe(`${wiki}/`)
    const alice = new TestBrowser()
    const asked = (await alice.request(location)).headers.get('location') ?? ''
    const callback = await alice.visitor.logIn(asked, 'alice')
    const handoff = (await alice.request(callback)).headers.get('location') ?? ''
    const cookie = cookiePair(challenge)
    const handed = await world.ask('forward-auth', { url: handoff, cookie, headers: navigation })
    const back = header(handed, 'location') ?? ''
    expect(back).toMatch(/\/login\/back\?page=[\w-]{43}$/)
    const page = await alice.request(`${back}&fragment=/deep`)
    const [, url = ''] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(await page.text()) ?? []
    expect(url.replaceAll('&amp;', '&').replaceAll('&#39;', "'")).toBe(`${long}#/deep`)
    expect(page.headers.get('content-security-policy')).not.toContain('script')
  })

  it('are kept for a client thirty times in a minute, and lead to the first page beyond that', async () => {
    const names: (string | null)[] = []
    for (let count = 0; count < 40; count += 1) {
      const answer = await world.ask('forward-auth', { url: long, headers: from('192.0.2.2') })
      names.push(new URL(header(answer, 'location') ?? '').searchParams.get('page'))
    }
    expect(names.filter(name => name !== null)).toHaveLength(30)
    const other = await world.ask('forward-auth', { url: long, headers: from('192.0.2.3') })
    expect(header(other, 'location')).toContain('&page=')
  })

  it.each([
    ['E14 that nobody named', `https://evil.example.net/${'a'.repeat(3000)}`],
    ['that lead to the login again', `http://auth.localhost/login/back?x=${'a'.repeat(3000)}`],
  ])('%s lead nowhere', async (_name, url) => {
    const answer = await world.ask('auth-request', { url, headers: from('192.0.2.4') })
    const location = header(answer, 'location') ?? ''
    const name = location === '' ? 'n'.repeat(43) : new URL(location).searchParams.get('page')
    const back = await new TestBrowser().request(`${world.publicUrl}/login/back?page=${name}`)
    expect(back.headers.get('location')).toBe('/')
  })

  it.each(['', '?page=', '?page=x', `?page=${'x'.repeat(43)}`, `?page=${'x'.repeat(9000)}`, '?page=%ff'])(
    '/login/back%s leads to the default page',
    async query => {
      const back = await new TestBrowser().request(`${world.publicUrl}/login/back${query}`)
      expect([303, 414, 431]).toContain(back.status)
    },
  )
})
