/**
 * One cookie on the auth host that remembers with which provider this browser logged in last, for the page that lets
 * people choose. It holds a name from the configuration, decides nothing, and names nobody.
 */
import type { Request, Response } from 'express'
import { onlyCookie } from './cookie-value.ts'

export interface ProviderCookie {
  /** Anything that a browser sends: for a comparison with names that exist. */
  read(request: Request): string | undefined
  remember(response: Response, provider: string): void
}

const LIFETIME_SECONDS = 365 * 86_400

/** @param isSecure the public URL is https; otherwise it is `http://localhost` and no `__Host-` cookie would be kept */
export function createProviderCookie(isSecure: boolean): ProviderCookie {
  const name = isSecure ? '__Host-sallyport-provider' : 'sallyport-provider'
  return {
    read: request => onlyCookie(request.headers.cookie, name),
    remember: (response, provider) => {
      const maxAge = LIFETIME_SECONDS * 1000
      response.cookie(name, provider, { httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/', maxAge })
    },
  }
}
