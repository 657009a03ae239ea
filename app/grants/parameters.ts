/**
 * What command lines and browsers ask of the grant endpoints, as typed values. Nothing here is forgiving: every caller is
 * a program of ours, and a second reading of a parameter is somebody else's.
 */

/** The one client: a public one (RFC 8252 section 8.4), so its name proves nothing. */
export const clientId = 'sallyport-kubectl'

export type Parameters = Readonly<Record<string, unknown>>

/** A request that cannot be used, in the words of RFC 6749; `description` is for the person at the command line. */
export class GrantError extends Error {
  readonly error: GrantErrorCode
  readonly description: string
  constructor(error: GrantErrorCode, description: string) {
    super(description)
    this.name = 'GrantError'
    this.error = error
    this.description = description
  }
}

export type GrantErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token'

/** The parameter, which has to be there exactly once (RFC 6749 section 3.2) and have this form. */
export function required(parameters: Parameters, name: string, form: RegExp): string {
  const value = optional(parameters, name, form)
  if (value === undefined) throw new GrantError('invalid_request', `${name} is missing`)
  return value
}

export function optional(parameters: Parameters, name: string, form: RegExp): string | undefined {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw new GrantError('invalid_request', `${name} is there more than once`)
  if (!form.test(value)) throw new GrantError('invalid_request', `${name} has another form`)
  return value
}

export function requireClient(parameters: Parameters): void {
  if (required(parameters, 'client_id', visible(200)) !== clientId) {
    throw new GrantError('invalid_client', `the client has to be ${clientId}`)
  }
}

export const visible = (longest: number): RegExp => new RegExp(`^[\\x21-\\x7e]{1,${longest}}$`)

/** 32 bytes in base64url: tokens of ours, SHA-256 digests. */
export const token = /^[\w-]{43}$/
/** RFC 7636 section 4.1. */
export const verifier = /^[\w.~-]{43,128}$/

/**
 * Threat: a code that goes to another machine, or to a page. Only a program on the person's own one listens there (RFC
 * 8252 section 7.3); names such as localhost can lead elsewhere (section 8.3). One form and no URL parser: what two
 * parsers read differently is not of this form.
 */
const loopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})\/callback$/

export function isLoopbackRedirect(uri: unknown): uri is string {
  const port = typeof uri === 'string' ? loopback.exec(uri)?.[1] : undefined
  return port !== undefined && Number(port) <= 65_535
}

/** A request for a login of kubectl, as it comes in an address and comes back in a form. */
export interface AuthorizeRequest {
  readonly redirectUri: string
  readonly state: string
  /** base64url SHA-256 of the verifier; S256 is the one method. */
  readonly challenge: string
}

/** Throws `GrantError`; the redirect URI is looked at first, since only a good one may ever be gone to. */
export function parseAuthorize(parameters: Parameters): AuthorizeRequest {
  const { redirect_uri: redirectUri } = parameters
  if (!isLoopbackRedirect(redirectUri)) throw new RedirectError()
  requireClient(parameters)
  const type = optional(parameters, 'response_type', visible(40))
  if (type !== undefined && type !== 'code') throw new GrantError('invalid_request', 'response_type has to be code')
  // Threat: a challenge that is the verifier itself: whoever reads the address has both.
  if (required(parameters, 'code_challenge_method', visible(40)) !== 'S256') {
    throw new GrantError('invalid_request', 'code_challenge_method has to be S256')
  }
  const challenge = required(parameters, 'code_challenge', token)
  const state = required(parameters, 'state', /^[\w.~-]{8,128}$/)
  return { redirectUri, state, challenge }
}

export class RedirectError extends GrantError {
  constructor() {
    super('invalid_request', 'redirect_uri has to be http://127.0.0.1:<port>/callback or http://[::1]:<port>/callback')
  }
}

/** The address that the browser goes back to. `issuer`: RFC 9207, so that the command line knows who answers. */
export function answerUrl(
  { redirectUri, state }: AuthorizeRequest,
  issuer: string,
  answer: { readonly code: string } | { readonly error: 'access_denied' },
): string {
  return `${redirectUri}?${new URLSearchParams({ ...answer, state, iss: issuer })}`
}
