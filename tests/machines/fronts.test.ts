/** Bearer tokens at every front, as a proxy asks: who gets in, what a refusal says, and what the audit log keeps. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenRefusals } from '../../app/identity/token/refusal.ts'
import { frontNames } from '../dialects.ts'
import { createEnvoyClient, requestAbout } from '../ext-authz/client.ts'
import { createSigningIssuer, deployer } from '../identity/token-issuer.ts'
import { type Answer, header, identityHeaders, navigation } from '../service.ts'
import { type MachinesWorld, startMachines, timesNow } from './world.ts'

const wiki = 'https://wiki.example.com'
let world: MachinesWorld
beforeAll(async () => {
  world = await startMachines()
})
afterAll(() => world?.close())

describe.each(frontNames)('a bearer token on %s', front => {
  const ask = (path: string, token?: string, more: { cookie?: string; headers?: [string, string][] } = {}) => {
    const { headers = [], cookie } = more
    const authorization: [string, string][] = token === undefined ? [] : [['Authorization', `Bearer ${token}`]]
    const url = path.startsWith('https:') ? path : `${wiki}${path}`
    return world.ask(front, { url, headers: [...authorization, ...headers], ...(cookie !== undefined && { cookie }) })
  }
  const problemOf = (answer: Answer) => JSON.parse(answer.body) as Readonly<Record<string, unknown>>
  const browser = { headers: navigation.map(([name, value]): [string, string] => [name, value]) }

  it('lets a workload in where a row names it, and tells the application who it is', async () => {
    const answer = await ask('/deploy/now', world.token())
    expect(answer.status).toBe(200)
    expect(header(answer, 'remote-user')).toBe('service-account:prod/ci/deployer')
    expect(decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')).toMatchObject({
      aud: wiki,
      sub: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
      service_account: 'prod/ci/deployer',
      groups: [],
    })
    expect(answer.headers.has('set-cookie')).toBe(false)
    expect(header(answer, 'x-sallyport-bearer')).toBe(front === 'auth-request' ? 'taken' : undefined)
    const removed = header(answer, 'x-envoy-auth-headers-to-remove')?.split(',') ?? []
    expect(removed.includes('authorization')).toBe(front === 'ext-authz')
  })

  it('J20 leaves its issuer, kind and id in the audit log, and itself nowhere', async () => {
    const token = world.token({ jti: 'c0ffee' })
    const answer = await ask('/deploy/now', token)
    expect(await world.eventOf(answer)).toMatchObject({
      event: 'access.allowed',
      machine: 'service-account:prod/ci/deployer',
      credential: 'service-account-token',
      credentialIssuer: 'prod',
      credentialId: 'c0ffee',
    })
    await ask('/deploy/now', token.slice(0, -3))
    for (const part of token.split('.')) {
      expect(world.logText()).not.toContain(part)
      expect(JSON.stringify(world.auditEvents())).not.toContain(part)
    }
  })

  it.each([
    ['/deploy/of-others', 'rule-denied'],
    ['/admin/', 'no-rule-matched'],
    ['/nowhere', 'no-rule-matched'],
  ])('J17 is told why %s is denied, as problem details, also if it says that it is a browser', async (path, reason) => {
    for (const more of [{}, browser]) {
      const answer = await ask(path, world.token(), more)
      expect(answer.status).toBe(403)
      expect(header(answer, 'content-type')).toBe('application/problem+json')
      expect(header(answer, 'cache-control')).toBe('no-store')
      expect(problemOf(answer)).toEqual({
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        detail: expect.stringMatching(/\.$/),
        reason,
        requestId: header(answer, 'x-sallyport-request-id'),
      })
      expect(await world.eventOf(answer)).toMatchObject({ event: 'access.denied', reason, credentialIssuer: 'prod' })
    }
  })

  it.each([
    ['garbage', () => 'garbage', 'the token is no signed JWT in its compact form'],
    [
      'one that has expired',
      () => world.token({ exp: timesNow().iat - 60, iat: timesNow().iat - 90 }),
      'the token has expired',
    ],
    [
      'one of a stranger',
      () => createSigningIssuer('https://evil.example', deployer).token(timesNow()),
      'the token was made by no issuer that this host believes',
    ],
    [
      'one that a stranger signed',
      () => createSigningIssuer(world.cluster.issuer, deployer).token(timesNow()),
      'the signature does not fit',
    ],
    [
      'one for the API server',
      () => world.token({ aud: ['https://kubernetes.default.svc'] }),
      'the token is for another audience: project a token with audience sallyport into the pod (volumes, projected, serviceAccountToken), or use kubectl create token --audience=sallyport',
    ],
  ])('J17 is never sent to a login: %s is 401 with its reason', async (_what, token, reason) => {
    for (const more of [{}, browser]) {
      // Not even what anybody may read: whoever brings a token that is bad is told so.
      for (const path of ['/deploy/now', '/public/a']) {
        const answer = await ask(path, token(), more)
        expect(answer.status).toBe(401)
        expect(header(answer, 'www-authenticate')).toBe(`Bearer error="invalid_token", error_description="${reason}"`)
        expect(header(answer, 'content-type')).toBe('application/problem+json')
        for (const name of ['location', 'x-sallyport-redirect', 'set-cookie', ...identityHeaders]) {
          expect(answer.headers.has(name), name).toBe(false)
        }
        expect(problemOf(answer)).toMatchObject({ status: 401, code: 'ERR_BEARER_INVALID' })
        expect(await world.eventOf(answer)).toMatchObject({ event: 'access.refused', code: 'ERR_BEARER_INVALID' })
      }
    }
  })

  it('J16 is refused beside a cookie of ours, good or bad, and beside another one', async () => {
    const cookie = await world.logIn('alice', `${wiki}/`)
    const good = world.token()
    for (const [token, beside] of [
      [good, cookie],
      ['garbage', cookie],
      [good, `${cookie.split('=')[0]}=garbage`],
    ] as const) {
      const answer = await ask('/deploy/now', token, { cookie: beside })
      expect(answer.status).toBe(400)
      expect(problemOf(answer)).toMatchObject({ error: 'ERR_CREDENTIALS_AMBIGUOUS' })
    }
    const twice = await ask('/deploy/now', good, { headers: [['Authorization', `Bearer ${good}`]] })
    expect(twice.status).toBe(400)
    expect(header(twice, 'www-authenticate')).toContain('error="invalid_request"')
    expect((await ask('/deploy/now', good, { headers: [['Authorization', 'Basic Ym9iOng=']] })).status).toBe(400)
    expect((await ask('/deploy/now', good, { cookie: 'theme=dark' })).status).toBe(200)
  })

  it('J16 is not read out of the query, a cookie or a form', async () => {
    const token = world.token()
    for (const more of [{}, { cookie: `Authorization=Bearer ${token}; access_token=${token}` }]) {
      const answer = await ask(`/deploy/now?access_token=${token}&authorization=Bearer%20${token}`, undefined, more)
      expect(answer.status).toBe(401)
      expect(header(answer, 'www-authenticate')).toBe('Bearer realm="wiki.example.com"')
    }
  })

  it('J11 for one host lets nobody in on another', async () => {
    const forPayroll = world.token({ aud: 'https://payroll.example.com' })
    expect((await ask('https://payroll.example.com/', forPayroll)).status).toBe(200)
    expect((await ask('/deploy/now', forPayroll)).status).toBe(401)
    expect((await ask('https://payroll.example.com/', world.token())).status).toBe(401)
  })

  it("is the application's own on a host that takes none, and nobody's here", async () => {
    for (const token of [world.token(), 'garbage']) {
      const answer = await ask('https://shop.example.com/', token)
      expect(answer.status).toBe(401)
      expect(answer.headers.has('www-authenticate')).toBe(false)
      const cookie = await world.logIn('bob', 'https://shop.example.com/')
      expect(header(await ask('https://shop.example.com/', token, { cookie }), 'remote-user')).toBe('bob')
    }
  })

  it('leaves everybody else as they were: a session, nobody, and Basic', async () => {
    const cookie = await world.logIn('alice', `${wiki}/`)
    const alice = await ask('/admin/', undefined, { cookie, headers: [['Authorization', 'Basic Ym9iOng=']] })
    expect(header(alice, 'remote-user')).toBe('alice')
    expect(await world.eventOf(alice)).not.toHaveProperty('credential')
    expect((await ask('/public/a')).status).toBe(200)
    const nobody = await ask('/pages/a', undefined, browser)
    expect(header(nobody, front === 'auth-request' ? 'x-sallyport-redirect' : 'location')).toContain('/login?rd=')
    expect(nobody.headers.has('www-authenticate')).toBe(false)
  })
})

it('J147 a token in a header of the host is taken away under that name, and an Authorization header stays', async () => {
  const other = await startMachines({
    policy: 'p, authenticated, wiki.example.com, /**, *, -, allow\n',
    hosts: [{ host: 'wiki.example.com', bearerFrom: ['prod'], bearerHeader: 'X-Machine-Token', passwords: true }],
    settings: { envoy: { listen: '127.0.0.1:0' } },
  })
  const envoy = createEnvoyClient(other.service.ports().envoy ?? 0)
  try {
    const headers: [string, string][] = [
      ['X-Machine-Token', other.token()],
      ['Authorization', 'Digest username="bob"'],
    ]
    const question = { url: `${wiki}/a`, headers }
    const overHttp = await other.ask('ext-authz', question)
    const removed = (header(overHttp, 'x-envoy-auth-headers-to-remove') ?? '').split(',')
    const { ok_response: overGrpc } = await envoy.check(requestAbout(question))
    for (const names of [removed, overGrpc?.headers_to_remove ?? []]) {
      expect(names).toEqual(expect.arrayContaining(['x-machine-token', 'cookie', 'remote_user']))
      expect(names).not.toContain('authorization')
    }
    const nginx = await other.ask('auth-request', question)
    expect([nginx.status, header(nginx, 'x-sallyport-bearer')]).toEqual([200, undefined])
  } finally {
    envoy.close()
    await other.close()
  }
})

it('each token that lets nobody in is counted by why, and what a token says names no series', async () => {
  const read = async () => {
    const page = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
    const lines = page.split('\n').filter(line => line.startsWith('sallyport_token_refusals_total{'))
    return new Map(lines.map(line => [/reason="([^"]+)"/.exec(line)?.[1], Number(line.split(' ').at(-1))]))
  }
  const before = await read()
  const stranger = createSigningIssuer('https://evil.example', deployer).token(timesNow())
  const forged = createSigningIssuer(world.cluster.issuer, deployer).token(timesNow())
  const old = world.token({ exp: timesNow().iat - 60, iat: timesNow().iat - 90 })
  const kept = world.token()
  for (const token of ['garbage', '', stranger, forged, forged, old, kept, kept]) {
    await world.ask('forward-auth', { url: `${wiki}/deploy/now`, headers: [['Authorization', `Bearer ${token}`]] })
  }
  const after = await read()
  const grown = [...after].flatMap(([reason, count]) => {
    const more = count - (before.get(reason) ?? 0)
    return more === 0 ? [] : [[reason, more]]
  })
  expect(Object.fromEntries(grown)).toEqual({ form: 2, issuer: 1, signature: 2, expired: 1 })
  expect([...after.keys()]).toEqual([...before.keys()])
  expect([...after.keys()].sort()).toEqual(Object.keys(tokenRefusals).sort())
})

it('the denial that NGINX fetches is problem details as well, with the reason that the check gave', async () => {
  const send = (headers: [string, string][]) =>
    world.send('GET /.sallyport/denied HTTP/1.1', [
      ['X-Original-Method', 'GET'],
      ['X-Original-URL', `${wiki}/admin/`],
      ['Accept', 'text/html'],
      ['X-Sallyport-Request-Id', 'r-1'],
      ['Authorization', `Bearer ${world.token()}`],
      ...headers,
    ])
  const answer = await send([['X-Sallyport-Reason', 'no-rule-matched']])
  expect(answer.status).toBe(403)
  expect(header(answer, 'content-type')).toBe('application/problem+json')
  expect(JSON.parse(answer.body)).toMatchObject({ reason: 'no-rule-matched', requestId: 'r-1' })
  for (const reason of ['<script>', 'constructor', '']) {
    expect(JSON.parse((await send([['X-Sallyport-Reason', reason]])).body)).not.toHaveProperty('reason')
  }
})
