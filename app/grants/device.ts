/**
 * `/kube/device`: kubectl on a machine without a browser shows a code, and a person lets it in from another one (RFC 8628).
 *
 * Threat: phishing (section 5.4). Somebody starts this on a machine of theirs and sends the code, or the link with it, to a
 * person who is logged in here. The page therefore says from which address and when it was asked, says what the answer
 * gives away, and nothing is ever answered by opening a link.
 */
import type { RequestHandler } from 'express'
import { OperationalError } from '../errors.ts'
import { addressOf } from '../program-endpoint.ts'
import { leadToLogin, loginOf, nameOf, personFields, requireOwnForm, sendPage } from './arrival.ts'
import { type GrantDependencies, grantsPath } from './dependencies.ts'
import { deviceSeconds } from './device-requests.ts'
import { type Parameters, requireClient } from './parameters.ts'
import { pollSeconds } from './poll-pace.ts'
import { readUserCode, showUserCode } from './user-code.ts'

const devicePath = `${grantsPath}/device`

/** The machine's own request (section 3.1). The body has been parsed as a form. */
export function createDeviceRequestRoute(dependencies: GrantDependencies): RequestHandler {
  const { devices, networksOf, publicUrl } = dependencies
  return async (request, response) => {
    requireClient((request.body ?? {}) as Parameters)
    const { deviceCode, userCode } = await devices.begin(networksOf(request.ip), addressOf(request))
    const page = `${publicUrl}${devicePath}`
    response.json({
      device_code: deviceCode,
      user_code: showUserCode(userCode),
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${showUserCode(userCode)}`,
      expires_in: deviceSeconds,
      interval: pollSeconds,
    })
  }
}

/** Asks for the code, or shows what it is about. Behind the limit of codes. */
export function createDevicePageRoute(dependencies: GrantDependencies): RequestHandler {
  const { audit, clock, devices, formTokens, pages, publicUrl, reach } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const login = loginOf(request)
    if (login === undefined) return leadToLogin(exchange, publicUrl)
    const { user_code: typed } = request.query
    if (typed === undefined)
      return sendPage(response, pages(response.req).deviceCode({ action: devicePath, isUnknown: false }))
    const code = readUserCode(typed)
    const asked = code === undefined ? undefined : await devices.find(code)
    if (code === undefined || asked === undefined || asked.expiresAt <= clock.now()) {
      audit.write({ event: 'grant.refused', ...personFields(exchange, dependencies.digest), reason: 'user-code' })
      return sendPage(response, pages(response.req).deviceCode({ action: devicePath, isUnknown: true }), 404)
    }
    const page = pages(response.req).deviceConsent({
      who: nameOf(login.identity),
      reach,
      action: `${devicePath}/answer`,
      userCode: showUserCode(code),
      now: Math.floor(clock.now() / 1000),
      askedAt: asked.askedAt,
      ...(asked.clientAddress !== undefined && { clientAddress: asked.clientAddress }),
      isOtherAddress: asked.clientAddress !== addressOf(request),
      csrfToken: formTokens.tokenOf(request.sessionID),
    })
    sendPage(response, page)
  }
}

/** The body has been parsed as a form. Behind the limit of codes. */
export function createDeviceAnswerRoute(dependencies: GrantDependencies): RequestHandler {
  const { audit, devices, formTokens, pages, publicUrl } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const login = loginOf(request)
    if (login === undefined)
      return sendPage(response, pages(response.req).leadBack({ url: `${publicUrl}${devicePath}` }))
    requireOwnForm(request, publicUrl, formTokens)
    const { user_code: typed, decision } = request.body as Parameters
    const code = readUserCode(typed)
    if (code === undefined) throw new OperationalError('ERR_GRANT_REQUEST_INVALID', 'user_code has another form')
    const isAllowed = decision === 'allow'
    const answer = isAllowed ? { sessionId: request.sessionID } : { isDenied: true as const }
    const fields = personFields(exchange, dependencies.digest)
    if (!(await devices.answer(code, answer))) {
      audit.write({ event: 'grant.refused', ...fields, reason: 'user-code' })
      return sendPage(response, pages(response.req).deviceCode({ action: devicePath, isUnknown: true }), 404)
    }
    if (!isAllowed) audit.write({ event: 'grant.refused', ...fields, reason: 'cancelled' })
    sendPage(response, pages(response.req).deviceDone({ isAllowed }))
  }
}
