/** What tests rely on in the provider of the tests: changed people, refresh tokens, counted and broken endpoints. */
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createOutbound } from '../app/login/provider/outbound.ts'
import { type Person, ProviderVisitor, startProvider, type TestProvider, type TestProviderOptions } from './provider.ts'

const outbound = createOutbound()
const callback = 'https://auth.example.com/callback/corp'
const client = { clientId: 'sallyport', clientSecret: 'the client secret of a test', redirectUris: [callback] }

let provider: TestProvider | undefined
afterEach(() => provider?.close())

const start = async (options: Partial<TestProviderOptions> = {}): Promise<TestProvider> => {
  provider = await startProvider({ clients: [client], ...options })
  return provider
}

interface TokenAnswer {
  readonly status: number
  readonly access_token?: string
  readonly refresh_token?: string
  readonly error?: string
}

async function ask(at: TestProvider, fields: Readonly<Record<string, string>>): Promise<TokenAnswer> {
  const own = { client_id: client.clientId, client_secret: client.clientSecret }
  const response = await outbound.fetch(`${at.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...own, ...fields }).toString(),
    redirect: 'manual',
  })
  return { ...((await response.json()) as object), status: response.status }
}

async function logIn(at: TestProvider, person: Person): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: client.clientId,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid profile email groups',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const back = new URL(await new ProviderVisitor().logIn(`${at.issuer}/auth?${query}`, person))
  const code = back.searchParams.get('code')
  if (code === null) return { status: 0, error: back.searchParams.get('error') ?? 'no code' }
  return ask(at, { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier })
}

const refresh = (at: TestProvider, token = '') => ask(at, { grant_type: 'refresh_token', refresh_token: token })

async function userinfo(at: TestProvider, token = ''): Promise<{ status: number; groups?: unknown }> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await outbound.fetch(`${at.issuer}/me`, { headers, redirect: 'manual' })
  return { ...((await response.json()) as object), status: response.status }
}

describe('refresh tokens', () => {
  it('are given to nobody by default', async () => {
    expect(await logIn(await start(), 'alice')).not.toHaveProperty('refresh_token')
  })

  it('are replaced at each use, and the use of an old one ends them all', async () => {
    const at = await start({ refreshTokens: 'rotated' })
    const first = await logIn(at, 'alice')
    const second = await refresh(at, first.refresh_token)
    expect(second.refresh_token).toMatch(/./)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await refresh(at, first.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(await refresh(at, second.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  it('stay the same where they are kept', async () => {
    const at = await start({ refreshTokens: 'kept' })
    const first = await logIn(at, 'alice')
    expect(first.refresh_token).toMatch(/./)
    for (let time = 0; time < 3; time += 1) {
      expect(await refresh(at, first.refresh_token)).toMatchObject({ status: 200, refresh_token: first.refresh_token })
    }
  })
})

describe('people', () => {
  it('change at once, for one provider only', async () => {
    const at = await start()
    const { access_token } = await logIn(at, 'alice')
    expect(await userinfo(at, access_token)).toMatchObject({ status: 200, groups: ['ops'] })
    at.people.setGroups('alice', ['sales'])
    expect(await userinfo(at, access_token)).toMatchObject({ status: 200, groups: ['sales'] })
    await at.close()
    expect((await start()).people.claimsOf('alice')).toMatchObject({ groups: ['ops'] })
  })

  it('can neither log in nor refresh nor be asked about once disabled', async () => {
    const at = await start({ refreshTokens: 'kept' })
    const { access_token, refresh_token } = await logIn(at, 'alice')
    at.people.disable('alice')
    expect(await refresh(at, refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect((await userinfo(at, access_token)).status).toBe(401)
    expect(await logIn(at, 'alice')).toEqual({ status: 0, error: 'access_denied' })
    at.people.enable('alice')
    expect((await logIn(at, 'alice')).status).toBe(200)
  })
})

describe('endpoints', () => {
  it('are counted, each by itself', async () => {
    const at = await start()
    const { access_token } = await logIn(at, 'alice')
    for (let time = 0; time < 2; time += 1) await userinfo(at, access_token)
    expect([at.endpoints.count('token'), at.endpoints.count('userinfo'), at.endpoints.count('keys')]).toEqual([1, 2, 0])
  })

  it('fail as often as they are told to', async () => {
    const at = await start()
    at.endpoints.setFault('token', { status: 503, body: { error: 'temporarily_unavailable' }, times: 1 })
    expect(await ask(at, {})).toEqual({ status: 503, error: 'temporarily_unavailable' })
    expect((await ask(at, {})).status).toBe(400)
    at.endpoints.setFault('token', { isCut: true })
    await expect(ask(at, {})).rejects.toThrow()
    at.endpoints.setFault('token')
    expect((await ask(at, {})).status).toBe(400)
  })

  it('can be slow', async () => {
    const at = await start()
    at.endpoints.setFault('token', { delayMs: 150 })
    const before = performance.now()
    expect((await ask(at, {})).status).toBe(400)
    expect(performance.now() - before).toBeGreaterThan(140)
  })
})
