/**
 * `POST /callback/<provider>`: an answer that the provider's page posts (OAuth 2.0 Form Post Response Mode).
 *
 * The post comes from another site, so the browser leaves out our cookies (`SameSite=Lax`), and nothing here reads or sets
 * one. The answer is put aside under a name that nobody can guess, and the browser is sent for it with a GET, which has
 * the cookies. Only that GET does anything: it is the callback, with every check of a query.
 */
import { type Request, type RequestHandler, text } from 'express'
import { networksOf } from '../client-networks.ts'
import { OperationalError } from '../errors.ts'
import { redirect } from './arrival.ts'
import { isToken } from './attempts.ts'
import type { LoginAttempts } from './dependencies.ts'
import { rawQueryOf } from './parameters.ts'

type Dependencies = Pick<LoginAttempts, 'postedAnswers' | 'providers'>

/** Codes and errors need a fraction of it. */
const bodyLimit = '16kb'
const formType = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i

/** What browsers write into such a form, and nothing that takes more room elsewhere than it does there. */
const formText = /^[!#-[\]-~]*$/

/** In this order; nothing is read of a body that is not wanted. */
export function createFormPostRoute(dependencies: Dependencies): RequestHandler[] {
  return [
    requirePosts(dependencies),
    requireForm,
    // As text: the form is read in the way in which a query is, here and by whoever checks it.
    text({ type: () => true, limit: bodyLimit, inflate: false }),
    putAside(dependencies),
  ]
}

/**
 * What the provider has answered, as a query. Throws `ERR_LOGIN_RESPONSE_INVALID` for one that came in the address where
 * a post was asked for, `ERR_LOGIN_STATE_UNKNOWN` for one that is not there any more.
 */
export async function answerIn(
  request: Request,
  provider: string,
  { postedAnswers }: Pick<LoginAttempts, 'postedAnswers'>,
): Promise<string> {
  const query = rawQueryOf(request)
  if (!postedAnswers.isPostedBy(provider)) return query
  const parameters = new URLSearchParams(query)
  // Threat: somebody who changes how the provider answers, so that the code stands in an address.
  if (!parameters.has('answer') || parameters.size !== 2) {
    const detail = 'the answer came in the address, and responseMode of the provider is form_post'
    throw new OperationalError('ERR_LOGIN_RESPONSE_INVALID', detail)
  }
  const form = await postedAnswers.take(parameters.get('answer'), provider)
  if (form !== undefined) return form
  throw new OperationalError('ERR_LOGIN_STATE_UNKNOWN', 'the posted answer was used or has expired')
}

function requirePosts({ postedAnswers, providers }: Dependencies): RequestHandler {
  return (request, response, next) => {
    const name = providerOf(request)
    if (!providers.list.some(provider => provider.name === name)) {
      throw new OperationalError('ERR_PROVIDER_UNKNOWN', 'an answer was posted for no provider of this name')
    }
    if (!postedAnswers.isPostedBy(name)) {
      response.set('Allow', 'GET')
      const detail = `an answer was posted, and responseMode of the provider ${name} is query`
      throw new OperationalError('ERR_METHOD_UNSUPPORTED', detail)
    }
    next()
  }
}

const requireForm: RequestHandler = (request, _response, next) => {
  if (!formType.test(request.headers['content-type'] ?? '')) {
    throw new OperationalError('ERR_BODY_UNSUPPORTED', 'the posted answer is no urlencoded form in UTF-8')
  }
  next()
}

function putAside({ postedAnswers }: Dependencies): RequestHandler {
  return async (request, response) => {
    if (rawQueryOf(request) !== '') throw malformed('an answer was posted to an address with a query')
    const body: unknown = request.body ?? ''
    if (typeof body !== 'string' || !formText.test(body)) throw malformed('the posted answer is no encoded form')
    const form = new URLSearchParams(body)
    // Threat: one reader takes the first of two, another one the last.
    if (new Set(form.keys()).size !== form.size) throw malformed('a parameter of the posted answer is repeated')
    const state = form.get('state')
    if (!isToken(state)) throw malformed('the posted answer has no state of ours')
    const provider = providerOf(request)
    const answer = await postedAnswers.keep({ provider, form: body }, networksOf(request.ip))
    redirect(response, `/callback/${provider}?${new URLSearchParams({ state, answer }).toString()}`)
  }
}

const providerOf = (request: Request): string => String(request.params.provider)

const malformed = (detail: string) => new OperationalError('ERR_REQUEST_MALFORMED', detail)
