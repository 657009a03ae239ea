/**
 * Is this a log-out token of the provider (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)?
 *
 * Threat: whoever can make one logs people out. It comes without a browser and without a cookie, from anywhere, so what it
 * says counts for nothing before its signature; and an ID token, which the same key signs and many have seen, is none.
 */
import { type JWTPayload, jwtVerify } from 'jose'
import { clockSkewSeconds } from '../../../rbac/clock-skew.ts'
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import { describeError } from '../provider/describe-error.ts'
import type { DiscoveredProvider } from '../provider/discovery.ts'
import { describeCheck } from '../provider/failed-check.ts'
import { signingAlgorithms } from '../provider/id-token-signature.ts'

/** What a token says that has passed every check. */
export interface LogoutToken {
  readonly issuer: string
  /** `jti` */
  readonly id: string
  readonly sub?: string
  readonly sid?: string
  /** Whether it has an `exp`. */
  readonly hasExpiry: boolean
}

export interface LogoutTokens {
  /** Rejects with `ERR_LOGOUT_TOKEN_INVALID`, or `ERR_PROVIDER_UNAVAILABLE` when the provider's keys cannot be read. */
  read(provider: Pick<DiscoveredProvider, 'configuration' | 'keys'>, token: string): Promise<LogoutToken>
}

export interface LogoutTokensOptions {
  readonly clock: Clock
}

/** A token is made when it is sent; an old one is a copy. Also the bound of one without `exp`, which some providers leave out. */
const maxAgeSeconds = 300
/** After that no copy of a token that was accepted passes any more. */
export const replaySeconds = maxAgeSeconds + 2 * clockSkewSeconds

const eventName = 'http://schemas.openid.net/event/backchannel-logout'

export function createLogoutTokens({ clock }: LogoutTokensOptions): LogoutTokens {
  return {
    async read({ configuration, keys }, token) {
      const { issuer } = configuration.serverMetadata()
      try {
        const options = {
          issuer,
          audience: configuration.clientMetadata().client_id,
          algorithms: [...signingAlgorithms(configuration)],
          requiredClaims: ['iat', 'jti', 'events'],
          maxTokenAge: maxAgeSeconds,
          clockTolerance: clockSkewSeconds,
          currentDate: new Date(clock.now()),
        }
        const { payload, protectedHeader } = await keys.verifyWith('anybody', getKey =>
          jwtVerify(token, getKey, options),
        )
        requireType(protectedHeader.typ)
        return { issuer, ...readClaims(payload) }
      } catch (error) {
        throw error instanceof OperationalError ? error : invalid(describeCheck(error) ?? describeError(error), error)
      }
    },
  }
}

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
  return {
    id: jti,
    hasExpiry: claims.exp !== undefined,
    ...(sub !== undefined && { sub }),
    ...(sid !== undefined && { sid }),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

function isLogoutEvent(events: unknown): boolean {
  if (!isObject(events) || !Object.hasOwn(events, eventName)) return false
  return isObject(events[eventName])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (detail: string, cause?: unknown) => new OperationalError('ERR_LOGOUT_TOKEN_INVALID', detail, { cause })
