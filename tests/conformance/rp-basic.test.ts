/** The relying-party profile "Basic" of OpenID conformance: each test is called like its module (docs/conformance.md). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { client } from '../login/relying-party.ts'
import { accepted, makeKey, type Profile, refused, startProfile, unsigned } from './rp-profile.ts'

let profile: Profile
beforeAll(async () => {
  profile = await startProfile()
})
afterAll(() => profile.close())

/** A profile with keys of its own: those of the shared one are remembered. */
async function withKeys(keys: readonly object[], run: (profile: Profile) => Promise<void>): Promise<void> {
  const own = await startProfile()
  try {
    own.provider.publish(keys)
    await run(own)
  } finally {
    await own.close()
  }
}

test('oidcc-client-test', async () => {
  expect(await profile.logIn()).toEqual(accepted)
})

test('oidcc-client-test-nonce-invalid', async () => {
  expect(await profile.logIn({ claims: { nonce: `${'n'.repeat(42)}_` } })).toEqual(refused)
})

test('oidcc-client-test-invalid-iss', async () => {
  expect(await profile.logIn({ claims: { iss: `${profile.provider.issuer}.invalid` } })).toEqual(refused)
})

test('oidcc-client-test-missing-sub', async () => {
  expect(await profile.logIn({ claims: { sub: undefined } })).toEqual(refused)
})

test('oidcc-client-test-invalid-aud', async () => {
  expect(await profile.logIn({ claims: { aud: `${client.clientId}-invalid` } })).toEqual(refused)
})

test('oidcc-client-test-missing-aud', async () => {
  expect(await profile.logIn({ claims: { aud: undefined } })).toEqual(refused)
})

test('oidcc-client-test-missing-iat', async () => {
  expect(await profile.logIn({ claims: { iat: undefined } })).toEqual(refused)
})

test('oidcc-client-test-kid-absent-single-jwks', async () => {
  const key = await makeKey('ES256')
  await withKeys([key.jwk], async own => expect(await own.logIn({ idToken: key.sign })).toEqual(accepted))
})

// The profile leaves the choice; to try one key after the other would be a guess.
test('oidcc-client-test-kid-absent-multiple-jwks', async () => {
  const [key, other] = [await makeKey('ES256'), await makeKey('ES256')]
  await withKeys([other.jwk, key.jwk], async own => expect(await own.logIn({ idToken: key.sign })).toEqual(refused))
})

test('oidcc-client-test-idtoken-sig-rs256', async () => {
  const key = await makeKey('RS256', 'r1')
  await withKeys([key.jwk], async own => expect(await own.logIn({ idToken: key.sign })).toEqual(accepted))
})

test('oidcc-client-test-idtoken-sig-none', async () => {
  expect(await profile.logIn({ idToken: unsigned })).toEqual(refused)
})

test.each(['RS256', 'ES256'] as const)('oidcc-client-test-invalid-sig-%s', async algorithm => {
  const [published, foreign] = [await makeKey(algorithm, 'x1'), await makeKey(algorithm, 'x1')]
  await withKeys([published.jwk], async own => {
    expect(await own.logIn({ idToken: foreign.sign })).toEqual(refused)
    expect(await own.logIn({ idToken: published.sign })).toEqual(accepted)
  })
})

test('oidcc-client-test-userinfo-invalid-sub', async () => {
  expect(await profile.logIn({ userinfo: { sub: 'alice-invalid' } })).toEqual(refused)
})

test('oidcc-client-test-scope-userinfo-claims', async () => {
  const userinfo = { sub: 'alice', name: 'Alice of userinfo', email: 'a@example.com', email_verified: true }
  expect(await profile.logIn({ userinfo })).toEqual(accepted)
  expect(profile.party.events.at(-1)).toMatchObject({ event: 'login.succeeded', email: 'a@example.com' })
})

test('oidcc-client-test-client-secret-basic', async () => {
  await profile.logIn()
  const { authorization } = profile.provider.requests.filter(({ path }) => path === '/token').at(-1) ?? {}
  // RFC 6749 section 2.3.1: both are form-encoded first.
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  const [scheme, credentials = ''] = (authorization ?? '').split(' ')
  expect(scheme).toBe('Basic')
  const [id, secret] = Buffer.from(credentials, 'base64').toString().split(':')
  expect(id).toBe(client.clientId)
  expect(secret).toBe(encode(client.clientSecret))
  expect(profile.provider.tokenRequests.at(-1)?.has('client_secret')).toBe(false)
})

test('oidcc-client-test-userinfo-bearer-header', async () => {
  await profile.logIn()
  const { authorization, path } =
    profile.provider.requests.filter(asked => asked.path.startsWith('/userinfo')).at(-1) ?? {}
  expect(authorization).toBe('Bearer an access token')
  expect(path).toBe('/userinfo')
})
