/** The discovery document of the issuer (OpenID Connect Discovery 1.0, RFC 8414), for clusters that trust our tokens. */
import type { RequestHandler } from 'express'
import { type GrantDependencies, issuerOf } from './dependencies.ts'
import { deviceGrantType } from './token.ts'

const cacheSeconds = 300

export function createDiscoveryRoute({
  algorithm,
  publicUrl,
}: Pick<GrantDependencies, 'algorithm' | 'publicUrl'>): RequestHandler {
  const issuer = issuerOf(publicUrl)
  const document = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device`,
    revocation_endpoint: `${issuer}/revoke`,
    userinfo_endpoint: `${issuer}/userinfo`,
    // The same keys as for assertions: `iss`, `aud` and `typ` tell the tokens apart.
    jwks_uri: `${publicUrl}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', deviceGrantType],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
    authorization_response_iss_parameter_supported: true,
  }
  return (_request, response) => {
    response.set('Cache-Control', `public, max-age=${cacheSeconds}`).json(document)
  }
}
