/**
 * `GET /callback/<provider>`: the provider's answer (OpenID Connect Core 1.0 section 3.1.2.5), or the name under which a
 * posted one was put aside.
 *
 * Each provider has a path of its own, so that the answer of one cannot be taken for that of another (mix-up, RFC 9700
 * section 4.4). Nothing in the query is acted on before the attempt was found.
 */
import type { Request, RequestHandler, Response } from 'express'
import { originOf } from '../../rbac/request/access-request.ts'
import { asOperational, OperationalError } from '../errors.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import { arrivalOf, auditFields, type Exchange, redirect } from './arrival.ts'
import { digestOf, ExpiredAttemptError, isSameToken, type LoginAttempt, type LoginIntent, wishOf } from './attempts.ts'
import { loginOf } from './browser/session-middleware.ts'
import { requireCertificate, withBinding } from './certificate-binding.ts'
import type { NewLogin } from './claims/login-tokens.ts'
import type { BrowserMarks, LoginAttempts, LoginDependencies, LoginRecords, LoginSessions } from './dependencies.ts'
import { leaveFor } from './finish.ts'
import { answerIn } from './form-post.ts'
import { loginPath, rawQueryOf } from './parameters.ts'
import { isProviderFault, needsPerson } from './provider/refusal.ts'
import { withChoice } from './remember.ts'
import { logNoReturn, noteNoReturn } from './return/no-return.ts'
import type { NoReturn } from './return/return-to.ts'
import { runStrategy } from './run-strategy.ts'
import { confirmSession, endUnconfirmed, leaveUnanswered } from './silent-login.ts'
import { startLogin } from './start.ts'
import { noteRound, recentRounds } from './step-up-rounds.ts'

export function createCallbackRoute(dependencies: LoginDependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    try {
      await answer(exchange, dependencies)
    } catch (error) {
      const code = error instanceof OperationalError ? error.code : 'ERR_INTERNAL'
      dependencies.audit.write({
        event: 'login.failed',
        ...auditFields(exchange),
        ...providerOf(request, dependencies),
        code,
      })
      throw error
    }
  }
}

async function answer(exchange: Exchange, dependencies: LoginDependencies): Promise<void> {
  const { request, response } = exchange
  const handle = stateOf(request)
  const attempt = await takeAttempt(handle, exchange, dependencies)
  // A bookmark or the back button of somebody who is logged in: nothing happens but that they get where they wanted.
  if (attempt === undefined) return leaveForgotten(exchange, dependencies)
  const { provider } = attempt
  rememberWaysOn(attempt, response)
  if (request.params.provider !== provider) {
    throw new OperationalError('ERR_LOGIN_RESPONSE_INVALID', 'the callback of one provider got the state of another')
  }
  const given = await answerIn(request, provider, dependencies)
  if (!isSameBrowser(request, attempt, dependencies)) return restart(attempt, exchange, dependencies)
  requireCertificate(request, dependencies)
  const { strategy } = await dependencies.providers.find(provider)
  const options = { phase: 'callback', attempt, handle, answer: given } as const
  const outcome = await runStrategy(dependencies.sessions.passport, strategy, options, exchange).catch(
    (error: unknown) => {
      if (attempt.prompt !== 'none' || !(needsPerson(error) || isProviderFault(error))) throw error
      return error as OperationalError
    },
  )
  if (outcome === undefined) return
  if (outcome instanceof OperationalError) return leaveSilent(outcome, attempt, exchange, dependencies)
  const verified = withBinding(outcome, request, dependencies)
  const confirmation = await confirmSession(verified, attempt, exchange, dependencies)
  // Whoever has logged out in the meantime stays logged out.
  if (confirmation === 'ended') return redirect(response, attempt.returnTo)
  const now = dependencies.clock.now() / 1000
  const before = recentRounds(request, now)
  if (confirmation === 'another-login') {
    const login = withChoice(verified.login, attempt, loginOf(request), dependencies)
    await replaceSession({ ...verified, login }, attempt, exchange, dependencies)
  }
  noteRound(attempt, before, request, now)
  if (dependencies.providers.list.length > 1) dependencies.providerCookie.remember(response, provider)
  await leaveFor(attempt, exchange, dependencies)
}

/** A silent login that has failed: on to a login with questions, or back with the session as it was. */
async function leaveSilent(
  failure: OperationalError,
  attempt: LoginAttempt,
  exchange: Exchange,
  dependencies: LoginDependencies,
): Promise<void> {
  if (isProviderFault(failure)) {
    const confirmation = await leaveUnanswered(attempt, failure, exchange, dependencies)
    if (confirmation === 'another-login') throw failure
    if (confirmation === 'unconfirmed') return leaveFor(attempt, exchange, dependencies)
  } else {
    await endUnconfirmed(attempt, failure, exchange, dependencies)
  }
  const { prompt: _none, ...intent } = intentOf(attempt)
  await startLogin(intent, exchange, dependencies)
}

/** What the login was for is known while the attempt is kept, and as long as it was not used. */
function leaveForgotten({ request, response }: Exchange, { logger }: LoginRecords): void {
  const { retryUrl } = arrivalOf(response)
  if (retryUrl === undefined) {
    const used: NoReturn = { reason: 'used' }
    logNoReturn(used, response, logger)
    noteNoReturn(used, request)
  }
  redirect(response, retryUrl ?? '/')
}

