/** Access tokens by themselves: what verifies, what does not, and that no text makes the verification throw. */
import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { signJwt } from '../../app/assertion/sign.ts'
import type { PublicJwk, SigningKey } from '../../app/assertion/signing-keys.ts'
import { createKubeTokens } from '../../app/grants/kube-tokens.ts'
import { createSeal } from '../../app/sessions/records/seal.ts'
import { fc } from '../properties.ts'
import { createMovableClock, loginOf, secrets } from '../sessions/fixtures.ts'

async function newKey(kid: string, algorithm: 'ES256' | 'EdDSA' = 'ES256'): Promise<SigningKey> {
  const pair =
    algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  const { kty, crv, x, y } = await exportJWK(pair.publicKey)
  const publicJwk = { kty, crv, x, ...(y === undefined ? {} : { y }), kid, alg: algorithm, use: 'sig' } as PublicJwk
  return { kid, algorithm, privateKey: pair.privateKey, publicJwk }
}

const issuer = 'https://auth.example.com/kube'
const prod = 'https://k8s.example.com/clusters/prod'
const lab = 'https://k8s.example.com/clusters/lab'

async function fixture(algorithm: 'ES256' | 'EdDSA' = 'ES256') {
  const clock = createMovableClock()
  const key = await newKey('key-1', algorithm)
  let published = [key.publicJwk]
  let looks = 0
  const { seal, unseal } = createSeal(secrets)
  const tokens = createKubeTokens({
    keys: {
      current: () => key,
      jwks: () => {
        looks += 1
        return { keys: published }
      },
    },
    sign: signJwt,
    issuer,
    lifetimeSeconds: 300,
    clock,
    sealSession: {
      seal: (id, sessionId) => seal('token-session', id, Buffer.from(sessionId)).toString('base64url'),
      unseal: (id, sealed) => unseal('token-session', id, Buffer.from(sealed, 'base64url'))?.toString(),
    },
    sessionDigest: () => 'digest-of-session',
    findClaim: (claims, path) => claims[path],
  })
  const login = loginOf('alice', clock)
  const request = { sessionId: 'the-id-of-a-session', login, userClaim: 'email', sessionEndsAt: login.startedAt + 3600 }
  const issue = (audience = prod, more: Partial<typeof request> = {}) =>
    tokens.issue({ ...request, audience, ...more }).token
  const forge = (claims: Record<string, unknown>, header: Record<string, unknown> = {}, by = key) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: by.algorithm, typ: 'at+jwt', kid: by.kid, ...header })
      .sign(by.privateKey)
  const publish = (keys: PublicJwk[]) => {
    published = keys
  }
  return { clock, key, tokens, issue, forge, publish, looks: () => looks, login }
}

const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

describe.each(['ES256', 'EdDSA'] as const)('an access token signed with %s', algorithm => {
  it('leads to its session, at the audience that it is for', async () => {
    const { tokens, issue } = await fixture(algorithm)
    const verdict = await tokens.verify(issue(), prod)
    expect(verdict).toMatchObject({
      isValid: true,
      sessionId: 'the-id-of-a-session',
      claims: { aud: prod, groups: ['ops'] },
    })
  })
})

describe('an access token', () => {
  it('holds no session id that anybody could read', async () => {
    const { issue } = await fixture()
    expect(Buffer.from(issue().split('.')[1] ?? '', 'base64url').toString()).not.toContain('the-id-of-a-session')
  })

  it('L10 is worthless at any other audience, also after it was seen', async () => {
    const { tokens, issue } = await fixture()
    const token = issue(prod)
    await tokens.verify(token, prod)
    for (const audience of [lab, `${prod}/`, 'prod', '', issuer, prod.toUpperCase()]) {
      expect(await tokens.verify(token, audience)).toEqual({ isValid: false, reason: 'audience' })
    }
  })

  it('ends at its time, also after it was seen, and never after its session', async () => {
    const { tokens, issue, clock } = await fixture()
    const token = issue()
    expect(await tokens.verify(token, prod)).toMatchObject({ isValid: true })
    const short = tokens.issue({
      sessionId: 's',
      login: loginOf('alice', clock),
      audience: prod,
      userClaim: 'sub',
      sessionEndsAt: clock.now() / 1000 + 20,
    })
    expect(short.expiresAt - clock.now() / 1000).toBe(20)
    clock.advance(300)
    expect(await tokens.verify(token, prod)).toEqual({ isValid: false, reason: 'expired' })
    expect(await tokens.verify(issue().replace(/^/, ''), prod)).toMatchObject({ isValid: true })
  })

  it('is at hand without a promise once it was seen, and no key is looked at again', async () => {
    const { tokens, issue, looks } = await fixture()
    const token = issue()
    const first = await tokens.verify(token, prod)
    const before = looks()
    const second = tokens.verify(token, prod)
    expect(second).not.toBeInstanceOf(Promise)
    expect(second).toBe(first)
    expect(looks()).toBe(before)
  })

  it('counts while its key is published, which may be another one by now', async () => {
    const { tokens, issue, publish, key } = await fixture()
    const other = await newKey('key-2')
    publish([other.publicJwk, key.publicJwk])
    expect(await tokens.verify(issue(), prod)).toMatchObject({ isValid: true })
    publish([other.publicJwk])
    expect(await tokens.verify(issue(), prod)).toEqual({ isValid: false, reason: 'signature' })
  })

  it('leaves out groups that do not fit, and says how many there are', async () => {
    const { issue, login } = await fixture()
    const groups = Array.from({ length: 400 }, (_, index) => `a-rather-long-group-${index}`)
    const token = issue(prod, { login: { ...login, identity: { ...login.identity, groups } } })
    expect(payloadOf(token)).not.toHaveProperty('groups')
    expect(payloadOf(token).groups_omitted).toBe(400)
    expect(token.length).toBeLessThan(8192)
  })

  it('calls nobody by a claim that they do not have', async () => {
    const { issue, login } = await fixture()
    expect(payloadOf(issue(prod, { userClaim: 'employee' }))).not.toHaveProperty('username')
    const claims = { employee: 'e-4711' }
    const named = { ...login, identity: { ...login.identity, claims } }
    expect(payloadOf(issue(prod, { userClaim: 'employee', login: named })).username).toBe('e-4711')
  })
})

