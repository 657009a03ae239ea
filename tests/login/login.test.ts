import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Person, startProvider, type TestProvider } from '../provider.ts'
import { stores } from './kept-in.ts'
import {
  type Browser,
  client,
  corp,
  locationOf,
  nonceHash,
  publicUrl,
  type RelyingParty,
  startRelyingParty,
  wiki,
} from './relying-party.ts'

describe.each(stores)('on %s', keptIn => {
  let provider: TestProvider
  let party: RelyingParty

  beforeAll(async () => {
    provider = await startProvider({ clients: [client] })
    party = await startRelyingParty({ keptIn, providers: [corp(provider.issuer)] })
    await party.providers.start()
  })

  afterAll(async () => {
    await party.close()
    await provider.close()
  })

  const login = (parameters: Record<string, string>) => `/login?${new URLSearchParams(parameters)}`
  const whoIs = async (browser: Browser) => (await browser.get('/')).text

  describe('a login', () => {
    test('ends where it began, with an identity from ID token and userinfo', async () => {
      const alice = party.browser()
      const response = await alice.logIn('alice')
      expect(response.status).toBe(303)
      expect(locationOf(response)).toBe(wiki)
      expect(response.headers['cache-control']).toBe('no-store')
      expect(party.events.at(-1)).toMatchObject({
        event: 'login.succeeded',
        provider: 'corp',
        subject: `${provider.issuer}#alice`,
        email: 'alice@example.com',
        groups: ['ops'],
      })
      expect(await whoIs(alice)).toContain('alice@example.com')
    })

    test('asks the provider with PKCE S256, state and nonce, none of them used twice', async () => {
      const first = new URL(locationOf(await party.browser().get('/login')))
      const second = new URL(locationOf(await party.browser().get('/login')))
      for (const { origin, searchParams } of [first, second]) {
        expect(origin).toBe(provider.issuer)
        expect(searchParams.get('redirect_uri')).toBe(`${publicUrl}/callback/corp`)
        expect(searchParams.get('response_type')).toBe('code')
        expect(searchParams.get('code_challenge_method')).toBe('S256')
        expect(searchParams.get('scope')).toBe('openid profile email groups')
        const attempt = party.attempts.records.get(searchParams.get('state') ?? '')?.value
        const challenge = createHash('sha256')
          .update(attempt?.verifier ?? '')
          .digest('base64url')
        expect(searchParams.get('code_challenge')).toBe(challenge)
        expect(searchParams.get('nonce')).toBe(attempt?.nonce)
      }
      for (const name of ['state', 'nonce', 'code_challenge']) {
        expect(first.searchParams.get(name)).toMatch(/^[\w-]{43}$/)
        expect(first.searchParams.get(name)).not.toBe(second.searchParams.get(name))
      }
    })

    test('that began at an application ends with a ticket for its host, its URL and its browser', async () => {
      const alice = party.browser()
      const location = new URL(locationOf(await alice.logIn('alice', login({ rd: wiki, handoff: nonceHash }))))
      expect(`${location.origin}${location.pathname}`).toBe('https://wiki.example.com/.sallyport/handoff')
      const { value, ttlSeconds } = party.tickets.records.get(location.searchParams.get('ticket') ?? '') ?? {}
      const sessionId = decodeURIComponent((await alice.cookies())['__Host-sallyport-login'] ?? '')
        .slice(2)
        .split('.')[0]
      expect(value).toEqual({ sessionId, domain: 'wiki.example.com', returnTo: wiki, nonceHash })
      expect(ttlSeconds).toBe(60)
    })

    test('is not asked for again: a session goes straight on, to any application', async () => {
      const alice = party.browser()
      await alice.logIn('alice')
      const other = 'https://shop.example.com/'
      expect(locationOf(await alice.get(login({ rd: other })))).toBe(other)
      const ticket = locationOf(await alice.get(login({ rd: other, handoff: nonceHash })))
      expect(ticket).toMatch(/^https:\/\/shop\.example\.com\/\.sallyport\/handoff\?ticket=[\w-]{43}$/)
    })

    test('with prompt=login asks again, and another person replaces the session', async () => {
      const browser = party.browser()
      await browser.logIn('alice')
      const before = (await browser.cookies())['__Host-sallyport-login']
      const start = await browser.get(login({ rd: wiki, prompt: 'login' }))
      expect(new URL(locationOf(start)).searchParams.get('prompt')).toBe('login')
      await browser.get(await browser.visitor.logIn(locationOf(start), 'bob'))
      expect(await whoIs(browser)).toContain('bob@example.com')
      expect((await browser.cookies())['__Host-sallyport-login']).not.toBe(before)
      expect(party.events.slice(-2)).toMatchObject([
        { event: 'session.ended', subject: `${provider.issuer}#alice`, cause: 'login-replaced' },
        { event: 'login.succeeded', subject: `${provider.issuer}#bob` },
      ])
      expect(party.ended.at(-1)).toBe(
        decodeURIComponent(before ?? '')
          .slice(2)
          .split('.')[0],
      )
    })

    test('that a proxy started with an unencoded URL keeps its whole query (E07)', async () => {
      const response = await party.browser().logIn('alice', '/login?rd=https://wiki.example.com/p?a=1&b=2&prompt=x')
      expect(locationOf(response)).toBe('https://wiki.example.com/p?a=1&b=2&prompt=x')
    })

    test('leaves no secret in audit events and log lines', async () => {
      const seen = JSON.stringify([party.events, party.log])
      for (const { value } of party.tickets.records.values()) expect(seen).not.toContain(value.sessionId)
      expect(seen).not.toContain(client.clientSecret)
      expect(seen).not.toMatch(/eyJ[\w-]+\./)
    })

    test('with a parameter that our own links never hold is refused', async () => {
      const malformed = [
        { handoff: 'short' },
        { max_age: '-1' },
        { max_age: '1e3' },
        { prompt: 'consent' },
        { acr_values: 'a  b' },
      ]
      for (const parameters of malformed) {
        const response = await party.browser().get(login({ rd: wiki, ...parameters } as Record<string, string>))
        expect(response.status, JSON.stringify(parameters)).toBe(400)
      }
      expect((await party.browser().get(login({ provider: 'nobody' }))).status).toBe(404)
    })
  })

  describe('many logins at once', () => {
    test('G02: ten tabs of one browser log in, and finish in any order', async () => {
      const browser = party.browser()
      await browser.get('/login')
      const targets = Array.from({ length: 10 }, (_, tab) => `https://wiki.example.com/tab/${tab}`)
      const starts = await Promise.all(targets.map(rd => browser.get(login({ rd }))))
      const callbacks: string[] = []
      for (const start of starts) callbacks.push(await browser.visitor.logIn(locationOf(start), 'alice'))
      for (const tab of [7, 2, 9, 0, 5, 1, 8, 3, 6, 4]) {
        expect(locationOf(await browser.get(callbacks[tab] ?? ''))).toBe(targets[tab])
      }
    })

    test('G02: ten tabs that a browser without any cookie opens at once all get where they want', async () => {
      const browser = party.browser()
      const targets = Array.from({ length: 10 }, (_, tab) => `https://wiki.example.com/tab/${tab}`)
      const starts = await Promise.all(targets.map(rd => browser.get(login({ rd }))))
      expect(new Set(starts.map(start => start.headers['set-cookie']?.[0])).size).toBe(10)
      for (const [tab, start] of starts.entries()) {
        let response = await browser.get(await browser.visitor.logIn(locationOf(start), 'alice'))
        if (locationOf(response).startsWith(provider.issuer)) {
          response = await browser.get(await browser.visitor.logIn(locationOf(response), 'alice'))
        }
        expect(locationOf(response)).toBe(targets[tab])
      }
    })

    test('G04: five hundred abandoned logins leave one small cookie', async () => {
      const browser = party.browser()
      for (let count = 0; count < 500; count += 1) await browser.get('/login')
      const cookies = await browser.cookies()
      expect(Object.keys(cookies)).toEqual(['__Host-sallyport-browser'])
      expect(cookies['__Host-sallyport-browser']).toHaveLength(43)
    })

    test('G10: twenty people log in at the same time, and nobody becomes somebody else', async () => {
      const names: Person[] = ['alice', 'bob', 'carol']
      const visits = Array.from({ length: 21 }, (_, index) => ({
        person: names[index % 3] ?? 'alice',
        browser: party.browser(),
      }))
      await Promise.all(visits.map(({ browser, person }) => browser.logIn(person)))
      for (const { browser, person } of visits) expect(await whoIs(browser)).toContain(`${person}@example.com`)
    })
  })
})
