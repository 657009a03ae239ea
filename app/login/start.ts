/** `GET /login`: single sign-on where a session will do, otherwise on to a provider. */
import type { Request, RequestHandler, Response } from 'express'
import { randomNonce, randomPKCECodeVerifier } from 'openid-client'
import { digestOf, type LoginIntent } from './attempts.ts'
import { runStrategy } from './authenticate.ts'
import { choicesFor, isAmong, providerWithoutPage, sendChoicePage } from './choose-provider.ts'
import type { LoginDependencies } from './dependencies.ts'
import { leaveFor } from './finish.ts'
import { type LoginParameters, loginPath, parseLoginParameters, rawQueryOf } from './parameters.ts'
import type { ListedProvider } from './providers.ts'
import { loginOf } from './session-middleware.ts'
import { satisfies } from './step-up.ts'
import { auditFields, visitOf } from './visit.ts'

export function createStartRoute(dependencies: LoginDependencies): RequestHandler {
  return async (request, response) => {
    const parameters = parseLoginParameters(rawQueryOf(request))
    visitOf(response).retryUrl = loginPath(parameters)
    const destination = destinationOf(parameters, dependencies)
    const choices = choicesFor(destination.returnTo, dependencies)
    if (isLoggedInAsAsked(request, parameters, choices, dependencies)) {
      return leaveFor(destination, request, response, dependencies)
    }
    const { unconfirmedBy } = visitOf(response)
    const named = parameters.provider ?? unconfirmedBy
    const provider = providerWithoutPage(named, choices, dependencies)
    if (provider === undefined) return sendChoicePage(request, response, parameters, choices, dependencies)
    const { maxAgeSeconds, acrValues, loginHint } = parameters
    const isWithoutQuestion = maxAgeSeconds === undefined && acrValues === undefined && provider === unconfirmedBy
    const prompt = parameters.prompt ?? (isWithoutQuestion ? 'none' : undefined)
    const intent = {
      provider,
      ...destination,
      ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
      ...(acrValues !== undefined && { acrValues }),
      ...(prompt !== undefined && { prompt }),
      ...(loginHint !== undefined && { loginHint }),
    }
    await startLogin(intent, request, response, dependencies)
  }
}

/** Sends the browser to the provider. Rejects with `ERR_PROVIDER_…` or `ERR_STORE_UNAVAILABLE`. */
export async function startLogin(
  intent: LoginIntent & { readonly isRestart?: boolean },
  request: Request,
  response: Response,
  dependencies: LoginDependencies,
): Promise<void> {
  const { attempts, audit, browserCookie, clock, providers, sessions } = dependencies
  const { strategy } = await providers.find(intent.provider)
  const attempt = {
    ...intent,
    verifier: randomPKCECodeVerifier(),
    nonce: randomNonce(),
    browserHash: digestOf(browserCookie.ensure(request, response)),
    startedAt: Math.floor(clock.now() / 1000),
  }
  const handle = await attempts.begin(attempt)
  audit.write({ event: 'login.started', ...auditFields(request, response), provider: intent.provider })
  await runStrategy(sessions.passport, strategy, { phase: 'start', attempt, handle }, request, response)
}

type Destination = Pick<LoginIntent, 'returnTo' | 'handoff'>

/** A place that the guard refuses is replaced by the auth host's own page, which takes no handoff. */
function destinationOf(parameters: LoginParameters, dependencies: LoginDependencies): Destination {
  const returnTo = dependencies.returnTo(parameters.rd)
  if (returnTo === undefined) return { returnTo: `${dependencies.publicUrl}/` }
  return { returnTo, ...(parameters.handoff !== undefined && { handoff: parameters.handoff }) }
}

function isLoggedInAsAsked(
  request: Request,
  parameters: LoginParameters,
  choices: readonly ListedProvider[],
  { clock }: LoginDependencies,
): boolean {
  const login = loginOf(request)
  if (login === undefined || parameters.prompt === 'login') return false
  const { provider } = login.identity
  // A link that names a provider which the host does not have is read as one that names none.
  const isNamed = parameters.provider !== undefined && isAmong(parameters.provider, choices)
  if (!isAmong(provider, choices) || (isNamed && parameters.provider !== provider)) return false
  return satisfies(parameters, login.identity, clock.now() / 1000)
}
