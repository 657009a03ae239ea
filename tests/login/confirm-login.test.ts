/** A provider that is asked about a login again and answers something else than it should (OpenID Connect Core 1.0, 12.2). */
import type { ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { tokensToKeep, verifyByOf } from '../../app/login/claims/login-tokens.ts'
import { createAskProvider } from '../../app/login/provider/ask-provider.ts'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { createProviders, type Providers } from '../../app/login/provider/providers.ts'
import type { LoginSession, ProviderTokens } from '../../app/sessions/login-session.ts'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { client, corp } from './relying-party.ts'

const used = 'the refresh token of the login'
const rotated = 'the refresh token that takes its place'
const clock = { now: () => Date.now() }
const nowSeconds = () => Math.floor(Date.now() / 1000)

let provider: MisbehavingProvider
let providers: Providers
const outbound = createOutbound()
beforeAll(async () => {
  provider = await startMisbehavingProvider()
  const logger = { info() {}, warn() {}, error() {} }
  const settings = [{ ...corp(provider.issuer), passedOn: ['department'] }]
  providers = createProviders({ settings, publicUrl: 'https://auth.example.com', fetch: outbound.fetch, clock, logger })
})
afterAll(async () => {
  providers.stop()
  await provider.close()
  await outbound.close()
})

let kept: ProviderTokens[]
beforeEach(() => {
  kept = []
})

const login = (): LoginSession => ({
  identity: {
    kind: 'user',
    subject: `${provider.issuer}#alice`,
    provider: 'corp',
    groups: ['ops'],
    claims: { sub: 'alice', groups: ['ops'], amr: ['pwd'], auth_time: 1_700_000_000 },
    authTime: 1_700_000_000,
    amr: ['pwd'],
  },
  startedAt: 1_700_000_000,
  verifyBy: 'refresh-token',
})

const keep = async (tokens: ProviderTokens): Promise<void> => void kept.push(tokens)

function ask(answers: Answers, tokens: ProviderTokens = { refreshToken: used }, about = login(), store = keep) {
  provider.answerTo('http://idp/?redirect_uri=http://rp/', answers)
  return createAskProvider(providers, clock)(about, tokens, store)
}

/** A token response with an ID token of these claims, or without one. */
const refreshed =
  (claims: Readonly<Record<string, unknown>> | undefined, sign = provider.sign) =>
  (response: ServerResponse) => {
    const now = nowSeconds()
    const good = { iss: provider.issuer, sub: 'alice', aud: client.clientId, iat: now, exp: now + 300 }
    const idToken = claims === undefined ? Promise.resolve(undefined) : sign({ ...good, ...claims })
    void idToken.then(id_token =>
      answer(response, { access_token: 'new', token_type: 'Bearer', refresh_token: rotated, id_token }),
    )
  }

function answer(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

const jsonType = { 'Content-Type': 'application/json' }

/** Sends the beginning, and closes the connection once it is out. */
function cutOff(response: ServerResponse, beginning: string): void {
  response.writeHead(200, { ...jsonType, 'Content-Length': beginning.length + 100 })
  response.write(beginning, () => response.destroy())
}

const person = { sub: 'alice', email: 'alice@example.com', email_verified: true, groups: ['guests'] }

describe('a refresh', () => {
  it('reads groups and claims anew, and the authentication not', async () => {
    const claims = { auth_time: nowSeconds(), amr: ['mfa'], acr: 'gold' }
    const said = await ask({ token: refreshed(claims), userinfo: person })
    expect(said).toMatchObject({
      kind: 'confirmed',
      identity: { groups: ['guests'], email: 'alice@example.com', authTime: 1_700_000_000, amr: ['pwd'] },
    })
    const identity = said.kind === 'confirmed' ? said.identity : undefined
    expect(identity?.acr).toBeUndefined()
    expect(identity?.claims).toMatchObject({ amr: ['pwd'], auth_time: 1_700_000_000 })
    expect(identity?.claims).not.toHaveProperty('acr')
    expect(kept).toEqual([{ refreshToken: rotated }])
  })

  it.each([
    ['another person', { sub: 'mallory' }],
    ['another client', { aud: 'another' }],
    ['another issuer', { iss: 'https://idp.evil.example' }],
  ])('with an ID token of %s is refused', async (_, claims) => {
    expect(await ask({ token: refreshed(claims), userinfo: person })).toMatchObject({ kind: 'refused' })
  })

  it('with userinfo of another person is refused', async () => {
    const said = await ask({ token: refreshed({}), userinfo: { ...person, sub: 'mallory' } })
    expect(said).toMatchObject({ kind: 'refused' })
  })

  it('with an ID token that somebody else has signed counts for nothing', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const forge = (claims: Parameters<typeof provider.sign>[0]) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
    const said = await ask({ token: refreshed({}, forge), userinfo: person })
    expect(said).toMatchObject({ kind: 'unavailable', code: 'ERR_LOGIN_RESPONSE_INVALID' })
  })

  it('with groups that cannot be read is refused, as the login would be', async () => {
    const said = await ask({ token: refreshed({}), userinfo: { ...person, groups: { ops: true } } })
    expect(said).toMatchObject({ kind: 'refused', code: 'ERR_LOGIN_CLAIMS_INVALID' })
  })

  it('without an ID token is confirmed by userinfo, unless the ID token said more', async () => {
    const answers = { token: refreshed(undefined), userinfo: person }
    expect(await ask(answers)).toMatchObject({ kind: 'confirmed', identity: { groups: ['guests'] } })
    expect(await ask(answers, { refreshToken: used, needsIdToken: true })).toEqual({ kind: 'unanswerable' })
  })

  it('with an ID token of the future counts for nothing, beyond what clocks may differ by', async () => {
    const issued = (ahead: number) => ask({ token: refreshed({ iat: nowSeconds() + ahead }), userinfo: person })
    expect(await issued(90)).toMatchObject({ kind: 'unavailable', code: 'ERR_LOGIN_RESPONSE_INVALID' })
    expect(await issued(20)).toMatchObject({ kind: 'confirmed' })
  })

  it('keeps the new token before anything else can fail', async () => {
    const userinfoAnswer = (response: ServerResponse) => answer(response, {}, 503)
    const said = await ask({ token: refreshed({}), userinfoAnswer })
    expect(said).toMatchObject({ kind: 'unavailable', code: 'ERR_PROVIDER_UNAVAILABLE' })
    expect(kept).toEqual([{ refreshToken: rotated }])
  })

  it.each([
    ['signed with a key that nobody publishes', { idToken: 'foreign' }],
    ['no token at all', { idToken: 'garbage' }],
    ['of another client', { idToken: 'another client' }],
  ])('keeps the new token, whatever the ID token beside it is: %s', async (_, { idToken }) => {
    const { privateKey } = await generateKeyPair('ES256')
    const sign: typeof provider.sign = claims => {
      if (idToken === 'garbage') return Promise.resolve('a.b.c')
      if (idToken === 'another client') return provider.sign({ ...claims, aud: 'another' })
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'new' }).sign(privateKey)
    }
    const said = await ask({ token: refreshed({}, sign), userinfo: person })
    expect(said.kind).not.toBe('confirmed')
    expect(kept).toEqual([{ refreshToken: rotated }])
  })

  it.each<[string, (body: string, response: ServerResponse) => void]>([
    ['that is cut off behind it', (body, response) => cutOff(response, body.slice(0, body.indexOf('"id_token"')))],
    ['with the status 502', (body, response) => response.writeHead(502).end(body)],
    [
      'that is no JSON from there on',
      (body, response) => response.writeHead(200, jsonType).end(`${body.slice(0, -1)},,`),
    ],
  ])('keeps the new token of an answer %s', async (_, send) => {
    const idToken = await provider.sign({ sub: 'alice' })
    const body = { access_token: 'new', token_type: 'Bearer', refresh_token: rotated, id_token: idToken }
    const said = await ask({ token: response => send(JSON.stringify(body), response), userinfo: person })
    expect(said.kind).toBe('unavailable')
    expect(kept).toEqual([{ refreshToken: rotated }])
  })

  it('keeps nothing of an answer that is cut off within it', async () => {
    const token = (response: ServerResponse) => cutOff(response, `{"access_token":"new","refresh_token":"the refre`)
    expect((await ask({ token })).kind).toBe('unavailable')
    expect(kept).toEqual([])
  })

  it('is confirmed with a key that the provider has begun to use with this very answer', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    provider.publish([{ ...(await exportJWK(publicKey)), kid: 'k9', alg: 'ES256', use: 'sig' }])
    const sign: typeof provider.sign = claims =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k9' }).sign(privateKey)
    const said = await ask({ token: refreshed({}, sign), userinfo: person })
    provider.publish([provider.publicJwk])
    expect(said).toMatchObject({ kind: 'confirmed' })
    expect(await ask({ token: refreshed({}), userinfo: person })).toMatchObject({ kind: 'confirmed' })
  })

  it('tries each key where several have one name', async () => {
    const { publicKey } = await generateKeyPair('ES256')
    const { publicJwk } = provider
    provider.publish([{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }, publicJwk])
    const fresh = createProviders({
      settings: [corp(provider.issuer)],
      publicUrl: 'https://auth.example.com',
      fetch: outbound.fetch,
      clock,
      logger: { info() {}, warn() {}, error() {} },
    })
    provider.answerTo('http://idp/?redirect_uri=http://rp/', { token: refreshed({}), userinfo: person })
    const said = await createAskProvider(fresh, clock)(login(), { refreshToken: used }, keep)
    fresh.stop()
    provider.publish([publicJwk])
    expect(said).toMatchObject({ kind: 'confirmed' })
  })

  it('with another nonce than that of the login is refused; without one, or with the same, it is not', async () => {
    const tokens = { refreshToken: used, nonce: 'of the login' }
    const withNonce = (claims: object) => ask({ token: refreshed({ ...claims }), userinfo: person }, tokens)
    expect(await withNonce({ nonce: 'another' })).toMatchObject({ kind: 'refused' })
    expect(await withNonce({ nonce: 'of the login' })).toMatchObject({ kind: 'confirmed' })
    expect(await withNonce({})).toMatchObject({ kind: 'confirmed' })
    expect(kept.every(({ nonce }) => nonce === 'of the login')).toBe(true)
  })

  it('whose groups have vanished confirms nothing; that lists none takes them away', async () => {
    const { groups: _none, ...bare } = person
    const vanished = await ask({ token: refreshed({}), userinfo: bare })
    expect(vanished).toMatchObject({ kind: 'unavailable', code: 'ERR_LOGIN_CLAIMS_INVALID' })
    expect(JSON.stringify(vanished)).toContain('the claim groups no more')
    const empty = await ask({ token: refreshed({}), userinfo: { ...person, groups: [] } })
    expect(empty).toMatchObject({ kind: 'confirmed', identity: { groups: [] } })
    const nobody = { ...login(), identity: { ...login().identity, groups: [], claims: { sub: 'alice' } } }
    expect(await ask({ token: refreshed({}), userinfo: bare }, undefined, nobody)).toMatchObject({ kind: 'confirmed' })
  })

  it.each([
    ['an empty list of groups', { claims: { groups: [] }, groups: [] }, { groups: undefined }, 'groups'],
    ['the flag of the address', { email: 'alice@example.com' }, { email_verified: undefined }, 'email_verified'],
    ['the name', { name: 'Alice' }, {}, 'name'],
    ['a claim that a host passes on', { claims: { department: 'sales' } }, {}, 'department'],
  ])('that has lost %s confirms nothing', async (_, before, now, claim) => {
    const about = { ...login(), identity: { ...login().identity, ...before } }
    const said = await ask({ token: refreshed({}), userinfo: { ...person, ...now } }, undefined, about)
    expect(said).toMatchObject({ kind: 'unavailable', detail: expect.stringContaining(`the claim ${claim} no more`) })
  })

  it('that says that the address is not verified any more takes it away', async () => {
    const about = { ...login(), identity: { ...login().identity, email: 'alice@example.com' } }
    const said = await ask({ token: refreshed({}), userinfo: { ...person, email_verified: false } }, undefined, about)
    expect(said.kind === 'confirmed' ? said.identity.email : said).toBeUndefined()
  })

  it('with userinfo that is signed counts by its signature', async () => {
    const signed = async (sign: typeof provider.sign) => {
      const token = await sign({ ...person, iss: provider.issuer, aud: client.clientId })
      const userinfoAnswer = (response: ServerResponse) =>
        void response.writeHead(200, { 'Content-Type': 'application/jwt; charset=utf-8' }).end(token)
      return ask({ token: refreshed({}), userinfoAnswer })
    }
    expect(await signed(provider.sign)).toMatchObject({ kind: 'confirmed', identity: { groups: ['guests'] } })
    const { privateKey } = await generateKeyPair('ES256')
    const forge: typeof provider.sign = claims =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
    expect(await signed(forge)).toMatchObject({
      kind: 'unavailable',
      code: 'ERR_LOGIN_RESPONSE_INVALID',
      detail: expect.stringContaining('the signature of the userinfo'),
    })
    const unsigned: typeof provider.sign = async claims =>
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
    expect((await signed(unsigned)).kind).toBe('unavailable')
  })

  it('whose address has vanished confirms nothing', async () => {
    const about = { ...login(), identity: { ...login().identity, email: 'alice@example.com' } }
    const { email: _none, ...bare } = person
    expect(await ask({ token: refreshed({}), userinfo: bare }, undefined, about)).toMatchObject({
      kind: 'unavailable',
      detail: expect.stringContaining('the claim email no more'),
    })
  })

  it('whose new token cannot be kept is no answer at all', async () => {
    const down = new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
    const store = () => Promise.reject(down)
    await expect(ask({ token: refreshed({}), userinfo: person }, undefined, undefined, store)).rejects.toBe(down)
  })

  it.each([
    ['invalid_grant', 400, 'refused'],
    ['interaction_required', 400, 'refused'],
    ['invalid_request', 400, 'doubted'],
    ['the account of this person is closed', 403, 'doubted'],
    ['invalid_client', 401, 'unavailable'],
    ['wrong credentials of the client', 401, 'unavailable'],
    ['unauthorized_client', 400, 'unavailable'],
    ['temporarily_unavailable', 503, 'unavailable'],
    ['slow_down', 429, 'unavailable'],
  ])('answered with %s (%d) is %s, and the detail holds no token', async (error, status, kind) => {
    const description = `the token ${used} is not known`
    const said = await ask({ token: response => answer(response, { error, error_description: description }, status) })
    expect(said).toMatchObject({ kind })
    expect(JSON.stringify(said)).not.toContain(used)
  })
})

