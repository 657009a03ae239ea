/** Opaque tokens of the real oidc-provider, through a real NGINX: the provider says what they stand for (RFC 7662). */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { type Edge, hasEdge, startEdge } from './edge.ts'
import { clientCredentials, robot } from './robot.ts'
import { type MachinesWorld, startMachines } from './world.ts'

const reader = {
  clientId: 'reader',
  clientSecret: 'the-secret-of-the-reader',
  redirectUris: [],
  metadata: { grant_types: [], response_types: [] },
}
const audience = 'https://hosts.example.com/opaque'
const policy = 'p, client:corp/robot, wiki.example.com, /robots/**, *, -, allow\n'

describe.skipIf(!hasEdge())('opaque tokens', () => {
  const outbound = createOutbound()
  let world: MachinesWorld
  let edge: Edge

  beforeAll(async () => {
    world = await startMachines({
      policy,
      provider: clientCredentials,
      furtherClients: [robot, reader],
      tokenIssuers: ({ issuer }) => [
        {
          name: 'corp',
          kind: 'openid',
          issuer,
          audience,
          introspection: { clientId: reader.clientId, clientSecret: reader.clientSecret, clientsWithoutSub: true },
        },
      ],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['corp'] }],
    })
    edge = await startEdge({ service: world.port, provider: world.provider.port })
  })
  afterAll(async () => {
    await edge?.close()
    await world?.close()
    await outbound.close()
  })

  async function post(path: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const credential = Buffer.from(`${robot.clientId}:${robot.clientSecret}`).toString('base64')
    const response = await outbound.fetch(`${world.provider.issuer}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${credential}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    })
    expect(response.status).toBe(200)
    return response.text()
  }
  async function tokenFor(resource: string): Promise<string> {
    const answer = await post('/token', { grant_type: 'client_credentials', resource })
    return (JSON.parse(answer) as { readonly access_token: string }).access_token
  }
  const introspections = () => world.provider.requests.filter(request => request === 'POST /token/introspection').length

  it('let their client in, and are asked about once', async () => {
    const token = await tokenFor(audience)
    expect(() => decodeJwt(token)).toThrow()
    const before = introspections()
    const script = 'curl -fsS -H "Authorization: Bearer $token" https://wiki.example.com/robots/1'
    for (let count = 0; count < 3; count += 1) {
      expect(await edge.see(script, { token })).toEqual({ user: 'client:corp/robot', hasAssertion: true })
    }
    expect(introspections() - before).toBe(1)
  })

  it('for somebody else, or that nobody made, are refused', async () => {
    const forOthers = await tokenFor('https://others.example.com/opaque')
    expect(await edge.statusOf('/robots/1', forOthers)).toEqual([
      '401',
      expect.stringContaining('for another audience'),
    ])
    const madeUp = 'this-token-was-never-given-to-anybody'
    expect(await edge.statusOf('/robots/1', madeUp)).toEqual(['401', expect.stringContaining('its issuer says')])
  })

  it('J55 beside JWTs of the same provider, which are not asked about', async () => {
    const jwt = await tokenFor('https://hosts.example.com')
    const before = introspections()
    expect(await edge.statusOf('/robots/1', jwt)).toEqual(['401', expect.stringContaining('for another audience')])
    expect(introspections()).toBe(before)
  })

  it('J50 that were revoked count for half a minute and no longer', async () => {
    const token = await tokenFor(audience)
    expect((await edge.statusOf('/robots/1', token))[0]).toBe('200')
    await post('/token/revocation', { token })
    world.moveClock(10)
    expect((await edge.statusOf('/robots/1', token))[0]).toBe('200')
    world.moveClock(20)
    expect(await edge.statusOf('/robots/1', token)).toEqual(['401', expect.stringContaining('its issuer says')])
  })

  it('J20 stand in no log, nor does the secret of whoever asks', async () => {
    const token = await tokenFor(audience)
    await edge.statusOf('/robots/1', token)
    const written = `${world.logText()}${JSON.stringify(world.auditEvents())}`
    for (const secret of [
      token,
      reader.clientSecret,
      Buffer.from(`reader:${reader.clientSecret}`).toString('base64'),
    ]) {
      expect(written).not.toContain(secret)
    }
  })

  it('J52 while the provider is down let nobody in', async () => {
    const token = await tokenFor(audience)
    await world.provider.close()
    const [status] = await edge.statusOf('/robots/1', token)
    // NGINX makes 500 of whatever is neither yes nor no; the page behind it has the status that the check gave.
    expect(['500', '503']).toContain(status)
    const answer = await world.ask('auth-request', {
      url: 'https://wiki.example.com/robots/1',
      headers: [['Authorization', `Bearer ${token}`]],
    })
    expect(answer.status).toBe(503)
  })
})
