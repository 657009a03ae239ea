import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stores } from './kept-in.ts'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { client, corp, locationOf, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

const sendJson = (response: ServerResponse, body: object) =>
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))

describe.each(stores)('on %s', keptIn => {
  let provider: MisbehavingProvider
  let party: RelyingParty

  beforeAll(async () => {
    provider = await startMisbehavingProvider()
    party = await startRelyingParty({ keptIn, providers: [corp(provider.issuer)], discovery: { timeoutSeconds: 0.5 } })
    await party.providers.start()
  })

  afterAll(async () => {
    await party.close()
    await provider.close()
  })

  const start = `/login?rd=${encodeURIComponent(wiki)}`

  async function attempt(answers: Answers, from = start) {
    const browser = party.browser()
    const authorizationUrl = locationOf(await browser.get(from))
    const response = await browser.get(provider.answerTo(authorizationUrl, answers))
    const isLoggedIn = (await browser.get('/')).text.includes('You are logged in')
    return { response, isLoggedIn, authorizationUrl: new URL(authorizationUrl) }
  }

  async function expectRefusal(answers: Answers, code = 'ERR_LOGIN_RESPONSE_INVALID', status = 403): Promise<string> {
    const { response, isLoggedIn } = await attempt(answers)
    expect(response.status, JSON.stringify(party.log.at(-1))).toBe(status)
    expect(isLoggedIn).toBe(false)
    expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code })
    expect(response.headers['set-cookie']).toBeUndefined()
    return JSON.stringify(party.log.at(-1))
  }

  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const seconds = () => Math.floor(Date.now() / 1000)

  test('a good answer logs in, so that what follows can fail for its own reason only', async () => {
    const { response, isLoggedIn } = await attempt({})
    expect(locationOf(response)).toBe(wiki)
    expect(isLoggedIn).toBe(true)
  })

  test('G08: the code is exchanged with the verifier of this very attempt, and the secret stays out of the body', async () => {
    const { authorizationUrl } = await attempt({})
    const sent = provider.tokenRequests.at(-1)
    const verifier = sent?.get('code_verifier') ?? ''
    expect(verifier).toMatch(/^[\w~.-]{43,128}$/)
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(
      authorizationUrl.searchParams.get('code_challenge'),
    )
    expect(sent?.get('redirect_uri')).toBe(authorizationUrl.searchParams.get('redirect_uri'))
    expect(sent?.has('client_secret')).toBe(false)
  })

  describe('G06: an ID token is refused', () => {
    const unsigned = (claims: JWTPayload) => `${base64url({ alg: 'none' })}.${base64url(claims)}.`
    const hmac = (secret: string) => (claims: JWTPayload) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(new TextEncoder().encode(secret))
    const foreign = async (claims: JWTPayload, kid: string) => {
      const { privateKey } = await generateKeyPair('ES256')
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
    }
    const altered = async (claims: JWTPayload) => {
      const [header, , signature] = (await provider.sign(claims)).split('.')
      return `${header}.${base64url({ ...claims, sub: 'bob' })}.${signature}`
    }

    test.each<[string, Answers['idToken']]>([
      ['unsigned, with alg none', unsigned],
      ['unsigned, with the header of a good one', async claims => (await provider.sign(claims)).replace(/[^.]*$/, '')],
      ['signed with the public key as HMAC secret', claims => hmac(JSON.stringify(provider.publicJwk))(claims)],
      ['signed with the client secret as HMAC secret', claims => hmac(client.clientSecret)(claims)],
      ['signed with a foreign key under the good kid', claims => foreign(claims, 'k1')],
      ['signed with a key that is not published', claims => foreign(claims, 'k2')],
      ['changed after it was signed', altered],
      ['not a token', () => 'a.b'],
      ['absent', () => undefined],
    ])('when it is %s', async (_name, idToken) => {
      await expectRefusal(idToken === undefined ? {} : { idToken })
    })

    test.each<[string, () => Record<string, unknown>]>([
      ['iss is another issuer', () => ({ iss: 'https://evil.example.net' })],
      ['iss has a slash more', () => ({ iss: `${provider.issuer}/` })],
      ['iss is absent', () => ({ iss: undefined })],
      ['sub is absent', () => ({ sub: undefined })],
      ['sub is a number', () => ({ sub: 7 })],
      ['aud is another client', () => ({ aud: 'another-client' })],
      ['aud is absent', () => ({ aud: undefined })],
      ['aud is a list without us', () => ({ aud: ['a', 'b'] })],
      ['aud is a list and azp is absent', () => ({ aud: [client.clientId, 'another-client'] })],
      ['aud is a list and azp is another client', () => ({ aud: [client.clientId, 'x'], azp: 'x' })],
      ['azp is another client', () => ({ azp: 'another-client' })],
      ['exp is past', () => ({ exp: seconds() - 60 })],
      ['exp is absent', () => ({ exp: undefined })],
      ['exp is a text', () => ({ exp: '99999999999' })],
      ['nbf is in the future', () => ({ nbf: seconds() + 120 })],
      ['iat is in the future', () => ({ iat: seconds() + 600 })],
      ['iat is absent', () => ({ iat: undefined })],
    ])('when its %s', async (_name, claims) => {
      await expectRefusal({ claims: claims() })
    })

    test('when it demands an extension that nobody understands', async () => {
      await expectRefusal({
        idToken: async claims => {
          const [, payload, signature] = (await provider.sign(claims)).split('.')
          return `${base64url({ alg: 'ES256', kid: 'k1', crit: ['exp'] })}.${payload}.${signature}`
        },
      })
    })
  })

  describe('G07: a nonce', () => {
    test.each([
      ['absent', undefined],
      ['empty', ''],
      ['of another login', 'x'.repeat(43)],
      ['a number', 1],
    ])('that is %s is refused', async (_name, nonce) => {
      await expectRefusal({ claims: { nonce } })
    })
  })

  describe('userinfo', () => {
    test.each<[string, Answers]>([
      ['G09: has another sub', { userinfo: { sub: 'bob', email: 'bob@example.com', email_verified: true } }],
      ['G09: has no sub', { userinfo: { email: 'bob@example.com', email_verified: true } }],
      [
        'is no JSON',
        {
          userinfoAnswer: response =>
            void response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>'),
        },
      ],
      [
        'is a page',
        { userinfoAnswer: response => void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>') },
      ],
      ['refuses the access token', { userinfoAnswer: response => void response.writeHead(401).end() }],
      [
        'leads elsewhere',
        { userinfoAnswer: response => void response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end() },
      ],
    ])('that %s is refused', async (_name, answers) => {
      await expectRefusal(answers)
    })

    test('cannot claim how or when the person logged in, and the ID token wins where both speak', async () => {
      const userinfo = {
        sub: 'alice',
        acr: 'gold',
        amr: ['hwk'],
        groups: ['admins'],
        name: 'Mallory',
        email: 'm@example.com',
        email_verified: true,
      }
      await attempt({ claims: { groups: ['ops'], name: 'Alice', acr: undefined }, userinfo })
      expect(party.events.at(-1)).toMatchObject({ event: 'login.succeeded', groups: ['ops'], email: 'm@example.com' })
      const stepUp = await attempt({ userinfo }, `${start}&acr_values=gold`)
      expect(stepUp.response.status).toBe(403)
    })
  })

  describe('the log names what failed, and holds no value', () => {
    const secret = 'a-nonce-that-nobody-may-read'
    test.each<[string, () => Answers, string]>([
      ['a nonce', () => ({ claims: { nonce: secret } }), 'the claim nonce: unexpected'],
      ['an absent nonce', () => ({ claims: { nonce: undefined } }), 'the claim nonce: '],
      ['an audience', () => ({ claims: { aud: 'another-client' } }), 'the claim aud: '],
      ['an absent subject', () => ({ claims: { sub: undefined } }), 'the claim sub: '],
      ['a subject of another type', () => ({ claims: { sub: 7 } }), 'received a number'],
      ['an old token', () => ({ claims: { exp: seconds() - 60, iat: seconds() - 90 } }), ' s behind ours'],
      ['a clock ahead', () => ({ claims: { iat: seconds() + 90 } }), ' s ahead of our clock'],
      ['userinfo of another', () => ({ userinfo: { sub: secret } }), 'the member sub: '],
      ['userinfo without a subject', () => ({ userinfo: { email: secret } }), 'received absent'],
      [
        'a page in place of tokens',
        () => ({ token: response => void response.writeHead(200, { 'Content-Type': 'text/html' }).end(secret) }),
        '/token answered 200 text/html: expected 200 and JSON',
      ],
      [
        'tokens without a type',
        () => ({ token: response => void sendJson(response, { access_token: secret }) }),
        'the member token_type: ',
      ],
      [
        'groups',
        () => ({ claims: { groups: { [secret]: 1 } } }),
        'the claim groups: expected a list of names, received',
      ],
    ])('%s', async (name, answers, said) => {
      const code = name === 'groups' ? 'ERR_LOGIN_CLAIMS_INVALID' : undefined
      const line = (await expectRefusal(answers(), code)).replaceAll('\\"', '"')
      expect(line).toContain(said)
      expect(line).not.toContain('invalid response encountered')
      if (name !== 'groups') expect(line).not.toContain(secret)
    })

    test('and clocks may differ by 30 s either way', async () => {
      for (const claims of [
        { exp: seconds() - 20, iat: seconds() - 200, auth_time: undefined },
        { iat: seconds() + 25, auth_time: seconds() + 25 },
        { nbf: seconds() + 25 },
      ]) {
        expect((await attempt({ claims })).isLoggedIn, JSON.stringify(claims)).toBe(true)
      }
      await expectRefusal({ claims: { exp: seconds() - 45 } })
      await expectRefusal({ claims: { nbf: seconds() + 45 } })
      await expectRefusal({ claims: { iat: seconds() + 45 } })
      await expectRefusal({ claims: { auth_time: seconds() + 45 } }, 'ERR_LOGIN_CLAIMS_INVALID')
    })
  })

  describe('a provider that fails in the middle of a login', () => {
    const large = JSON.stringify({ access_token: 'x'.repeat(2 * 1024 * 1024) })

    test.each<[string, Answers['token'], string, number]>([
      ['answers 500', response => void response.writeHead(500).end(), 'ERR_PROVIDER_UNAVAILABLE', 503],
      ['hangs up', response => void response.destroy(), 'ERR_PROVIDER_UNAVAILABLE', 503],
      ['does not answer in time', () => {}, 'ERR_PROVIDER_UNAVAILABLE', 503],
      [
        'refuses the code',
        response =>
          void response
            .writeHead(400, { 'Content-Type': 'application/json' })
            .end('{"error":"invalid_grant","error_description":"<b>"}'),
        'ERR_LOGIN_RESPONSE_INVALID',
        403,
      ],
      [
        'redirects',
        response => void response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end(),
        'ERR_LOGIN_RESPONSE_INVALID',
        403,
      ],
      [
        'answers no JSON',
        response => void response.writeHead(200, { 'Content-Type': 'application/json' }).end('{'),
        'ERR_LOGIN_RESPONSE_INVALID',
        403,
      ],
      [
        'answers with 2 MB',
        response => void response.writeHead(200, { 'Content-Type': 'application/json' }).end(large),
        'ERR_PROVIDER_UNAVAILABLE',
        503,
      ],
    ])('and %s gets a clear page', async (_name, token, code, status) => {
      await expectRefusal(token === undefined ? {} : { token }, code, status)
    })

    test('leads back to the same login', async () => {
      const { response } = await attempt({ token: answer => void answer.writeHead(500).end() }, `${start}&max_age=900`)
      expect(response.text).toContain(`/login?provider=corp&amp;max_age=900&amp;rd=${encodeURIComponent(wiki)}`)
    })
  })

  describe('a step-up', () => {
    const ago = (age: number) => ({ auth_time: seconds() - age })

    test.each<[string, string, () => Record<string, unknown>]>([
      ['max_age=900 is answered with an old login', 'max_age=900', () => ago(1000)],
      ['max_age=900 is answered with a login just past it, inside any tolerance', 'max_age=900', () => ago(910)],
      ['max_age=900 is answered without auth_time', 'max_age=900', () => ({ auth_time: undefined })],
      ['max_age=0 is answered with a login of before', 'max_age=0', () => ago(120)],
      ['acr_values=gold is answered with another class', 'acr_values=gold', () => ({ acr: 'silver' })],
      ['acr_values=gold is answered without a class', 'acr_values=gold', () => ({})],
    ])('whose %s ends on a page, not in a loop', async (_name, asked, claims) => {
      const { response, isLoggedIn } = await attempt({ claims: claims() }, `${start}&${asked}`)
      expect(response.status).toBe(403)
      expect(response.text).toContain('did not authenticate as asked')
      expect(isLoggedIn).toBe(false)
    })

    test.each<[string, () => Record<string, unknown>]>([
      ['max_age=900', () => ago(600)],
      ['max_age=0', () => ago(0)],
      ['acr_values=gold+silver', () => ({ acr: 'silver' })],
    ])('with %s that the provider delivers goes on', async (asked, claims) => {
      const { response, authorizationUrl } = await attempt({ claims: claims() }, `${start}&${asked}`)
      expect(locationOf(response)).toBe(wiki)
      const [name = '', value = ''] = asked.split('=')
      expect(authorizationUrl.searchParams.get(name)).toBe(value.replace('+', ' '))
    })

    test('is asked of the provider although there is a session, once that is too old', async () => {
      const browser = party.browser()
      const fromProvider = async (path: string) => {
        const location = locationOf(await browser.get(path))
        return location.startsWith(provider.issuer) ? location : undefined
      }
      await browser.get(
        provider.answerTo((await fromProvider(start)) ?? '', { claims: { ...ago(100), acr: 'silver' } }),
      )
      expect(await fromProvider(`${start}&max_age=900`)).toBeUndefined()
      expect(await fromProvider(`${start}&acr_values=silver`)).toBeUndefined()
      expect(await fromProvider(`${start}&max_age=100`)).toBeDefined()
      expect(await fromProvider(`${start}&max_age=0`)).toBeDefined()
      expect(await fromProvider(`${start}&acr_values=gold`)).toBeDefined()
    })

    test('that the provider itself refuses is told apart', async () => {
      const browser = party.browser()
      const callback = new URL(provider.answerTo(locationOf(await browser.get(start)), {}))
      callback.searchParams.delete('code')
      callback.searchParams.set('error', 'unmet_authentication_requirements')
      const { text } = await browser.get(callback.href)
      expect(text).toContain('did not authenticate as asked')
      // Nothing was: no heading stands over an empty list.
      expect(text).not.toContain('What was asked')
    })
  })

  test('the auth_time of the future is refused: such a login would never grow old', async () => {
    await expectRefusal({ claims: { auth_time: seconds() + 3600 } }, 'ERR_LOGIN_CLAIMS_INVALID')
  })

  test.each(['1800000000', -1, null, {}, []])(
    'an auth_time of %j is a claim that cannot be used, asked for or not',
    async auth_time => {
      const line = await expectRefusal({ claims: { auth_time } }, 'ERR_LOGIN_CLAIMS_INVALID')
      expect(line).toContain('auth_time')
      for (const path of [start, `${start}&max_age=900`]) {
        const { response } = await attempt({ claims: { auth_time } }, path)
        expect(response.text).toContain('claims that cannot be used')
        expect(response.text).not.toContain('What was asked')
      }
    },
  )

  test.each(['error=access_denied', 'code=stolen', 'code=stolen&state=x', 'response=x'])(
    'a link to /login with %s is a link to /login',
    async extra => {
      const before = provider.tokenRequests.length
      const response = await party.browser().get(`/login?${extra}`)
      expect(locationOf(response)).toContain(`${provider.issuer}/auth?`)
      expect(provider.tokenRequests.length).toBe(before)
    },
  )
})
