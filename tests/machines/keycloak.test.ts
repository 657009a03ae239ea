/** Tokens of a real Keycloak: of clients, and of people who used a client; and when a disabled client is noticed. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { passwordOf, type RunningKeycloak, requireKeycloak, startKeycloak } from '../keycloak.ts'
import { keycloakClient } from '../keycloak-realm.ts'
import { type Answer, header, startService, type TestService } from '../service.ts'
import { hasEdge, startEdge } from './edge.ts'

const folder = requireKeycloak()
const audience = 'https://hosts.example.com'
const policy = `
p, client:corp/robot,         wiki.example.com, /robots/**, *, -, allow
p, client:corp/desk,          wiki.example.com, /robots/**, *, -, allow
p, group:ops,                 wiki.example.com, /admin/**,  *, -, allow
p, client:corp/robot,         shop.example.com, /**,        *, -, allow
p, authenticated,             shop.example.com, /pages/**,  *, -, allow
`

const inAccessTokens = { 'access.token.claim': 'true', 'id.token.claim': 'false' }
const mappers = [
  {
    name: 'hosts',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { 'included.custom.audience': audience, ...inAccessTokens },
  },
  {
    name: 'groups',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-group-membership-mapper',
    config: { 'claim.name': 'groups', 'full.path': 'false', ...inAccessTokens },
  },
]
const clientOf = (clientId: string) => ({
  clientId,
  secret: `the secret of ${clientId}`,
  protocol: 'openid-connect',
  publicClient: false,
  standardFlowEnabled: false,
  // People can use it as well: their tokens must not become its own.
  directAccessGrantsEnabled: true,
  protocolMappers: mappers,
})

describe.skipIf(folder === undefined)('with Keycloak', () => {
  const outbound = createOutbound({ timeoutMs: 60_000 })
  let keycloak: RunningKeycloak
  let world: TestService

  beforeAll(async () => {
    keycloak = await startKeycloak(folder ?? '')
    await keycloak.admin('POST', '/clients', { ...clientOf('robot'), serviceAccountsEnabled: true })
    await keycloak.admin('POST', '/clients', clientOf('desk'))
    await keycloak.admin('POST', '/users', {
      username: 'service-account-desk',
      enabled: true,
      firstName: 'Mallory',
      lastName: 'Example',
      email: 'mallory@example.com',
      emailVerified: true,
      groups: ['/contractors'],
      credentials: [{ type: 'password', value: 'the password of mallory', temporary: false }],
    })
    const trusted = { kind: 'openid', issuer: keycloak.issuer, audience, otherAudiences: ['account'] }
    world = await startService({
      policy,
      providers: corp => [{ ...corp, issuer: keycloak.issuer, ...keycloakClient }],
      tokenIssuers: () => [{ ...trusted, name: 'corp', provider: 'corp' }],
      hosts: [
        { host: 'wiki.example.com', bearerFrom: ['corp'] },
        { host: 'shop.example.com', bearerFrom: ['corp'], bearerAudience: 'https://shop.example.com' },
      ],
    })
  }, 300_000)
  afterAll(async () => {
    await world?.close()
    await keycloak?.stop()
    await outbound.close()
  })

  async function tokenOf(parameters: Readonly<Record<string, string>>): Promise<string> {
    const clientId = parameters.client_id ?? ''
    const response = await outbound.fetch(`${keycloak.issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_secret: `the secret of ${clientId}`, ...parameters }).toString(),
    })
    const answer = (await response.json()) as { readonly access_token?: string; readonly error?: string }
    if (answer.access_token === undefined) throw new Error(`${response.status} ${answer.error}`)
    return answer.access_token
  }
  const tokenOfClient = (clientId: string) => tokenOf({ client_id: clientId, grant_type: 'client_credentials' })
  const tokenOfPerson = (username: string, clientId: string, password = passwordOf('alice')) =>
    tokenOf({ client_id: clientId, grant_type: 'password', username, password, scope: 'openid' })

  const ask = (path: string, token: string, host = 'wiki.example.com') =>
    world.ask('auth-request', { url: `https://${host}${path}`, headers: [['Authorization', `Bearer ${token}`]] })
  const refusalOf = (answer: Answer) => [answer.status, header(answer, 'www-authenticate')]

  it('a client is that client', async () => {
    const answer = await ask('/robots/now', await tokenOfClient('robot'))
    expect([answer.status, header(answer, 'remote-user')]).toEqual([200, 'client:corp/robot'])
    expect(await world.eventOf(answer)).toMatchObject({ credential: 'client-token', credentialIssuer: 'corp' })
  })

  it('J10 a person who used the client is that person, whatever the client may do', async () => {
    const token = await tokenOfPerson('alice', 'robot')
    expect(decodeJwt(token)).toMatchObject({ azp: 'robot', preferred_username: 'alice' })
    const allowed = await ask('/admin/', token)
    expect([allowed.status, header(allowed, 'remote-email')]).toEqual([200, 'alice@example.com'])
    const denied = await ask('/robots/now', token)
    expect([denied.status, header(denied, 'remote-user') ?? '']).toEqual([403, ''])
    expect(await world.eventOf(denied)).toMatchObject({ credential: 'user-token' })
  })

  it.runIf(hasEdge())('either comes through NGINX, and the application gets who it is and not the token', async () => {
    const edge = await startEdge({ service: world.port })
    try {
      const see = (path: string, token: string) =>
        edge.see(`printf 'Authorization: Bearer %s' "$token" | curl -fsS -H @- https://wiki.example.com${path}`, {
          token,
        })
      const alice = await tokenOfPerson('alice', 'robot')
      expect(await see('/admin/', alice)).toEqual({ user: decodeJwt(alice).sub, hasAssertion: true })
      const robot = await tokenOfClient('robot')
      expect(await see('/robots/now', robot)).toEqual({ user: 'client:corp/robot', hasAssertion: true })
      expect((await edge.statusOf('/robots/now', alice))[0]).toBe('403')
      expect((await edge.statusOf('/admin/', robot))[0]).toBe('403')
    } finally {
      await edge.close()
    }
  })

  it('J10 a person who is called as the account of a client would be is no client', async () => {
    const token = await tokenOfPerson('service-account-desk', 'desk', 'the password of mallory')
    expect(decodeJwt(token)).toMatchObject({ azp: 'desk', preferred_username: 'service-account-desk' })
    const answer = await ask('/robots/now', token)
    expect(answer.status).toBe(403)
    expect(await world.eventOf(answer)).toMatchObject({ credential: 'user-token' })
  })

  it('a person in no group is refused, as Keycloak leaves the claim out: a row that denies a group would not apply', async () => {
    const token = await tokenOfPerson('carol', 'desk', passwordOf('carol'))
    expect(refusalOf(await ask('/admin/', token))).toEqual([
      401,
      expect.stringContaining('which groups the person is in'),
    ])
  })

  it('J11 J04 a token for these hosts is none for one with an audience of its own', async () => {
    const answer = await ask('/', await tokenOfClient('robot'), 'shop.example.com')
    expect(refusalOf(answer)).toEqual([401, expect.stringContaining('the token is for another audience')])
  })

  it('J02 an ID token is none', async () => {
    const response = await outbound.fetch(`${keycloak.issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        client_id: 'robot',
        client_secret: 'the secret of robot',
        grant_type: 'password',
        username: 'alice',
        password: passwordOf('alice'),
        scope: 'openid',
      }).toString(),
    })
    const { id_token: idToken, refresh_token: refreshToken } = (await response.json()) as Record<string, string>
    for (const other of [idToken, refreshToken]) expect((await ask('/admin/', other ?? '')).status).toBe(401)
  })

  it('a key that is replaced counts from its first token on', async () => {
    await keycloak.addSigningKey('next', 200)
    const answer = await ask('/robots/now', await tokenOfClient('robot'))
    expect(answer.status).toBe(200)
  })

  async function disable(clientId: string): Promise<void> {
    const [client] = (await keycloak.admin('GET', `/clients?clientId=${clientId}`)) as { readonly id: string }[]
    await keycloak.admin('PUT', `/clients/${client?.id}`, { ...client, enabled: false })
  }

  it('J50 a disabled client is noticed within half a minute where Keycloak is asked', async () => {
    await keycloak.admin('POST', '/clients', { ...clientOf('courier'), serviceAccountsEnabled: true })
    // Keycloak tells a client of tokens that are for it, and of no others: the client is called as the audience.
    await keycloak.admin('POST', '/clients', clientOf(audience))
    const asking = await startService({
      policy: 'p, client:corp/courier, wiki.example.com, /**, *, -, allow\n',
      tokenIssuers: () => [
        {
          name: 'corp',
          kind: 'openid',
          issuer: keycloak.issuer,
          audience,
          otherAudiences: ['account'],
          introspection: { clientId: audience, clientSecret: `the secret of ${audience}`, alsoJwts: true },
        },
      ],
      providers: corp => [{ ...corp, issuer: keycloak.issuer, ...keycloakClient }],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['corp'] }],
    })
    try {
      const token = await tokenOfClient('courier')
      const here = { url: 'https://wiki.example.com/', headers: [['Authorization', `Bearer ${token}`] as const] }
      expect((await asking.ask('auth-request', here)).status).toBe(200)
      await disable('courier')
      // Real time passes as well, on a loaded machine by seconds.
      asking.moveClock(10)
      expect((await asking.ask('auth-request', here)).status).toBe(200)
      asking.moveClock(20)
      const refused = await asking.ask('auth-request', here)
      expect(refusalOf(refused)).toEqual([
        401,
        expect.stringContaining('its issuer says that the token does not count'),
      ])
    } finally {
      await asking.close()
    }
  })

  it('J50 a disabled client gets no token, and the last one counts until it expires, and no longer', async () => {
    const token = await tokenOfClient('robot')
    const { exp = 0, iat = 0 } = decodeJwt(token)
    expect(exp - iat).toBe(600)
    await disable('robot')
    await expect(tokenOfClient('robot')).rejects.toThrow('401')
    expect((await ask('/robots/now', token)).status).toBe(200)
    const tolerance = 30
    world.moveClock(exp + tolerance - Math.floor(Date.now() / 1000) + 1)
    expect(refusalOf(await ask('/robots/now', token))).toEqual([401, expect.stringContaining('the token has expired')])
  })
})
