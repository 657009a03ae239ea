/** What programs need to know to exchange tokens (RFC 8414), where they look for it by the issuer of the tokens. */
import type { RequestHandler } from 'express'
import { type ExchangeDependencies, exchangeIssuerOf, tokenPath } from './dependencies.ts'
import { exchangeGrant } from './parameters.ts'

/** RFC 8414 section 3.1: the path of the issuer stands behind the well-known one. */
export const metadataPath = `/.well-known/oauth-authorization-server${tokenPath}`

const cacheSeconds = 300

export function createMetadataRoute({
  certificateIn,
  proofAlgorithms,
  publicUrl,
}: Pick<ExchangeDependencies, 'certificateIn' | 'proofAlgorithms' | 'publicUrl'>): RequestHandler {
  const issuer = exchangeIssuerOf(publicUrl)
  const document = {
    issuer,
    token_endpoint: issuer,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${publicUrl}/.well-known/jwks.json`,
    grant_types_supported: [exchangeGrant],
    // There is no authorization endpoint, and section 2 wants the list.
    response_types_supported: [],
    scopes_supported: ['read', 'write'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    introspection_endpoint_auth_methods_supported: ['Bearer'],
    dpop_signing_alg_values_supported: proofAlgorithms,
    // RFC 8705 section 3.3.
    tls_client_certificate_bound_access_tokens: certificateIn !== undefined,
  }
  return (_request, response) => {
    response.set('Cache-Control', `public, max-age=${cacheSeconds}`).json(document)
  }
}
