/** Groups that do not fit into a token: resolved with Microsoft Graph, or the login is refused with a reason. */
import { afterEach, describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { parseUser } from '../../app/login/claims/identity-of-claims.ts'
import type { ProviderSettings } from '../../app/login/provider/discovery.ts'
import { notingFetch } from '../../app/login/provider/endpoint-call.ts'
import { resolveOverage } from '../../app/login/provider/group-overage.ts'
import { createOutbound, type OutboundFetch } from '../../app/login/provider/outbound.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

const entra = 'https://login.microsoftonline.com/8f1f3d4e-0000-4000-8000-0123456789ab/v2.0'
const id = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
const trap = 'https://graph.windows.net.evil.example/me/getMemberObjects'
const overage = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: trap } } }

interface Call {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

describe('G15: Microsoft Graph is asked', () => {
  const policy = { issuer: entra, groupsOverage: 'graph' } as const
  const claims = { iss: entra, sub: 'alice', ...overage }

  const resolve = async (
    answer: () => Response | Promise<Response>,
    more: object = {},
    sources = { idToken: claims },
  ) => {
    const calls: Call[] = []
    const fetch: OutboundFetch = async (url, init) => {
      calls.push({ ...init, url })
      return answer()
    }
    const settled = { ...policy, ...more }
    const resolved = await resolveOverage(sources, settled, {
      fetch: notingFetch(fetch),
      accessToken: 'the-access-token',
    })
      .then(found => parseUser(found, { ...settled, provider: 'corp' }, 0).user.groups)
      .catch(error => (error instanceof OperationalError ? `${error.code}: ${error.message}` : error))
    return { calls, resolved }
  }
  const answering =
    (value: unknown, status = 200) =>
    () =>
      Response.json(value, { status })

  test('at its own address, never at the one in the token', async () => {
    const { calls, resolved } = await resolve(answering({ value: [id(1), id(2)] }))
    expect(resolved).toEqual([id(1), id(2)])
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({
      url: 'https://graph.microsoft.com/v1.0/me/getMemberGroups',
      method: 'POST',
      redirect: 'manual',
      headers: { Authorization: 'Bearer the-access-token' },
    })
  })

  test('at the address of the cloud of the issuer', async () => {
    const { calls } = await resolve(answering({ value: [id(1)] }), {
      issuer: 'https://login.microsoftonline.us/t/v2.0',
    })
    expect(calls[0]?.url).toBe('https://graph.microsoft.us/v1.0/me/getMemberGroups')
  })

  test('for a claim of another name, and puts the prefix in front', async () => {
    const sources = { idToken: { iss: entra, sub: 'alice', _claim_names: { teams: 'src1' } } }
    const more = { claims: { groups: 'teams' }, groupPrefix: 'entra:' }
    const { resolved } = await resolve(answering({ value: [id(1)] }), more, sources as never)
    expect(resolved).toEqual([`entra:${id(1)}`])
  })

  test('only where groups are missing', async () => {
    const sources = { idToken: { iss: entra, sub: 'alice', groups: [id(7)] } }
    const { calls, resolved } = await resolve(answering({ value: [id(1)] }), {}, sources as never)
    expect([calls, resolved]).toEqual([[], [id(7)]])
  })

  test.each<[string, object]>([
    ['the issuer is not Microsoft', { issuer: 'https://idp.example' }],
    ['the issuer only looks like Microsoft', { issuer: 'https://login.microsoftonline.com.evil.example/t/v2.0' }],
    ['the policy is to refuse', { groupsOverage: 'refuse' }],
    ['nothing is set', { groupsOverage: undefined }],
  ])('not at all when %s: the login is refused, and the token goes nowhere', async (_name, more) => {
    const { calls, resolved } = await resolve(answering({ value: [id(1)] }), more)
    expect(resolved).toContain('ERR_LOGIN_CLAIMS_INVALID')
    expect(calls).toEqual([])
  })

  test.each<[string, () => Response | Promise<Response>]>([
    ['no groups at all', answering({ value: [] })],
    ['something else', answering({ error: {} })],
    ['names in place of ids', answering({ value: ['ops'] })],
    ['a group that is no text', answering({ value: [id(1), 7] })],
    ['one text', answering({ value: id(1) })],
    ['no JSON', () => new Response('<html>')],
    ['more than a thousand', answering({ value: Array.from({ length: 1001 }, (_, index) => id(index)) })],
    ['that the permission is missing', answering({ error: { code: 'Authorization_RequestDenied' } }, 403)],
    ['that there are too many', answering({ error: { code: 'Directory_ResultSizeLimitExceeded' } }, 400)],
    ['with a redirect', () => new Response(null, { status: 302, headers: { Location: trap } })],
  ])('and an answer with %s refuses the login', async (_name, answer) => {
    const { calls, resolved } = await resolve(answer)
    expect(resolved).toContain('ERR_LOGIN_CLAIMS_INVALID')
    expect(calls).toHaveLength(1)
  })

  test.each<[string, () => Response | Promise<Response>]>([
    ['is busy', answering({}, 429)],
    ['has a fault', answering({}, 503)],
    ['cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
  ])('and the login can be tried again when it %s', async (_name, answer) => {
    expect((await resolve(answer)).resolved).toContain('ERR_PROVIDER_UNAVAILABLE')
  })
})

describe('G15: a login of a person in too many groups', () => {
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of closing.splice(0).reverse()) await end()
  })

