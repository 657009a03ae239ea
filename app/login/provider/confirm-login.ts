/**
 * Asks a provider whether it still stands by a login: a refresh (RFC 6749 section 6, OpenID Connect Core 1.0 section 12)
 * or, without a refresh token, userinfo. Groups and claims are read anew; how and when the person authenticated is not,
 * because nobody has authenticated.
 */
import { type Configuration, ResponseBodyError, refreshTokenGrant } from 'openid-client'
import type { User } from '../../../rbac/identity.ts'
import type { Clock } from '../../clock.ts'
import { type ErrorCode, OperationalError } from '../../errors.ts'
import type { LoginSession, ProviderTokens } from '../../sessions/login-session.ts'
import type { AskProvider, ProviderAnswer } from '../../sessions/verification/verify-session.ts'
import { type ClaimSources, type Claims, parseUser } from '../claims/identity-of-claims.ts'
import { vanishedClaim, vanishedDetail } from '../claims/vanished-claims.ts'
import { causes, property } from './causes.ts'
import { describeError } from './describe-error.ts'
import type { DiscoveredProvider } from './discovery.ts'
import { callEndpoint } from './endpoint-call.ts'
import { requireIssued, requireSignature } from './id-token-signature.ts'
import { explainExchangeFailure } from './refusal.ts'
import { type TokenAnswer, withTokenAnswer } from './token-answers.ts'

type KeepTokens = Parameters<AskProvider>[2]

/**
 * The token endpoint itself says that nothing is to be had any more with this token (RFC 6749 section 5.2, OpenID Connect
 * Core 1.0 section 3.1.2.6).
 */
const finalErrors = new Set([
  'access_denied',
  'consent_required',
  'interaction_required',
  'invalid_grant',
  'login_required',
])

/**
 * About this service and not about the person, or not for long. Every other code is what some provider answers for a
 * closed account: `invalid_request`, or a sentence in place of a code.
 */
const errorsAboutUs = new Set([
  'invalid_client',
  'invalid_scope',
  'server_error',
  'slow_down',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
])

/**
 * Threat: a client secret that was changed at the provider alone, and everybody is logged out within minutes. So 401, which
 * is about the credentials of this service (RFC 6749 section 5.2), is never about the person, whatever it says.
 */
const isAboutPerson = ({ status, error }: ResponseBodyError): boolean =>
  status < 500 && status !== 401 && status !== 429 && !errorsAboutUs.has(error)

/** How openid-client calls an answer about another person, or for another client. */
const foreignAnswers = new Set(['OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'])

export function createConfirmation(provider: DiscoveredProvider, clock: Clock): AskProvider {
  const { claimPolicy } = provider
  const now = () => Math.floor(clock.now() / 1000)
  return async (login, tokens, keep) => {
    try {
      const stated = await state(provider, login, { tokens, keep }, now())
      if (stated === undefined) return { kind: 'unanswerable' }
      const vanished = vanishedClaim(login.identity, stated, claimPolicy)
      if (vanished !== undefined) {
        return { kind: 'unavailable', code: 'ERR_LOGIN_CLAIMS_INVALID', detail: vanishedDetail(vanished) }
      }
      return { kind: 'confirmed', identity: describedAs(login, parseUser(stated, claimPolicy, now()).user) }
    } catch (error) {
      return explain(error)
    }
  }
}

/** What was kept to ask with, and who keeps what comes in its place. */
interface Held {
  readonly tokens: ProviderTokens
  readonly keep: KeepTokens
}

/** What the provider says of the person now; `undefined` when it does not say all that the login rests on. */
async function state(
  { configuration, keys, readClaims }: DiscoveredProvider,
  { identity: { subject } }: LoginSession,
  { tokens, keep }: Held,
  nowSeconds: number,
): Promise<ClaimSources | undefined> {
  const { issuer } = configuration.serverMetadata()
  if (!subject.startsWith(`${issuer}#`)) throw new RefusedError('the provider has another issuer than the login')
  const person = { iss: issuer, sub: subject.slice(issuer.length + 1) }
  const { refreshToken, accessToken, accessTokenExpiresAt = Number.POSITIVE_INFINITY } = tokens
  if (refreshToken !== undefined) {
    const response = await refresh(configuration, refreshToken, tokens, keep)
    const { access_token: newAccessToken, id_token: newIdToken } = response
    const idToken = response.claims()
    if (idToken === undefined || newIdToken === undefined) {
      return tokens.needsIdToken ? undefined : read(readClaims, person, newAccessToken)
    }
    await requireSignature(newIdToken, { configuration, keys, origin: 'provider' })
    requireIssued(idToken, nowSeconds)
    requireSame(idToken, person, tokens.nonce)
    return readClaims({ idToken, accessToken: newAccessToken })
  }
  if (accessToken === undefined || accessTokenExpiresAt <= nowSeconds) return undefined
  return read(readClaims, person, accessToken)
}

