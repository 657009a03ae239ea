/** The issuer of our exchanged tokens, whose keys are our own, and the proofs that some of them need. */
import { canonicaliseUrl, originOf } from '../../rbac/request/access-request.ts'
import { exchangeIssuerOf } from '../exchange/dependencies.ts'
import { thumbprintOf } from '../identity/client-certificate.ts'
import { createProofs, type Proofs } from '../identity/proof/dpop.ts'
import { createOwnIssuer } from '../identity/token/own-issuer.ts'
import type { TrustedIssuer } from '../identity/token/verify-token.ts'
import { ownIssuer } from '../sessions/exchanged-tokens.ts'
import type { Credentials } from '../verify.ts'
import { type Base, canonicalOptions, type Kept } from './kept.ts'

export const composeOwnIssuer = ({ config }: Base, { keys }: Pick<Kept, 'keys'>): TrustedIssuer =>
  createOwnIssuer({
    name: ownIssuer,
    issuer: exchangeIssuerOf(config.server.url),
    algorithm: config.assertion.algorithm,
    jwks: keys.jwks,
  })

/** Present where the proxies pass the client's certificate: the thumbprint that tokens may be bound to (RFC 8705). */
export function composeTokenCertificates({
  config,
}: Pick<Base, 'config'>): ((headers: Credentials['headers']) => string | undefined) | undefined {
  const { clientCertificateHeader: name } = config.server
  return name === undefined ? undefined : headers => thumbprintOf(headers.only(name))
}

export function composeProofs({ clock, config }: Base, { exchanged }: Pick<Kept, 'exchanged'>): Proofs {
  const options = canonicalOptions(config)
  return createProofs({
    clock,
    firstUse: exchanged.firstUse,
    canonical: (method, text) => {
      try {
        const { resource, url } = canonicaliseUrl(method, text, options)
        return `${originOf(url)}${resource}`
      } catch {
        return undefined
      }
    },
  })
}
