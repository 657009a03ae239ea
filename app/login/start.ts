/** `GET /login`: single sign-on where a session will do, otherwise on to a provider. */
import type { Request, RequestHandler, Response } from 'express'
import { randomNonce, randomPKCECodeVerifier } from 'openid-client'
import { networksOf } from '../client-networks.ts'
import { isOfTheFuture } from '../clock.ts'
import { arrivalOf, auditFields, type Exchange } from './arrival.ts'
import { digestOf, type LoginIntent, type LoginWish, wishOf } from './attempts.ts'
import { loginOf } from './browser/session-middleware.ts'
import { choicesFor, isAmong, providerWithoutPage, sendChoicePage } from './choose-provider.ts'
import type { LoginDependencies, LoginPlaces, LoginRecords } from './dependencies.ts'
import { type Destination, leaveFor } from './finish.ts'
import { type LoginParameters, loginPath, parseLoginParameters, rawQueryOf } from './parameters.ts'
import type { ListedProvider } from './provider/providers.ts'
import { isProviderFault } from './provider/refusal.ts'
import { StepUpError, satisfies } from './provider/step-up.ts'
import { isToBeAsked, takeChoice } from './remember.ts'
import { needsFragment, sendFragmentPage } from './return/keep-fragment.ts'
import { askedFor } from './return/lead-back.ts'
import { logNoReturn } from './return/no-return.ts'
import { runStrategy } from './run-strategy.ts'
import { leaveUnanswered } from './silent-login.ts'
import { isCircle, isStepUp, noteRound, recentRounds } from './step-up-rounds.ts'

export function createStartRoute(dependencies: LoginDependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    const parameters = parseLoginParameters(rawQueryOf(request))
    const arrival = arrivalOf(response)
    arrival.retryUrl = loginPath(parameters)
    const destination = await destinationOf(parameters, response, dependencies)
    if (isStepUp(parameters)) {
      arrival.asked = wishOf(parameters)
      arrival.switchUrl = loginPath({ ...parameters, prompt: 'login' })
      refuseCircle({ ...parameters, ...destination }, request, dependencies)
    }
    const choices = choicesFor(destination.returnTo, dependencies)
    if (isLoggedInAsAsked(request, parameters, choices, dependencies)) {
      const now = dependencies.clock.now() / 1000
      noteRound({ ...parameters, ...destination }, recentRounds(request, now), request, now)
      return leaveFor(destination, exchange, dependencies)
    }
    if (needsFragment(request, parameters, dependencies)) return sendFragmentPage(response, parameters, dependencies)
    const unconfirmedBy = arrival.unconfirmed?.identity.provider
    const isAsked = unconfirmedBy === undefined && isToBeAsked(request, parameters, dependencies)
    const named = parameters.provider ?? unconfirmedBy
    const provider = providerWithoutPage(named, choices, dependencies)
    const shown = provider === undefined ? choices : choices.filter(({ name }) => name === provider)
    // A provider that does not exist is on no page: it is refused below.
    if (provider === undefined || (isAsked && shown.length > 0)) {
      return sendChoicePage({ parameters, choices: shown, isAsked }, exchange, dependencies)
    }
    const { loginHint } = parameters
    const intent = {
      provider,
      ...destination,
      ...askedOfProvider(parameters, provider === unconfirmedBy),
      ...(loginHint !== undefined && { loginHint }),
      ...takeChoice(exchange, dependencies),
    }
    await startLogin(intent, exchange, dependencies)
  }
}

/**
 * There is no parameter for methods (`amr` only comes back): a login is asked for at all, where the provider would
 * otherwise find that its own session will do. A session that has only to be confirmed bothers nobody.
 */
function askedOfProvider(parameters: LoginParameters, isUnconfirmed: boolean): LoginWish {
  const wish = wishOf(parameters)
  if (wish.prompt !== undefined) return wish
  if (wish.methods !== undefined) return { ...wish, prompt: 'login' }
  return isUnconfirmed && !isStepUp(wish) ? { ...wish, prompt: 'none' } : wish
}