async function read(readClaims: DiscoveredProvider['readClaims'], person: Claims, accessToken: string) {
  const sources = await readClaims({ idToken: person, accessToken })
  return sources.userinfo === undefined ? undefined : sources
}

async function refresh(configuration: Configuration, used: string, tokens: ProviderTokens, keep: KeepTokens) {
  // Threat: the old one works no more, and the new one is lost with the answer that turns out to be no good otherwise.
  const keepFirst = async ({ refresh_token: refreshToken = used }: TokenAnswer) => {
    if (refreshToken !== used) await keep({ ...tokens, refreshToken }).catch(asStoreFailure)
  }
  return withTokenAnswer(configuration, keepFirst, () =>
    callEndpoint('the token endpoint', () => refreshTokenGrant(configuration, used)),
  )
}

/** OpenID Connect Core 1.0 section 12.2: issuer, person and nonce of the login. Signature and audience are checked. */
function requireSame(idToken: Claims, person: Claims, nonce: string | undefined): void {
  if (idToken.iss !== person.iss || idToken.sub !== person.sub) {
    throw new RefusedError('the new ID token is about somebody else')
  }
  if (nonce !== undefined && idToken.nonce !== undefined && idToken.nonce !== nonce) {
    throw new RefusedError('the claim nonce of the new ID token is not that of the login')
  }
}

const aboutAuthentication: ReadonlySet<string> = new Set(['auth_time', 'amr', 'acr'])

/** The person as the provider describes them now, with the authentication of the login. */
function describedAs({ identity: before }: LoginSession, described: User): User {
  const { authTime: _time, amr: _methods, acr: _class, ...user } = described
  const { authTime, amr, acr } = before
  const claims = [
    ...Object.entries(described.claims).filter(([name]) => !aboutAuthentication.has(name)),
    ...Object.entries(before.claims).filter(([name]) => aboutAuthentication.has(name)),
  ]
  return {
    ...user,
    claims: Object.fromEntries(claims),
    ...(authTime !== undefined && { authTime }),
    ...(amr !== undefined && { amr }),
    ...(acr !== undefined && { acr }),
  }
}

/** The provider no longer stands by the login. */
class RefusedError extends Error {}

/** Our own store failed while the new tokens were being kept: no answer of the provider. */
class StoreFailure extends Error {}

function asStoreFailure(cause: unknown): never {
  throw new StoreFailure('the tokens could not be written', { cause })
}

function explain(error: unknown): ProviderAnswer {
  const failure = causes(error).find(cause => cause instanceof StoreFailure)
  if (failure !== undefined) throw failure.cause
  if (error instanceof RefusedError) return refused('ERR_LOGIN_REFUSED', error.message)
  if (error instanceof ResponseBodyError && finalErrors.has(error.error)) {
    return refused('ERR_LOGIN_REFUSED', describeError(error))
  }
  const explained = explainExchangeFailure(error)
  // Claims that no login would be made of do not keep one up either.
  if (explained.code === 'ERR_LOGIN_CLAIMS_INVALID') return refused(explained.code, explained.message)
  if (causes(error).some(isForeign)) return refused('ERR_LOGIN_RESPONSE_INVALID', explained.message)
  if (error instanceof OperationalError && causes(error).some(isAboutAccess)) {
    return refused('ERR_LOGIN_REFUSED', explained.message)
  }
  if (error instanceof ResponseBodyError && isAboutPerson(error)) {
    return { kind: 'doubted', code: 'ERR_LOGIN_REFUSED', detail: describeError(explained) }
  }
  return { kind: 'unavailable', code: explained.code, detail: describeError(explained) }
}

const refused = (code: ErrorCode, detail: string): ProviderAnswer => ({ kind: 'refused', code, detail })

const isForeign = (cause: unknown) => foreignAnswers.has(String(property(cause, 'code')))

/** 401 and 403 of userinfo, which alone comes explained: about the token of the person. At the token endpoint, about us. */
const isAboutAccess = (cause: unknown) => statusOf(cause) === 401 || statusOf(cause) === 403

/** Of an answer; our own errors have one as well, which is what the person would be answered with. */
const statusOf = (value: unknown) => (value instanceof OperationalError ? undefined : property(value, 'status'))