describe('L17 a token that is forged or taken from elsewhere is refused', () => {
  it.each([
    ['type', { typ: 'JWT' }],
    ['type', { typ: undefined }],
    ['type', { typ: 'logout+jwt' }],
  ])('by %s %j', async (reason, header) => {
    const { tokens, issue, forge } = await fixture()
    expect(await tokens.verify(await forge(payloadOf(issue()), header), prod)).toEqual({ isValid: false, reason })
  })

  it('as an assertion, which the same key signs', async () => {
    const { tokens, issue, forge } = await fixture()
    const claims = { ...payloadOf(issue()), iss: 'https://auth.example.com' }
    expect(await tokens.verify(await forge(claims), prod)).toEqual({ isValid: false, reason: 'issuer' })
  })

  it('with a signature of somebody else, or none', async () => {
    const { tokens, issue, forge, key } = await fixture()
    const [header = '', payload = ''] = issue().split('.')
    const other = { ...(await newKey('other')), kid: key.kid }
    expect(await tokens.verify(await forge(payloadOf(issue()), {}, other), prod)).toMatchObject({ reason: 'signature' })
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
    for (const text of [`${none}.${payload}.`, `${header}.${payload}.`, `${header}.${payload}`]) {
      expect(await tokens.verify(text, prod)).toMatchObject({ isValid: false })
    }
  })

  it('with the public key taken for a shared secret', async () => {
    const { tokens, issue, key } = await fixture()
    const secret = new TextEncoder().encode(JSON.stringify(key.publicJwk))
    const token = await new SignJWT(payloadOf(issue()))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })
      .sign(secret)
    expect(await tokens.verify(token, prod)).toEqual({ isValid: false, reason: 'signature' })
  })

  it('with the sealed session of another token', async () => {
    const { tokens, issue, forge } = await fixture()
    const [own, other] = [payloadOf(issue()), payloadOf(issue(lab))]
    const claims = { ...own, sallyport_session: other.sallyport_session }
    expect(await tokens.verify(await forge(claims), prod)).toEqual({ isValid: false, reason: 'session' })
  })

  it('with a list of audiences, or without a claim that is needed', async () => {
    const { tokens, issue, forge } = await fixture()
    const claims = payloadOf(issue())
    expect(await tokens.verify(await forge({ ...claims, aud: [prod, lab] }), prod)).toMatchObject({ isValid: false })
    for (const name of ['aud', 'exp', 'iat', 'jti', 'sub', 'sid', 'sallyport_session', 'iss']) {
      const { [name]: _left, ...rest } = claims
      expect(await tokens.verify(await forge(rest), prod), name).toMatchObject({ isValid: false })
    }
  })

  it('whatever text comes', async () => {
    const { tokens, issue } = await fixture()
    const good = issue()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          fc.tuple(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 })).map(([at, text]) => {
            return good.slice(0, at) + text + good.slice(at + text.length)
          }),
          fc.nat(good.length - 1).map(length => good.slice(0, length)),
        ),
        async text => {
          const verdict = await tokens.verify(text, prod)
          // The last character of base64url has bits that count for nothing.
          return text === good || !verdict.isValid || text.slice(0, -1) === good.slice(0, -1)
        },
      ),
    )
    expect(await tokens.verify('a'.repeat(10_000), prod)).toEqual({ isValid: false, reason: 'malformed' })
  })
})