/** Throws `StepUpError` for somebody who has just come from here. */
function refuseCircle(wanted: LoginParameters & Destination, request: Request, { clock }: LoginRecords): void {
  const login = loginOf(request)
  if (login === undefined || !isCircle(wanted, request, clock.now() / 1000)) return
  throw new StepUpError('asked again right after logins that were as asked', login.identity)
}

/** Sends the browser to the provider. Rejects with `ERR_PROVIDER_…` or `ERR_STORE_UNAVAILABLE`. */
export async function startLogin(
  intent: LoginIntent & { readonly isRestart?: boolean },
  exchange: Exchange,
  dependencies: LoginDependencies,
): Promise<void> {
  const { attempts, audit, browserCookie, clock, providers, sessions } = dependencies
  const found = await providers
    .findForLogin(intent.provider)
    .catch((fault: unknown) => leaveUnasked(fault, intent, exchange, dependencies))
  if (found === undefined) return
  const attempt = {
    ...intent,
    verifier: randomPKCECodeVerifier(),
    nonce: randomNonce(),
    browserHash: digestOf(browserCookie.ensure(exchange.request, exchange.response)),
    startedAt: clock.now() / 1000,
  }
  const handle = await attempts.begin(attempt, networksOf(exchange.request.ip))
  audit.write({ event: 'login.started', ...auditFields(exchange), provider: intent.provider })
  await runStrategy(sessions.passport, found.strategy, { phase: 'start', attempt, handle }, exchange)
}

/** To be asked nothing, nobody is sent to a provider that is down: the session goes on as if it had answered with a fault. */
async function leaveUnasked(
  fault: unknown,
  intent: LoginIntent,
  exchange: Exchange,
  dependencies: LoginDependencies,
): Promise<undefined> {
  const { unconfirmed } = arrivalOf(exchange.response)
  if (intent.prompt !== 'none' || unconfirmed === undefined || !isProviderFault(fault)) throw fault
  exchange.request.user = unconfirmed
  const confirmation = await leaveUnanswered(intent, fault, exchange, dependencies)
  if (confirmation !== 'unconfirmed') throw fault
  await leaveFor(intent, exchange, dependencies)
}

/** A place that the guard refuses is replaced by the auth host's own page, which takes no handoff and says why. */
async function destinationOf(
  parameters: LoginParameters,
  response: Response,
  dependencies: LoginPlaces & LoginRecords,
): Promise<Destination> {
  const { page, handoff, isAgain, fragment = '' } = parameters
  const home = `${dependencies.publicUrl}/`
  const asked = await askedFor(parameters, dependencies)
  if (asked === undefined) return { returnTo: home }
  const { url, refused } = dependencies.returnTo(asked)
  if (url !== undefined) {
    return {
      returnTo: url,
      ...(page !== undefined && { page }),
      ...(handoff !== undefined && { handoff }),
      ...(isAgain === true && { isAgain }),
      ...(fragment !== '' && { fragment }),
    }
  }
  logNoReturn(refused, response, dependencies.logger)
  return { returnTo: home, noReturn: refused }
}

function isLoggedInAsAsked(
  request: Request,
  parameters: LoginParameters,
  choices: readonly ListedProvider[],
  { clock }: LoginRecords,
): boolean {
  const login = loginOf(request)
  if (login === undefined || parameters.prompt === 'login') return false
  // The check that sent the person here does not take a session of the future either.
  if (isOfTheFuture(login, clock)) return false
  const { provider } = login.identity
  // A link that names a provider which the host does not have is read as one that names none.
  const isNamed = parameters.provider !== undefined && isAmong(parameters.provider, choices)
  if (!isAmong(provider, choices) || (isNamed && parameters.provider !== provider)) return false
  return satisfies(parameters, login.identity, clock.now() / 1000)
}
