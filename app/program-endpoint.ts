/** What endpoints for programs share: from where a request comes, and how one that fails is answered (RFC 6749 section 5). */
import { isIP } from 'node:net'
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { asPageError } from './page-error.ts'

export interface Exchange {
  readonly request: Request
  readonly response: Response
}

/** Every answer is for one asker (RFC 6749 section 5.1). */
export const prepareArrival =
  (newRequestId: () => string): RequestHandler =>
  (_request, response, next) => {
    response.locals.requestId = newRequestId()
    response.set('Cache-Control', 'no-store').set('Pragma', 'no-cache')
    next()
  }

/** Of a response that {@link prepareArrival} has seen. */
export const requestIdOf = (response: Response): string => String(response.locals.requestId)

export const addressOf = ({ ip }: Request): string | undefined => (ip !== undefined && isIP(ip) !== 0 ? ip : undefined)

/** Fields that every audit event of a request has. */
export function auditFields({ request, response }: Exchange): { requestId: string; clientAddress?: string } {
  const [requestId, clientAddress] = [requestIdOf(response), addressOf(request)]
  return clientAddress === undefined ? { requestId } : { requestId, clientAddress }
}

/** Threat: a page of anybody's that has a browser ask here. Browsers say so, by Fetch Metadata or by the origin. */
export const isOfPage = ({ headers }: Pick<Request, 'headers'>): boolean =>
  headers['sec-fetch-site'] !== undefined || headers.origin !== undefined

/** What is said to a browser. */
export const forPrograms = 'this address is for programs, not for pages'

/** Of what failed without being expected, and of what is down. Must not throw. */
type OnFailure = (error: unknown, requestId: string) => void

/**
 * The last handler: JSON whatever has happened, with the sentence of the error and nothing else of it. What is down or came
 * too often says when to ask again (`Retry-After`), as `temporarily_unavailable`; all else is `invalid_request`.
 */
export function answerFailures(onFailure: OnFailure): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const { status, sentence } = asPageError(error)
    if (status >= 500) onFailure(error, requestIdOf(response))
    if (status === 503) response.set('Retry-After', '5')
    // RFC 6585 section 4. The limit has said how long by itself.
    const code = status >= 500 || status === 429 ? 'temporarily_unavailable' : 'invalid_request'
    return response.status(status).json({ error: code, error_description: sentence })
  }
}
