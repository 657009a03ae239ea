/**
 * Sessions that are bound to a client certificate.
 *
 * Threat: a cookie that was stolen together with nothing else. The key of the certificate stays where it is, so whoever
 * has the cookie alone comes with another certificate or with none. Such a request ends no session: that would be a way
 * to log the owner out.
 */

import type { LoginSession } from '../login-session.ts'
import type { OnlyHeaders, SessionGuard } from './session-guard.ts'

/** Whether the certificate of a session came along with these headers. */
export type IsBound = (login: LoginSession, headers: OnlyHeaders) => boolean

/**
 * `thumbprintIn`: that of the certificate which came along; `undefined` for none, or for none that is beyond doubt. A
 * session from before the setting is bound to nothing, and does not do.
 */
export const createIsBound =
  (thumbprintIn: (headers: OnlyHeaders) => string | undefined): IsBound =>
  ({ boundTo }, headers) => {
    const thumbprint = thumbprintIn(headers)
    return thumbprint !== undefined && boundTo?.thumbprint === thumbprint
  }

export function createBindingGuard(isBound: IsBound): SessionGuard {
  const challenge = { reason: 'session-unbound', login: { prompt: 'login' } } as const
  return (login, _session, _domain, asked) => (asked !== undefined && isBound(login, asked.headers) ? login : challenge)
}
