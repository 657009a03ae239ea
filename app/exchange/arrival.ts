/** One request to the token endpoints: what rows may be asked with, and how one that is refused is answered. */
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { SentHeaders } from '../fronts/vouched-headers.ts'
import { peerOf } from '../peer.ts'
import { auditFields, forPrograms, isOfPage } from '../program-endpoint.ts'
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError } from './parameters.ts'

/** What conditions of the policy may be asked with, and from whom it comes. */
export const sentHeaders = ({ rawHeaders, socket }: Request): SentHeaders => ({
  rawHeaders,
  peerAddress: peerOf(socket),
})

/** Threat: a token in an address is in every log on the way. And a page, for whose browser these addresses are not. */
export const onlyPrograms: RequestHandler = (request, _response, next) => {
  if (request.url.includes('?'))
    return next(new ExchangeError('invalid_request', 'nothing may stand in the address: send a form'))
  next(isOfPage(request) ? new ExchangeError('invalid_request', forPrograms) : undefined)
}

/** RFC 6749 section 5.2; all that is no refusal of ours is left to the next handler. */
export function answerRefusals({ audit }: Pick<ExchangeDependencies, 'audit'>): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent || !(error instanceof ExchangeError)) return next(error)
    audit.write({ event: 'exchange.refused', ...auditFields({ request, response }), reason: error.reason })
    if (error.error === 'invalid_client') response.set('WWW-Authenticate', 'Bearer error="invalid_token"')
    return response
      .status(error.error === 'invalid_client' ? 401 : 400)
      .json({ error: error.error, error_description: plain(error.message) })
  }
}

/** RFC 6749 section 5.2: neither quotes nor backslashes. */
const plain = (text: string): string => text.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, ' ')
