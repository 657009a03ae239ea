/**
 * Logins that are bound to the client certificate of the browser at the auth host.
 *
 * Threat: a cookie of the auth host that was stolen opens the door to every application. It is worth nothing on these
 * pages either without the certificate that the login came with.
 */
import type { Request, RequestHandler } from 'express'
import { OperationalError } from '../errors.ts'
import { loginOf } from './browser/session-middleware.ts'
import type { NewLogin } from './claims/login-tokens.ts'
import type { BrowserMarks } from './dependencies.ts'

type Dependencies = Pick<BrowserMarks, 'certificateOf'>

/** Whoever comes without the certificate of the session is nobody on the pages behind this step. */
export function createBoundStep({ certificateOf }: Dependencies): RequestHandler {
  return (request, _response, next) => {
    if (certificateOf === undefined) return next()
    const bound = loginOf(request)?.boundTo?.thumbprint
    if (bound === undefined || bound !== certificateOf(request)) delete request.user
    next()
  }
}

/** Throws `ERR_LOGIN_CERTIFICATE_MISSING`: a session that no check would take must not come to be, or logins go round. */
export function requireCertificate(request: Request, { certificateOf }: Dependencies): void {
  if (certificateOf !== undefined && certificateOf(request) === undefined) {
    throw new OperationalError('ERR_LOGIN_CERTIFICATE_MISSING', 'no trusted proxy passed one certificate')
  }
}

/** The login as it is to be kept: whatever a strategy says, only the certificate of this request counts. */
export function withBinding(verified: NewLogin, request: Request, { certificateOf }: Dependencies): NewLogin {
  const thumbprint = certificateOf?.(request)
  if (thumbprint === undefined) return verified
  return { ...verified, login: { ...verified.login, boundTo: { kind: 'client-certificate', thumbprint } } }
}
