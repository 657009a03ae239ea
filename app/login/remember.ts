/**
 * Staying logged in is a choice that the person makes on the page of choices, before each login.
 *
 * Threat: a link to `/login` that makes somebody's session on a shared computer last for weeks. So it is no parameter of
 * an address, and a form counts only when the browser says that it is of this site. The choice waits for the login in a
 * cookie, as it is no part of the address that leads on.
 */
import type { Request } from 'express'
import type { LoginSession } from '../sessions/login-session.ts'
import type { Exchange } from './arrival.ts'
import type { LoginIntent } from './attempts.ts'
import { loginOf } from './browser/session-middleware.ts'
import type { BrowserMarks, LoginPlaces } from './dependencies.ts'
import type { LoginParameters } from './parameters.ts'

/** Where the form is posted to. */
export const rememberPath = '/login/remember'

/** Value of the box. */
const chosen = '1'

export type RememberDependencies = Pick<LoginPlaces, 'publicUrl'> & Pick<BrowserMarks, 'remember'>
type Asker = Pick<BrowserMarks, 'remember'>

/** Only somebody who is not logged in is asked, and not where `prompt=none` has to end without a question. */
export function isToBeAsked(request: Request, { prompt }: LoginParameters, { remember }: Asker): boolean {
  return (
    loginOf(request) === undefined &&
    prompt !== 'none' &&
    remember !== undefined &&
    remember.read(request) === undefined
  )
}

/** In a form of this site; of any other one nothing is taken. */
export function isChosen(request: Request, { publicUrl }: Pick<RememberDependencies, 'publicUrl'>): boolean {
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
