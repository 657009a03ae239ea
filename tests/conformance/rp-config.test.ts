/** The relying-party profile "Config" of OpenID conformance: each test is called like its module (docs/conformance.md). */
import { afterEach, expect, test, vi } from 'vitest'
import { accepted, makeKey, type Profile, refused, startProfile, unsigned } from './rp-profile.ts'

let profile: Profile | undefined
afterEach(async () => {
  vi.useRealTimers()
  await profile?.close()
  profile = undefined
})

async function start(...options: Parameters<typeof startProfile>): Promise<Profile> {
  profile = await startProfile(...options)
  return profile
}

const keyFetches = ({ provider }: Profile) => provider.requests.filter(({ path }) => path === '/jwks').length

test('oidcc-client-test-discovery-openid-config', async () => {
  const own = await start()
  const asked = () => own.provider.requests.map(({ path }) => path)
  expect(asked()).toEqual(['/.well-known/openid-configuration'])
  await own.logIn()
  // Only the document tells that they are there.
  expect(asked().slice(1).sort()).toEqual(['/jwks', '/token', '/userinfo'])
})

test('oidcc-client-test-discovery-issuer-mismatch', async () => {
  const own = await start({ issuer: 'http://idp.localhost:1/invalid' })
  expect((await own.party.browser().get('/login')).status).toBe(503)
  expect(own.party.providers.status()).toMatchObject([{ name: 'corp', ready: false }])
})

test('oidcc-client-test-discovery-jwks-uri-keys', async () => {
  const own = await start()
  expect(keyFetches(own)).toBe(0)
  expect(await own.logIn()).toEqual(accepted)
  expect(keyFetches(own)).toBe(1)
})

test('oidcc-client-test-idtoken-sig-none', async () => {
  // Also where the provider says that it does nothing else.
  const own = await start({ id_token_signing_alg_values_supported: ['none'] })
  expect(await own.logIn({ idToken: unsigned })).toEqual(refused)
})

test('oidcc-client-test-signing-key-rotation', async () => {
  const own = await start()
  expect(await own.logIn()).toEqual(accepted)
  const next = await makeKey('ES256', 'k2')
  own.provider.publish([next.jwk])
  // OpenID Connect Core 1.0 section 10.1.1: a provider that announces nothing costs no login.
  expect(await own.logIn({ idToken: next.sign })).toEqual(accepted)
  expect(keyFetches(own)).toBe(2)
  // The key of before is gone with the fetch.
  expect(await own.logIn()).toEqual(refused)
})

test('oidcc-client-test-signing-key-rotation-just-before-signing', async () => {
  const own = await start()
  const next = await makeKey('ES256', 'k2')
  const rotate: typeof next.sign = claims => {
    own.provider.publish([next.jwk])
    return next.sign(claims)
  }
  expect(await own.logIn({ idToken: rotate })).toEqual(accepted)
})
