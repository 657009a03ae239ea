import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { ClientMetadata, Configuration } from 'oidc-provider'
import { afterEach, describe, expect, test } from 'vitest'
import { type ClientCredentials, createClientAuthentication } from '../../app/login/provider/client-authentication.ts'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { type Certificate, createAuthority } from '../certificates.ts'
import { requirePeer } from '../peers.ts'
import { close, startProvider, type TestProvider } from '../provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import {
  client,
  corp,
  locationOf,
  type RelyingParty,
  type RelyingPartyOptions,
  startRelyingParty,
  wiki,
} from './relying-party.ts'

const closing: (() => unknown)[] = []
const closeLater = <T extends { close(): unknown }>(resource: T): T => {
  closing.push(() => resource.close())
  return resource
}

afterEach(async () => {
  for (const end of closing.splice(0).reverse()) await end()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`
const { clientSecret } = client
const keys = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ec384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed25519: generateKeyPairSync('ed25519'),
}
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwkOf = (key: KeyObject, kid: string) => ({ ...createPublicKey(pem(key)).export({ format: 'jwk' }), kid })

const credentials = (more: ClientCredentials): ClientCredentials => more

/** A provider that knows this client by one way of authentication alone. */
const providerFor = async (metadata: ClientMetadata, more: Configuration = {}): Promise<TestProvider> =>
  closeLater(
    await startProvider({
      clients: [],
      configuration: {
        clients: [
          {
            ...metadata,
            client_id: client.clientId,
            redirect_uris: [...client.redirectUris],
            id_token_signed_response_alg: 'ES256',
          },
        ],
        ...more,
      },
    }),
  )

async function partyFor(
  issuer: string,
  more: ClientCredentials,
  discovery: RelyingPartyOptions['discovery'] = {},
): Promise<RelyingParty> {
  const { clientSecret: _secret, ...settings } = corp(issuer)
  const party = closeLater(await startRelyingParty({ providers: [{ ...settings, ...more }], discovery }))
  await party.providers.start()
  return party
}

describe('a client proves itself to oidc-provider', () => {
  const signed = (key: KeyObject, algorithm: string): ClientMetadata =>
    ({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: algorithm,
      jwks: { keys: [jwkOf(key, 'k1')] },
    }) as never
  const privateKeyJwt = (key: KeyObject) =>
    credentials({ clientAuthentication: 'private_key_jwt', clientKey: pem(key), clientKeyId: 'k1' })
  const secret = (method: string) => ({ token_endpoint_auth_method: method, client_secret: clientSecret }) as never

  test.each<[string, ClientMetadata, ClientCredentials, ClientCredentials]>([
    [
      'client_secret_basic',
      secret('client_secret_basic'),
      { clientAuthentication: 'client_secret_basic', clientSecret },
      { clientAuthentication: 'client_secret_basic', clientSecret: `${clientSecret}x` },
    ],
    [
      'client_secret_post',
      secret('client_secret_post'),
      { clientAuthentication: 'client_secret_post', clientSecret },
      { clientAuthentication: 'client_secret_post', clientSecret: `${clientSecret}x` },
    ],
    [
      'private_key_jwt with RSA',
      signed(keys.rsa.privateKey, 'RS256'),
      privateKeyJwt(keys.rsa.privateKey),
      privateKeyJwt(keys.ec.privateKey),
    ],
    [
      'private_key_jwt with P-256',
      signed(keys.ec.privateKey, 'ES256'),
      privateKeyJwt(keys.ec.privateKey),
      privateKeyJwt(keys.rsa.privateKey),
    ],
    [
      'private_key_jwt with Ed25519',
      signed(keys.ed25519.privateKey, 'Ed25519'),
      privateKeyJwt(keys.ed25519.privateKey),
      privateKeyJwt(generateKeyPairSync('ed25519').privateKey),
    ],
    [
      'none',
      { token_endpoint_auth_method: 'none' } as never,
      { clientAuthentication: 'none' },
      { clientAuthentication: 'client_secret_basic', clientSecret },
    ],
  ])('with %s, and with nothing else', async (_name, metadata, right, wrong) => {
    const algorithms = ['RS256', 'PS256', 'ES256', 'Ed25519']
    const { issuer } = await providerFor(metadata, {
      enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: algorithms as never },
    })
    const good = await partyFor(issuer, right)
    expect(locationOf(await good.browser().logIn('alice', start))).toBe(wiki)
    const bad = await partyFor(issuer, wrong)
    const refused = await bad.browser().logIn('alice', start)
    expect(refused.status).toBe(502)
    expect(refused.text).toContain('This is not your fault: please tell whoever runs it')
    expect(bad.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_CLIENT_REFUSED' })
    const told = bad.log.findLast(line => line.message === 'login page failed')
    expect(told).toMatchObject({ level: 'error', fields: { detail: expect.stringContaining('answered 401') } })
    expect(refused.text).toContain(bad.events.at(-1)?.requestId)
    expect(JSON.stringify(bad.log)).not.toMatch(/PRIVATE|eyJ[\w-]+\./)
    expect(JSON.stringify(bad.log)).not.toContain(clientSecret)
  })
})

describe('a secret goes', () => {
  const isInBody = async (more: ClientCredentials, offered: readonly string[]) => {
    const metadata = { token_endpoint_auth_methods_supported: offered }
    const server = closeLater(await startMisbehavingProvider(metadata))
    const party = await partyFor(server.issuer, { clientSecret, ...more })
    const browser = party.browser()
    await browser.get(server.answerTo(locationOf(await browser.get(start)), {}))
    return server.tokenRequests.at(-1)?.get('client_secret') === clientSecret
  }

  test('the way that the metadata offers', async () => {
    expect(await isInBody({}, ['client_secret_post'])).toBe(true)
    expect(await isInBody({}, ['client_secret_basic'])).toBe(false)
    expect(await isInBody({}, ['client_secret_post', 'client_secret_basic'])).toBe(false)
  })

  test('the way that is set, whatever the metadata offers', async () => {
    expect(await isInBody({ clientAuthentication: 'client_secret_post' }, ['client_secret_basic'])).toBe(true)
    expect(await isInBody({ clientAuthentication: 'client_secret_basic' }, ['client_secret_post'])).toBe(false)
  })
})

describe('an assertion', () => {
  const assertionOf = async (more: ClientCredentials, metadata: Readonly<Record<string, unknown>> = {}) => {
    const server = closeLater(await startMisbehavingProvider(metadata))
    const party = await partyFor(server.issuer, { clientAuthentication: 'private_key_jwt', ...more })
    const browser = party.browser()
    await browser.get(server.answerTo(locationOf(await browser.get(start)), {}))
    const sent = server.tokenRequests.at(-1)
    expect(sent?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const assertion = sent?.get('client_assertion') ?? ''
    return { server, header: decodeProtectedHeader(assertion), payload: decodeJwt(assertion) }
  }

  test('is for this one issuer, short-lived, and never the same twice', async () => {
    const first = await assertionOf({ clientKey: pem(keys.ec.privateKey) })
    const second = await assertionOf({ clientKey: pem(keys.ec.privateKey) })
    expect(first.payload).toMatchObject({ iss: client.clientId, sub: client.clientId, aud: first.server.issuer })
    expect((first.payload.exp ?? 0) - (first.payload.iat ?? 0)).toBeLessThanOrEqual(60)
    expect(first.payload.jti).not.toBe(second.payload.jti)
  })

  test('is for the token endpoint where the provider wants that', async () => {
    const more = { clientKey: pem(keys.ec.privateKey), clientAssertionAudience: 'token-endpoint' } as const
    const { server, payload } = await assertionOf(more)
    expect(payload.aud).toBe(`${server.issuer}/token`)
  })

  test.each<[string, KeyObject, readonly string[] | undefined, string]>([
    ['an RSA key, where nothing is said', keys.rsa.privateKey, undefined, 'RS256'],
    ['an RSA key, where PS256 alone is accepted', keys.rsa.privateKey, ['PS256', 'ES256'], 'PS256'],
    ['a key on P-384', keys.ec384.privateKey, undefined, 'ES384'],
    ['an Ed25519 key, where nothing is said', keys.ed25519.privateKey, undefined, 'EdDSA'],
    ['an Ed25519 key, where its new name is known', keys.ed25519.privateKey, ['Ed25519', 'EdDSA'], 'Ed25519'],
  ])('with %s is signed with what fits', async (_name, key, accepted, expected) => {
    const metadata = accepted === undefined ? {} : { token_endpoint_auth_signing_alg_values_supported: accepted }
    const { header } = await assertionOf({ clientKey: pem(key), clientKeyId: 'k7' }, metadata)
    expect(header).toEqual({ alg: expected, kid: 'k7' })
  })

  test.skipIf(requirePeer('openssl') === undefined)('names the certificate where there is one', async () => {
    const { certificate, key } = closeLater(createAuthority('sallyport'))
    const { header } = await assertionOf({ clientKey: key, clientCertificate: certificate })
    const thumbprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')
    expect(header).toEqual({ alg: 'ES256', 'x5t#S256': thumbprint })
  })
})

describe.each<[string, ClientCredentials]>([
  ['client_secret_basic', { clientAuthentication: 'client_secret_basic' }],
  ['client_secret_post', { clientAuthentication: 'client_secret_post', clientSecret: '' }],
  ['private_key_jwt', { clientAuthentication: 'private_key_jwt', clientSecret }],
  ['private_key_jwt', { clientAuthentication: 'private_key_jwt', clientKey: 'no key' }],
  ['tls_client_auth', { clientAuthentication: 'tls_client_auth', clientKey: pem(keys.ec.privateKey) }],
  ['tls_client_auth', { clientAuthentication: 'tls_client_auth', clientCertificate: 'a certificate' }],
])('%s', (_name, incomplete) => {
  test('without what it needs is refused, not replaced by something weaker', () => {
    expect(() => createClientAuthentication(incomplete)).toThrow()
  })
})

describe.skipIf(requirePeer('openssl') === undefined)(
  'tls_client_auth, against oidc-provider behind mutual TLS',
  () => {
    /** The endpoints that ask for a certificate have addresses of their own, as RFC 8705 section 5 has it. */
    async function begin() {
      const authority = closeLater(createAuthority('authority of the tests'))
      const handler = { handle: (_request: never, response: { end(): void }) => response.end() }
      const server = createServer(
        {
          ...nodeNames(authority.issue('mtls', ['mtls.localhost'])),
          ca: authority.certificate,
          requestCert: true,
          rejectUnauthorized: false,
        },
        (request, response) => handler.handle(request as never, response),
      )
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      closing.push(() => close(server as never))
      const address = server.address()
      const secure = `https://mtls.localhost:${typeof address === 'object' ? address?.port : ''}`
      const peer = (socket: Duplex) => (socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined)
      const provider = await providerFor(
        { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=sallyport' } as never,
        {
          clientAuthMethods: ['tls_client_auth', 'client_secret_basic'],
          discovery: {
            mtls_endpoint_aliases: { token_endpoint: `${secure}/token`, userinfo_endpoint: `${secure}/me` },
          },
          features: {
            devInteractions: { enabled: false },
            mTLS: {
              enabled: true,
              tlsClientAuth: true,
              getCertificate: context => peer(context.socket)?.toString(),
              certificateAuthorized: context => context.socket instanceof TLSSocket && context.socket.authorized,
              certificateSubjectMatches: (context, _property, expected) => peer(context.socket)?.subject === expected,
            },
          },
        },
      )
      handler.handle = provider.provider.callback() as never
      const outbound = closeLater(createOutbound({ certificateAuthority: authority.certificate }))
      const logIn = async (certificate: Certificate | undefined, withCertificate = outbound.withCertificate) => {
        const more = certificate && { clientCertificate: certificate.certificate, clientKey: certificate.key }
        const credentials = { clientAuthentication: 'tls_client_auth', ...more } as const
        const discovery = { fetch: outbound.fetch, withCertificate }
        const party = await partyFor(provider.issuer, credentials, discovery)
        return { party, response: await party.browser().logIn('alice', start) }
      }
      return { authority, provider, logIn, outbound }
    }
    const nodeNames = ({ certificate, key }: Certificate) => ({ cert: certificate, key })

    test('logs in with the certificate of this client, at the addresses that ask for it', async () => {
      const { authority, provider, logIn } = await begin()
      const { response } = await logIn(authority.issue('sallyport'))
      expect(locationOf(response)).toBe(wiki)
      expect(provider.requests).not.toContain('POST /token')
    })

    test('refuses the certificate of another client, and one that somebody else signed', async () => {
      const { authority, logIn } = await begin()
      expect((await logIn(authority.issue('mallory'))).response.status).toBe(502)
      const foreign = closeLater(createAuthority('authority of somebody else'))
      expect((await logIn(foreign.issue('sallyport'))).response.status).toBe(502)
    })

    test('refuses a client that shows none', async () => {
      const { authority, logIn, outbound } = await begin()
      const { response } = await logIn(authority.issue('sallyport'), () => outbound.fetch)
      expect(response.status).toBe(502)
    })
  },
)

