import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { patientFetch } from '../../app/login/busy-provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`
const busy = (retryAfter: string) => (response: ServerResponse) =>
  void response.writeHead(429, { 'Retry-After': retryAfter, 'Content-Type': 'text/html' }).end('<p>secret</p>')

async function begin() {
  const provider = await startMisbehavingProvider()
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  const party = await startRelyingParty({ providers: [corp(provider.issuer)], discovery: { wait } })
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
