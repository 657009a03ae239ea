/** Forms of the page of sessions: whose they are, and where somebody who is nobody by then is led. */
import type { Response } from 'express'
import type { LoginSession } from '../../sessions/login-session.ts'
import { arrivalOf, type Exchange, sendPage } from '../arrival.ts'
import { loginOf } from '../browser/session-middleware.ts'
import type { BrowserMarks, LoginPlaces, LoginRecords } from '../dependencies.ts'
import { requireSameOrigin, requireToken } from './logout.ts'

export const sessionPath = '/session'

/** Whose form it is; `undefined` for nobody's. Throws `ERR_LOGOUT_CROSS_SITE` for one of another site. */
export function requireOwnForm(
  { request, response }: Exchange,
  dependencies: LoginPlaces & BrowserMarks,
): LoginSession | undefined {
  arrivalOf(response).retryUrl = sessionPath
  requireSameOrigin(request, dependencies.publicUrl)
  const login = loginOf(request)
  if (login === undefined) return undefined
  requireToken(request, dependencies)
  return login
}

/** By a page: redirects to the page, to the login and to a provider would all be a part of the form's own way. */
export function leadToLogin(response: Response, { pages, publicUrl }: LoginPlaces & LoginRecords): void {
  sendPage(response, 200, pages(response.req).leadBack({ url: `${publicUrl}${sessionPath}` }))
}