describe('userinfo alone', () => {
  const tokens = { accessToken: 'an access token' }

  it('confirms while the access token lasts', async () => {
    expect(await ask({ userinfo: person }, tokens)).toMatchObject({
      kind: 'confirmed',
      identity: { groups: ['guests'] },
    })
    const over = { ...tokens, accessTokenExpiresAt: nowSeconds() - 1 }
    expect(await ask({ userinfo: person }, over)).toEqual({ kind: 'unanswerable' })
    expect(await ask({ userinfo: person }, {})).toEqual({ kind: 'unanswerable' })
  })

  it.each([
    [401, 'refused'],
    [403, 'refused'],
    [429, 'unavailable'],
    [500, 'unavailable'],
  ])('that answers %d is %s', async (status, kind) => {
    const said = await ask({ userinfoAnswer: response => answer(response, {}, status) }, tokens)
    expect(said).toMatchObject({ kind })
  })
})

describe('a provider', () => {
  it('that is not configured any more stands by nobody', async () => {
    const about = { ...login(), identity: { ...login().identity, provider: 'gone' } }
    expect(await ask({}, undefined, about)).toMatchObject({ kind: 'refused', code: 'ERR_PROVIDER_UNKNOWN' })
  })

  it('of another issuer than the login stands by nobody, and gets no token', async () => {
    const calls = provider.tokenRequests.length
    const about = { ...login(), identity: { ...login().identity, subject: 'https://idp.old.example#alice' } }
    expect(await ask({}, undefined, about)).toMatchObject({ kind: 'refused' })
    expect(provider.tokenRequests.length).toBe(calls)
  })

  it('that hangs is given up after its time', async () => {
    const logger = { info() {}, warn() {}, error() {} }
    const { fetch } = outbound
    const settings = [corp(provider.issuer)]
    const hasty = createProviders({ settings, publicUrl: 'https://rp', fetch, clock, logger, timeoutSeconds: 0.3 })
    await hasty.start()
    hasty.stop()
    provider.answerTo('http://idp/?redirect_uri=http://rp/', { token: () => {} })
    const said = await createAskProvider(hasty, clock)(login(), { refreshToken: used }, keep)
    expect(said).toMatchObject({ kind: 'unavailable', code: 'ERR_PROVIDER_UNAVAILABLE' })
  })

  it('is asked a bounded number of times at once', async () => {
    let [running, most] = [0, 0]
    const token = (response: ServerResponse) => {
      running += 1
      most = Math.max(most, running)
      setTimeout(() => {
        running -= 1
        answer(response, { error: 'invalid_grant' }, 400)
      }, 30)
    }
    provider.answerTo('http://idp/?redirect_uri=http://rp/', { token })
    const askAgain = createAskProvider(providers, clock)
    const said = await Promise.all(Array.from({ length: 100 }, () => askAgain(login(), { refreshToken: used }, keep)))
    // On a busy machine a connection may be closed under a call: no answer, and asked all the same.
    expect(said.filter(({ kind }) => kind === 'refused').length).toBeGreaterThan(32)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(32)
  })
})

