/** One request to the token endpoints: from where it comes, and how it is answered (RFC 6749 section 5). */
import { isIP } from 'node:net'
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { OperationalError } from '../errors.ts'
import type { SentHeaders } from '../fronts/vouched-headers.ts'
import { asPageError } from '../page-error.ts'
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError } from './parameters.ts'

export interface Exchange {
  readonly request: Request
  readonly response: Response
}

export const prepareArrival =
  (newRequestId: () => string): RequestHandler =>
  (_request, response, next) => {
    response.locals.requestId = newRequestId()
    response.set('Cache-Control', 'no-store').set('Pragma', 'no-cache')
    next()
  }

export function auditFields({ request: { ip }, response }: Exchange): {
  requestId: string
  clientAddress?: string
} {
  const requestId = String(response.locals.requestId)
  return ip !== undefined && isIP(ip) !== 0 ? { requestId, clientAddress: ip } : { requestId }
}

/** What conditions of the policy may be asked with, and from whom it comes. */
export const sentHeaders = ({ rawHeaders, socket }: Request): SentHeaders => ({
  rawHeaders,
  peerAddress: socket.remoteAddress,
})

/**
 * Threat: a token in an address is in every log on the way. And a page of anybody's that has a browser ask here: these
 * addresses are for programs.
 */
export const onlyPrograms: RequestHandler = (request, _response, next) => {
  const { headers, url } = request
  if (url.includes('?'))
    return next(new ExchangeError('invalid_request', 'nothing may stand in the address: send a form'))
  const isBrowser = headers['sec-fetch-site'] !== undefined || headers.origin !== undefined
  next(isBrowser ? new ExchangeError('invalid_request', 'this address is for programs, not for pages') : undefined)
}

/** RFC 6749 section 5.2; what is down or broken is 5xx and says no more than its sentence. */
export function answerAsOAuth({
  audit,
  onError,
}: Pick<ExchangeDependencies, 'audit' | 'onError'>): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof ExchangeError) {
      audit.write({ event: 'exchange.refused', ...auditFields({ request, response }), reason: error.reason })
      if (error.error === 'invalid_client') response.set('WWW-Authenticate', 'Bearer error="invalid_token"')
      return response
        .status(error.error === 'invalid_client' ? 401 : 400)
        .json({ error: error.error, error_description: plain(error.message) })
    }
    const expected = error instanceof OperationalError ? error : asPageError(error)
    if (expected.status >= 500) onError(error, String(response.locals.requestId))
    if (expected.status === 503) response.set('Retry-After', '5')
    const code = expected.status >= 500 ? 'temporarily_unavailable' : 'invalid_request'
    return response.status(expected.status).json({ error: code, error_description: expected.sentence })
  }
}

/** RFC 6749 section 5.2: neither quotes nor backslashes. */
const plain = (text: string): string => text.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, ' ')