  /** What is meant for Microsoft goes to this machine, and what it is asked is written down. */
  async function begin(graph: () => Response, settings: Partial<ProviderSettings>) {
    const provider = await startMisbehavingProvider({
      issuer: entra,
      ...Object.fromEntries(endpoints.map(([name, path]) => [name, `${entra}${path}`])),
    })
    const outbound = createOutbound()
    const asked: string[] = []
    const fetch: OutboundFetch = async (url, init) => {
      const { href, origin } = new URL(url)
      if (href.startsWith(entra)) return outbound.fetch(href.replace(entra, provider.address), init)
      asked.push(origin)
      return graph()
    }
    const party = await startRelyingParty({ providers: [corp(entra, settings)], discovery: { fetch } })
    closing.push(provider.close, outbound.close, party.close)
    await party.providers.start()
    return { provider, party, asked }
  }
  const endpoints = [
    ['token_endpoint', '/token'],
    ['jwks_uri', '/jwks'],
    ['userinfo_endpoint', '/userinfo'],
    ['authorization_endpoint', '/auth'],
  ] as const

  async function logIn(party: RelyingParty, provider: MisbehavingProvider) {
    const browser = party.browser()
    const url = locationOf(await browser.get(`/login?rd=${encodeURIComponent(wiki)}`))
    return browser.get(provider.answerTo(url, { claims: overage }))
  }

  test('ends with the groups that Graph told', async () => {
    const graph = () => Response.json({ value: [id(1), id(2)] })
    const { provider, party, asked } = await begin(graph, { groupsOverage: 'graph' })
    expect(locationOf(await logIn(party, provider))).toBe(wiki)
    expect(party.events.at(-1)).toMatchObject({ event: 'login.succeeded', groups: [id(1), id(2)] })
    expect(asked).toEqual(['https://graph.microsoft.com'])
  })

  test.each<[string, ProviderSettings['groupsOverage'], () => Response, number, string]>([
    ['is refused where that is set', 'refuse', () => Response.json({ value: [id(1)] }), 403, 'too many groups'],
    [
      'is refused when Graph refuses',
      'graph',
      () => new Response('{}', { status: 403 }),
      403,
      'Microsoft Graph https://graph.microsoft.com/v1.0/me/getMemberGroups answered 403',
    ],
    [
      'waits for better times',
      'graph',
      () => new Response('', { status: 502 }),
      503,
      'Microsoft Graph https://graph.microsoft.com/v1.0/me/getMemberGroups answered 502',
    ],
  ])('%s, and the log says why', async (_name, groupsOverage, graph, status, reason) => {
    const { provider, party } = await begin(graph, { groupsOverage: groupsOverage ?? 'refuse' })
    expect((await logIn(party, provider)).status).toBe(status)
    expect(party.events.at(-1)?.event).toBe('login.failed')
    expect(JSON.stringify(party.log.at(-1)?.fields)).toContain(reason)
    expect(JSON.stringify(party.log)).not.toContain('an access token')
  })
})
