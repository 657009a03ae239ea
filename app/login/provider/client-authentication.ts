/**
 * How this service proves to a provider's token endpoint that it is the client (OpenID Connect Core 1.0 section 9,
 * RFC 8705 section 2).
 *
 * A secret travels with every call and is known to both sides; a key never leaves this machine.
 */
import { createHash, createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import {
  type ClientAuth,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  type ServerMetadata,
  TlsClientAuth,
} from 'openid-client'

export type ClientAuthenticationMethod =
  | 'auto'
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'none'

export interface ClientCredentials {
  /** Default `auto`: the secret, in the way that the provider's metadata offers; without a secret, `none`. */
  readonly clientAuthentication?: ClientAuthenticationMethod
  readonly clientSecret?: string
  /** PEM. Signs assertions, or belongs to the certificate. */
  readonly clientKey?: string
  /** `kid` of the assertions, for a provider that knows several keys of this client. */
  readonly clientKeyId?: string
  /** PEM; for TLS, or for the thumbprint that Entra ID wants to see in an assertion. */
  readonly clientCertificate?: string
  /** `aud` of an assertion. Default `issuer`: an assertion for one provider is then worth nothing at another. */
  readonly clientAssertionAudience?: 'issuer' | 'token-endpoint'
}

/** Throws a `TypeError` when the method needs something that is not there, or when the key cannot be read. */
export function createClientAuthentication(credentials: ClientCredentials): ClientAuth {
  const { clientAuthentication = 'auto', clientSecret } = credentials
  switch (clientAuthentication) {
    case 'client_secret_basic':
      return sendInHeader(required(clientSecret, 'client secret'))
    case 'client_secret_post':
      return ClientSecretPost(required(clientSecret, 'client secret'))
    case 'private_key_jwt':
      return signAssertions(credentials)
    case 'tls_client_auth':
      required(credentials.clientKey, 'client key')
      required(credentials.clientCertificate, 'client certificate')
      return TlsClientAuth()
    case 'none':
      return None()
    case 'auto':
      return clientSecret === undefined ? None() : sendSecretAsOffered(clientSecret)
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new TypeError(`this client authentication needs a ${what}`)
  return value
}

/** Basic where the provider does not say (OpenID Connect Discovery 1.0 section 3). */
function sendSecretAsOffered(secret: string): ClientAuth {
  const basic = sendInHeader(secret)
  const post = ClientSecretPost(secret)
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const method = methods.includes('client_secret_basic') ? basic : post
    return method(server, client, body, headers)
  }
}

/**
 * RFC 6749 section 2.3.1: both parts as a form encodes them, so `-`, `_`, `.` and `*` as they are. openid-client escapes
 * those as well, which means the same; but providers that do not decode (Gitea, doorkeeper, Casdoor) then know nobody.
 */
function sendInHeader(secret: string): ClientAuth {
  return (_server, { client_id: id }, _body, headers) => {
    headers.set('Authorization', `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`)
  }
}

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)

/** RFC 7523 section 2.2. The algorithm follows from the key and from what the provider accepts. */
function signAssertions(credentials: ClientCredentials): ClientAuth {
  const key = createPrivateKey(required(credentials.clientKey, 'client key'))
  const { clientKeyId: kid, clientCertificate, clientAssertionAudience = 'issuer' } = credentials
  const thumbprint = clientCertificate === undefined ? undefined : thumbprintOf(clientCertificate)
  const imported = new Map<string, Promise<webcrypto.CryptoKey>>()
  return async (server, client, body, headers) => {
    const algorithm = algorithmOf(key, server)
    const cryptoKey = imported.get(algorithm) ?? importKey(key, algorithm)
    imported.set(algorithm, cryptoKey)
    const sign = PrivateKeyJwt(
      { key: await cryptoKey, ...(kid !== undefined && { kid }) },
      {
        [modifyAssertion]: (header, payload) => {
          header.alg = algorithm
          if (thumbprint !== undefined) header['x5t#S256'] = thumbprint
          if (clientAssertionAudience === 'token-endpoint') payload.aud = server.token_endpoint
        },
      },
    )
    const signBody = () => sign(server, client, body, headers)
    await signBody()
    assertions.set(body, signBody)
  }
}

/** By the body that an assertion is in: how to put another in its place. */
const assertions = new WeakMap<object, () => unknown>()

/**
 * For a call that is about to be made once again. A provider that has seen the assertion refuses it the second time, as
 * somebody else's (RFC 7523 section 3); so this one has a `jti` and a time of its own. Does nothing for any other body.
 */
export async function renewAssertion(body: unknown): Promise<void> {
  if (typeof body === 'object' && body !== null) await assertions.get(body)?.()
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/** RSA signs with RS256, which every provider has to know, unless this one names PS256 and not that. */
function algorithmOf(key: KeyObject, server: ServerMetadata): string {
  const accepted = server.token_endpoint_auth_signing_alg_values_supported
  const accepts = (name: string) => Array.isArray(accepted) && accepted.includes(name)
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return accepts('PS256') && !accepts('RS256') ? 'PS256' : 'RS256'
    case 'ed25519':
      return accepts('Ed25519') ? 'Ed25519' : 'EdDSA'
    case 'ec': {
      const algorithm = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
      if (algorithm !== undefined) return algorithm
    }
  }
  throw new TypeError('the client key is none of RSA, P-256, P-384, P-521 and Ed25519')
}

function importKey(key: KeyObject, algorithm: string): Promise<webcrypto.CryptoKey> {
  const bytes = key.export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', bytes, webCryptoName(algorithm), false, ['sign'])
}

function webCryptoName(algorithm: string) {
  if (algorithm === 'RS256') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  if (algorithm === 'PS256') return { name: 'RSA-PSS', hash: 'SHA-256' }
  if (algorithm === 'ES256') return { name: 'ECDSA', namedCurve: 'P-256' }
  if (algorithm === 'ES384') return { name: 'ECDSA', namedCurve: 'P-384' }
  return algorithm === 'ES512' ? { name: 'ECDSA', namedCurve: 'P-521' } : { name: 'Ed25519' }
}

/** RFC 7515 section 4.1.8. */
const thumbprintOf = (certificate: string): string =>
  createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')
