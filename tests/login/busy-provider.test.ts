import { generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { patientFetch } from '../../app/login/provider/busy-provider.ts'
import type { ProviderSettings } from '../../app/login/provider/discovery.ts'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`
const busy = (retryAfter: string) => (response: ServerResponse) =>
  void response.writeHead(429, { 'Retry-After': retryAfter, 'Content-Type': 'text/html' }).end('<p>secret</p>')

const tooMany = (retryAfter: string) => new Response('', { status: 429, headers: { 'Retry-After': retryAfter } })

async function begin(settings: Partial<ProviderSettings> = {}) {
  const provider = await startMisbehavingProvider()
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  const party = await startRelyingParty({ providers: [corp(provider.issuer, settings)], discovery: { wait } })
  closing.push(provider.close, party.close)
  await party.providers.start()
  const browser = party.browser()
  return { provider, party, browser, waits, authorizationUrl: locationOf(await browser.get(start)) }
}

describe('a provider that answers 429', () => {
  test('once at the token endpoint, is asked again after its Retry-After, and the login goes on', async () => {
    const { provider, browser, waits, authorizationUrl } = await begin()
    const callback = provider.answerTo(authorizationUrl, {})
    const token = (response: ServerResponse) => {
      provider.setAnswers({})
      busy('2')(response)
    }
    provider.setAnswers({ token })
    expect(locationOf(await browser.get(callback))).toBe(wiki)
    expect(waits).toEqual([2000])
    expect(provider.tokenRequests.map(sent => sent.get('code'))).toEqual(['a-code', 'a-code'])
  })

  test.each([
    ['the token endpoint', 'token'],
    ['userinfo', 'userinfoAnswer'],
    ['jwks_uri', 'keysAnswer'],
  ] as const)('again and again at %s, gets a page that says busy, with a way back', async (_where, answer) => {
    const { provider, party, browser, waits, authorizationUrl } = await begin()
    const response = await browser.get(provider.answerTo(authorizationUrl, { [answer]: busy('1') }))
    expect([response.status, response.headers['retry-after']]).toEqual([503, '1'])
    expect(response.text).toContain('The identity provider is busy')
    expect(response.text).toContain(`rd=${encodeURIComponent(wiki)}`)
    expect(waits).toEqual([1000])
    expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_PROVIDER_UNAVAILABLE' })
    expect(JSON.stringify(party.log)).toContain('answered 429')
    expect(JSON.stringify(party.log)).not.toContain('secret')
  })

  test('once at jwks_uri, is asked again after its Retry-After, and the login goes on', async () => {
    const { provider, browser, waits, authorizationUrl } = await begin()
    const callback = provider.answerTo(authorizationUrl, {})
    const keysAnswer = (response: ServerResponse) => {
      provider.setAnswers({})
      busy('2')(response)
    }
    provider.setAnswers({ keysAnswer })
    expect(locationOf(await browser.get(callback))).toBe(wiki)
    expect([waits, provider.keyRequests()]).toEqual([[2000], 2])
  })

  test('at Microsoft Graph, is asked again as well, and then busy', async () => {
    const entra = 'https://login.microsoftonline.com/8f1f3d4e-0000-4000-8000-0123456789ab/v2.0'
    const provider = await startMisbehavingProvider({
      issuer: entra,
      authorization_endpoint: `${entra}/auth`,
      token_endpoint: `${entra}/token`,
      userinfo_endpoint: `${entra}/userinfo`,
      jwks_uri: `${entra}/jwks`,
    })
    const outbound = createOutbound()
    const group = '00000000-0000-4000-8000-000000000001'
    const answers = [tooMany('2'), Response.json({ value: [group] }), tooMany('1'), tooMany('9')]
    const waits: number[] = []
    const discovery = {
      wait: async (ms: number) => void waits.push(ms),
      fetch: async (url: string, init: object) =>
        url.startsWith(entra)
          ? outbound.fetch(url.replace(entra, provider.address), init)
          : (answers.shift() ?? Response.error()),
    }
    const party = await startRelyingParty({ providers: [corp(entra, { groupsOverage: 'graph' })], discovery })
    closing.push(provider.close, outbound.close, party.close)
    await party.providers.start()
    const claims = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } }
    const logIn = async () => {
      const browser = party.browser()
      return browser.get(provider.answerTo(locationOf(await browser.get(start)), { claims }))
    }
    expect(locationOf(await logIn())).toBe(wiki)
    expect([party.events.at(-1)?.groups, waits]).toEqual([[group], [2000]])
    const response = await logIn()
    expect([response.status, response.headers['retry-after']]).toEqual([503, '9'])
    expect(response.text).toContain('The identity provider is busy')
    expect(waits).toEqual([2000, 1000])
  })

  test('is not sent the same assertion again, which it would refuse as a replay (RFC 7523 section 3)', async () => {
    const clientKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
    const { provider, browser, authorizationUrl } = await begin({
      clientAuthentication: 'private_key_jwt',
      clientKey: clientKey.toString(),
    })
    const callback = provider.answerTo(authorizationUrl, {})
    const token = (response: ServerResponse) => {
      provider.setAnswers({})
      busy('1')(response)
    }
    provider.setAnswers({ token })
    expect(locationOf(await browser.get(callback))).toBe(wiki)
    const [first, second] = provider.tokenRequests.map(sent => sent.getAll('client_assertion'))
    expect([first?.length, second?.length]).toEqual([1, 1])
    const ids = [first, second].map(([assertion = ''] = []) => decodeJwt(assertion))
    expect(ids.map(({ aud }) => aud)).toEqual([provider.issuer, provider.issuer])
    expect(ids[0]?.jti).not.toBe(ids[1]?.jti)
    expect(ids[1]?.iat).toBeGreaterThanOrEqual(ids[0]?.iat ?? Number.NaN)
    const rest = provider.tokenRequests.map(sent => [
      sent.get('code'),
      sent.get('code_verifier'),
      sent.get('client_id'),
    ])
    expect(rest[1]).toEqual(rest[0])
  })

  test('for longer than a person would wait, is not asked again', async () => {
    const { provider, browser, waits, authorizationUrl } = await begin()
    const response = await browser.get(provider.answerTo(authorizationUrl, { token: busy('120') }))
    expect([response.status, response.headers['retry-after']]).toEqual([503, '120'])
    expect([waits, provider.tokenRequests.length]).toEqual([[], 1])
  })

  test('at discovery, is as busy', async () => {
    const provider = await startMisbehavingProvider()
    closing.push(provider.close)
    const answer = async () => new Response('', { status: 429, headers: { 'Retry-After': '30' } })
    const party = await startRelyingParty({ providers: [corp(provider.issuer)], discovery: { fetch: answer } })
    closing.push(party.close)
    await party.providers.start()
    const response = await party.browser().get(start)
    expect([response.status, response.headers['retry-after']]).toEqual([503, '30'])
    expect(party.providers.status()[0]?.lastError).toContain('/.well-known/openid-configuration answered 429')
  })

  test('at pushed requests, is as busy before anybody is sent there', async () => {
    const metadata: Record<string, unknown> = {}
    const provider = await startMisbehavingProvider(metadata)
    metadata.pushed_authorization_request_endpoint = `${provider.issuer}/token`
    provider.setAnswers({ token: busy('7') })
    const party = await startRelyingParty({ providers: [corp(provider.issuer, { pushedRequests: 'always' })] })
    closing.push(provider.close, party.close)
    await party.providers.start()
    const response = await party.browser().get(start)
    expect([response.status, response.headers['retry-after']]).toEqual([503, '7'])
    expect(response.text).toContain('The identity provider is busy')
  })

  test.each([
    [undefined, 1000],
    ['soon', 1000],
    ['0', 0],
    [new Date(2000).toUTCString(), 2000],
    [new Date(0).toUTCString(), 0],
  ])('with Retry-After %s is waited for %i ms', async (retryAfter, ms) => {
    const waits: number[] = []
    const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter }
    const answers = [new Response('', { status: 429, headers }), new Response('good')]
    const fetch = patientFetch(async () => answers.shift() ?? Response.error(), {
      clock: { now: () => 0 },
      wait: async waited => void waits.push(waited),
    })
    expect(await (await fetch('https://idp.example/token', {})).text()).toBe('good')
    expect(waits).toEqual([ms])
  })
})
