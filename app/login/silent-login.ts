/**
 * Logins that the provider is asked not to bother the person with (`prompt=none`, OpenID Connect Core 1.0 section
 * 3.1.2.1): how a provider that gives no token to ask with is asked whether it still stands by a login.
 */
import type { RequestHandler } from 'express'
import { type ErrorCode, OperationalError } from '../errors.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import { arrivalOf, auditFields, type Exchange } from './arrival.ts'
import type { LoginAttempt } from './attempts.ts'
import { loginOf } from './browser/session-middleware.ts'
import type { NewLogin } from './claims/login-tokens.ts'
import { vanishedClaim, vanishedDetail } from './claims/vanished-claims.ts'
import type { LoginAttempts, LoginRecords, LoginSessions } from './dependencies.ts'
import { describeError } from './provider/describe-error.ts'

type Dependencies = LoginSessions & LoginRecords & Pick<LoginAttempts, 'providers'>

/**
 * Threat: a session that no application takes any more, and that still opens the next one's door here. Whoever has one
 * whose provider has to be asked first is nobody on the pages behind this step.
 */
export function createVerifiedStep({ verification }: Pick<LoginSessions, 'verification'>): RequestHandler {
  return async (request, response, next) => {
    const login = loginOf(request)
    if (login === undefined) return next()
    const verdict = await verification.ofPage(request.sessionID, login)
    if (verdict !== undefined && !('reason' in verdict)) {
      request.user = verdict
      return next()
    }
    delete request.user
    if (verdict !== undefined) arrivalOf(response).unconfirmed = login
    next()
  }
}

/** What became of the session that a browser had when the provider answered. */
export type Confirmation = 'confirmed' | 'unconfirmed' | 'ended' | 'another-login'

/**
 * The session goes on under its own id, so that the hosts which have it keep it, and its lifetime goes on with it: nobody
 * has logged in. Only for the same person in the same session of the provider; anything else is a login like any other.
 */
export async function confirmSession(
  { login: fresh, sources, tokens }: NewLogin,
  attempt: LoginAttempt,
  exchange: Exchange,
  dependencies: Dependencies,
): Promise<Confirmation> {
  const { audit, keepTokens, sessionDigest, verification } = dependencies
  const { request } = exchange
  const current = loginOf(request)
  if (attempt.prompt !== 'none') return 'another-login'
  // Threat: who has logged out meanwhile is logged in again without a click, by a provider that was asked before that.
  if (current === undefined) return 'ended'
  if (!isSameLogin(current, fresh)) return 'another-login'
  const { claimPolicy } = await dependencies.providers.find(attempt.provider)
  const vanished = vanishedClaim(current.identity, sources, claimPolicy)
  if (vanished !== undefined) {
    const why = { code: 'ERR_LOGIN_CLAIMS_INVALID', reason: vanishedDetail(vanished) } as const
    return leaveUnconfirmed(why, current, exchange, dependencies)
  }
  const { sessionID } = request
  await keepTokens(sessionID, tokens, current)
  if ((await verification.confirm(sessionID, fresh)) === undefined) return 'ended'
  const { subject, provider } = fresh.identity
  audit.write({
    event: 'session.verified',
    ...auditFields(exchange),
    subject,
    session: sessionDigest(sessionID),
    provider,
  })
  return 'confirmed'
}

/**
 * The provider has a fault: nothing is known of the session that waited for its answer, which is no error of the person's.
 * `another-login` where no session waited.
 */
export async function leaveUnanswered(
  { provider }: Pick<LoginAttempt, 'provider'>,
  fault: OperationalError,
  exchange: Exchange,
  dependencies: Dependencies,
): Promise<Confirmation> {
  const { request } = exchange
  const login = loginOf(request)
  if (login === undefined || login.identity.provider !== provider) return 'another-login'
  const why = { code: 'ERR_PROVIDER_UNAVAILABLE', reason: describeError(fault) } as const
  return leaveUnconfirmed(why, login, exchange, dependencies)
}

/** The provider has answered, and its answer confirms nothing: the session goes on until its grace is over, and then ends. */
async function leaveUnconfirmed(
  { code, reason }: { readonly code: ErrorCode; readonly reason: string },
  login: LoginSession,
  exchange: Exchange,
  { audit, endSession, logger, sessionDigest, verification }: Dependencies,
): Promise<Confirmation> {
  const { sessionID } = exchange.request
  const { provider, subject } = login.identity
  const fields = { ...auditFields(exchange), subject, session: sessionDigest(sessionID) }
  const { requestId } = arrivalOf(exchange.response)
  logger.warn({ requestId, provider, code, reason }, 'a silent login confirmed nothing')
  audit.write({ event: 'session.verification-failed', ...fields, provider, code, reason: 'unavailable' })
  if (!verification.isOverdue(login)) return 'unconfirmed'
  await endSession(sessionID)
  audit.write({ event: 'session.ended', ...fields, cause: 'verification-overdue' })
  return 'ended'
}

/**
 * The provider would have to ask the person: it does not stand by the login as it is. Ends the session that was waiting
 * for this answer, and no other: a link to `/login?prompt=none` must not log anybody out.
 */
export async function endUnconfirmed(
  { provider }: LoginAttempt,
  error: unknown,
  exchange: Exchange,
  dependencies: Dependencies,
): Promise<void> {
  const { audit, confirmations, endSession, sessionDigest, verification } = dependencies
  const { request } = exchange
  const login = loginOf(request)
  if (login === undefined || login.identity.provider !== provider || !verification.needsBrowser(login)) return
  const { subject } = login.identity
  await confirmations?.refuse(subject)
  await endSession(request.sessionID)
  const fields = { ...auditFields(exchange), subject, session: sessionDigest(request.sessionID) }
  const code = error instanceof OperationalError ? error.code : 'ERR_LOGIN_REFUSED'
  audit.write({ event: 'session.verification-failed', ...fields, provider, code, reason: 'refused' })
  audit.write({ event: 'session.ended', ...fields, cause: 'provider-refused' })
}

const isSameLogin = (current: LoginSession, fresh: LoginSession): boolean =>
  current.identity.subject === fresh.identity.subject &&
  current.identity.provider === fresh.identity.provider &&
  current.providerSession === fresh.providerSession &&
  // Threat: a confirmation from elsewhere keeps a stolen session alive, or moves it to another certificate.
  (fresh.boundTo === undefined || current.boundTo?.thumbprint === fresh.boundTo.thumbprint)
