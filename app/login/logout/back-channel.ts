/**
 * `POST /backchannel-logout/<provider>`: a provider tells that somebody has logged out (OpenID Connect Back-Channel
 * Logout 1.0). No browser takes part: no cookie is read, none is set, and the answer is for a program.
 */
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router, urlencoded } from 'express'
import { OperationalError } from '../../errors.ts'
import { asPageError } from '../../page-error.ts'
import type { LogoutMarks } from '../../sessions/logout-marks.ts'
import { arrivalOf } from '../arrival.ts'
import { reasonOf } from '../provider/describe-error.ts'
import { type ChannelDependencies, endByProvider, requireChannel } from './logout-channel.ts'
import { type LogoutTokens, replaySeconds } from './logout-token.ts'

export interface BackChannelDependencies extends ChannelDependencies {
  readonly tokens: LogoutTokens
  readonly marks: Pick<LogoutMarks, 'hasSeen' | 'seen'>
  /** How often one client may send something here; not counted with what people ask for. */
  readonly rateLimit: RequestHandler
}

/** A token with a certificate chain in its header stays well below. */
const bodyLimit = '16kb'

export function createBackChannelRouter(dependencies: BackChannelDependencies): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const parseForm = urlencoded({ extended: false, limit: bodyLimit, parameterLimit: 16 })
  router.use('/backchannel-logout', (_request, response, next) => {
    arrivalOf(response).requestId = dependencies.newRequestId()
    // A MUST of section 2.8, for refusals as well.
    response.set('Cache-Control', 'no-store')
    next()
  })
  router.post('/backchannel-logout/:provider', dependencies.rateLimit, parseForm, createRoute(dependencies))
  router.use('/backchannel-logout', createErrorAnswer(dependencies))
  return router
}

function createRoute(dependencies: BackChannelDependencies): RequestHandler {
  const { logger, marks, tokens } = dependencies
  return async (request, response) => {
    const name = requireChannel(request, dependencies)
    const provider = await dependencies.providers.find(name)
    const { issuer, id, sub, sid, hasExpiry } = await tokens.read(provider, tokenOf(request))
    // Threat: a copy of the message that comes after the person has logged in again.
    if (await marks.hasSeen(issuer, id)) {
      logger.warn(
        { requestId: arrivalOf(response).requestId, provider: name },
        'a log-out token came again and was ignored',
      )
      return answerDone(response)
    }
    if (!hasExpiry) {
      const fields = { requestId: arrivalOf(response).requestId, provider: name }
      logger.info(fields, 'a log-out token without exp was accepted: its iat is young enough')
    }
    const loggedOut = {
      issuer,
      ...(sub !== undefined && { subject: `${issuer}#${sub}` }),
      ...(sid !== undefined && { providerSession: sid }),
    }
    const teller = { provider: name, cause: 'back-channel' } as const
    await endByProvider(loggedOut, teller, { request, response }, dependencies)
    // Only now: a provider that got an error sends the same token again.
    await marks.seen(issuer, id, replaySeconds)
    answerDone(response)
  }
}

/** A form with a file, JSON and plain text are bodies that no parser has read. */
function tokenOf(request: Request): string {
  const { logout_token: token } = (request.body ?? {}) as { readonly logout_token?: unknown }
  if (typeof token === 'string' && token !== '') return token
  throw new OperationalError('ERR_LOGOUT_TOKEN_INVALID', 'the body is not a form with one logout_token')
}

function answerDone(response: Response): void {
  response.status(200).end()
}

/** Section 2.8: 400 for what cannot be used. 5xx says that it is worth another try. */
function createErrorAnswer({ logger }: BackChannelDependencies): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    const expected = asTokenError(error)
    const { code, status, sentence, message } = expected
    const { requestId } = arrivalOf(response)
    const path = request.originalUrl.slice(0, 200)
    const fields = { requestId, code, path, detail: message, ...reasonOf(expected) }
    if (status >= 500) logger.error(fields, 'a log-out of a provider failed')
    else logger.warn(fields, 'a log-out of a provider was refused')
    const name = status >= 500 ? 'temporarily_unavailable' : 'invalid_request'
    response.status(status).json({ error: name, error_description: sentence })
  }
}

/** A form that cannot be read holds no token. */
function asTokenError(error: unknown): OperationalError {
  const expected = asPageError(error)
  if (expected.code !== 'ERR_REQUEST_MALFORMED') return expected
  return new OperationalError('ERR_LOGOUT_TOKEN_INVALID', `the body cannot be read: ${expected.message}`)
}
