/**
 * One request of an application: what it is, who asks, and how one that is refused is answered.
 *
 * Threat: a body that two readers take differently, or that costs more to read than to send. So it is short, UTF-8, JSON with each
 * name once, and nested no deeper than anything that is meant.
 */
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express'
import { asPageError } from '../page-error.ts'
import { addressOf, forPrograms, isOfPage, requestIdOf } from '../program-endpoint.ts'
import type { AskedFrom, Asker, QuestionDependencies } from './dependencies.ts'
import { malformed, QuestionFault } from './fault.ts'
import { type Fields, isFields } from './message.ts'

/** A hundred questions of two kilobytes each. */
const longestBody = '256kb'
const askedIdForm = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/

export const readBody = express.raw({ type: () => true, limit: longestBody, inflate: false })

/** What the caller calls its question; it is said again, whatever the answer is (section "Request Identification"). */
export const nameQuestion: RequestHandler = (request, response, next) => {
  const given = request.headers['x-request-id']
  if (given === undefined) response.set('X-Request-ID', requestIdOf(response))
  else if (typeof given === 'string' && askedIdForm.test(given)) response.set('X-Request-ID', given)
  else return next(new QuestionFault(400, 'X-Request-ID has to be one line of at most 256 printable characters'))
  next()
}

/** Threat: what stands in an address is in every log on the way. And a page, for whose browser these addresses are not. */
export const onlyPrograms: RequestHandler = (request, _response, next) => {
  if (request.url.includes('?')) return next(new QuestionFault(400, 'nothing may stand behind the path: send JSON'))
  next(isOfPage(request) ? new QuestionFault(400, forPrograms) : undefined)
}

export const askedIdOf = ({ headers }: Request): string | undefined => {
  const given = headers['x-request-id']
  return typeof given === 'string' ? given : undefined
}

export const askedFrom = (request: Request, response: Response): AskedFrom => ({
  requestId: requestIdOf(response),
  clientAddress: addressOf(request),
})

/** Throws `QuestionFault`. */
export function messageOf(request: Request, { faultIn }: Pick<QuestionDependencies, 'faultIn'>): Fields {
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(request.headers['content-type'] ?? ''))
    malformed('the content type has to be application/json')
  const body: unknown = request.body
  if (!Buffer.isBuffer(body) || body.length === 0) malformed('a question is missing: the body is empty')
  const [text, message] = parse(body)
  const fault = faultIn(text)
  if (fault !== undefined) malformed(fault)
  return isFields(message) ? message : malformed('a question has to be a JSON object')
}

function parse(body: Buffer): [text: string, message: unknown] {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    return [text, JSON.parse(text)]
  } catch {
    return malformed('the body is not JSON in UTF-8')
  }
}

/** Rejects with `QuestionFault` and operational errors: nobody asks without a name, wherever they ask from. */
export async function askerOf(
  request: Request,
  { authenticate, nameOf }: Pick<QuestionDependencies, 'authenticate' | 'nameOf'>,
): Promise<Asker> {
  const authentication = await authenticate(request)
  const { identity } = authentication
  if (identity.kind === 'machine') return { identity, authentication, name: nameOf(identity) }
  throw new QuestionFault(401, 'say who asks: Authorization: Bearer, or a client certificate that counts here')
}

/** The last handler: a text as JSON, whatever has happened, with a sentence of ours and nothing else. */
export function answerFaults(onFailure: QuestionDependencies['onError']): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof QuestionFault) {
      if (error.status === 401) response.set('WWW-Authenticate', 'Bearer')
      return response.status(error.status).json(error.message)
    }
    const failure = asPageError(error)
    const { code, sentence, challenge, status } = failure
    if (status >= 500) onFailure(error, requestIdOf(response))
    if (status === 503) response.set('Retry-After', '5')
    if (status === 401) response.set('WWW-Authenticate', challenge ?? 'Bearer')
    // Why its own token counts for nothing is what whoever asks can act on.
    const isOfCaller = code === 'ERR_BEARER_INVALID' || code === 'ERR_CERTIFICATE_REFUSED'
    return response.status(status).json(isOfCaller ? failure.message : sentence)
  }
}
