/**
 * Is this a log-out token of the provider (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)?
 *
 * Threat: whoever can make one logs people out. It comes without a browser and without a cookie, from anywhere, so what it
 * says counts for nothing before its signature; and an ID token, which the same key signs and many have seen, is none.
 */
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Configuration } from 'openid-client'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import { describeError } from './describe-error.ts'
import type { DiscoveredProvider } from './discovery.ts'
import type { OutboundFetch } from './outbound.ts'

/** What a token says that has passed every check. */
export interface LogoutToken {
  readonly issuer: string
  /** `jti` */
  readonly id: string
  readonly sub?: string
  readonly sid?: string
}

export interface LogoutTokens {
  /** Rejects with `ERR_LOGOUT_TOKEN_INVALID`, or `ERR_PROVIDER_UNAVAILABLE` when the provider's keys cannot be read. */
  read(provider: Pick<DiscoveredProvider, 'configuration'>, token: string): Promise<LogoutToken>
}

export interface LogoutTokensOptions {
  readonly fetch: OutboundFetch
  readonly clock: Clock
}

/** A token is made when it is sent; an old one is a copy. */
const maxAgeSeconds = 300
/** Clocks of two machines differ. */
const maxSkewSeconds = 60
/** After that no copy of a token that was accepted passes any more. */
export const replaySeconds = maxAgeSeconds + 2 * maxSkewSeconds

/** Unknown key ids are anybody's to send; that is how often they make us ask the provider for its keys. */
const keysCooldownMs = 30_000
const keysRetryMs = 5_000

const eventName = 'http://schemas.openid.net/event/backchannel-logout'

/** With a shared secret every client of the provider could sign; with `none` everybody. */
const asymmetric = new Set([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
])

export function createLogoutTokens({ fetch, clock }: LogoutTokensOptions): LogoutTokens {
  // A provider's metadata are read anew now and then; its keys go with them.
  const keysOf = new WeakMap<Configuration, JWTVerifyGetKey>()
  const findKeys = (configuration: Configuration): JWTVerifyGetKey => {
    const keys = keysOf.get(configuration) ?? createKeys(configuration, fetch)
    keysOf.set(configuration, keys)
    return keys
  }
  return {
    async read({ configuration }, token) {
      const { issuer, id_token_signing_alg_values_supported: offered = ['RS256'] } = configuration.serverMetadata()
      try {
        const { payload, protectedHeader } = await jwtVerify(token, findKeys(configuration), {
          issuer,
          audience: configuration.clientMetadata().client_id,
          algorithms: offered.filter(algorithm => asymmetric.has(algorithm)),
          requiredClaims: ['iat', 'exp', 'jti', 'events'],
          maxTokenAge: maxAgeSeconds,
          clockTolerance: maxSkewSeconds,
          currentDate: new Date(clock.now()),
        })
        requireType(protectedHeader.typ)
        return { issuer, ...readClaims(payload) }
      } catch (error) {
        throw error instanceof OperationalError ? error : invalid(describeError(error), error)
      }
    },
  }
}

function createKeys(configuration: Configuration, fetch: OutboundFetch): JWTVerifyGetKey {
  const { jwks_uri: address = '' } = configuration.serverMetadata()
  let retryAt = Number.NEGATIVE_INFINITY
  const keys = createRemoteJWKSet(new URL(address), {
    cooldownDuration: keysCooldownMs,
    [customFetch]: async (url, init) => {
      // Threat: tokens by the thousand while the provider is down, each with a call to it.
      if (performance.now() < retryAt) throw new Error('the keys of the provider could not be read a moment ago')
      retryAt = performance.now() + keysRetryMs
      const response = await fetch(url, init)
      if (response.status === 200) retryAt = Number.NEGATIVE_INFINITY
      return response
    },
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      throw new OperationalError('ERR_PROVIDER_UNAVAILABLE', 'the keys of the provider cannot be read', {
        cause: error,
      })
    }
  }
}

/** The keys are there, and none of them is that of the token. */
const isAboutToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported

/** Absent with older providers; but a token that says what else it is, is that. */
function requireType(type: string | undefined): void {
  const name = type?.toLowerCase().replace(/^application\//, '')
  if (name !== undefined && name !== 'jwt' && name !== 'logout+jwt') throw invalid(`typ is ${type}`)
}

function readClaims(claims: JWTPayload): Omit<LogoutToken, 'issuer'> {
  if (Object.hasOwn(claims, 'nonce')) throw invalid('it has a nonce, as ID tokens have')
  if (!isLogoutEvent(claims.events)) throw invalid('events has no log-out')
  const { jti, sub, sid } = claims
  if (!isText(jti)) throw invalid('jti is no text')
  if (sub === undefined && sid === undefined) throw invalid('neither sub nor sid')
  if (sub !== undefined && !isText(sub)) throw invalid('sub is no text')
  if (sid !== undefined && !isText(sid)) throw invalid('sid is no text')
  return { id: jti, ...(sub !== undefined && { sub }), ...(sid !== undefined && { sid }) }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

function isLogoutEvent(events: unknown): boolean {
  if (!isObject(events) || !Object.hasOwn(events, eventName)) return false
  return isObject(events[eventName])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (detail: string, cause?: unknown) => new OperationalError('ERR_LOGOUT_TOKEN_INVALID', detail, { cause })
