/** A browser login becomes tokens of kubectl: the way over a loopback address, through the whole service. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leadsTo } from '../provider.ts'
import { TestBrowser, type TestService } from '../service.ts'
import {
  authorize,
  authorizeQuery,
  eventsOf,
  followLogin,
  type GrantWorld,
  gatewayUrl,
  get,
  logInBrowser,
  newGrant,
  newProof,
  press,
  redeem,
  redirectUri,
  refresh,
  startGrantWorld,
  untilEvent,
  visit,
} from './world.ts'

let world: GrantWorld
let service: TestService
let alice: TestBrowser

beforeAll(async () => {
  world = await startGrantWorld()
  service = world.service
  alice = await logInBrowser(service, 'alice')
})
afterAll(() => world.close())

const authorizeUrl = (query: URLSearchParams | string) => `${service.publicUrl}/kube/authorize?${query}`

describe('the page', () => {
  it('leads somebody who is not logged in to the login, and back', async () => {
    const browser = new TestBrowser()
    const start = authorizeUrl(authorizeQuery(newProof()))
    const first = await visit(browser, start)
    expect(first.status).toBe(303)
    expect(first.location).toMatch(/^\/login\?rd=/)
    const { text, url } = await followLogin(service, start, { person: 'bob', browser })
    expect(new URL(url).pathname).toBe('/kube/authorize')
    expect(text).toContain('bob@example.com')
    expect(text).toContain('kubectl on this computer')
  })

  it('gives a code to the loopback address, with state and issuer, once somebody has allowed it', async () => {
    const answer = await authorize(service, alice, newProof())
    expect(answer.get('code')).toMatch(/^[\w-]{43}$/)
    expect(answer.get('state')).toBe('the-state-of-a-test')
    expect(answer.get('iss')).toBe(`${service.publicUrl}/kube`)
  })

  it('says no to the loopback address when somebody has denied it', async () => {
    const answer = await authorize(service, alice, newProof(), 'deny')
    expect([...answer.keys()]).toEqual(['error', 'state', 'iss'])
    expect(answer.get('error')).toBe('access_denied')
    await untilEvent(service, 'grant.refused', { reason: 'cancelled', email: 'alice@example.com' })
  })

  it.each([
    'http://127.0.0.1/callback',
    'http://127.0.0.1:70000/callback',
    'http://127.0.0.1:0/callback',
    'https://127.0.0.1:40123/callback',
    'http://localhost:40123/callback',
    'http://127.0.0.1:40123/other',
    'http://127.0.0.1:40123/callback?x=1',
    'http://127.0.0.1:40123/callback#x',
    'http://127.0.0.1:40123@evil.example/callback',
    'http://127.0.0.1.evil.example:40123/callback',
    'http://127.0.0.2:40123/callback',
    'http://2130706433:40123/callback',
    'http://[::1]:40123/callback/',
    'http://[::ffff:127.0.0.1]:40123/callback',
    ' http://127.0.0.1:40123/callback',
    'http://127.0.0.1:40123/callback\n',
    'javascript:alert(1)',
    '',
  ])('L11 never goes to %j', async uri => {
    const page = await visit(alice, authorizeUrl(authorizeQuery(newProof(), { redirect_uri: uri })))
    expect(page.status).toBe(400)
    expect(page.location).toBeNull()
    expect(page.text).not.toContain('<form')
    await untilEvent(service, 'grant.refused', { reason: 'redirect-uri' })
  })

  it('takes an IPv6 loopback address', async () => {
    const query = authorizeQuery(newProof(), { redirect_uri: 'http://[::1]:40123/callback' })
    expect((await visit(alice, authorizeUrl(query))).status).toBe(200)
  })

  it.each([
    ['no challenge', { code_challenge: '' }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['no method', { code_challenge_method: '' }],
    ['a short challenge', { code_challenge: 'abc' }],
    ['another client', { client_id: 'somebody' }],
    ['no state', { state: '' }],
    ['a state with markup', { state: '<script>alert(1)</script>' }],
    ['an implicit answer', { response_type: 'token' }],
  ])('refuses %s', async (_, more) => {
    const page = await visit(alice, authorizeUrl(authorizeQuery(newProof(), more as Record<string, string>)))
    expect(page.status).toBe(400)
    expect(page.text).not.toContain('<script>alert')
  })

  it('refuses a parameter that is there twice', async () => {
    const query = `${authorizeQuery(newProof())}&redirect_uri=${encodeURIComponent(redirectUri)}`
    expect((await visit(alice, authorizeUrl(query))).status).toBe(400)
  })

  describe('L12 nobody else presses its button', () => {
    const pageOf = async () => (await visit(alice, authorizeUrl(authorizeQuery(newProof())))).text

    it('from another site', async () => {
      for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
        expect((await press(alice, service, await pageOf(), { decision: 'allow', headers })).status).toBe(403)
      }
    })

    it('without the token of the session', async () => {
      for (const token of ['', 'x', 'A'.repeat(43)]) {
        expect((await press(alice, service, await pageOf(), { decision: 'allow', fields: { token } })).status).toBe(403)
      }
    })

    it('with a token of another session', async () => {
      const bob = await logInBrowser(service, 'bob')
      const bobs = await visit(bob, authorizeUrl(authorizeQuery(newProof())))
      expect((await press(alice, service, bobs.text, { decision: 'allow' })).status).toBe(403)
    })

    it('and no other redirect address gets in by the form', async () => {
      const fields = { redirect_uri: 'https://evil.example/callback' }
      const answer = await press(alice, service, await pageOf(), { decision: 'allow', fields })
      expect(answer.status).toBe(400)
      expect(answer.text).not.toContain('evil.example')
    })
  })

  it('is in no frame', async () => {
    const response = await alice.request(authorizeUrl(authorizeQuery(newProof())))
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('the token endpoint', () => {
  it('gives an access token for one cluster, which says who it is for and when it ends', async () => {
    const { status, body } = await newGrant(service, alice, 'prod')
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300 })
    const token = String(body.access_token)
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({
      iss: `${service.publicUrl}/kube`,
      aud: `${gatewayUrl}/clusters/prod`,
      sub: `${service.provider.issuer}#alice`,
      client_id: 'sallyport-kubectl',
      email: 'alice@example.com',
      email_verified: true,
      groups: ['ops'],
      username: 'alice@example.com',
    })
    expect(Number(claims.exp) - Number(claims.iat)).toBe(300)
    expect(claims.sid).toMatch(/^[\w-]{16}$/)
  })

  it('calls a person in each cluster what the cluster calls them', async () => {
    const { body } = await newGrant(service, alice, 'lab')
    expect(decodeJwt(String(body.access_token)).username).toBe(`${service.provider.issuer}#alice`)
  })

  it('gives a token for the account where no cluster is named, which no cluster takes', async () => {
    const { body } = await newGrant(service, alice)
    expect(decodeJwt(String(body.access_token)).aud).toBe(`${service.publicUrl}/kube`)
  })

  it('knows no other cluster', async () => {
    const { status, body } = await newGrant(service, alice, 'staging')
    expect([status, body.error]).toEqual([400, 'invalid_target'])
  })

  it('L13 takes a code once', async () => {
    const proof = newProof()
    const code = (await authorize(service, alice, proof)).get('code') ?? ''
    expect((await redeem(service, code, proof)).status).toBe(200)
    expect((await redeem(service, code, proof)).body).toMatchObject({ error: 'invalid_grant' })
  })

  it('L13 gives a code that was taken from the address to nobody without the verifier, and to nobody after that', async () => {
    const proof = newProof()
    const code = (await authorize(service, alice, proof)).get('code') ?? ''
    expect((await redeem(service, code, newProof())).body).toMatchObject({ error: 'invalid_grant' })
    expect((await redeem(service, code, proof)).body).toMatchObject({ error: 'invalid_grant' })
  })

  it('L13 gives no code to another redirect address', async () => {
    const proof = newProof()
    const code = (await authorize(service, alice, proof)).get('code') ?? ''
    const other = { redirect_uri: 'http://127.0.0.1:40124/callback' }
    expect((await redeem(service, code, proof, other)).body).toMatchObject({ error: 'invalid_grant' })
  })

  it.each([
    ['no client', { client_id: '' }, 400, 'invalid_request'],
    ['another client', { client_id: 'somebody' }, 401, 'invalid_client'],
    ['another grant type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no grant type', { grant_type: '' }, 400, 'invalid_request'],
    ['a code of another form', { code: 'x' }, 400, 'invalid_request'],
  ])('refuses %s', async (_, more, status, error) => {
    const answer = await redeem(service, 'x'.repeat(43), newProof(), more as Record<string, string>)
    expect([answer.status, answer.body.error]).toEqual([status, error])
  })

  it('writes events, and no token into any', async () => {
    const { body } = await newGrant(service, alice, 'prod')
    await refresh(service, body.refresh_token, { audience: 'prod' })
    const subject = `${service.provider.issuer}#alice`
    // Lines are written in batches: the last grant is this one once it has two tokens.
    const ofLastGrant = () => {
      const last = eventsOf(service, 'grant.issued').at(-1)
      const tokens = eventsOf(service, 'token.issued').filter(({ grant }) => grant === last?.grant)
      return [last?.way, last?.subject, ...tokens.map(({ audience }) => audience)]
    }
    await expect.poll(ofLastGrant, { timeout: 60_000 }).toEqual(['browser', subject, 'prod', 'prod'])
    const written = JSON.stringify(service.auditEvents()) + service.logText()
    for (const secret of [body.access_token, body.refresh_token]) {
      expect(written).not.toContain(String(secret))
      expect(written).not.toContain(String(secret).split('.')[0] ?? secret)
    }
  })

  it('shows in the list of sessions where kubectl is used', async () => {
    await newGrant(service, alice, 'prod')
    expect((await visit(alice, `${service.publicUrl}/session`)).text).toContain('kube:prod')
  })
})

describe('discovery', () => {
  it('names the endpoints and the keys, and may be cached', async () => {
    const { body, headers } = await get(service, '/kube/.well-known/openid-configuration')
    const issuer = `${service.publicUrl}/kube`
    expect(body).toMatchObject({
      issuer,
      token_endpoint: `${issuer}/token`,
      code_challenge_methods_supported: ['S256'],
    })
    expect(headers.get('cache-control')).toContain('public')
    const keys = await get(service, new URL(String(body.jwks_uri)).pathname)
    expect(keys.body.keys).toHaveLength(2)
  })
})

describe('without clusters', () => {
  it('there is nothing of it', async () => {
    const bare = await startGrantWorld({ settings: { kubernetes: undefined as never } })
    const paths = ['/kube/authorize', '/kube/device', '/kube/.well-known/openid-configuration', '/kube/userinfo']
    for (const path of paths) expect((await get(bare.service, path)).status).toBe(404)
    await bare.close()
  })
})

it('leads on by a page, because a form of this site may lead nowhere else', async () => {
  const page = await visit(alice, authorizeUrl(authorizeQuery(newProof())))
  const { status, text } = await press(alice, service, page.text, { decision: 'allow' })
  expect(status).toBe(200)
  expect(leadsTo(text)).toMatch(/^http:\/\/127\.0\.0\.1:40123\/callback\?code=/)
})
