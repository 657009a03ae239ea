/** What a bearer token has to be, and what it stands for: one row for each way in which somebody may try. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deepest, faultIn } from '../../app/identity/token/duplicate-names.ts'
import { readToken } from '../../app/identity/token/read-token.ts'
import { TokenRefused, tokenRefusals } from '../../app/identity/token/refusal.ts'
import { type Acceptance, verifyToken } from '../../app/identity/token/verify-token.ts'
import type { User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'
import { createSigningIssuer, deployer, nowSeconds, type SigningIssuer, trust } from './token-issuer.ts'

const cluster = createSigningIssuer('https://kubernetes.default.svc', deployer)
const idp = createSigningIssuer('https://idp.example', { sub: 'robot', client_id: 'robot' })
const github = createSigningIssuer('https://token.actions.githubusercontent.com', {
  sub: 'repo:octo-org/wiki:ref:refs/heads/main',
  repository: 'octo-org/wiki',
  repository_id: '74',
  repository_owner_id: '65',
  run_id: '1',
})
const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  groups: ['ops'],
  claims: {},
}

const prod = trust(cluster, { name: 'prod', kind: 'kubernetes' })
const corp = trust(idp, { name: 'corp', kind: 'openid', personOf: () => alice })
const ci = trust(github, { name: 'github', kind: 'github-actions' })
const all: Acceptance = { issuers: [prod, corp, ci].map(({ trusted }) => trusted) }

const verify = (token: string, acceptance = all, seconds = nowSeconds) => verifyToken(token, acceptance, seconds * 1000)

async function reasonOf(token: string, acceptance = all, seconds = nowSeconds): Promise<string> {
  try {
    const { identity } = await verify(token, acceptance, seconds)
    return `let in ${identity.subject}`
  } catch (error) {
    return error instanceof TokenRefused ? error.reason : String(error)
  }
}

const accessToken = { header: { typ: 'at+jwt' } }
const at = (claims: object, token = idp.token(claims, accessToken)) => token
const seconds = (claims: Readonly<Record<string, number | string | undefined>>) => cluster.token(claims)

describe('a token of a service account', () => {
  it('is the account, with uid, pod and node', async () => {
    const { identity, credential, expiresAtMs } = await verify(cluster.token())
    expect(identity).toEqual({
      kind: 'machine',
      subject: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
      provider: 'prod',
      groups: [],
      serviceAccount: 'prod/ci/deployer',
      claims: { 'kubernetes.io': deployer['kubernetes.io'] },
    })
    expect(Object.isFrozen(identity)).toBe(true)
    expect(credential).toEqual({ credential: 'service-account-token', credentialIssuer: 'prod', credentialId: 'id-1' })
    expect(expiresAtMs).toBe((nowSeconds + 630) * 1000)
  })

  it('J03 for the API server is refused, with how to get one that is for us', async () => {
    for (const aud of [['https://kubernetes.default.svc'], 'https://kubernetes.default.svc', [], undefined]) {
      await expect(verify(cluster.token({ aud }))).rejects.toThrow(
        'the token is for another audience: project a token with audience sallyport into the pod (volumes, projected, ' +
          'serviceAccountToken), or use kubectl create token --audience=sallyport',
      )
    }
    expect(await reasonOf(cluster.token({ aud: ['https://kubernetes.default.svc', 'sallyport'] }))).toBe(
      'other-audience',
    )
  })

  it('J06 a legacy one, which never expires and is for anybody, is refused as such', async () => {
    const claims = { iss: 'kubernetes/serviceaccount', aud: undefined, exp: undefined, iat: undefined, nbf: undefined }
    expect(await reasonOf(cluster.token(claims))).toBe('legacy')
  })

  it.each([
    ['another name in sub', { sub: 'system:serviceaccount:ci:admin' }, 'claim'],
    [
      'a namespace with a slash',
      { 'kubernetes.io': { ...deployer['kubernetes.io'], namespace: 'ci/kube-system' } },
      'claim',
    ],
    ['no account', { 'kubernetes.io': { namespace: 'ci' } }, 'claim'],
    ['an account without uid', { 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'deployer' } } }, 'claim'],
    ['claims that are none', { 'kubernetes.io': 'ci' }, 'claim'],
    ['no claims of the cluster', { 'kubernetes.io': undefined }, 'claim'],
  ])('with %s is none', async (_what, claims, reason) => {
    expect(await reasonOf(cluster.token(claims))).toBe(reason)
  })

  it('J09 of two clusters with one issuer is that of the cluster whose key signed it', async () => {
    const other = createSigningIssuer(cluster.issuer, deployer, 'second')
    const staging = trust(other, { name: 'staging', kind: 'kubernetes' })
    const both = { issuers: [prod.trusted, staging.trusted] }
    expect((await verify(other.token(), both)).identity).toMatchObject({ serviceAccount: 'staging/ci/deployer' })
    expect((await verify(cluster.token(), both)).identity).toMatchObject({ serviceAccount: 'prod/ci/deployer' })
    expect(await reasonOf(other.token({}, { header: { kid: 'first' } }), both)).toBe('signature')
    const copy = trust(cluster, { name: 'copy', kind: 'kubernetes' })
    await copy.trusted.keys.holding('first')
    expect(await reasonOf(cluster.token(), { issuers: [prod.trusted, copy.trusted] })).toBe('key')
  })
})

describe('an access token', () => {
  it.each([
    ['RFC 9068', { typ: 'at+jwt' }, { sub: 'robot', client_id: 'robot' }],
    ['RFC 9068 with the long type', { typ: 'application/at+jwt' }, { sub: 'robot', client_id: 'robot' }],
    [
      'Keycloak',
      { typ: 'JWT' },
      {
        sub: 'b7c1',
        typ: 'Bearer',
        azp: 'robot',
        client_id: 'robot',
        preferred_username: 'service-account-robot',
        acr: '1',
      },
    ],
    [
      'Entra ID 1.0',
      { typ: 'JWT' },
      { sub: 'o1', oid: 'o1', appid: 'robot', appidacr: '1', client_id: undefined, ver: '1.0' },
    ],
    [
      'Entra ID 2.0',
      { typ: 'JWT' },
      { sub: 'o1', oid: 'o1', azp: 'robot', azpacr: '1', client_id: undefined, idtyp: 'app' },
    ],
    ['Okta', {}, { sub: 'robot', cid: 'robot', scp: ['deploy'], client_id: undefined }],
    [
      'Auth0',
      { typ: 'JWT' },
      { sub: 'robot@clients', azp: 'robot', gty: 'client-credentials', scope: 'deploy', client_id: undefined },
    ],
  ])('of a client, as %s makes it, is the client', async (_product, header, claims) => {
    const { identity, credential } = await verify(idp.token(claims, { header }))
    expect(identity).toMatchObject({ kind: 'machine', client: 'corp/robot', provider: 'corp', groups: [] })
    expect(credential).toMatchObject({ credential: 'client-token', credentialIssuer: 'corp' })
  })

  it.each([
    ['RFC 9068', { typ: 'at+jwt' }, { sub: 'alice' }],
    ['a person with the name of the client', { typ: 'at+jwt' }, { sub: 'robot', auth_time: nowSeconds }],
    ['Keycloak', { typ: 'JWT' }, { sub: 'a1', typ: 'Bearer', azp: 'robot', preferred_username: 'alice', sid: 's' }],
    [
      'Keycloak, with a name like that of an account behind a client',
      { typ: 'JWT' },
      { sub: 'a1', typ: 'Bearer', azp: 'robot', preferred_username: 'service-account-robot', sid: 's' },
    ],
    [
      'Entra ID',
      { typ: 'JWT' },
      { sub: 'p1', oid: 'o1', azp: 'robot', azpacr: '1', scp: 'read', client_id: undefined },
    ],
    ['Okta', {}, { sub: 'alice@corp.example', uid: 'u1', cid: 'robot', scp: ['read'], client_id: undefined }],
    ['Auth0', { typ: 'JWT' }, { sub: 'auth0|alice', azp: 'robot', scope: 'read', client_id: undefined }],
  ])('J10 of a person, as %s makes it, is never the client', async (_product, header, claims) => {
    const token = idp.token(claims, { header })
    expect((await verify(token)).identity).toBe(alice)
    const { personOf: _, ...withoutPeople } = corp.trusted
    expect(await reasonOf(token, { issuers: [withoutPeople] })).toBe('person')
  })

  it.each([
    ['an ID token', { typ: 'JWT' }, { nonce: 'n' }, 'identity-token'],
    ['an ID token of an authorization code', {}, { at_hash: 'h' }, 'identity-token'],
    ['an ID token that says nothing more', { typ: 'JWT' }, {}, 'identity-token'],
    ['an ID token that calls itself an access token', { typ: 'at+jwt' }, { nonce: 'n' }, 'identity-token'],
    ['an ID token of Keycloak', { typ: 'JWT' }, { typ: 'ID', azp: 'robot' }, 'identity-token'],
    ['a refresh token of Keycloak', { typ: 'JWT' }, { typ: 'Refresh', scope: 'x' }, 'type'],
    ['a log-out token', { typ: 'logout+jwt' }, {}, 'type'],
    ['an event', { typ: 'JWT' }, { events: {}, scope: 'x' }, 'type'],
    ['a token of another kind', { typ: 'dpop+jwt' }, {}, 'type'],
  ])('J02 is not %s', async (_what, header, claims, reason) => {
    expect(await reasonOf(idp.token(claims, { header }))).toBe(reason)
  })

  it.each([
    ['none', { client_id: undefined, sub: 'x' }],
    ['two', { azp: 'other' }],
    ['one that is no text', { client_id: 7 }],
    ['one with a line break', { client_id: 'robot\nadmin', sub: 'robot\nadmin' }],
  ])('that names %s as its client is refused', async (_what, claims) => {
    expect(['client', 'claim']).toContain(await reasonOf(at(claims)))
  })
})

describe('a token of a job', () => {
  it('is the client that its sub names, whole', async () => {
    const { identity } = await verify(github.token())
    expect(identity).toMatchObject({
      client: 'github/repo:octo-org/wiki:ref:refs/heads/main',
      claims: { repository: 'octo-org/wiki', repository_id: '74' },
    })
    for (const gone of ['exp', 'iat', 'nbf', 'jti', 'aud']) expect(identity.claims).not.toHaveProperty(gone)
  })

  it('without what tells repositories apart is refused', async () => {
    expect(await reasonOf(github.token({ repository_id: undefined }))).toBe('claim')
  })

  it('may be called as JWT-SVIDs are', async () => {
    const spire = createSigningIssuer('https://spire.example', { sub: 'spiffe://example.org/robot' })
    const acceptance = { issuers: [trust(spire, { name: 'spire', kind: 'generic' }).trusted] }
    const identity = `let in https://spire.example#spiffe://example.org/robot`
    expect(await reasonOf(spire.token({}, { header: { typ: 'JOSE' } }), acceptance)).toBe(identity)
    expect(await reasonOf(spire.token({}, { header: { typ: 'at+jwt' } }), acceptance)).toBe('type')
  })

  it('may be named by another claim', async () => {
    const wide = trust(github, { name: 'github', kind: 'github-actions', clientClaim: 'repository' })
    const { identity } = await verify(github.token(), { issuers: [wide.trusted] })
    expect(identity).toMatchObject({ client: 'github/octo-org/wiki' })
  })
})

describe('every token', () => {
  it.each([
    ['prod' as const, cluster],
    ['corp' as const, idp],
    ['github' as const, github],
  ])('of %s needs its signature', async (name, issuer) => {
    const header = name === 'corp' ? { typ: 'at+jwt' } : {}
    const mallory = createSigningIssuer(issuer.issuer, {}, 'first')
    const [head, body] = issuer.token({}, { header }).split('.')
    const forged = mallory.token({}, { header }).split('.')[2]
    expect(await reasonOf(`${head}.${body}.${forged}`)).toBe('signature')
  })

  it('J01 is not signed by anybody: alg none, or a public key as a shared secret', async () => {
    const [, body] = cluster.token().split('.')
    const head = (alg: string) => Buffer.from(JSON.stringify({ alg, kid: 'first' })).toString('base64url')
    for (const alg of ['none', 'None', 'NONE', '']) expect(await reasonOf(`${head(alg)}.${body}.AA`)).toBe('algorithm')
    const pem = cluster.publicKey.export({ format: 'pem', type: 'spki' })
    const signed = `${head('HS256')}.${body}`
    const mac = createHmac('sha256', pem).update(signed).digest('base64url')
    expect(await reasonOf(`${signed}.${mac}`)).toBe('algorithm')
    for (const part of [`${head('none')}.${body}.`, `${head('none')}.${body}`])
      expect(await reasonOf(part)).toBe('form')
  })

  it('J01 is signed with the algorithm of its key, and with one that the issuer may use', async () => {
    expect(await reasonOf(cluster.token({}, { header: { alg: 'RS256' } }))).toBe('algorithm')
    expect(await reasonOf(cluster.token({}, { header: { alg: 'ES384' } }))).toBe('algorithm')
    const onlyRsa = trust(cluster, { kind: 'kubernetes', algorithms: ['RS256'] })
    expect(await reasonOf(cluster.token(), { issuers: [onlyRsa.trusted] })).toBe('algorithm')
  })

  it.each([
    ['begins like ours', 'sallyport-staging'],
    ['ends before ours does', 'sally'],
    ['is ours in capitals', 'Sallyport'],
    ['is a list that begins like ours', ['sallyport/admin']],
    ['is a number', 7],
    ['is an object', { sallyport: true }],
    ['is a text with several', 'sallyport other'],
  ])('J04 needs our audience, not one that %s', async (_what, aud) => {
    expect(await reasonOf(cluster.token({ aud }))).toBe('audience')
  })

  it('J04 is for us alone, unless the configuration names who else', async () => {
    expect(await reasonOf(cluster.token({ aud: ['sallyport', 'account'] }))).toBe('other-audience')
    const lax = trust(cluster, { kind: 'kubernetes', otherAudiences: ['account'] })
    const acceptance = { issuers: [lax.trusted] }
    expect(await reasonOf(cluster.token({ aud: ['account', 'sallyport'] }), acceptance)).toMatch(/^let in/)
    expect(await reasonOf(cluster.token({ aud: ['account'] }), acceptance)).toBe('audience')
    expect(await reasonOf(cluster.token({ aud: ['sallyport', 'account', 'x'] }), acceptance)).toBe('other-audience')
  })

  it('J11 for one host is worth nothing on another', async () => {
    const payroll = { ...all, audience: 'https://payroll.example.com' }
    expect(await reasonOf(cluster.token(), payroll)).toBe('audience')
    expect(await reasonOf(cluster.token({ aud: 'https://payroll.example.com' }), payroll)).toMatch(/^let in/)
    expect(await reasonOf(cluster.token({ aud: 'https://payroll.example.com' }))).toBe('audience')
  })

  it.each([
    'https://kubernetes.default.svc/',
    'https://kubernetes.default.sv',
    'HTTPS://kubernetes.default.svc',
    'https://kubernetes.default.svc.evil.example',
    ['https://kubernetes.default.svc'],
    undefined,
    7,
  ])('J05 has the issuer character by character: not %s', async iss => {
    expect(await reasonOf(cluster.token({ iss }))).toBe('issuer')
  })

  it('J05 of ten thousand other issuers makes no call, and nothing is kept of one', async () => {
    const fresh = trust(cluster, { kind: 'kubernetes' })
    for (let index = 0; index < 10_000; index += 1) {
      const head = 'eyJhbGciOiJFUzI1NiJ9'
      const body = Buffer.from(JSON.stringify({ iss: `https://${index}.example` })).toString('base64url')
      expect(await reasonOf(`${head}.${body}.AAAA`, { issuers: [fresh.trusted] })).toBe('issuer')
    }
    expect(fresh.reads).toBe(0)
  })

  it.each([
    ['exp as text', { exp: `${nowSeconds + 600}` }, 'claim'],
    ['no exp', { exp: undefined }, 'claim'],
    ['iat as text', { iat: `${nowSeconds}` }, 'claim'],
    ['no iat', { iat: undefined }, 'claim'],
    ['nbf as text', { nbf: 'now' }, 'claim'],
    ['an end before its beginning', { exp: nowSeconds + 5, iat: nowSeconds + 10, nbf: undefined }, 'lifetime'],
    ['a life of two days', { exp: nowSeconds + 2 * 86_400 }, 'lifetime'],
    ['an end of a year', { exp: nowSeconds + 31_536_000 }, 'lifetime'],
    ['a clock 90 s ahead of ours', { iat: nowSeconds + 90, nbf: undefined }, 'not-yet'],
    ['a beginning 90 s ahead', { nbf: nowSeconds + 90 }, 'not-yet'],
    ['an end 90 s ago', { exp: nowSeconds - 90, iat: nowSeconds - 600, nbf: undefined }, 'expired'],
    ['an end at the very edge', { exp: nowSeconds - 30, iat: nowSeconds - 600, nbf: undefined }, 'expired'],
  ])('J07 has numbers for its times, and not %s', async (_what, claims, reason) => {
    expect(await reasonOf(seconds(claims))).toBe(reason)
  })

  it('J07 of a clock that is 25 s off counts', async () => {
    expect(await reasonOf(seconds({ iat: nowSeconds + 25, nbf: nowSeconds + 25 }))).toMatch(/^let in/)
    expect(await reasonOf(seconds({ exp: nowSeconds - 25, iat: nowSeconds - 600 }))).toMatch(/^let in/)
    const patient = trust(cluster, { kind: 'kubernetes', clockToleranceSeconds: 120 })
    const late = seconds({ iat: nowSeconds + 90, nbf: undefined })
    expect(await reasonOf(late, { issuers: [patient.trusted] })).toMatch(/^let in/)
  })

  const jwt = (text: string, header: object = {}) => cluster.token({}, { text, header })
  const usual = JSON.stringify({
    iss: cluster.issuer,
    aud: 'sallyport',
    iat: nowSeconds,
    exp: nowSeconds + 60,
    ...deployer,
  })
  it.each([
    ['aud', usual.replace('"aud":', '"aud":"evil","aud":'), 'duplicate'],
    ['sub, the second one written with escapes', usual.replace('"sub":', '"sub":"x","\\u0073ub":'), 'duplicate'],
    ['name, within another claim', usual.replace('"name":"deployer"', '"name":"x","name":"deployer"'), 'duplicate'],
    ['nothing', usual, 'let in https://kubernetes.default.svc#system:serviceaccount:ci:deployer'],
  ])('J08 says %s twice', async (_what, text, reason) => {
    expect(await reasonOf(jwt(text))).toBe(reason)
  })

  it.each([
    ['nothing', ''],
    ['one part', 'eyJhbGciOiJFUzI1NiJ9'],
    ['five parts, as encrypted ones have', 'a.b.c.d.e'],
    ['no base64url', 'e+/=.e30.AA'],
    ['a second spelling of its bytes', cluster.token().replace(/.$/, last => (last === 'A' ? 'B' : 'A'))],
    ['no JSON', jwt('{')],
    ['a list', jwt('[]')],
    ['null', jwt('null')],
    ['bytes that are no UTF-8', `eyJhbGciOiJFUzI1NiJ9.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AA`],
    ['critical headers', cluster.token({}, { header: { crit: ['b64'], b64: false } })],
    ['critical headers that are empty', cluster.token({}, { header: { crit: [] } })],
  ])('J12 has the form of one: not %s', async (_what, token) => {
    expect(['form', 'signature']).toContain(await reasonOf(token))
  })

  it('J12 is at most 8 KiB long', async () => {
    expect(await reasonOf(cluster.token({ padding: 'x'.repeat(1_048_576) }))).toBe('size')
    expect(await reasonOf(cluster.token({ padding: 'x'.repeat(9_000) }))).toBe('size')
    expect(await reasonOf(cluster.token({ padding: 'x'.repeat(4_000) }))).toMatch(/^let in/)
  })

  it.each([
    ['a path', { kid: '../../../../etc/passwd' }, 'key'],
    ['an address', { kid: 'https://evil.example/key' }, 'key'],
    ['a statement', { kid: "' OR 1=1 --" }, 'key'],
    ['a long text', { kid: 'k'.repeat(300) }, 'key'],
    ['a number', { kid: 1 }, 'key'],
    ['the property of an object', { kid: 'constructor' }, 'key'],
  ])('J13 names its key by a name of the set: not by %s', async (_what, header, reason) => {
    expect(await reasonOf(cluster.token({}, { header }))).toBe(reason)
  })

  it('J13 brings no key along, and no place where one is', async () => {
    const mallory = createSigningIssuer(cluster.issuer, deployer, 'first')
    const [jwk] = mallory.jwks().keys
    for (const header of [
      { jwk },
      { jku: 'https://evil.example/jwks' },
      { x5u: 'https://evil.example/pem' },
      { x5c: ['MIIB'], x5t: 'abc' },
    ]) {
      expect(await reasonOf(mallory.token({}, { header }))).toBe('signature')
      expect(await reasonOf(mallory.token({}, { header: { ...header, kid: undefined } }))).toBe('signature')
    }
  })

  it('J60 that is bound to a key of its bearer is no bearer token, whoever made it', async () => {
    const bound = { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }
    expect(await reasonOf(cluster.token(bound))).toBe('bound')
    expect(await reasonOf(idp.token(bound, accessToken))).toBe('bound')
    expect(await reasonOf(github.token({ cnf: null }))).toBe('bound')
  })

  it('whatever text it is, is let in or refused for a reason', async () => {
    const part = fc.oneof(
      fc.base64String().map(text => text.replace(/[+/=]/g, '_')),
      fc.json().map(text => Buffer.from(text).toString('base64url')),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(part, part, part).map(parts => parts.join('.')),
        ),
        async text => {
          await expect(verify(text)).rejects.toBeInstanceOf(TokenRefused)
        },
      ),
    )
  })
})

describe('keys of an issuer', () => {
  const world = (settings: Partial<{ read: () => Promise<unknown> }> = {}) => {
    const issuer: SigningIssuer = createSigningIssuer('https://kubernetes.default.svc', deployer)
    let ms = 1_000_000
    const believed = trust(issuer, { kind: 'kubernetes', now: () => ms, ...settings })
    const acceptance: Acceptance = { issuers: [believed.trusted] }
    const wait = (millis: number) => {
      ms += millis
    }
    return { issuer, believed, acceptance, wait, reason: (token: string) => reasonOf(token, acceptance) }
  }

  it('J14 are read once for however many wait', async () => {
    const { issuer, believed, reason } = world()
    const reasons = await Promise.all(Array.from({ length: 50 }, () => reason(issuer.token())))
    expect(new Set(reasons).size).toBe(1)
    expect(believed.reads).toBe(1)
  })

  it('J14 that are new are looked for at once, and unknown names make us look once in 30 s', async () => {
    const { issuer, believed, reason, wait } = world()
    expect(await reason(issuer.token())).toMatch(/^let in/)
    wait(1_000)
    issuer.rotate()
    expect(await reason(issuer.token())).toMatch(/^let in/)
    expect(believed.reads).toBe(2)
    wait(1_000)
    for (let index = 0; index < 100; index += 1) {
      expect(await reason(issuer.token({}, { header: { kid: `made-up-${index}` } }))).toBe('key')
    }
    expect(believed.reads).toBe(3)
    wait(30_000)
    issuer.rotate()
    expect(await reason(issuer.token())).toMatch(/^let in/)
    expect(believed.reads).toBe(4)
  })

  it('J15 that cannot be read let nobody in, and are asked for once in five seconds', async () => {
    const { issuer, believed, reason, wait } = world({ read: () => Promise.reject(new Error('down')) })
    for (let index = 0; index < 20; index += 1)
      expect(await reason(issuer.token())).toMatch(/can(?:not| not)? be read|could not be read/)
    expect(believed.reads).toBe(1)
    wait(5_000)
    expect(await reason(issuer.token())).toContain('cannot be read')
    expect(believed.reads).toBe(2)
  })

  it('J15 that were read last count for an hour while the issuer is silent, and then no more', async () => {
    let isDown = false
    const issuer = createSigningIssuer('https://kubernetes.default.svc', deployer)
    let ms = 0
    const read = async () => {
      if (isDown) throw new Error('down')
      return issuer.jwks()
    }
    const { trusted } = trust(issuer, { kind: 'kubernetes', now: () => ms, read })
    const acceptance = { issuers: [trusted] }
    expect(await reasonOf(issuer.token(), acceptance)).toMatch(/^let in/)
    isDown = true
    ms += 3_500_000
    expect(await reasonOf(issuer.token(), acceptance)).toMatch(/^let in/)
    ms += 200_000
    expect(await reasonOf(issuer.token(), acceptance)).toContain('cannot be read')
    expect(trusted.keys.current()).toBeUndefined()
    isDown = false
    ms += 5_000
    expect(await reasonOf(issuer.token(), acceptance)).toMatch(/^let in/)
  })

  it('J15 of a silent issuer keep nobody waiting whose key another one has', async () => {
    const silent = trust(createSigningIssuer(cluster.issuer, {}, 'other'), {
      name: 'silent',
      kind: 'kubernetes',
      read: () => new Promise(() => undefined),
    })
    await verify(cluster.token())
    const both = { issuers: [silent.trusted, prod.trusted] }
    expect((await verify(cluster.token(), both)).identity).toMatchObject({ serviceAccount: 'prod/ci/deployer' })
    expect(silent.reads).toBe(0)
  })

  it.each([
    ['a shared secret', [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first' }]],
    ['a private key', [{ ...cluster.jwks().keys[0], d: 'AA' }]],
    ['a key to encrypt with', [{ ...cluster.jwks().keys[0], use: 'enc' }]],
    ['nothing', []],
    ['no list', 'keys'],
  ])('J01 that are %s are none', async (_what, keys) => {
    const { issuer, reason } = world({ read: async () => ({ keys }) })
    expect(await reason(issuer.token())).toContain('cannot be read')
  })
})

describe('names that stand twice', () => {
  it('are found in whatever JSON, and only there', () => {
    fc.assert(fc.property(fc.json(), text => faultIn(text) === undefined))
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(names, fc.json(), (list, value) => {
        const members = [...list, list[0] ?? ''].map(name => `${JSON.stringify(name)}:${value}`)
        return faultIn(`[{"a":{${members.join(',')}}}]`) === 'duplicate'
      }),
    )
  })
})

describe('what is nested too deeply', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

  it('is found at any place, and brackets in a text are none', () => {
    expect(faultIn(nested(deepest))).toBeUndefined()
    expect(faultIn(nested(deepest + 1))).toBe('depth')
    expect(faultIn(`${'{"a":'.repeat(deepest + 1)}1${'}'.repeat(deepest + 1)}`)).toBe('depth')
    expect(faultIn(JSON.stringify({ a: '['.repeat(5_000), b: Array.from({ length: 100 }, () => []) }))).toBeUndefined()
  })

  it.each([deepest, 500, 2_800])('J62 makes a token with claims of %i more levels none', depth => {
    const issuer = createSigningIssuer('https://robots.example')
    expect(() => readToken(issuer.token({}, { text: `{"x":${nested(depth)}}` }))).toThrow(tokenRefusals.form)
    expect(readToken(issuer.token({}, { text: `{"x":${nested(deepest - 1)}}` })).claims).toHaveProperty('x')
  })
})
