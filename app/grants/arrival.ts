/** One request to the grant endpoints: who asks, and how it is answered. */
import type { Request, Response } from 'express'
import type { User } from '../../rbac/identity.ts'
import { OperationalError } from '../errors.ts'
import type { FormTokens } from '../login/browser/form-tokens.ts'
import type { Page } from '../pages/pages.ts'
import { auditFields, type Exchange } from '../program-endpoint.ts'
import type { LoginSession } from '../sessions/login-session.ts'

/** The login of the page steps; `undefined` for nobody. */
export const loginOf = (request: Request): LoginSession | undefined => request.user as LoginSession | undefined

/** Of an audit event about whoever is logged in on a page. */
export function personFields(exchange: Exchange, digest: (sessionId: string) => string) {
  const { request } = exchange
  const identity = loginOf(request)?.identity
  return {
    ...auditFields(exchange),
    ...(identity !== undefined && { subject: identity.subject, email: identity.email }),
    session: digest(request.sessionID),
  }
}

export const nameOf = (user: User): string => user.email ?? user.name ?? user.subject

export function sendPage(response: Response, page: Page, status = 200): void {
  if (page.isOfReader === true) response.vary('Accept-Language')
  response.status(status).set('Content-Security-Policy', page.contentSecurityPolicy).type('html').send(page.html)
}

/** To the login, and from there back here. */
export function leadToLogin({ request, response }: Exchange, publicUrl: string): void {
  const back = `${publicUrl}${request.originalUrl}`
  response
    .status(303)
    .set('Location', `/login?rd=${encodeURIComponent(back)}`)
    .end()
}

/**
 * Threat: a page of another site that presses "Allow" for the person. Only a form of this site counts: the browser says
 * where it comes from, and it carries a token that only the session and the form know.
 */
export function requireOwnForm(request: Request, publicUrl: string, formTokens: FormTokens): void {
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  const isForeign =
    site !== undefined ? site !== 'same-origin' : origin !== undefined && origin !== 'null' && origin !== publicUrl
  if (isForeign) throw new OperationalError('ERR_GRANT_CROSS_SITE', 'the form was sent by another site')
  const { token } = (request.body ?? {}) as { readonly token?: unknown }
  if (!formTokens.isTokenOf(request.sessionID, token)) {
    throw new OperationalError('ERR_GRANT_CROSS_SITE', 'the form carries no token of this session')
  }
}
