/**
 * The login pages: `/login`, `/callback/<provider>`, `/logout`, `/session`, `/signed-out` and `/`.
 *
 * Express 5 hands every rejection to the error handler at the end, so no route answers for its own failures.
 */
import { type ErrorRequestHandler, type RequestHandler, type Response, Router, urlencoded } from 'express'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import type { Page, PagesFor } from '../pages/pages.ts'
import { arrivalOf, nameOf, sendPage } from './arrival.ts'
import { loginOf } from './browser/session-middleware.ts'
import { createCallbackRoute } from './callback.ts'
import { createBoundStep } from './certificate-binding.ts'
import { createEmailRoute, createRememberRoute } from './choose-provider.ts'
import type { LoginDependencies, LoginPlaces, LoginRecords } from './dependencies.ts'
import { createFormPostRoute } from './form-post.ts'
import { createConfirmLogoutRoute, createLogoutRoute } from './logout/logout.ts'
import { createEndOtherSessionsRoute, createEndSessionRoute, createSessionPageRoute } from './logout/session-page.ts'
import { createMakePasswordRoute, createRevokeAllRoute, createRevokePasswordRoute } from './passwords/routes.ts'
import { BusyProviderError } from './provider/busy-provider.ts'
import { reasonOf } from './provider/describe-error.ts'
import { StepUpError } from './provider/step-up.ts'
import { rememberPath } from './remember.ts'
import { createLeadBackRoute, leadBackPath } from './return/lead-back.ts'
import { takeNotice } from './return/no-return.ts'
import { createVerifiedStep } from './silent-login.ts'
import { createStartRoute } from './start.ts'
import { reportOf } from './step-up-failure.ts'

export function createLoginRouter(dependencies: LoginDependencies): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const session = dependencies.sessions.handler
  const callback = createCallbackRoute(dependencies)
  const form = urlencoded({ extended: false, limit: '2kb' })
  router.use(prepareArrival(dependencies))
  const bound = createBoundStep(dependencies)
  const verified = createVerifiedStep(dependencies)
  router.get('/login', session, bound, verified, createStartRoute(dependencies))
  router.get(leadBackPath, createLeadBackRoute(dependencies))
  router.post('/login', form, createEmailRoute(dependencies))
  if (dependencies.remember !== undefined) {
    router.post(rememberPath, form, createRememberRoute(dependencies))
  }
  router.get('/callback', session, callback)
  router.get('/callback/:provider', session, callback)
  router.post('/callback/:provider', createFormPostRoute(dependencies))
  router.get('/logout', session, createConfirmLogoutRoute(dependencies))
  router.post('/logout', session, form, createLogoutRoute(dependencies))
  router.get('/session', session, bound, verified, createSessionPageRoute(dependencies))
  router.post('/session/end', session, bound, verified, form, createEndSessionRoute(dependencies))
  router.post('/session/end-others', session, bound, verified, form, createEndOtherSessionsRoute(dependencies))
  if (dependencies.passwords !== undefined) {
    const { passwords } = dependencies
    const own = [session, bound, verified, urlencoded({ extended: false, limit: '20kb' })]
    router.post('/session/passwords', own, createMakePasswordRoute({ ...dependencies, passwords }))
    router.post('/session/passwords/revoke', own, createRevokePasswordRoute({ ...dependencies, passwords }))
    router.post('/session/passwords/revoke-all', own, createRevokeAllRoute({ ...dependencies, passwords }))
  }
  router.get('/signed-out', session, bound, verified, signedOutRoute(dependencies))
  router.get('/', session, bound, verified, welcomeRoute(dependencies))
  router.use(showError(dependencies))
  return router
}

/** Every answer here depends on who asks or works once. */
function prepareArrival({ newRequestId }: LoginRecords): RequestHandler {
  return (_request, response, next) => {
    arrivalOf(response).requestId = newRequestId()
    response.set('Cache-Control', 'no-store')
    next()
  }
}

function signedOutRoute({ pages }: LoginRecords): RequestHandler {
  return (request, response) => {
    const login = loginOf(request)
    const who = login === undefined ? {} : { who: nameOf(login.identity) }
    sendPage(response, 200, pages(response.req).signedOut({ loginUrl: '/login', ...who }))
  }
}

function welcomeRoute({ pages, applications }: LoginRecords & LoginPlaces): RequestHandler {
  return async (request, response) => {
    const login = loginOf(request)
    const links = { loginUrl: '/login', logoutUrl: '/logout' }
    if (login === undefined) return sendPage(response, 200, pages(response.req).welcome(links))
    const notice = takeNotice(request)
    const listed = await applications(request)
    const known = { who: nameOf(login.identity), applications: listed }
    sendPage(
      response,
      200,
      pages(response.req).welcome({ ...known, ...links, ...(notice !== undefined && { notice }) }),
    )
  }
}

/** Expected failures only; a defect goes on to the handler of the whole application. */
function showError({ clock, logger, pages }: LoginRecords): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent || !(error instanceof OperationalError)) return next(error)
    const { requestId, retryUrl = '/' } = arrivalOf(response)
    const { code, status, sentence } = error
    const fields = { requestId, code, path: request.path, detail: error.message, ...reasonOf(error) }
    if (status >= 500) logger.error(fields, 'login page failed')
    else logger.warn(fields, 'login page refused')
    if (error instanceof BusyProviderError) response.set('Retry-After', String(error.retryAfterSeconds))
    const page = code === 'ERR_LOGIN_STEP_UP_FAILED' ? stepUpPage(error, response, clock, pages) : undefined
    sendPage(response, status, page ?? pages(response.req).error({ status, sentence, requestId, retryUrl }))
  }
}

/** `undefined`: nothing was asked that could be shown; some provider says so of its own accord. */
function stepUpPage(error: OperationalError, response: Response, clock: Clock, pages: PagesFor): Page | undefined {
  const { asked = {}, requestId, retryUrl = '/', switchUrl = '/' } = arrivalOf(response)
  const delivered = error instanceof StepUpError ? error.delivered : undefined
  const report = reportOf(asked, delivered, clock.now() / 1000)
  if (report.asked.length === 0) return undefined
  return pages(response.req).stepUpFailed({ ...report, requestId, retryUrl, switchUrl })
}
