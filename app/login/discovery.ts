/** One provider, discovered (OpenID Connect Discovery 1.0 section 4): its metadata, checked, and the strategy for it. */
import {
  allowInsecureRequests,
  buildEndSessionUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client'
import type { Clock } from '../clock.ts'
import type { ClaimMapping } from './claims.ts'
import type { Logger } from './logger.ts'
import type { OutboundFetch } from './outbound.ts'
import { ProviderStrategy } from './strategy.ts'

/** One entry of `providers` in the configuration. */
export interface ProviderSettings {
  readonly name: string
  /** Shown to people; the name if absent. */
  readonly label?: string
  readonly issuer: string
  readonly clientId: string
  /** Absent for a public client, which PKCE alone protects. */
  readonly clientSecret?: string
  readonly scopes: readonly string[]
  readonly claims?: ClaimMapping
  readonly emailVerified?: 'claim' | 'always'
}

export interface DiscoveryOptions {
  /** Origin of the auth host. */
  readonly publicUrl: string
  readonly fetch: OutboundFetch
  readonly clock: Clock
  readonly logger: Logger
  /** Of each call to the provider. Default 5 s. */
  readonly timeoutSeconds?: number
}

export interface DiscoveredProvider {
  /** For calls of openid-client: metadata, client authentication, timeouts and the way out are in it. */
  readonly configuration: Configuration
  readonly strategy: ProviderStrategy
  /** Where a log-out goes on to (OpenID Connect RP-Initiated Logout 1.0); `undefined` when the provider has no such place. */
  readonly endSessionUrl: (idToken: string | undefined, returnTo: string) => string | undefined
}

const callbackPath = (provider: string): string => `/callback/${provider}`

/** Rejects when the provider cannot be reached or its metadata cannot be used. */
export async function discoverProvider(
  settings: ProviderSettings,
  options: DiscoveryOptions,
): Promise<DiscoveredProvider> {
  const issuer = new URL(settings.issuer)
  const isHttps = issuer.protocol === 'https:'
  const configuration = await discovery(issuer, settings.clientId, {}, clientAuthentication(settings.clientSecret), {
    [customFetch]: options.fetch,
    timeout: options.timeoutSeconds ?? 5,
    execute: isHttps ? [enableNonRepudiationChecks] : [enableNonRepudiationChecks, allowInsecureRequests],
  })
  const metadata = configuration.serverMetadata()
  if (new URL(metadata.issuer).href !== issuer.href) throw new Error(`the issuer calls itself ${metadata.issuer}`)
  const authorizationUrl = endpoint(metadata.authorization_endpoint, 'authorization_endpoint', isHttps)
  endpoint(metadata.token_endpoint, 'token_endpoint', isHttps)
  endpoint(metadata.jwks_uri, 'jwks_uri', isHttps)
  const { clock, logger } = options
  const callbackUrl = new URL(callbackPath(settings.name), options.publicUrl).href
  const strategySettings = { ...settings, provider: settings.name, callbackUrl, clock, logger }
  return {
    configuration,
    strategy: new ProviderStrategy(configuration, authorizationUrl, strategySettings),
    endSessionUrl: (idToken, returnTo) => endSessionUrl(configuration, isHttps, idToken, returnTo),
  }
}

/** A browser would be sent to whatever stands here, so an https provider may not name an http page or a script. */
function endpoint(value: string | undefined, name: string, isHttps: boolean): string {
  if (value === undefined || !URL.canParse(value)) throw new Error(`the provider's metadata has no ${name}`)
  const url = new URL(value)
  if (url.protocol !== 'https:' && (isHttps || url.protocol !== 'http:')) throw new Error(`${name} is not https`)
  return url.href
}

/** Without a hint the provider asks the person. */
function endSessionUrl(
  configuration: Configuration,
  isHttps: boolean,
  idToken: string | undefined,
  returnTo: string,
): string | undefined {
  const { end_session_endpoint: target } = configuration.serverMetadata()
  if (target === undefined) return undefined
  endpoint(target, 'end_session_endpoint', isHttps)
  const hint = idToken === undefined ? {} : { id_token_hint: idToken }
  return buildEndSessionUrl(configuration, { ...hint, post_logout_redirect_uri: returnTo }).href
}

/** The method that the provider offers; basic where it does not say (OpenID Connect Discovery 1.0 section 3). */
function clientAuthentication(secret: string | undefined): ClientAuth {
  if (secret === undefined) return None()
  const basic = ClientSecretBasic(secret)
  const post = ClientSecretPost(secret)
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const method = methods.includes('client_secret_basic') ? basic : post
    return method(server, client, body, headers)
  }
}
