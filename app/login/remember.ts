/**
 * Staying logged in is a choice that the person makes in a form of ours, before each login.
 *
 * Threat: a link to `/login` that makes somebody's session on a shared computer last for weeks. So it is no parameter of
 * an address, and a form counts only when the browser says that it is of this site.
 */
import type { Request } from 'express'
import type { LoginSession } from '../sessions/session-store.ts'
import type { LoginIntent } from './attempts.ts'
import type { LoginDependencies } from './dependencies.ts'
import { loginOf } from './session-middleware.ts'

/** Value of the box. */
const chosen = '1'

/** The choice of whoever posted the form. */
export function choiceOf(request: Request, dependencies: LoginDependencies): Pick<LoginIntent, 'isRemembered'> {
  return dependencies.canRemember && request.method === 'POST' && isOwnForm(request, dependencies)
    ? { isRemembered: true }
    : {}
}

/** A step-up is no new choice: the one that the same person made before still holds. */
export function withChoice(
  login: LoginSession,
  { isRemembered }: Pick<LoginIntent, 'isRemembered'>,
  previous: LoginSession | undefined,
  { canRemember }: LoginDependencies,
): LoginSession {
  const isSamePerson = previous?.identity.subject === login.identity.subject
  const isChosen = isRemembered === true || (isSamePerson && previous?.isRemembered === true)
  return canRemember && isChosen ? { ...login, isRemembered: true } : login
}

function isOwnForm(request: Request, { publicUrl }: LoginDependencies): boolean {
  const { remember } = (request.body ?? {}) as { readonly remember?: unknown }
  const site = request.headers['sec-fetch-site']
  return remember === chosen && (site === undefined ? request.headers.origin === publicUrl : site === 'same-origin')
}

/** Only somebody who is not logged in is asked, and not where `prompt=none` has to end without a question. */
export function isToBeAsked(request: Request, prompt: LoginIntent['prompt'], dependencies: LoginDependencies): boolean {
  return dependencies.canRemember && request.method === 'GET' && loginOf(request) === undefined && prompt !== 'none'
}
