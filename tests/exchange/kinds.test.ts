/** J26: the three kinds of tokens that our keys sign, each offered in the place of each other one. */
import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAssertionSigner, signJwt } from '../../app/assertion/sign.ts'
import type { PublicJwk, SigningKey } from '../../app/assertion/signing-keys.ts'
import { createKubeTokens } from '../../app/grants/kube-tokens.ts'
import { createOwnIssuer } from '../../app/identity/token/own-issuer.ts'
import { verifySigned } from '../../app/identity/token/verify-token.ts'
import { createMovableClock, loginOf } from '../sessions/fixtures.ts'

const url = 'https://auth.example.com'
const host = 'wiki.example.com'
const cluster = 'https://k8s.example.com/clusters/prod'

function fixture() {
  const clock = createMovableClock()
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' } as PublicJwk
  const key: SigningKey = { kid: 'k', algorithm: 'ES256', privateKey, publicJwk }
  const jwks = () => ({ keys: [publicJwk] })
  const keys = { current: () => key, jwks }
  const login = loginOf('alice', clock)
  const now = Math.floor(clock.now() / 1000)
  const kube = createKubeTokens({
    keys,
    sign: signJwt,
    issuer: `${url}/kube`,
    lifetimeSeconds: 300,
    clock,
    sealSession: { seal: (_id, session) => session, unseal: (_id, sealed) => sealed },
    sessionDigest: () => 'digest',
    findClaim: (claims, path) => claims[path],
  })
  const own = createOwnIssuer({ name: 'sallyport', issuer: `${url}/token`, algorithm: 'ES256', jwks })
  const claims = (iss: string, aud: string) => ({ iss, aud, sub: 'a#b', jti: 'id', iat: now, exp: now + 60 })
  return {
    clock,
    claims,
    sign: (given: object, typ: string) => signJwt(key, { ...given }, typ),
    tokens: {
      assertion: createAssertionSigner({ keys, issuer: url, lifetimeSeconds: 60, clock })(login.identity, {
        audience: `https://${host}`,
      }),
      kube: kube.issue({
        sessionId: 'session',
        login,
        audience: cluster,
        userClaim: 'email',
        sessionEndsAt: now + 3600,
      }).token,
      exchanged: signJwt(key, claims(`${url}/token`, host), 'at+jwt'),
    },
    takers: {
      /** As an application verifies it. */
      assertion: (token: string, audience = `https://${host}`) =>
        jwtVerify(token, createLocalJWKSet({ keys: [{ ...publicJwk }] }), {
          issuer: url,
          audience,
          currentDate: new Date(clock.now()),
        }).then(
          () => true,
          () => false,
        ),
      kube: async (token: string, audience = cluster) => (await kube.verify(token, audience)).isValid,
      exchanged: (token: string, audience = host) =>
        verifySigned(token, { issuers: [own], audience }, clock.now()).then(
          () => true,
          () => false,
        ),
    },
  }
}

const kinds = ['assertion', 'kube', 'exchanged'] as const

describe.each(kinds)('J26 an offered %s', offered => {
  it.each(kinds)('as %s counts only as what it is', async taken => {
    const { tokens, takers } = fixture()
    expect(await takers[taken](tokens[offered])).toBe(offered === taken)
  })

  it.each(kinds)('as %s counts for nothing with the audience of that', async taken => {
    const { claims, sign, takers } = fixture()
    const issuers = { assertion: url, kube: `${url}/kube`, exchanged: `${url}/token` }
    const types = { assertion: 'JWT', kube: 'at+jwt', exchanged: 'at+jwt' }
    if (taken === offered) return
    const audience = { assertion: `https://${host}`, kube: cluster, exchanged: host }[taken]
    expect(await takers[taken](sign(claims(issuers[offered], audience), types[offered]))).toBe(false)
  })
})

it('J26 the type counts by itself, with issuer and audience that are right', async () => {
  const { claims, sign, takers } = fixture()
  const right = claims(`${url}/token`, host)
  expect(await takers.exchanged(sign(right, 'at+jwt'))).toBe(true)
  for (const typ of ['JWT', 'jwt', 'at+jwt2', 'dpop+jwt', 'logout+jwt']) {
    expect(await takers.exchanged(sign(right, typ))).toBe(false)
  }
  for (const iss of [url, `${url}/token/`, `${url}/kube`, `${url}/Token`]) {
    expect(await takers.exchanged(sign({ ...right, iss }, 'at+jwt'))).toBe(false)
  }
})