test('the secret in a header is encoded as a form is, for providers that do not decode it (RFC 6749 section 2.3.1)', async () => {
  const sent: string[] = []
  const clientId = 'sally-port_1.test*'
  for (const secret of ['gloas-0f_3.e*~', 'with space & ü:%']) {
    const headers = new Headers()
    const authenticate = createClientAuthentication({
      clientAuthentication: 'client_secret_basic',
      clientSecret: secret,
    })
    await authenticate(
      { issuer: 'https://idp.example' } as never,
      { client_id: clientId },
      new URLSearchParams(),
      headers,
    )
    sent.push(Buffer.from(headers.get('Authorization')?.replace('Basic ', '') ?? '', 'base64').toString())
  }
  expect(sent).toEqual([`${clientId}:gloas-0f_3.e*%7E`, `${clientId}:with+space+%26+%C3%BC%3A%25`])
})

test('a provider that takes id and secret as they come knows a client with dashes and underscores in them', async () => {
  const provider = closeLater(await startMisbehavingProvider())
  const clientSecret = 'a-secret_of-the_client'
  const party = closeLater(await startRelyingParty({ providers: [corp(provider.issuer, { clientSecret })] }))
  await party.providers.start()
  const browser = party.browser()
  expect(locationOf(await browser.get(provider.answerTo(locationOf(await browser.get(start)), {})))).toBe(wiki)
  const { authorization = '' } = provider.requests.find(({ path }) => path === '/token') ?? {}
  const received = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
  expect(received).toBe(`${client.clientId}:${clientSecret}`)
})
