/** One request to the login pages: its id, who the client is, and the ways to answer it. */
import { isIP } from 'node:net'
import type { Request, Response } from 'express'
import type { User } from '../../rbac/identity.ts'
import type { Page } from '../pages/pages.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { LoginWish } from './attempts.ts'

/** A request to the login pages and its answer, handed on from step to step. */
export interface Exchange {
  readonly request: Request
  readonly response: Response
}

/** What travels with the response until it is answered. */
interface ArrivalState {
  requestId: string
  /** Where the error page leads. */
  retryUrl?: string
  /** The login that was asked for, and where it starts for another account. */
  asked?: LoginWish
  switchUrl?: string
  /** The login that came, whose provider has to be asked before it can be used. */
  unconfirmed?: LoginSession
}

export const arrivalOf = (response: Response): ArrivalState => response.locals as ArrivalState

/** Fields that every audit event of this request has. */
export function auditFields({ request, response }: Exchange): { requestId: string; clientAddress?: string } {
  const { requestId } = arrivalOf(response)
  const { ip } = request
  return ip !== undefined && isIP(ip) !== 0 ? { requestId, clientAddress: ip } : { requestId }
}

export function sendPage(response: Response, status: number, page: Page): void {
  if (page.isOfReader === true) response.vary('Accept-Language')
  response.status(status).set('Content-Security-Policy', page.contentSecurityPolicy).type('html').send(page.html)
}

/** 303, so that a form that was posted is not posted again at the other end. */
export function redirect(response: Response, url: string): void {
  response.status(303).set('Location', url).end()
}

/** How a person is shown to themselves. */
export const nameOf = (user: User): string => user.email ?? user.name ?? user.subject
