/** I: what goes out. How each value is encoded is in tests/assertion; here it travels through the service. */
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { withoutScripts } from '../pages/without-scripts.ts'
import { header, identityHeaders, navigation, type TestService } from '../service.ts'
import { expectAnonymous, expectDenied, fronts, startWorld, wiki } from './world.ts'

let world: TestService
let alice: string
let bob: string
beforeAll(async () => {
  world = await startWorld()
  alice = await world.logIn('alice', `${wiki}/`)
  bob = await world.logIn('bob', `${wiki}/`)
})
afterAll(() => world.close())

const forged = [
  ['Remote-User', 'admin'],
  ['Remote_User', 'admin'],
  ['X-Auth-Request-User', 'admin'],
  ['X-Sallyport-Assertion', 'forged'],
] as const

describe.each(fronts)('%s', front => {
  it('I02 I03 I04 empties every identity header on a path that is open to anyone', async () => {
    expectAnonymous(await world.ask(front, { url: `${wiki}/public/a`, headers: forged }))
  })

  it('I03 says who is asking, whatever the client says', async () => {
    const answer = await world.ask(front, { url: `${wiki}/admin`, cookie: alice, headers: forged })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('remote-user')).toEqual(['alice'])
    expect(answer.headers.get('remote-email')).toEqual(['alice@example.com'])
    expect(answer.headers.get('remote-groups')).toEqual(['ops'])
  })

  it('signs for this host alone, with a published key, for a minute', async () => {
    const answer = await world.ask(front, { url: `${wiki}/admin`, cookie: alice })
    const assertion = header(answer, 'x-sallyport-assertion') ?? ''
    const { fetch } = createOutbound()
    const keys = await (await fetch(`http://127.0.0.1:${world.port}/.well-known/jwks.json`, {})).json()
    const [key] = (keys as { keys: { kid: string }[] }).keys.filter(
      ({ kid }) => kid === decodeProtectedHeader(assertion).kid,
    )
    expect(key).not.toHaveProperty('d')
    const keySet = createRemoteJWKSet(new URL(`http://127.0.0.1:${world.port}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(assertion, keySet, {
      audience: wiki,
      issuer: world.publicUrl,
      algorithms: ['ES256'],
    })
    expect(payload.sub).toBe(`${world.provider.issuer}#alice`)
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60)
    await expect(jwtVerify(assertion, keySet, { audience: 'https://shop.example.com' })).rejects.toThrow('aud')
  })

  it('I05 the denial says who, what and which request, escaped, and nothing of the policy', async () => {
    const evil = `${wiki}/admin/%3Cscript%3Ealert(1)%3C/script%3E?q=<script>alert(2)</script>`
    const answer = await world.ask(front, { url: evil.replaceAll('%3C/', '%3C'), cookie: bob, headers: navigation })
    expect(answer.status).toBe(403)
    expect(withoutScripts(answer.body)).not.toContain('<script>')
    expect(answer.body).not.toMatch(/\bops\b|policy\.csv|no-rule|rule-denied/)
    if (front === 'forward-auth') {
      expect(answer.body).toContain('bob@example.com')
      expect(answer.body).toContain(header(answer, 'x-sallyport-request-id') ?? 'missing')
      expect(header(answer, 'content-security-policy')).toContain("default-src 'none'")
    }
  })

  it('I05 tells an anonymous client nothing but where to log in, be there a page or not', async () => {
    const there = await world.ask(front, { url: `${wiki}/admin` })
    const nowhere = await world.ask(front, { url: `${wiki}/nothing/here` })
    for (const answer of [there, nowhere]) {
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body)).toEqual({ error: 'authentication-required', requestId: expect.any(String) })
    }
  })

  it('I06 has no address and no client that is answered 200 without a decision', async () => {
    const probe = [['User-Agent', 'kube-probe/1.30']] as const
    for (const path of [
      '/ping',
      '/health',
      '/healthz',
      '/metrics',
      '/.well-known/jwks.json',
      '/login',
      '/robots.txt',
    ]) {
      expectDenied(await world.ask(front, { url: `${wiki}${path}`, headers: probe }), path)
    }
  })

  it('I08 keeps every answer under 4 KB and out of every cache', async () => {
    const long = `${wiki}/admin/${'a'.repeat(3000)}?${'b'.repeat(3000)}`
    for (const cookie of ['', alice, bob]) {
      for (const headers of [[], navigation]) {
        const answer = await world.ask(front, { url: long, cookie, headers })
        const size = [...answer.headers].flatMap(([name, values]) =>
          values.map(value => name.length + value.length + 4),
        )
        expect(answer.body.length, `${answer.status} body`).toBeLessThan(4096)
        expect(
          size.reduce((sum, length) => sum + length, 0),
          `${answer.status} headers`,
        ).toBeLessThan(4096)
        expect(header(answer, 'cache-control')).toBe('no-store')
      }
    }
  })
})

describe('I07 the main listener', () => {
  it.each(['/metrics', '/healthz', '/readyz', '/admin', '/debug', '/verify', '/verify/', '/verify/unknown'])(
    'does not answer %s',
    async path => {
      const answer = await world.send(`GET ${path} HTTP/1.1`, [['X-Forwarded-Method', 'GET']])
      expect([404, 421]).toContain(answer.status)
      for (const name of identityHeaders) expect(answer.headers.has(name)).toBe(false)
    },
  )

  it('answers a check that does not say where the request came from with no more than that', async () => {
    const answer = await world.send('GET /verify/ext-authz/public HTTP/1.1', [['X-Forwarded-Method', 'GET']])
    expect(answer.status).toBe(400)
    for (const name of identityHeaders) expect(answer.headers.has(name)).toBe(false)
  })

  it('serves its pages on its own host only', async () => {
    expect((await world.send('GET /login HTTP/1.1', [])).status).toBe(421)
  })
})

describe('the audit log and the operational log', () => {
  it('I09 hold no cookie, no token, no code, no ticket, and no query', async () => {
    await world.ask('forward-auth', { url: `${wiki}/admin?token=in-the-query`, cookie: alice })
    const text = `${JSON.stringify(world.auditEvents())}${world.logText()}`
    const [, value = ''] = alice.split('=')
    for (const part of value.split('.').filter(piece => piece.length > 10)) expect(text).not.toContain(part)
    expect(text).not.toContain('in-the-query')
    expect(text).not.toMatch(/eyJ[\w-]{10,}\./)
    expect(text).not.toMatch(/ticket=[\w-]{20}/)
  })

  it('name person, page, rule and revision of each decision', async () => {
    const event = await world.eventOf(await world.ask('auth-request', { url: `${wiki}/admin`, cookie: alice }))
    expect(event).toMatchObject({
      v: 1,
      event: 'access.allowed',
      subject: `${world.provider.issuer}#alice`,
      email: 'alice@example.com',
      clientAddress: '203.0.113.9',
      front: 'auth-request',
      domain: 'wiki.example.com',
      resource: '/admin',
      action: 'GET',
      rule: 'policy.csv:3',
      groups: expect.any(Array),
      provider: expect.any(String),
    })
    expect(event.revision).toMatch(/^[0-9a-f]{16}$/)
    expect(event.durationMicroseconds).toBeGreaterThan(0)
  })
})
