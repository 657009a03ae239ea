/** One provider, discovered (OpenID Connect Discovery 1.0 section 4): its metadata, checked, and the strategy for it. */
import {
  allowInsecureRequests,
  buildEndSessionUrl,
  type Configuration,
  clockTolerance,
  customFetch,
  discovery,
} from 'openid-client'
import { clockSkewSeconds } from '../../../rbac/clock-skew.ts'
import type { Clock } from '../../clock.ts'
import type { ClaimMapping } from '../claims/identity-of-claims.ts'
import type { WantedClaims } from '../claims/vanished-claims.ts'
import type { Logger } from '../logger.ts'
import { type PatienceOptions, patientFetch } from './busy-provider.ts'
import { type ClientCredentials, createClientAuthentication } from './client-authentication.ts'
import { callEndpoint, notingFetch } from './endpoint-call.ts'
import type { GroupsOverage } from './group-overage.ts'
import type { OutboundFetch } from './outbound.ts'
import { createProviderKeys, type ProviderKeys } from './provider-keys.ts'
import { mustPushRequests, type PushedRequests } from './pushed-request.ts'
import { createClaimsReader, type ReadClaims } from './read-claims.ts'
import { type ResponseMode, requireResponseMode } from './response-mode.ts'
import { ProviderStrategy } from './strategy.ts'
import { lookingFetch } from './token-answers.ts'

/** One entry of `providers` in the configuration. */
export interface ProviderSettings extends ClientCredentials {
  readonly name: string
  /** PEM; who vouches for its servers. Default: whom Node trusts. */
  readonly ca?: string
  /** Shown to people; the name if absent. */
  readonly label?: string
  readonly issuer: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly claims?: ClaimMapping
  readonly emailVerified?: 'claim' | 'always'
  /** Whether the userinfo endpoint is asked. Default true. */
  readonly userinfo?: boolean
  /** Default none. */
  readonly groupPrefix?: string
  /** Default `refuse`. */
  readonly groupsOverage?: GroupsOverage
  /** Default `auto`. */
  readonly pushedRequests?: PushedRequests
  /** Default `query`. */
  readonly responseMode?: ResponseMode
  /** Sent with every authorization request; what a login itself asks for takes their place. */
  readonly authorizationParameters?: Readonly<Record<string, string>>
  /** Further claims that hosts pass to their applications. Default none. */
  readonly passedOn?: readonly string[]
  /** Domains whose people log in here, in lower case. Default none. */
  readonly emailDomains?: readonly string[]
}

export interface DiscoveryOptions extends Pick<PatienceOptions, 'wait'> {
  /** Origin of the auth host. */
  readonly publicUrl: string
  readonly fetch: OutboundFetch
  /** For calls to this provider, with the certificate of this client. Default `fetch`. */
  readonly clientFetch?: OutboundFetch
  readonly clock: Clock
  readonly logger: Logger
  /** Of each call to the provider. Default 5 s. */
  readonly timeoutSeconds?: number
}

export interface DiscoveredProvider {
  readonly settings: ProviderSettings
  /** For calls of openid-client: metadata, client authentication, timeouts and the way out are in it. */
  readonly configuration: Configuration
  readonly strategy: ProviderStrategy
  /** What a token says about its person now, for `parseUser` with `claimPolicy`. */
  readonly readClaims: ReadClaims
  /** What the provider signs with. */
  readonly keys: ProviderKeys
  readonly claimPolicy: WantedClaims
  /** Where a log-out goes on to (OpenID Connect RP-Initiated Logout 1.0); `undefined` when the provider has no such place. */
  readonly endSessionUrl: (idToken: string | undefined, returnTo: string) => string | undefined
}

const callbackPath = (provider: string): string => `/callback/${provider}`

/** Rejects when the provider cannot be reached or its metadata cannot be used. */
export async function discoverProvider(
  settings: ProviderSettings,
  options: DiscoveryOptions,
): Promise<DiscoveredProvider> {
  return callEndpoint('discovery', () => discover(settings, options))
}

async function discover(settings: ProviderSettings, options: DiscoveryOptions): Promise<DiscoveredProvider> {
  const issuer = new URL(settings.issuer)
  const isHttps = issuer.protocol === 'https:'
  const timeout = options.timeoutSeconds ?? 5
  const patient = (fetch: OutboundFetch) => patientFetch(notingFetch(fetch), options)
  const configuration = await discovery(
    issuer,
    settings.clientId,
    // RFC 8705 section 5: the endpoints that ask for a certificate may have addresses of their own.
    {
      use_mtls_endpoint_aliases: settings.clientAuthentication === 'tls_client_auth',
      [clockTolerance]: clockSkewSeconds,
    },
    createClientAuthentication(settings),
    {
      [customFetch]: lookingFetch(patient(options.clientFetch ?? options.fetch)),
      timeout,
      // Signatures of ID tokens: see `requireSignature`.
      execute: isHttps ? [] : [allowInsecureRequests],
    },
  )
  const metadata = configuration.serverMetadata()
  if (new URL(metadata.issuer).href !== issuer.href) throw new Error(`the issuer calls itself ${metadata.issuer}`)
  const authorizationUrl = endpoint(metadata.authorization_endpoint, 'authorization_endpoint', isHttps)
  endpoint(metadata.token_endpoint, 'token_endpoint', isHttps)
  const keysAddress = endpoint(metadata.jwks_uri, 'jwks_uri', isHttps)
  const { responseMode = 'query' } = settings
  requireResponseMode(responseMode, metadata)
  const { clock, logger } = options
  const claimPolicy = { ...settings, provider: settings.name }
  const outward = { fetch: patient(options.fetch), timeoutSeconds: timeout }
  const keys = createProviderKeys({ address: keysAddress, ...outward })
  const readClaims = createClaimsReader(configuration, settings, { ...outward, keys })
  const strategySettings = {
    ...claimPolicy,
    callbackUrl: new URL(callbackPath(settings.name), options.publicUrl).href,
    pushesRequests: mustPushRequests(settings.pushedRequests ?? 'auto', metadata),
    responseMode,
    readClaims,
    keys,
    clock,
    logger,
  }
  return {
    settings,
    configuration,
    strategy: new ProviderStrategy(configuration, authorizationUrl, strategySettings),
    readClaims,
    keys,
    claimPolicy,
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
