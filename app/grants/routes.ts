/**
 * The grant endpoints below `/kube` of the auth host: pages for people, and what command lines ask.
 *
 * Express 5 hands every rejection to the error handlers at the end, so no route answers for its own failures.
 */
import { type ErrorRequestHandler, type RequestHandler, Router } from 'express'
import { plainForm } from '../plain-form.ts'
import { answerFailures, forPrograms, isOfPage, prepareArrival } from '../program-endpoint.ts'
import { createSessionRoute, createUserinfoRoute } from './account.ts'
import { createAuthorizePageRoute, createAuthorizeRoute } from './authorize.ts'
import { type GrantDependencies, grantsPath } from './dependencies.ts'
import { createDeviceAnswerRoute, createDevicePageRoute, createDeviceRequestRoute } from './device.ts'
import { createDiscoveryRoute } from './discovery.ts'
import { GrantError } from './parameters.ts'
import { createRevokeRoute, createTokenRoute } from './token.ts'

const parseForm = plainForm('20kb')

/** Stands behind the limit of the login pages. */
export function createGrantPages(dependencies: GrantDependencies): Router {
  const { codeLimit, newRequestId, pageSteps } = dependencies
  const below = Router({ caseSensitive: true, strict: true })
  below.use(prepareArrival(newRequestId))
  below.get('/authorize', ...pageSteps, createAuthorizePageRoute(dependencies))
  below.post('/authorize', ...pageSteps, parseForm, createAuthorizeRoute(dependencies))
  below.get('/device', ...pageSteps, whereCode(codeLimit), createDevicePageRoute(dependencies))
  below.post('/device/answer', ...pageSteps, codeLimit, parseForm, createDeviceAnswerRoute(dependencies))
  return Router({ caseSensitive: true, strict: true }).use(grantsPath, below)
}

/** With limits of its own, and answers for programs alone. */
export function createGrantEndpoints(dependencies: GrantDependencies): Router {
  const { limits, newRequestId, onError } = dependencies
  const below = Router({ caseSensitive: true, strict: true })
  const prepare = prepareArrival(newRequestId)
  const asking = (limit: RequestHandler) => [prepare, limit, noBrowser, parseForm]
  below.get('/.well-known/openid-configuration', prepare, createDiscoveryRoute(dependencies))
  below.post('/device', ...asking(limits.device), createDeviceRequestRoute(dependencies))
  below.post('/token', ...asking(limits.token), createTokenRoute(dependencies))
  below.post('/revoke', ...asking(limits.revoke), createRevokeRoute(dependencies))
  below.get('/session', prepare, limits.account, createSessionRoute(dependencies))
  below.get('/userinfo', prepare, limits.account, createUserinfoRoute(dependencies))
  below.use(answerRefusals, answerFailures(onError))
  return Router({ caseSensitive: true, strict: true }).use(grantsPath, below)
}

/** The empty form is no guess. */
const whereCode =
  (limit: RequestHandler): RequestHandler =>
  (request, response, next) =>
    request.query.user_code === undefined ? next() : limit(request, response, next)

/**
 * Threat: a page of anybody's that has the person's browser ask for a device code, so that the page with "Allow" names the
 * person's own address. These endpoints are for programs.
 */
const noBrowser: RequestHandler = (request, _response, next) => {
  next(isOfPage(request) ? new GrantError('invalid_request', forPrograms) : undefined)
}

/** RFC 6749 section 5.2; all that is no refusal of ours is left to the next handler. */
const answerRefusals: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent || !(error instanceof GrantError)) return next(error)
  const status = error.error === 'invalid_client' ? 401 : 400
  return response.status(status).json({ error: error.error, error_description: error.description })
}
