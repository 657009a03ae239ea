import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { type AssertionSigner, audienceOf, createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys, type SigningAlgorithm, type SigningKeys } from '../../app/assertion/signing-keys.ts'
import type { Identity } from '../../rbac/identity.ts'
import { alice, carol, deployer, movableClock, sharedStore, wiki } from './fixtures.ts'

const issuer = 'https://auth.example.com'
const audience = 'https://wiki.example.com'
let keys: SigningKeys

async function signer(algorithm: SigningAlgorithm, clock = movableClock()): Promise<AssertionSigner> {
  const { store } = sharedStore(clock)
  keys = createSigningKeys({ store, algorithm, rotateEverySeconds: 86_400, clock, onError: () => undefined })
  await keys.start()
  return createAssertionSigner({ keys, issuer, lifetimeSeconds: 60, clock })
}

/** What an application does: the published keys, issuer, audience, expiry. */
const verify = (token: string, options: { audience?: string; nowMs?: number } = {}) =>
  jwtVerify(token, createLocalJWKSet(structuredClone(keys.jwks()) as never), {
    issuer,
    audience: options.audience ?? audience,
    currentDate: new Date(options.nowMs ?? 1_800_000_000_000),
  })

afterEach(() => keys?.close())

describe.each(['ES256', 'EdDSA'] as const)('an %s assertion', algorithm => {
  test('verifies with the published keys and says who is asking', async () => {
    const sign = await signer(algorithm)
    const { payload, protectedHeader } = await verify(sign(alice, { audience, session: 'a1b2c3d4e5f60718' }))
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'JWT', kid: keys.current().kid })
    expect(payload).toEqual({
      iss: issuer,
      aud: audience,
      iat: 1_800_000_000,
      exp: 1_800_000_060,
      sub: 'https://idp.example#alice',
      email: 'alice@example.com',
      email_verified: true,
      name: 'Alice Archer',
      groups: ['ops', 'wiki-editors'],
      amr: ['pwd', 'otp'],
      acr: 'urn:example:gold',
      auth_time: 1_700_000_000,
      sid: 'a1b2c3d4e5f60718',
    })
  })

  test('is refused after its lifetime', async () => {
    const sign = await signer(algorithm)
    const token = sign(alice, { audience })
    await expect(verify(token, { nowMs: 1_800_000_059_000 })).resolves.toBeDefined()
    await expect(verify(token, { nowMs: 1_800_000_060_000 })).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' })
  })

  test('is worthless at another application', async () => {
    const sign = await signer(algorithm)
    const token = sign(alice, { audience })
    await expect(verify(token, { audience: 'https://payments.example.com' })).rejects.toMatchObject({ claim: 'aud' })
  })

  test('is refused when one character of it changed', async () => {
    const sign = await signer(algorithm)
    const [header, , signature] = sign(alice, { audience }).split('.')
    const claims = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, exp: 1_900_000_000, sub: 'mallory' }))
    const forged = `${header}.${claims.toString('base64url')}.${signature}`
    await expect(verify(forged)).rejects.toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
  })

  test('of the last moment of an epoch still verifies in the next one', async () => {
    const clock = movableClock(86_400_000 * 20_000 - 1_000)
    const sign = await signer(algorithm, clock)
    const token = sign(alice, { audience })
    clock.advanceSeconds(2)
    await keys.start()
    expect(keys.current().kid).not.toBe(decodeProtectedHeader(token).kid)
    await expect(verify(token, { nowMs: clock.now() })).resolves.toBeDefined()
  })
})

describe('the claims of an assertion', () => {
  test('leave out what nobody has verified or stated', async () => {
    const sign = await signer('ES256')
    const { payload } = await verify(sign(carol, { audience }))
    expect(Object.keys(payload).sort()).toEqual(['aud', 'exp', 'groups', 'iat', 'iss', 'sub'])
    expect(payload.groups).toEqual([])
  })

  test('name a machine as one', async () => {
    const sign = await signer('ES256')
    const { payload } = await verify(sign(deployer, { audience }))
    expect(payload).toMatchObject({ sub: 'https://idp.example#robot', client: 'corp/robot' })
    expect(payload).not.toHaveProperty('email')
  })

  test('hold text of any script, and never the claims that were not asked for', async () => {
    const sign = await signer('ES256')
    const person = { ...alice, name: 'Łucja 山田\r\nRemote-User: root', groups: ['größe', 'a,b'] }
    const { payload } = await verify(sign(person, { audience }))
    expect(payload.name).toBe('Łucja 山田\r\nRemote-User: root')
    expect(payload.groups).toEqual(['größe', 'a,b'])
    expect(payload).not.toHaveProperty('department')
  })

  test('say how many groups there are when they do not fit, never a part of them', async () => {
    const sign = await signer('ES256')
    const { payload } = await verify(sign(alice, { audience, areGroupsOmitted: true }))
    expect(payload.groups_omitted).toBe(2)
    expect(payload).not.toHaveProperty('groups')
  })

  test('drop authentication methods of absurd length', async () => {
    const sign = await signer('ES256')
    const { payload } = await verify(sign({ ...alice, amr: Array(100).fill('pwd') }, { audience }))
    expect(payload).not.toHaveProperty('amr')
    expect(payload).not.toHaveProperty('acr')
  })
})

describe('the audience of a request', () => {
  test.each([
    ['https://wiki.example.com/a?q=1', 'https://wiki.example.com'],
    ['http://wiki.localhost:8080/', 'http://wiki.localhost:8080'],
    ['https://wiki.example.com', 'https://wiki.example.com'],
    ['https://[::1]:8443/a', 'https://[::1]:8443'],
  ])('%s is for %s', (url, expected) => {
    expect(audienceOf({ ...wiki, url })).toBe(expected)
  })
})

test('without a key nothing is signed', () => {
  const clock = movableClock()
  const { store } = sharedStore(clock)
  keys = createSigningKeys({ store, algorithm: 'ES256', rotateEverySeconds: 86_400, clock, onError: () => undefined })
  const sign = createAssertionSigner({ keys, issuer, lifetimeSeconds: 60, clock })
  const somebody: Exclude<Identity, { kind: 'anonymous' }> = alice
  expect(() => sign(somebody, { audience })).toThrow(expect.objectContaining({ code: 'ERR_SIGNING_UNAVAILABLE' }))
})
