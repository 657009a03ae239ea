import { afterEach, describe, expect, test } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { startProvider } from '../provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { client, corp, locationOf, type RelyingPartyOptions, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => unknown)[] = []
const closeLater = <T extends { close(): unknown }>(resource: T): T => {
  closing.push(() => resource.close())
  return resource
}

afterEach(async () => {
  for (const end of closing.splice(0).reverse()) await end()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`
const features = (pushedAuthorizationRequests: object) => ({
  features: { devInteractions: { enabled: false }, pushedAuthorizationRequests } as never,
})
const insisting = features({ enabled: true, requirePushedAuthorizationRequests: true })

async function begin(
  configuration: ReturnType<typeof features>,
  settings: Parameters<typeof corp>[1] = {},
  discovery: RelyingPartyOptions['discovery'] = {},
) {
  const provider = closeLater(await startProvider({ clients: [client], configuration }))
  const party = closeLater(await startRelyingParty({ providers: [corp(provider.issuer, settings)], discovery }))
  await party.providers.start()
  return { provider, party, browser: party.browser() }
}

describe('a provider that insists on pushed requests', () => {
  test('gets them, and the browser carries nothing but the reference', async () => {
    const { provider, party, browser } = await begin(insisting)
    const url = new URL(locationOf(await browser.get(`${start}&max_age=60`)))
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
    expect(provider.requests).toContain('POST /request')
    // The attempt is the one that was pushed: state, nonce, verifier and max_age have to fit together.
    expect(locationOf(await browser.get(await browser.visitor.logIn(url.href, 'alice')))).toBe(wiki)
    expect(party.events.at(-1)?.event).toBe('login.succeeded')
  })

  test('cannot be used where that is set to never, and readiness says why', async () => {
    const { party, browser } = await begin(insisting, { pushedRequests: 'never' })
    expect((await browser.get(start)).status).toBe(503)
    expect(party.providers.status()[0]).toMatchObject({ ready: false, lastError: expect.stringContaining('insists') })
  })

  test('that refuses the push ends the login there: the plain address is not used instead', async () => {
    const { provider, party, browser } = await begin(insisting, { clientSecret: 'not the secret' })
    const response = await browser.get(start)
    expect([response.status, response.headers.location]).toEqual([502, undefined])
    expect(party.log.at(-1)?.fields).toMatchObject({
      code: 'ERR_CLIENT_REFUSED',
      detail: `the pushed authorization request endpoint ${provider.issuer}/request answered 401 application/json invalid_client: client id, secret or key of this service are not what the provider knows`,
    })
  })

  test('that does not answer the push is said to be away', async () => {
    const outbound = closeLater(createOutbound())
    const fetch: typeof outbound.fetch = (url, init) =>
      url.endsWith('/request') ? Promise.resolve(new Response('busy', { status: 503 })) : outbound.fetch(url, init)
    const { browser } = await begin(insisting, {}, { fetch })
    const response = await browser.get(start)
    expect([response.status, response.headers.location]).toEqual([503, undefined])
  })
})

describe('a provider that offers pushed requests', () => {
  test('gets them where they are set to always', async () => {
    const { browser } = await begin(features({ enabled: true }), { pushedRequests: 'always' })
    expect(new URL(locationOf(await browser.get(start))).searchParams.has('request_uri')).toBe(true)
  })

  test.each(['auto', 'never'] as const)('gets none by itself (%s)', async pushedRequests => {
    const { provider, browser } = await begin(features({ enabled: true }), { pushedRequests })
    expect(new URL(locationOf(await browser.get(start))).searchParams.has('state')).toBe(true)
    expect(provider.requests).not.toContain('POST /request')
  })
})

test('a provider without pushed requests cannot be used where they are set to always', async () => {
  const { party, browser } = await begin(features({ enabled: false }), { pushedRequests: 'always' })
  expect((await browser.get(start)).status).toBe(503)
  expect(party.providers.status()[0]?.lastError).toContain('pushed_authorization_request_endpoint')
})

describe('further authorization parameters', () => {
  const parametersOf = async (authorizationParameters: Readonly<Record<string, string>>, from = start) => {
    const provider = closeLater(await startMisbehavingProvider())
    const party = closeLater(
      await startRelyingParty({ providers: [corp(provider.issuer, { authorizationParameters })] }),
    )
    return new URL(locationOf(await party.browser().get(from))).searchParams
  }

  test('are sent along', async () => {
    const parameters = await parametersOf({ access_type: 'offline', hd: 'example.com', odd: 'a&b=c' })
    expect([parameters.get('access_type'), parameters.get('hd')]).toEqual(['offline', 'example.com'])
    expect(parameters.getAll('odd')).toEqual(['a&b=c'])
  })

  test('give way to what this login asks for', async () => {
    const parameters = await parametersOf(
      { prompt: 'consent', acr_values: 'low' },
      `${start}&prompt=login&acr_values=high`,
    )
    expect(parameters.getAll('prompt')).toEqual(['login'])
    expect(parameters.getAll('acr_values')).toEqual(['high'])
  })

  test('never replace what protects the login, even if they got this far', async () => {
    const forged = { state: 'x', nonce: 'x', code_challenge: 'x', code_challenge_method: 'plain', redirect_uri: 'x' }
    const parameters = await parametersOf({ ...forged, client_id: 'x', response_type: 'token', scope: 'x' })
    for (const [name, value] of parameters) expect(value, name).not.toBe('x')
    expect(parameters.get('code_challenge_method')).toBe('S256')
    expect(parameters.getAll('response_type')).toEqual(['code'])
  })
})
