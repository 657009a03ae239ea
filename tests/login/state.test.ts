import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutScripts } from '../pages/without-scripts.ts'
import { startProvider, type TestProvider } from '../provider.ts'
import { stores } from './kept-in.ts'
import { client, corp, locationOf, publicUrl, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

describe.each(stores)('on %s', keptIn => {
  let provider: TestProvider
  let other: TestProvider
  let party: RelyingParty

  beforeAll(async () => {
    provider = await startProvider({ clients: [client] })
    other = await startProvider({ clients: [client] })
    party = await startRelyingParty({
      keptIn,
      providers: [corp(provider.issuer), corp(other.issuer, { name: 'other', label: 'The <other> one' })],
    })
    await party.providers.start()
  })

  afterAll(async () => {
    await party.close()
    await Promise.all([provider.close(), other.close()])
  })

  const start = `/login?provider=corp&rd=${encodeURIComponent(wiki)}`
  const isLoggedIn = async (browser: ReturnType<RelyingParty['browser']>) =>
    (await browser.get('/')).text.includes('You are logged in')

  describe('G01: the state of a callback', () => {
    test('works once; the second use is 403 and other pending logins survive', async () => {
      const alice = party.browser()
      const pending = locationOf(await alice.get(start))
      const callback = await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice')
      // The replay comes from a copy of this browser that did not get the session.
      const thief = party.browser()
      const browserCookie = (await alice.cookies())['__Host-sallyport-browser']
      await thief.jar.setCookie(`__Host-sallyport-browser=${browserCookie}; Secure; Path=/`, publicUrl)
      expect((await alice.get(callback)).status).toBe(303)
      expect((await thief.get(callback)).status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_LOGIN_STATE_UNKNOWN' })
      expect(await isLoggedIn(thief)).toBe(false)
      expect(locationOf(await alice.get(await alice.visitor.logIn(pending, 'alice')))).toBe(wiki)
    })

    test.each([
      ['absent', ''],
      ['empty', '&state='],
      ['unknown', `&state=${'x'.repeat(43)}`],
      ['of another form', '&state=../../etc/passwd'],
      ['repeated', `&state=${'x'.repeat(43)}&state=${'y'.repeat(43)}`],
      ['nested', '&state[a]=b'],
    ])('is refused when it is %s', async (_name, state) => {
      const response = await party.browser().get(`/callback/corp?code=abc${state}`)
      expect(response.status).toBe(403)
      expect(response.text).toContain('This login has expired or was already used')
      expect(response.headers['content-security-policy']).toContain("default-src 'none'")
    })

    test('is worth nothing in a browser that did not begin the login', async () => {
      const mallory = party.browser()
      const callback = await mallory.visitor.logIn(locationOf(await mallory.get(start)), 'bob')
      const victim = party.browser()
      const response = await victim.get(callback)
      expect(response.status).toBe(403)
      expect(response.text).toContain('another browser')
      expect(await isLoggedIn(victim)).toBe(false)
    })

    test('of another browser never logs in somebody who has a cookie, either: the login begins again', async () => {
      const mallory = party.browser()
      const callback = await mallory.visitor.logIn(locationOf(await mallory.get(start)), 'bob')
      const alice = party.browser()
      await alice.get(start)
      const restarted = await alice.get(callback)
      expect(locationOf(restarted)).toContain(`${provider.issuer}/auth?`)
      expect(await isLoggedIn(alice)).toBe(false)
      await alice.get(await alice.visitor.logIn(locationOf(restarted), 'alice'))
      expect((await alice.get('/')).text).toContain('alice@example.com')
    })

    test('of a login that was begun again for this browser is refused when the browser changes once more', async () => {
      const [first, second, third] = [party.browser(), party.browser(), party.browser()]
      await Promise.all([second.get(start), third.get(start)])
      const callback = await first.visitor.logIn(locationOf(await first.get(start)), 'alice')
      const again = await second.visitor.logIn(locationOf(await second.get(callback)), 'alice')
      expect((await third.get(again)).status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_LOGIN_BROWSER_MISMATCH' })
    })

    test("is refused where two cookies claim to name the browser: one of them is somebody else's", async () => {
      const mallory = party.browser()
      const callback = await mallory.visitor.logIn(locationOf(await mallory.get(start)), 'bob')
      const planted = `__Host-sallyport-browser=${(await mallory.cookies())['__Host-sallyport-browser']}`
      const own = `__Host-sallyport-browser=${'x'.repeat(43)}`
      expect((await party.browser().get(callback, { cookie: `${planted}; ${own}` })).status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_LOGIN_BROWSER_MISMATCH' })
    })

    test('expires after ten minutes', async () => {
      const late = await startRelyingParty({ keptIn, providers: [corp(provider.issuer)] })
      try {
        const alice = late.browser()
        const callback = await alice.visitor.logIn(locationOf(await alice.get('/login')), 'alice')
        // Kept for longer, so that the page can lead to what was asked for.
        expect([...late.attempts.records.values()][0]?.ttlSeconds).toBe(86_400)
        late.moveClock(601)
        expect((await alice.get(callback)).status).toBe(403)
      } finally {
        await late.close()
      }
    })
  })

  test('G03: an unknown state from somebody who is logged in leads to the first page, not to an error', async () => {
    const alice = party.browser()
    const callback = await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice')
    await alice.get(callback)
    const replayed = await alice.get(callback)
    expect([replayed.status, locationOf(replayed)]).toEqual([303, '/'])
    expect((await alice.get('/')).text).toContain('alice@example.com')
  })

  describe('G05: an error in a callback', () => {
    const hostile = encodeURIComponent('<script>alert(1)</script>')

    test('is not acted on without a known state, and its text is never shown', async () => {
      const response = await party.browser().get(`/callback/corp?error=${hostile}&error_description=${hostile}`)
      expect(response.status).toBe(403)
      expect(response.text).toContain('This login has expired or was already used')
      expect(withoutScripts(response.text)).not.toContain('script')
    })

    test('with a known state gets our own sentence, and the description goes to the log', async () => {
      const alice = party.browser()
      const response = await alice.get(await alice.visitor.refuse(locationOf(await alice.get(start))))
      expect(response.status).toBe(403)
      expect(response.text).toContain('The login was cancelled')
      expect(response.text).not.toContain('alert(1)')
      expect(JSON.stringify(party.log.at(-1))).toContain('access_denied: <script>alert(1)</script>')
      expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', provider: 'corp', code: 'ERR_LOGIN_REFUSED' })
      expect(await isLoggedIn(alice)).toBe(false)
    })

    test('J93 with a text that says a code or a token again: neither is logged, nor what turns text around', async () => {
      const alice = party.browser()
      const { searchParams } = new URL(locationOf(await alice.get(start)))
      const told =
        'the code Zx8-planted_0123456789abc.4 of 6f1c7c0e-8f5a-4a57-9d55-2f2b6a1f0c11\u001b[31m\u202e was used'
      const query = new URLSearchParams({
        error: 'access_denied',
        error_description: told,
        iss: provider.issuer,
        state: searchParams.get('state') ?? '',
      })
      expect((await alice.get(`/callback/corp?${query}`)).status).toBe(403)
      const line = JSON.stringify(party.log.at(-1))
      expect(line).toContain('the code [left out] of 6f1c7c0e-8f5a-4a57-9d55-2f2b6a1f0c11 [31m  was used')
      expect(line).not.toContain('planted')
    })

    test.each(['made-up', hostile, '__proto__', 'constructor'])(
      'with the code %s gets the general sentence',
      async code => {
        const alice = party.browser()
        const { searchParams } = new URL(locationOf(await alice.get(start)))
        const iss = encodeURIComponent(provider.issuer)
        const query = `error=${code}&error_description=${hostile}&iss=${iss}&state=${searchParams.get('state')}`
        const response = await alice.get(`/callback/corp?${query}`)
        expect(response.status).toBe(403)
        expect(response.text).toContain('The identity provider refused the login.')
        expect(withoutScripts(response.text)).not.toContain('script')
      },
    )
  })

  describe('G18: with two providers', () => {
    test('a page lets people choose, and keeps what the login is for', async () => {
      const browser = party.browser()
      const page = await browser.get(`/login?rd=${encodeURIComponent(wiki)}&max_age=60`)
      expect(page.status).toBe(200)
      expect(page.text).toContain('The &lt;other&gt; one')
      const [, href = ''] = /href="(\/login\?provider=other[^"]*)"/.exec(page.text) ?? []
      const next = new URL(locationOf(await browser.get(href.replaceAll('&amp;', '&'))))
      expect(next.origin).toBe(other.issuer)
      expect(next.searchParams.get('max_age')).toBe('60')
      expect(party.attempts.records.get(next.searchParams.get('state') ?? '')?.value.returnTo).toBe(wiki)
    })

    test('the same sub at each of them is two people (G13)', async () => {
      const browser = party.browser()
      await browser.logIn('alice', start)
      await browser.logIn('alice', start.replace('corp', 'other'))
      const subjects = party.events.filter(({ event }) => event === 'login.succeeded').slice(-2)
      expect(subjects.map(({ subject }) => subject)).toEqual([`${provider.issuer}#alice`, `${other.issuer}#alice`])
    })

    test('the answer of one is refused at the callback of the other', async () => {
      const alice = party.browser()
      const callback = await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice')
      const response = await alice.get(callback.replace('/callback/corp', '/callback/other'))
      expect(response.status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ code: 'ERR_LOGIN_RESPONSE_INVALID', provider: 'other' })
    })

    test.each([
      ['names the other provider', (url: URL) => url.searchParams.set('iss', other.issuer)],
      ['names nobody, though the provider always does', (url: URL) => url.searchParams.delete('iss')],
    ])('an answer whose iss %s is refused', async (_name, change) => {
      const alice = party.browser()
      const callback = new URL(await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice'))
      change(callback)
      const before = other.requests.length + provider.requests.length
      expect((await alice.get(callback.href)).status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ code: 'ERR_LOGIN_RESPONSE_INVALID' })
      expect(other.requests.length + provider.requests.length).toBe(before)
    })
  })

  test('E10: where a login returns to is not in anything that comes back', async () => {
    const alice = party.browser()
    const callback = new URL(await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice'))
    for (const [name, value] of [
      ['rd', 'https://evil.example.net/'],
      ['returnTo', 'https://shop.example.com/'],
    ] as const) {
      callback.searchParams.set(name, value)
    }
    expect(locationOf(await alice.get(callback.href))).toBe(wiki)
  })

  test('E11: no header of the request changes the redirect URI', async () => {
    const headers = { 'x-forwarded-host': 'evil.example.net', 'x-forwarded-proto': 'http', host: 'evil.example.net' }
    const { searchParams } = new URL(locationOf(await party.browser().get(start, headers)))
    expect(searchParams.get('redirect_uri')).toBe(`${publicUrl}/callback/corp`)
  })

  test('G08: a code that belongs to another login is refused', async () => {
    const [alice, mallory] = [party.browser(), party.browser()]
    const own = new URL(await alice.visitor.logIn(locationOf(await alice.get(start)), 'alice'))
    const stolen = new URL(await mallory.visitor.logIn(locationOf(await mallory.get(start)), 'bob'))
    own.searchParams.set('code', stolen.searchParams.get('code') ?? '')
    expect((await alice.get(own.href)).status).toBe(403)
    expect(party.events.at(-1)).toMatchObject({ code: 'ERR_LOGIN_RESPONSE_INVALID' })
  })
})
