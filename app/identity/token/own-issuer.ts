/**
 * The issuer of our own exchanged tokens, verified by the same code as any other. Its keys sign assertions and the tokens of
 * kubectl as well: `iss`, `typ` and `aud` tell the three apart (RFC 8725 sections 3.11 and 3.12).
 */
import { OperationalError } from '../../errors.ts'
import { type IssuerKeys, type KeySet, keySetOf } from './issuer-keys.ts'
import type { TrustedIssuer } from './verify-token.ts'

export interface OwnIssuerOptions {
  readonly name: string
  readonly issuer: string
  readonly algorithm: string
  /** Public keys, as they are published now. */
  readonly jwks: () => { readonly keys: readonly { readonly kid: string; readonly kty: string }[] }
}

export const createOwnIssuer = ({ name, issuer, algorithm, jwks }: OwnIssuerOptions): TrustedIssuer => ({
  name,
  kind: 'sallyport',
  issuer,
  // Each is for one host, and every host asks for its own.
  audience: issuer,
  otherAudiences: [],
  algorithms: [algorithm],
  cluster: name,
  maxLifetimeSeconds: 3_600,
  // Of the clocks of our own replicas.
  clockToleranceSeconds: 5,
  keys: createOwnKeys(jwks),
})

function createOwnKeys(jwks: OwnIssuerOptions['jwks']): IssuerKeys {
  let known: { readonly names: string; readonly set: KeySet } | undefined
  function current(): KeySet | undefined {
    const { keys } = jwks()
    if (keys.length === 0) return undefined
    const names = keys.map(({ kid }) => kid).join(' ')
    if (known?.names !== names) known = { names, set: keySetOf(keys) }
    return known.set
  }
  return {
    current,
    async holding(keyId) {
      const set = current()
      if (set === undefined) throw new OperationalError('ERR_SIGNING_UNAVAILABLE', 'there are no keys of our own yet')
      return set.has(keyId) ? set : undefined
    },
  }
}
