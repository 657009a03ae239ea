import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formOf, leadsTo, startProvider, type TestProvider } from '../provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import {
  type Browser,
  client,
  corp,
  locationOf,
  publicUrl,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.ts'

let provider: TestProvider
let party: RelyingParty

beforeAll(async () => {
  provider = await startProvider({ clients: [client] })
  party = await startRelyingParty({ providers: [corp(provider.issuer)] })
  await party.providers.start()
})

afterAll(async () => {
  await party.close()
  await provider.close()
})

const sameOrigin = { 'sec-fetch-site': 'same-origin', origin: publicUrl }
const isLoggedIn = async (browser: Browser) => (await browser.get('/')).text.includes('You are logged in')

async function loggedIn(): Promise<{ browser: Browser; token: string }> {
  const browser = party.browser()
  await browser.logIn('alice')
  const [, token = ''] = /name="token" value="([^"]+)"/.exec((await browser.get('/logout')).text) ?? []
  return { browser, token }
}

describe('logging out', () => {
  test('asks first, then ends the session everywhere and goes on to the provider, which sends back', async () => {
    const { browser, token } = await loggedIn()
    const sessionCookie = (await browser.cookies())['__Host-sallyport-login'] ?? ''
    const page = await browser.get('/logout')
    expect(page.text).toContain('alice@example.com')
    expect(page.headers['content-security-policy']).toContain("form-action 'self';")
    const response = await browser.post('/logout', { token }, sameOrigin)
    expect(response.status).toBe(200)
    const next = new URL(leadsTo(response.text))
    expect(next.origin).toBe(provider.issuer)
    expect(next.searchParams.get('post_logout_redirect_uri')).toBe(`${publicUrl}/signed-out`)
    expect(next.searchParams.get('id_token_hint')).toMatch(/^eyJ/)
    expect((await browser.cookies())['__Host-sallyport-login']).toBeUndefined()
    expect(party.events.at(-1)).toMatchObject({
      event: 'session.ended',
      cause: 'logout',
      subject: `${provider.issuer}#alice`,
    })
    expect(party.ended.at(-1)).toBe(decodeURIComponent(sessionCookie).slice(2).split('.')[0])

    const atProvider = await browser.visitor.request(next.href)
    const form = formOf(await atProvider.text(), atProvider.status)
    const back = await browser.visitor.request(form.action, { method: 'POST', body: `${form.body}&logout=yes` })
    expect(back.headers.get('location')).toBe(`${publicUrl}/signed-out`)
    expect((await browser.get('/signed-out')).text).toContain('You are logged out')

    await browser.jar.setCookie(`__Host-sallyport-login=${sessionCookie}; Secure; Path=/`, publicUrl)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  test('of somebody who is not logged in is nothing to ask about', async () => {
    const browser = party.browser()
    expect(locationOf(await browser.get('/logout'))).toBe('/signed-out')
    expect(locationOf(await browser.post('/logout', {}, sameOrigin))).toBe('/signed-out')
  })

  test('of a session whose ID token is too long for a URL goes on to the provider without it', async () => {
    const long = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`claim-${index}`, 'x'.repeat(40)]))
    const own = await startMisbehavingProvider()
    const verbose = await startRelyingParty({ providers: [corp(own.issuer)] })
    await verbose.providers.start()
    const browser = verbose.browser()
    await browser.get(own.answerTo(locationOf(await browser.get('/login')), { claims: long }))
    const [, token = ''] = /name="token" value="([^"]+)"/.exec((await browser.get('/logout')).text) ?? []
    const { searchParams } = new URL(leadsTo((await browser.post('/logout', { token }, sameOrigin)).text), own.issuer)
    expect(searchParams.has('id_token_hint')).toBe(false)
    expect(searchParams.has('client_id')).toBe(true)
    await Promise.all([verbose.close(), own.close()])
  })

  test('works while the provider is down', async () => {
    const short = await startProvider({ clients: [client] })
    const local = await startRelyingParty({ providers: [corp(short.issuer)] })
    await local.providers.start()
    const browser = local.browser()
    await browser.logIn('bob')
    await short.close()
    const [, token = ''] = /name="token" value="([^"]+)"/.exec((await browser.get('/logout')).text) ?? []
    expect((await browser.post('/logout', { token }, sameOrigin)).status).toBe(200)
    expect(await isLoggedIn(browser)).toBe(false)
    await local.close()
  })
})

describe('K06: logging somebody else out', () => {
  test('by an image or a link only asks', async () => {
    const { browser } = await loggedIn()
    expect((await browser.get('/logout', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' })).status).toBe(
      200,
    )
    expect(await isLoggedIn(browser)).toBe(true)
  })

  test.each<[string, (token: string) => [Record<string, string>, Record<string, string>]]>([
    ['by a form of another site that knows the token', token => [{ token }, { 'sec-fetch-site': 'cross-site' }]],
    [
      'by a form of a sister site',
      token => [{ token }, { 'sec-fetch-site': 'same-site', origin: 'https://wiki.example.com' }],
    ],
    ['by a link that a person typed', token => [{ token }, { 'sec-fetch-site': 'none' }]],
    ['by an old browser on another site', token => [{ token }, { origin: 'https://evil.example.net' }]],
    ['by a form without the token', () => [{}, sameOrigin]],
    ['by a form with another token', () => [{ token: 'x'.repeat(43) }, sameOrigin]],
    ['by a form with an empty token', () => [{ token: '' }, sameOrigin]],
    ['by a form with two tokens', token => [{ 'token[0]': token }, sameOrigin]],
    ['without any header', () => [{}, {}]],
  ])('%s is refused', async (_name, request) => {
    const { browser, token } = await loggedIn()
    expect(token).toMatch(/^[\w-]{43}$/)
    const response = await browser.post('/logout', ...request(token))
    expect(response.status).toBe(403)
    expect(response.text).toContain('Logging out has to be confirmed on this site.')
    expect(await isLoggedIn(browser)).toBe(true)
  })

  test.each<[string, Record<string, string>]>([
    ['sends its origin only', { origin: publicUrl }],
    ['hides its origin', { origin: 'null' }],
    ['sends nothing', {}],
  ])('is not what a browser does that %s and knows the token', async (_name, headers) => {
    const { browser, token } = await loggedIn()
    expect((await browser.post('/logout', { token }, headers)).status).toBe(200)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  test('with a body that nobody would send is refused, and nothing ends', async () => {
    const { browser } = await loggedIn()
    expect((await browser.post('/logout', { token: 'x'.repeat(5000) }, sameOrigin)).status).toBeGreaterThanOrEqual(400)
    expect(await isLoggedIn(browser)).toBe(true)
  })
})

test('E13: where a log-out ends is no parameter', async () => {
  const { browser, token } = await loggedIn()
  const response = await browser.post(
    '/logout?rd=https://evil.example.net/',
    { token, rd: 'https://evil.example.net/' },
    sameOrigin,
  )
  expect(new URL(leadsTo(response.text)).searchParams.get('post_logout_redirect_uri')).toBe(`${publicUrl}/signed-out`)
  expect((await browser.get('/signed-out?rd=https://evil.example.net/')).text).not.toContain('evil')
})
