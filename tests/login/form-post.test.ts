/** Providers whose page posts the answer from another site (OAuth 2.0 Form Post Response Mode), on every store. */
import type { Response } from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutScripts } from '../pages/without-scripts.ts'
import { startProvider, type TestProvider } from '../provider.ts'
import { stores } from './kept-in.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import {
  type Browser,
  client,
  corp,
  locationOf,
  publicUrl,
  type RelyingParty,
  startRelyingParty,
  wiki,
} from './relying-party.ts'

const rd = `rd=${encodeURIComponent(wiki)}`
const crossSite = { origin: 'https://idp.example.net', 'sec-fetch-site': 'cross-site' }

describe.each(stores)('on %s', keptIn => {
  let honest: TestProvider
  let posting: MisbehavingProvider
  let asking: MisbehavingProvider
  let party: RelyingParty

  beforeAll(async () => {
    honest = await startProvider({ clients: [client] })
    posting = await startMisbehavingProvider()
    asking = await startMisbehavingProvider()
    party = await startRelyingParty({
      keptIn,
      providers: [
        corp(honest.issuer, { responseMode: 'form_post' }),
        corp(posting.issuer, { name: 'posting', responseMode: 'form_post' }),
        corp(asking.issuer, { name: 'asking' }),
      ],
    })
    await party.providers.start()
  })

  afterAll(async () => {
    await party.close()
    await Promise.all([honest.close(), posting.close(), asking.close()])
  })

  const begin = async (browser: Browser, provider = 'posting', more = '') =>
    locationOf(await browser.get(`/login?provider=${provider}&${rd}${more}`))
  const isLoggedIn = async (browser: Browser) => (await browser.get('/')).text.includes('You are logged in')
  const tokenCalls = () => posting.tokenRequests.length + asking.tokenRequests.length

  /** What another site has a browser post: none of our cookies is with it. */
  const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    party.browser().post(path, form, { ...crossSite, ...headers })

  /** As far as the address that the browser is sent on to. */
  async function answered(browser: Browser, answers = {}): Promise<string> {
    const { url, form } = posting.postTo(await begin(browser), answers)
    return locationOf(await post(url, form))
  }

  async function expectRefusal(response: Response, code: string, calls: number): Promise<void> {
    expect(response.status).toBe(403)
    expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code })
    expect(tokenCalls()).toBe(calls)
  }

  describe('a login', () => {
    test('asks for a post, and ends where it was asked for', async () => {
      const alice = party.browser()
      const url = await begin(alice, 'corp')
      expect(new URL(url).searchParams.getAll('response_mode')).toEqual(['form_post'])
      const { url: callback, body } = await alice.visitor.logInByPost(url, 'alice')
      expect(callback).toBe(`${publicUrl}/callback/corp`)
      const sent = await post(callback, Object.fromEntries(new URLSearchParams(body)))
      expect(sent.status).toBe(303)
      expect(sent.headers['set-cookie']).toBeUndefined()
      expect(sent.headers['cache-control']).toBe('no-store')
      const back = new URL(locationOf(sent), publicUrl)
      expect(back.pathname).toBe('/callback/corp')
      expect([...back.searchParams.keys()]).toEqual(['state', 'answer'])
      expect(back.href).not.toContain(new URLSearchParams(body).get('code'))
      expect(locationOf(await alice.get(back.href))).toBe(wiki)
      expect(await isLoggedIn(alice)).toBe(true)
      expect(party.events.at(-1)).toMatchObject({ event: 'login.succeeded', provider: 'corp' })
    })

    test('that the person gives up at the provider says so and offers another try', async () => {
      const alice = party.browser()
      const { url, body } = await alice.visitor.refuseByPost(await begin(alice, 'corp'))
      const sent = await post(url, Object.fromEntries(new URLSearchParams(body)))
      const response = await alice.get(locationOf(sent))
      expect(response.status).toBe(403)
      expect(response.text).toContain('The login was cancelled')
      expect(withoutScripts(response.text)).not.toContain('<script>')
      expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_LOGIN_REFUSED' })
    })

    test('with a step-up asks for a post, and so does a silent one; its refusal leads on to one with questions', async () => {
      const alice = party.browser()
      const strict = new URL(await begin(alice, 'posting', '&max_age=60&acr_values=high')).searchParams
      expect([strict.get('response_mode'), strict.get('max_age')]).toEqual(['form_post', '60'])
      const silent = await begin(alice, 'posting', '&prompt=none')
      const { searchParams } = new URL(silent)
      expect([searchParams.get('response_mode'), searchParams.get('prompt')]).toEqual(['form_post', 'none'])
      const { url, form } = posting.postTo(silent, {})
      const { code: _code, ...refused } = form
      const again = await alice.get(locationOf(await post(url, { ...refused, error: 'login_required' })))
      const asked = new URL(locationOf(again)).searchParams
      expect([asked.get('response_mode'), asked.get('prompt')]).toEqual(['form_post', null])
    })

    test('of a provider that answers by a query asks for nothing of the kind', async () => {
      expect(new URL(await begin(party.browser(), 'asking')).searchParams.has('response_mode')).toBe(false)
    })
  })

  describe('G01: the name of an answer', () => {
    test('works once; after that the page leads on as ever', async () => {
      const alice = party.browser()
      const back = await answered(alice)
      const thief = party.browser()
      const own = (await alice.cookies())['__Host-sallyport-browser']
      await thief.jar.setCookie(`__Host-sallyport-browser=${own}; Secure; Path=/`, publicUrl)
      expect(locationOf(await alice.get(back))).toBe(wiki)
      const calls = tokenCalls()
      await expectRefusal(await thief.get(back), 'ERR_LOGIN_STATE_UNKNOWN', calls)
      expect(await isLoggedIn(thief)).toBe(false)
      expect(locationOf(await alice.get(back))).toBe('/')
    })

    test('is worth nothing in a browser that did not begin the login', async () => {
      const back = await answered(party.browser())
      const [victim, calls] = [party.browser(), tokenCalls()]
      await expectRefusal(await victim.get(back), 'ERR_LOGIN_BROWSER_MISMATCH', calls)
      expect(await isLoggedIn(victim)).toBe(false)
    })

    test('of another login is refused: state and answer belong together', async () => {
      const [alice, mallory] = [party.browser(), party.browser()]
      const theirs = new URL(await answered(mallory), publicUrl)
      const own = new URL(await answered(alice), publicUrl)
      own.searchParams.set('answer', theirs.searchParams.get('answer') ?? '')
      const calls = tokenCalls()
      await expectRefusal(await alice.get(own.href), 'ERR_LOGIN_RESPONSE_INVALID', calls)
    })

    test.each(['x'.repeat(43), 'x', ''])(
      'that is not there, or no more after its minute, leads to the same login (%s)',
      async name => {
        const alice = party.browser()
        const back = new URL(await answered(alice), publicUrl)
        expect([...party.answers.records.values()].at(-1)?.ttlSeconds).toBe(60)
        back.searchParams.set('answer', name)
        const calls = tokenCalls()
        const response = await alice.get(back.href)
        await expectRefusal(response, 'ERR_LOGIN_STATE_UNKNOWN', calls)
        expect(response.text).toContain(`/login?provider=posting&amp;${rd}`)
      },
    )

    test('G18: posted to one provider is nothing at the callback of another', async () => {
      const alice = party.browser()
      const own = await begin(alice)
      const other = new URL(await begin(alice, 'corp')).searchParams.get('state') ?? ''
      const { form } = posting.postTo(own, {})
      const calls = tokenCalls()
      // The state of one, at the callback of the other.
      const crossed = await alice.get(locationOf(await post('/callback/corp', form)))
      await expectRefusal(crossed, 'ERR_LOGIN_RESPONSE_INVALID', calls)
      // The answer of one, carried over by hand.
      const sent = new URL(locationOf(await post('/callback/posting', { ...form, state: other })), publicUrl)
      sent.pathname = '/callback/corp'
      await expectRefusal(await alice.get(sent.href), 'ERR_LOGIN_STATE_UNKNOWN', calls)
    })
  })

  describe('a posted answer', () => {
    test('that Mallory made, in the browser of somebody else, logs nobody in as Mallory (login CSRF)', async () => {
      const mallory = party.browser()
      const { url, form } = posting.postTo(await begin(mallory), { claims: { sub: 'mallory' } })
      const [fresh, known] = [party.browser(), party.browser()]
      await begin(known)
      const calls = tokenCalls()
      const first = await fresh.post(url, form, crossSite)
      await expectRefusal(await fresh.get(locationOf(first)), 'ERR_LOGIN_BROWSER_MISMATCH', calls)
      const again = posting.postTo(await begin(mallory), { claims: { sub: 'mallory' } })
      const restarted = await known.get(locationOf(await known.post(again.url, again.form, crossSite)))
      // Their own login begins, with a state of its own; nothing of what was posted is used.
      expect(new URL(locationOf(restarted)).searchParams.get('state')).not.toBe(again.form.state)
      expect(tokenCalls()).toBe(calls)
      expect(await isLoggedIn(known)).toBe(false)
    })

    test.each([
      ['the iss of somebody else', { iss: 'https://evil.example.net' }],
      ['no iss, where one is promised', { iss: undefined }],
      ['an ID token beside the code', { id_token: 'eyJhbGciOiJub25lIn0.e30.' }],
      ['no code and no error', { code: undefined }],
    ])('with %s is refused', async (_name, change) => {
      const alice = party.browser()
      const { url, form } = posting.postTo(await begin(alice), {})
      const entries = Object.entries({ ...form, ...change }).filter(([, value]) => value !== undefined)
      const calls = tokenCalls()
      const response = await alice.get(locationOf(await post(url, Object.fromEntries(entries) as never)))
      await expectRefusal(response, 'ERR_LOGIN_RESPONSE_INVALID', calls)
    })

    test('whose ID token has the nonce of another login is refused', async () => {
      const alice = party.browser()
      const response = await alice.get(await answered(alice, { claims: { nonce: 'of another login' } }))
      expect(response.status).toBe(403)
      expect(await isLoggedIn(alice)).toBe(false)
    })

    test.each([
      ['for a provider that answers by a query', 'asking', 405, 'GET'],
      ['for a provider that is not there', 'nobody', 404, undefined],
    ])('%s is refused', async (_name, provider, status, allow) => {
      const kept = party.answers.records.size
      const response = await post(`/callback/${provider}`, { code: 'x', state: 'x'.repeat(43) })
      expect([response.status, response.headers.allow]).toEqual([status, allow])
      expect(response.headers['content-security-policy']).toContain("default-src 'none'")
      expect(party.answers.records.size).toBe(kept)
    })

    test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])('is not made by %s', async name => {
      const alice = party.browser()
      const { url, form } = posting.postTo(await begin(alice), {})
      const query = new URLSearchParams(form).toString()
      // A GET stays one, with its answer in the address; a post stays one, and does nothing but put aside.
      expect((await alice.get(`/callback/nobody?${query}`, { [name]: 'POST' })).status).toBe(403)
      const next = posting.postTo(await begin(alice), {})
      expect((await post(`${url}?${query}`, next.form, { [name]: 'GET' })).status).toBe(400)
      expect(locationOf(await post(url, next.form, { [name]: 'GET' }))).toMatch(/&answer=[\w-]{43}$/)
      expect(await isLoggedIn(alice)).toBe(false)
    })
  })

  describe('an answer in the address, where posts are asked for (response-mode downgrade)', () => {
    test.each([
      ['a code', { code: 'a-code' }],
      ['an error', { error: 'access_denied' }],
      ['a code beside the name of a posted one', { code: 'a-code', answer: 'x'.repeat(43) }],
      ['nothing', {}],
    ])('is refused: %s', async (_name, given) => {
      const alice = party.browser()
      const state = new URL(await begin(alice)).searchParams.get('state') ?? ''
      const query = new URLSearchParams({ ...given, state, iss: posting.issuer })
      const calls = tokenCalls()
      const response = await alice.get(`/callback/posting?${query}`)
      await expectRefusal(response, 'ERR_LOGIN_RESPONSE_INVALID', calls)
      expect(party.log.at(-1)?.fields).toMatchObject({ detail: expect.stringContaining('responseMode') })
      expect(response.text).toContain(`/login?provider=posting&amp;${rd}`)
      expect(await isLoggedIn(alice)).toBe(false)
    })

    test('as the name of a posted one means nothing where queries are asked for', async () => {
      const alice = party.browser()
      const state = new URL(await begin(alice, 'asking')).searchParams.get('state') ?? ''
      const { form } = posting.postTo(await begin(alice), {})
      const answer = new URL(locationOf(await post('/callback/posting', form)), publicUrl).searchParams.get('answer')
      const calls = tokenCalls()
      const response = await alice.get(`/callback/asking?state=${state}&answer=${answer}&iss=${asking.issuer}`)
      await expectRefusal(response, 'ERR_LOGIN_RESPONSE_INVALID', calls)
    })
  })
})

