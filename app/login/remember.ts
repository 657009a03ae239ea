/**
 * Staying logged in is a choice that the person makes in a form of ours, before each login.
 *
 * Threat: a link to `/login` that makes somebody's session on a shared computer last for weeks. So it is no parameter of
 * an address, and a form counts only when the browser says that it is of this site. The choice waits for the login in a
 * cookie, because between form and provider there may be a page on which the provider is chosen.
 */
import type { Request, RequestHandler, Response } from 'express'
import type { LoginSession } from '../sessions/login-session.ts'
import { arrivalOf, type Exchange, sendPage } from './arrival.ts'
import type { LoginIntent } from './attempts.ts'
import { loginOf } from './browser/session-middleware.ts'
import type { BrowserMarks, LoginPlaces, LoginRecords } from './dependencies.ts'
import { type LoginParameters, loginPath, parseLoginParameters, rawQueryOf } from './parameters.ts'

/** Where the form is posted to. */
export const rememberPath = '/login/remember'

/** Value of the box. */
const chosen = '1'

type Asker = Pick<LoginPlaces, 'publicUrl'> & Pick<BrowserMarks, 'remember'> & Pick<LoginRecords, 'pages'>

/** Only somebody who is not logged in is asked, and not where `prompt=none` has to end without a question. */
export function isToBeAsked(request: Request, { prompt }: LoginParameters, { remember }: Asker): boolean {
  return (
    loginOf(request) === undefined &&
    prompt !== 'none' &&
    remember !== undefined &&
    remember.read(request) === undefined
  )
}

export function sendRememberPage(response: Response, parameters: LoginParameters, { pages }: Asker): void {
  const action = loginPath(parameters).replace('/login', rememberPath)
  sendPage(response, 200, pages.rememberChoice({ action }))
}

/** The form. The body has been parsed; the query is that of the login, which goes on. */
export function createRememberRoute({ pages, publicUrl, remember }: Asker): RequestHandler {
  return (request, response) => {
    const url = loginPath(parseLoginParameters(rawQueryOf(request)))
    arrivalOf(response).retryUrl = url
    remember?.set(response, isOwnForm(request, publicUrl))
    // A redirect would be a part of the form's own way, which the page's policy ends at this origin.
    response.set('Refresh', `0; url=${url}`)
    sendPage(response, 200, pages.continueTo({ label: 'the login', url }))
  }
}

function isOwnForm(request: Request, publicUrl: string): boolean {
  const { remember } = (request.body ?? {}) as { readonly remember?: unknown }
  const site = request.headers['sec-fetch-site']
  return remember === chosen && (site === undefined ? request.headers.origin === publicUrl : site === 'same-origin')
}

/** What was chosen, for the login that starts now; the next one asks again. */
export function takeChoice({ request, response }: Exchange, { remember }: Asker): Pick<LoginIntent, 'isRemembered'> {
  const choice = remember?.read(request)
  if (choice !== undefined) remember?.clear(response)
  return choice === true ? { isRemembered: true } : {}
}

/** A step-up is no new choice: the one that the same person made before still holds. */
export function withChoice(
  login: LoginSession,
  { isRemembered }: Pick<LoginIntent, 'isRemembered'>,
  previous: LoginSession | undefined,
  { remember }: Asker,
): LoginSession {
  const isSamePerson = previous?.identity.subject === login.identity.subject
  const isChosen = isRemembered === true || (isSamePerson && previous?.isRemembered === true)
  return remember !== undefined && isChosen ? { ...login, isRemembered: true } : login
}