describe('what is kept of a token response', () => {
  const response = { access_token: 'access', refresh_token: 'refresh', expires_in: 60 }
  const claims = { iss: 'i', sub: 's', aud: 'a', exp: 1, iat: 1, nonce: 'n', sid: 'x', auth_time: 1, amr: [] }

  it('is the refresh token alone where there is one', () => {
    expect(tokensToKeep(response, claims, { sub: 's' }, 100)).toEqual({ refreshToken: 'refresh', nonce: 'n' })
    expect(verifyByOf({ refreshToken: 'refresh' })).toEqual({ verifyBy: 'refresh-token' })
  })

  it('is the access token where userinfo says all that the ID token said', () => {
    const { refresh_token: _none, ...rest } = response
    const all = tokensToKeep(rest, { ...claims, groups: [] }, { sub: 's', groups: [] }, 100)
    expect(all).toEqual({ accessToken: 'access', accessTokenExpiresAt: 160 })
    expect(verifyByOf(all)).toEqual({ verifyBy: 'access-token' })
    expect(tokensToKeep(rest, { ...claims, groups: [] }, { sub: 's' }, 100)).toEqual({})
    expect(tokensToKeep(rest, claims, undefined, 100)).toEqual({})
    expect(verifyByOf({})).toEqual({})
  })

  it('is nothing that is too long', () => {
    const long = 'x'.repeat(16 * 1024 + 1)
    const both = { access_token: long, refresh_token: long }
    expect(tokensToKeep(both, claims, { sub: 's' }, 100)).toEqual({})
  })
})
