/**
 * One cookie on the auth host that tells browsers apart, so that a login ends in the browser that began it.
 *
 * Without it an attacker could log in, keep the last link, and have somebody else open it: they would work in the
 * attacker's account (login CSRF, RFC 6749 section 10.12). All tabs share it, and it names nobody.
 */
import type { Request, Response } from 'express'
import { isToken, randomToken } from '../attempts.ts'
import { onlyCookie } from './cookie-value.ts'

export interface BrowserCookie {
  /** The token of this browser; `undefined` when it brought none, or one that we cannot have made. */
  read(request: Request): string | undefined
  /** The same, and sets a new one where there is none. */
  ensure(request: Request, response: Response): string
}

/** @param isSecure the public URL is https; otherwise it is `http://localhost` and no `__Host-` cookie would be kept */
export function createBrowserCookie(isSecure: boolean): BrowserCookie {
  const name = isSecure ? '__Host-sallyport-browser' : 'sallyport-browser'
  const read = (request: Request) => {
    const value = onlyCookie(request.headers.cookie, name)
    return isToken(value) ? value : undefined
  }
  return {
    read,
    ensure: (request, response) => {
      const known = read(request)
      if (known !== undefined) return known
      const token = randomToken()
      response.cookie(name, token, { httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/' })
      return token
    },
  }
}
