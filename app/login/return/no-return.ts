/**
 * A login that does not lead back says why, to the person and in the log: otherwise it ends on "You are logged in", and
 * nobody finds out which setting is missing.
 */
import type { Request, Response } from 'express'
import { arrivalOf } from '../arrival.ts'
import type { Logger } from '../logger.ts'
import type { NoReturn, NoReturnReason } from './return-to.ts'

declare module 'express-session' {
  interface SessionData {
    /** For the page that the login ends on; shown once. */
    noReturn: NoReturn
  }
}

/** What the welcome page says. */
export interface ReturnNotice {
  /** With `{host}` where the host stands: languages put it in other places. */
  readonly sentence: string
  readonly host: string
  readonly link?: string
}

/** For the person. `host` is canonical: letters, digits, dots, dashes, brackets and colons. */
export const returnSentences: Readonly<Record<NoReturnReason, string>> = {
  used: 'This login was used before, and where it should lead back to is not known any more.',
  unreadable: 'The address that this login should lead back to cannot be read.',
  'own-page': 'Logins lead back to no page that begins or ends them, and to no other port of their own host.',
  scheme: 'You came from {host} over http; logins lead back over https only.',
  port: 'Logins lead back to another port of {host} only when the administrator has named this host.',
  'host-not-named': 'Logins do not lead back to {host}, because the administrator has not named this host.',
  'host-unknown': 'Logins do not lead back to {host}: it is no host of this service.',
}

/** For the operator: what to do about it. */
const advice: Readonly<Partial<Record<NoReturnReason, string>>> = {
  scheme: 'serve the host over https, and let the proxy say so',
  port: 'name the host in a policy row or in hosts',
  'host-not-named': 'name the host in a policy row or in hosts, or mark the wildcard with tickets: true in hosts',
}

/** A link that we did not make is anybody's; one to a host of the policy is a setting that somebody misses. */
export function logNoReturn({ reason, host }: NoReturn, response: Response, logger: Logger): void {
  const { requestId } = arrivalOf(response)
  const help = advice[reason]
  const fields = { requestId, reason, ...(host !== undefined && { host }), ...(help !== undefined && { advice: help }) }
  logger[help === undefined ? 'info' : 'warn'](fields, 'login does not lead back')
}

/** For the welcome page, which comes next. */
export function noteNoReturn(noReturn: NoReturn, request: Request): void {
  request.session.noReturn = noReturn
}

export function takeNotice(request: Request): ReturnNotice | undefined {
  const { noReturn } = request.session
  if (noReturn === undefined) return undefined
  delete request.session.noReturn
  const { reason, host = '', link } = noReturn
  return { sentence: returnSentences[reason], host, ...(link !== undefined && { link }) }
}
