/** Issuers of bearer tokens for tests: each has keys of its own, and makes tokens of any shape. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createIssuerKeys, type IssuerKeysOptions } from '../../app/identity/token/issuer-keys.ts'
import type { TrustedIssuer } from '../../app/identity/token/verify-token.ts'

/** 2026-01-02T03:04:05Z, the time of all tokens here. */
export const nowSeconds = 1_767_323_045

export interface SigningIssuer {
  readonly issuer: string
  readonly publicKey: KeyObject
  /** As the issuer publishes it by now. */
  readonly jwks: () => { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  /** A token with these claims over the usual ones; `undefined` takes one out. `text`: the claims as they are written. */
  readonly token: (claims?: object, options?: TokenOptions) => string
  /** From now on it signs with another key, and publishes that one alone. */
  readonly rotate: () => void
}

export interface TokenOptions {
  readonly header?: object
  /** In place of the claims' JSON. */
  readonly text?: string
  /** In place of the issuer's own. */
  readonly key?: KeyObject
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

export function createSigningIssuer(issuer: string, usual: object = {}, kid = 'first'): SigningIssuer {
  const make = (name: string) => ({ name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) })
  let key = make(kid)
  const times = () => ({ iat: nowSeconds - 10, nbf: nowSeconds - 10, exp: nowSeconds + 600 })
  return {
    issuer,
    get publicKey() {
      return key.publicKey
    },
    jwks: () => ({ keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: key.name, use: 'sig', alg: 'ES256' }] }),
    token(claims = {}, { header = {}, text, key: other = key.privateKey } = {}) {
      const head = base64url(JSON.stringify({ alg: 'ES256', kid: key.name, ...header }))
      const body = base64url(
        text ?? JSON.stringify({ iss: issuer, aud: 'sallyport', jti: 'id-1', ...times(), ...usual, ...claims }),
      )
      const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: other, dsaEncoding: 'ieee-p1363' })
      return `${head}.${body}.${signature.toString('base64url')}`
    },
    rotate: () => {
      key = make(`${key.name}-next`)
    },
  }
}

export interface TestTrust extends Partial<Omit<TrustedIssuer, 'keys' | 'issuer'>> {
  readonly kind: TrustedIssuer['kind']
  readonly now?: IssuerKeysOptions['now']
  /** In place of what the issuer publishes. */
  readonly read?: IssuerKeysOptions['read']
}

/** The issuer as somebody believes it; `reads` counts how often its keys were asked for. */
export function trust(source: SigningIssuer, { now, read, ...settings }: TestTrust) {
  const counted = { reads: 0 }
  const trusted: TrustedIssuer = {
    name: 'ci',
    issuer: source.issuer,
    audience: 'sallyport',
    otherAudiences: [],
    algorithms: ['RS256', 'ES256'],
    cluster: settings.name ?? 'ci',
    maxLifetimeSeconds: 86_400,
    clockToleranceSeconds: 30,
    ...settings,
    keys: createIssuerKeys({
      name: settings.name ?? 'ci',
      read: async () => {
        counted.reads += 1
        return read === undefined ? source.jwks() : read()
      },
      onError: () => undefined,
      ...(now !== undefined && { now }),
    }),
  }
  return Object.assign(counted, { trusted })
}

/** What a projected token of `ci/deployer` says beside the usual claims. */
export const deployer = {
  sub: 'system:serviceaccount:ci:deployer',
  'kubernetes.io': {
    namespace: 'ci',
    serviceaccount: { name: 'deployer', uid: '0a1b' },
    pod: { name: 'deployer-7d9f', uid: '2c3d' },
    node: { name: 'node-1', uid: '4e5f' },
  },
}
