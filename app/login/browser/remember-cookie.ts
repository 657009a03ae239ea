/**
 * One cookie on the auth host that holds what somebody chose in the form that asks whether to stay logged in, until their
 * login starts. Only that form sets it, and no other host can (`__Host-`).
 */
import type { Request, Response } from 'express'
import { onlyCookie } from './cookie-value.ts'

/** Asked, and chosen or not. */
const chosen = '1'
const notChosen = '0'
/** From the form to the provider, with a page in between. */
const COOKIE_SECONDS = 600

export interface RememberCookie {
  /** Whether the person chose to stay logged in; `undefined` for whoever was not asked. */
  read(request: Request): boolean | undefined
  set(response: Response, isChosen: boolean): void
  clear(response: Response): void
}

/** @param isSecure the public URL is https; otherwise it is `http://localhost` and no `__Host-` cookie would be kept */
export function createRememberCookie(isSecure: boolean): RememberCookie {
  const name = isSecure ? '__Host-sallyport-remember' : 'sallyport-remember'
  const attributes = { httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/' } as const
  return {
    read: request => {
      const value = onlyCookie(request.headers.cookie, name)
      return value === chosen || value === notChosen ? value === chosen : undefined
    },
    set: (response, isChosen) => {
      response.cookie(name, isChosen ? chosen : notChosen, { ...attributes, maxAge: COOKIE_SECONDS * 1000 })
    },
    clear: response => {
      response.clearCookie(name, attributes)
    },
  }
}
