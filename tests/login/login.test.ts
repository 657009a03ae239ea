import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startProvider, type TestProvider } from '../provider.ts'
import { client, corp, locationOf, publicUrl, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

let provider: TestProvider
let party: RelyingParty

beforeAll(async () => {
  provider = await startProvider({ clients: [client] })
  party = await startRelyingParty({ providers: [corp(provider.issuer)] })
  await party.providers.start()
})

afterAll(async () => {
  await party.close()
  await provider.close()
})

describe('a login', () => {
  test('ends where it began, with an identity from ID token and userinfo', async () => {
    const alice = party.browser()
    const response = await alice.logIn('alice')
    expect(response.status).toBe(303)
    expect(locationOf(response)).toBe(wiki)
    expect(party.events.at(-1)).toMatchObject({
      event: 'login.succeeded',
      provider: 'corp',
      subject: `${provider.issuer}#alice`,
      email: 'alice@example.com',
      groups: ['ops'],
    })
    expect((await alice.get('/')).text).toContain('alice@example.com')
  })

  test('asks the provider with PKCE S256, state and nonce, none of them used twice', async () => {
    const first = new URL(locationOf(await party.browser().get('/login')))
    const second = new URL(locationOf(await party.browser().get('/login')))
    for (const url of [first, second]) {
      expect(url.origin).toBe(provider.issuer)
      expect(url.searchParams.get('redirect_uri')).toBe(`${publicUrl}/callback/corp`)
      expect(url.searchParams.get('response_type')).toBe('code')
      expect(url.searchParams.get('code_challenge_method')).toBe('S256')
      expect(url.searchParams.get('scope')).toBe('openid profile email groups')
      const { verifier, nonce } = party.attempts.records.get(url.searchParams.get('state') ?? '')?.value ?? {}
      expect(url.searchParams.get('code_challenge')).toBe(
        createHash('sha256')
          .update(verifier ?? '')
          .digest('base64url'),
      )
      expect(url.searchParams.get('nonce')).toBe(nonce)
    }
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first.searchParams.get(name)).toMatch(/^[\w-]{43}$/)
      expect(first.searchParams.get(name)).not.toBe(second.searchParams.get(name))
    }
  })
})