/** Without asking the person a second time would end like the first. */
function rememberWaysOn(attempt: LoginAttempt, response: Response): void {
  const { provider, returnTo, page, handoff, fragment } = attempt
  const rd = page === undefined ? returnTo : `${originOf(returnTo)}/`
  const { prompt, ...wish } = wishOf(attempt)
  const place = {
    rd,
    ...(page !== undefined && { page }),
    ...(handoff !== undefined && { handoff }),
    ...(fragment !== undefined && { fragment }),
  }
  const again = { ...place, ...wish }
  const arrival = arrivalOf(response)
  arrival.asked = wish
  arrival.retryUrl = loginPath({ ...again, provider, ...(prompt === 'login' && { prompt }) })
  arrival.switchUrl = loginPath({ ...again, prompt: 'login' })
}

/** What a login was for, without what has been used up. */
function intentOf(attempt: LoginAttempt): LoginIntent {
  const { verifier: _verifier, nonce: _nonce, browserHash: _browser, startedAt: _started, ...intent } = attempt
  return intent
}

function stateOf(request: Request): string {
  const [state = '', ...others] = new URLSearchParams(rawQueryOf(request)).getAll('state')
  return others.length === 0 ? state : ''
}

async function takeAttempt(
  handle: string,
  exchange: Exchange,
  { attempts }: LoginAttempts,
): Promise<LoginAttempt | undefined> {
  try {
    return await attempts.take(handle)
  } catch (error) {
    if (error instanceof ExpiredAttemptError) rememberWaysOn(error.attempt, exchange.response)
    const isUnknown = error instanceof OperationalError && error.code === 'ERR_LOGIN_STATE_UNKNOWN'
    if (isUnknown && loginOf(exchange.request) !== undefined) return undefined
    throw error
  }
}

function isSameBrowser(request: Request, attempt: LoginAttempt, { browserCookie }: BrowserMarks): boolean {
  const token = browserCookie.read(request)
  if (token === undefined) throw new OperationalError('ERR_LOGIN_BROWSER_MISMATCH', 'the browser brought no cookie')
  return isSameToken(digestOf(token), attempt.browserHash)
}

/**
 * Tabs that a new browser opens at once each get a cookie, and the last one stays. Their logins begin again, once, for
 * this browser: nothing of the answer that came is used, so it is what following a link to `/login` would be.
 */
async function restart(attempt: LoginAttempt, exchange: Exchange, dependencies: LoginDependencies): Promise<void> {
  if (attempt.isRestart === true) {
    throw new OperationalError('ERR_LOGIN_BROWSER_MISMATCH', 'the login was started in another browser')
  }
  dependencies.logger.info(
    { requestId: arrivalOf(exchange.response).requestId },
    'login restarted for another browser cookie',
  )
  await startLogin({ ...intentOf(attempt), isRestart: true }, exchange, dependencies)
}

/** A new id at each login: one that somebody planted in this browser before is worth nothing (session fixation). */
async function replaceSession(
  { login, tokens }: NewLogin,
  attempt: LoginAttempt,
  exchange: Exchange,
  dependencies: LoginSessions & LoginRecords,
): Promise<void> {
  const { audit, confirmations, endSession, keepTokens, sessionDigest, sessions } = dependencies
  const { request } = exchange
  const previous = loginOf(request)
  const previousId = request.sessionID
  await new Promise<void>((resolve, reject) => {
    request.logIn({ ...login, startedFrom: startedFromOf(exchange) }, (error: unknown) =>
      error ? reject(asOperational(error, 'ERR_STORE_UNAVAILABLE', 'the session could not be written')) : resolve(),
    )
  })
  await keepTokens(request.sessionID, tokens, login)
  sessions.keepCookie(request, login)
  const fields = auditFields(exchange)
  if (previous !== undefined) {
    await endSession(previousId)
    const { subject } = previous.identity
    audit.write({
      event: 'session.ended',
      ...fields,
      subject,
      session: sessionDigest(previousId),
      cause: 'login-replaced',
    })
  }
  await refuseLoggedOut(login, attempt, request, dependencies)
  await confirmations?.confirm(login, login.startedAt)
  const { subject, email, provider, groups } = login.identity
  const session = sessionDigest(request.sessionID)
  audit.write({
    event: 'login.succeeded',
    ...fields,
    subject,
    ...(email !== undefined && { email }),
    session,
    provider,
    groups,
  })
}

/**
 * Threat: a log-out that overtakes the login. It has looked for sessions when this one was not there yet; so it has left a
 * mark, and this session, which can be found by now, looks for it. Nobody has been given the session's id.
 */
async function refuseLoggedOut(
  login: LoginSession,
  attempt: LoginAttempt,
  request: Request,
  { endSession, isLoggedOut }: LoginSessions,
): Promise<void> {
  if (!(await isLoggedOut(login, attempt.startedAt))) return
  await endSession(request.sessionID)
  throw new OperationalError('ERR_LOGIN_LOGGED_OUT', 'a log-out has come since the login began')
}

const longestUserAgent = 256

function startedFromOf(exchange: Exchange): LoginSession['startedFrom'] {
  const { clientAddress } = auditFields(exchange)
  const userAgent = exchange.request.get('user-agent')?.slice(0, longestUserAgent)
  return { ...(clientAddress !== undefined && { clientAddress }), ...(userAgent !== undefined && { userAgent }) }
}

/** Only names from the configuration: the rest of a path is anybody's text. */
function providerOf(request: Request, { providers }: LoginAttempts): { provider?: string } {
  const known = providers.list.find(({ name }) => name === request.params.provider)
  return known === undefined ? {} : { provider: known.name }
}
