/**
 * The grant endpoints below `/kube` of the auth host: pages for people, and what command lines ask.
 *
 * Express 5 hands every rejection to the error handlers at the end, so no route answers for its own failures.
 */
import { type ErrorRequestHandler, type RequestHandler, Router } from 'express'
import { OperationalError } from '../errors.ts'
import { plainForm } from '../plain-form.ts'
import { createSessionRoute, createUserinfoRoute } from './account.ts'
import { prepareArrival, requestIdOf } from './arrival.ts'
import { createAuthorizePageRoute, createAuthorizeRoute } from './authorize.ts'
import { type GrantDependencies, grantsPath } from './dependencies.ts'
import { createDeviceAnswerRoute, createDevicePageRoute, createDeviceRequestRoute } from './device.ts'
import { createDiscoveryRoute } from './discovery.ts'
import { GrantError } from './parameters.ts'
import { createRevokeRoute, createTokenRoute } from './token.ts'

export function createGrantsRouter(dependencies: GrantDependencies): Router {
  const { codeLimit, newRequestId, onError, pageSteps } = dependencies
  const router = Router({ caseSensitive: true, strict: true })
  const below = Router({ caseSensitive: true, strict: true })
  const form = plainForm('20kb')
  below.use(prepareArrival(newRequestId))
  below.get('/authorize', ...pageSteps, createAuthorizePageRoute(dependencies))
  below.post('/authorize', ...pageSteps, form, createAuthorizeRoute(dependencies))
  below.get('/device', ...pageSteps, whereCode(codeLimit), createDevicePageRoute(dependencies))
  below.post('/device/answer', ...pageSteps, codeLimit, form, createDeviceAnswerRoute(dependencies))
  below.get('/.well-known/openid-configuration', createDiscoveryRoute(dependencies))
  const machine = [noBrowser, form, answerAsOAuth(onError)] as const
  const [refuseBrowsers, parse, answer] = machine
  const machines = Router({ caseSensitive: true, strict: true })
  machines.post('/device', refuseBrowsers, parse, createDeviceRequestRoute(dependencies))
  machines.post('/token', refuseBrowsers, parse, createTokenRoute(dependencies))
  machines.post('/revoke', refuseBrowsers, parse, createRevokeRoute(dependencies))
  machines.get('/session', createSessionRoute(dependencies))
  machines.get('/userinfo', createUserinfoRoute(dependencies))
  machines.use(answer)
  below.use(machines)
  router.use(grantsPath, below)
  return router
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
  const isBrowser = request.headers['sec-fetch-site'] !== undefined || request.headers.origin !== undefined
  next(isBrowser ? new GrantError('invalid_request', 'this address is for programs, not for pages') : undefined)
}

/** RFC 6749 section 5.2; what is down or broken is 5xx and says no more than its sentence. */
function answerAsOAuth(onError: GrantDependencies['onError']): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof GrantError) {
      const status = error.error === 'invalid_client' ? 401 : 400
      return response.status(status).json({ error: error.error, error_description: error.description })
    }
    if (!(error instanceof OperationalError)) return next(error)
    onError(error, requestIdOf(response))
    if (error.status === 503) response.set('Retry-After', '5')
    const code = error.status >= 500 ? 'temporarily_unavailable' : 'invalid_request'
    return response.status(error.status).json({ error: code, error_description: error.sentence })
  }
}
