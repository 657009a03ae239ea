/** What is asked of the token endpoints, as typed values (RFC 6749 section 3.2, RFC 8693 section 2.1). */
import type { ExchangeRefusal } from '../audit/event.ts'

export type Parameters = Readonly<Record<string, unknown>>

/** RFC 6749 section 5.2, RFC 8693 section 2.2.2. */
export type ExchangeErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  /** RFC 9449 section 5. */
  | 'invalid_dpop_proof'

/** A request that is refused; `message` is for whoever sent it, and never holds a part of a token. */
export class ExchangeError extends Error {
  readonly error: ExchangeErrorCode
  readonly reason: ExchangeRefusal
  constructor(error: ExchangeErrorCode, description: string, reason: ExchangeRefusal = 'request') {
    super(description)
    this.name = 'ExchangeError'
    this.error = error
    this.reason = reason
  }
}

/** The parameter, which has to be there exactly once and have this form. */
export function required(parameters: Parameters, name: string, form: RegExp): string {
  const value = optional(parameters, name, form)
  if (value === undefined) throw new ExchangeError('invalid_request', `${name} is missing`)
  return value
}

/** Threat: of two values the one is looked at here and the other one elsewhere. */
export function optional(parameters: Parameters, name: string, form: RegExp): string | undefined {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw new ExchangeError('invalid_request', `${name} is there more than once`)
  if (!form.test(value)) throw new ExchangeError('invalid_request', `${name} has another form`)
  return value
}

export const tokenForm = /^[\x21-\x7e]{1,8192}$/
const typeForm = /^[\x21-\x7e]{1,100}$/

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

export interface ExchangeRequest {
  readonly subjectToken: string
  readonly actorToken: string | undefined
  /** `resource` or `audience`, as it came. */
  readonly target: string
  readonly scope: string | undefined
  /** Whether the new token is to count together with the client certificate of this connection alone. */
  readonly bindsCertificate: boolean
}

/** Throws `ExchangeError`. */
export function parseExchange(body: Parameters): ExchangeRequest {
  if (required(body, 'grant_type', typeForm) !== exchangeGrant) {
    throw new ExchangeError('unsupported_grant_type', `the one grant here is ${exchangeGrant}`)
  }
  const subjectToken = required(body, 'subject_token', tokenForm)
  checkType(body, 'subject_token_type', required)
  const actorToken = optional(body, 'actor_token', tokenForm)
  if (actorToken !== undefined) checkType(body, 'actor_token_type', required)
  // RFC 8693 section 2.1: it has to be left out then.
  else if (optional(body, 'actor_token_type', typeForm) !== undefined) {
    throw new ExchangeError('invalid_request', 'actor_token_type is there without actor_token')
  }
  checkType(body, 'requested_token_type', optional)
  const scope = optional(body, 'scope', /^[\x20-\x7e]{1,256}$/)
  // RFC 8705 has no word for it: there a client is registered for it or not.
  const bindsCertificate = optional(body, 'bind', /^certificate$/) !== undefined
  return { subjectToken, actorToken, target: targetIn(body), scope, bindsCertificate }
}

function checkType(body: Parameters, name: string, read: typeof optional): void {
  const type = read(body, name, typeForm)
  if (type !== undefined && type !== accessTokenType && type !== jwtType) {
    throw new ExchangeError('invalid_request', `${name} has to be ${accessTokenType} or ${jwtType}`)
  }
}

/** Threat: a token for two hosts. Whichever of them gets it could use it at the other one. */
function targetIn(body: Parameters): string {
  const form = /^[\x21-\x7e]{1,300}$/
  const [resource, audience] = [optional(body, 'resource', form), optional(body, 'audience', form)]
  if (resource !== undefined && audience !== undefined) {
    throw new ExchangeError('invalid_request', 'say resource or audience, not both')
  }
  const target = resource ?? audience
  if (target === undefined) throw new ExchangeError('invalid_request', 'resource is missing: say which host it is for')
  return target
}