describe('a provider', () => {
  const lastErrorOf = async (metadata: object, responseMode: 'query' | 'form_post') => {
    const provider = await startMisbehavingProvider({ ...metadata })
    const party = await startRelyingParty({ providers: [corp(provider.issuer, { responseMode })] })
    try {
      await party.providers.start()
      return party.providers.status()[0]?.lastError
    } finally {
      await party.close()
      await provider.close()
    }
  }

  test('that says it does not post cannot be used for it, and readiness says why', async () => {
    const modes = { response_modes_supported: ['query', 'fragment'] }
    expect(await lastErrorOf(modes, 'form_post')).toContain(
      "responseMode is form_post, which the provider's response_modes_supported does not list",
    )
    expect(await lastErrorOf(modes, 'query')).toBeUndefined()
    expect(await lastErrorOf({ response_modes_supported: 'form_post' }, 'form_post')).toContain('does not list')
  })

  test('that says so, or says nothing, can', async () => {
    expect(await lastErrorOf({ response_modes_supported: ['form_post'] }, 'form_post')).toBeUndefined()
    expect(await lastErrorOf({}, 'form_post')).toBeUndefined()
  })

  test('that wants its requests pushed is told of the post in what is pushed', async () => {
    const features = {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    }
    const provider = await startProvider({ clients: [client], configuration: { features: features as never } })
    const party = await startRelyingParty({ providers: [corp(provider.issuer, { responseMode: 'form_post' })] })
    try {
      await party.providers.start()
      const alice = party.browser()
      const url = locationOf(await alice.get(`/login?${rd}`))
      expect([...new URL(url).searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
      const { url: callback, body } = await alice.visitor.logInByPost(url, 'alice')
      const sent = await party.browser().post(callback, Object.fromEntries(new URLSearchParams(body)), crossSite)
      expect(locationOf(await alice.get(locationOf(sent)))).toBe(wiki)
    } finally {
      await party.close()
      await provider.close()
    }
  })
})
