/** Clients of the real oidc-provider that get tokens for themselves, and whose tokens they are. */
import type { Configuration } from 'oidc-provider'
import type { TestClient } from '../provider.ts'

export const robot = {
  clientId: 'robot',
  clientSecret: 'the-secret-of-the-robot',
  redirectUris: [],
  metadata: { grant_types: ['client_credentials'], response_types: [] },
} satisfies TestClient

/** Its tokens are for whom `resource` (RFC 8707) names: signed, unless that ends with `opaque`; without it opaque. */
export const clientCredentials: { readonly configuration: Configuration } = {
  configuration: {
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        getResourceServerInfo: (_context, resource) => ({
          scope: 'read',
          audience: resource,
          accessTokenTTL: 600,
          ...(resource.endsWith('opaque')
            ? { accessTokenFormat: 'opaque' }
            : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
        }),
      },
    },
  },
}
