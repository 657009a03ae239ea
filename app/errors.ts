/**
 * The table of operational errors: code, HTTP status, and the sentence that a person sees.
 *
 * The sentence is generic on purpose; what went wrong in detail belongs in the log, never on the wire. A denied request
 * is not an error, it is a decision.
 */

export const operationalErrors = {
  ERR_REQUEST_MALFORMED: { status: 400, sentence: 'The request cannot be read.' },
  ERR_REQUEST_TOO_LONG: { status: 414, sentence: 'The address is too long.' },
  ERR_REQUEST_TIMED_OUT: { status: 408, sentence: 'The request took too long to arrive.' },
  ERR_HEADERS_TOO_LARGE: { status: 431, sentence: 'The headers of the request are too large or too many.' },
  ERR_BODY_TOO_LARGE: { status: 413, sentence: 'What was sent is too large.' },
  ERR_BODY_UNSUPPORTED: { status: 415, sentence: 'What was sent is written in a way that is not read here.' },
  ERR_CREDENTIALS_AMBIGUOUS: { status: 400, sentence: 'The request says in two ways who is asking.' },
  ERR_IDENTITY_HEADER_SENT: { status: 400, sentence: 'The request says itself who is asking.' },
  ERR_COOKIE_UNREADABLE: {
    status: 400,
    sentence:
      'A cookie of this site holds characters that cannot be passed on. Please delete the cookies of this site.',
  },
  ERR_BEARER_INVALID: { status: 401, sentence: 'The token lets nobody in here.' },
  ERR_SCOPE_INSUFFICIENT: { status: 403, sentence: 'The token is not for requests of this kind.' },
  ERR_PASSWORD_INVALID: { status: 401, sentence: 'The user name and the password let nobody in here.' },
  ERR_PASSWORD_ASLEEP: { status: 403, sentence: 'The password sleeps until its owner logs in again.' },
  ERR_PASSWORDS_BUSY: { status: 503, sentence: 'Too many passwords are being checked. Please try again.' },
  ERR_CERTIFICATE_REFUSED: { status: 403, sentence: 'The client certificate lets nobody in here.' },
  ERR_KUBE_TOKEN_INVALID: { status: 401, sentence: 'No token of a session that stands came along.' },
  ERR_KUBE_CALL_FORBIDDEN: { status: 403, sentence: 'Nobody of this name may make this call.' },
  ERR_PROXY_UNTRUSTED: { status: 403, sentence: 'This address may not ask for decisions.' },
  ERR_ORIGIN_FOREIGN: { status: 403, sentence: 'Pages of another site may not connect here.' },
  ERR_ENDPOINT_UNKNOWN: { status: 404, sentence: 'There is nothing here.' },
  ERR_METHOD_UNSUPPORTED: { status: 405, sentence: 'This page is not there for requests of this kind.' },
  ERR_HOST_MISDIRECTED: { status: 421, sentence: 'This host is not served here.' },
  ERR_STORE_UNAVAILABLE: { status: 503, sentence: 'Sessions cannot be read at the moment. Please try again.' },
  ERR_ISSUER_UNAVAILABLE: { status: 503, sentence: 'The token cannot be checked at the moment. Please try again.' },
  ERR_POLICY_UNAVAILABLE: { status: 503, sentence: 'The policy is not loaded yet. Please try again.' },
  ERR_SIGNING_UNAVAILABLE: { status: 503, sentence: 'The identity cannot be signed at the moment. Please try again.' },
  ERR_AUDIT_UNAVAILABLE: { status: 503, sentence: 'Access cannot be recorded at the moment. Please try again.' },
  ERR_PROVIDER_UNAVAILABLE: { status: 503, sentence: 'The identity provider cannot be reached. Please try again.' },
  ERR_CLIENT_REFUSED: {
    status: 502,
    sentence:
      'The identity provider does not accept this service. This is not your fault: please tell whoever runs it the number of this request.',
  },
  ERR_PROVIDER_UNKNOWN: { status: 404, sentence: 'There is no such identity provider.' },
  ERR_LOGIN_STATE_UNKNOWN: { status: 403, sentence: 'This login has expired or was already used. Please start again.' },
  ERR_LOGIN_BROWSER_MISMATCH: {
    status: 403,
    sentence: 'This login was started in another browser. Please start again.',
  },
  ERR_LOGIN_REFUSED: { status: 403, sentence: 'The identity provider refused the login.' },
  ERR_LOGIN_RESPONSE_INVALID: { status: 403, sentence: "The identity provider's answer did not pass its checks." },
  ERR_LOGIN_CLAIMS_INVALID: { status: 403, sentence: 'The identity provider sent claims that cannot be used.' },
  ERR_LOGIN_STEP_UP_FAILED: { status: 403, sentence: 'The identity provider did not authenticate as asked.' },
  ERR_LOGIN_LOGGED_OUT: { status: 403, sentence: 'You were logged out while you were logging in. Please start again.' },
  ERR_LOGIN_CERTIFICATE_MISSING: {
    status: 403,
    sentence:
      'Logging in needs your client certificate, and it did not come along. Please choose it when your browser asks.',
  },
  ERR_PASSWORD_UNMADE: { status: 400, sentence: 'A password cannot be made like this. Please go back and change it.' },
  ERR_LOGOUT_CROSS_SITE: { status: 403, sentence: 'Logging out has to be confirmed on this site.' },
  ERR_LOGOUT_TOKEN_INVALID: { status: 400, sentence: 'The log-out token did not pass its checks.' },
  ERR_HANDOFF_TICKET_UNKNOWN: { status: 403, sentence: 'This link was already used or has expired.' },
  ERR_HANDOFF_COOKIES_BLOCKED: { status: 400, sentence: 'Your browser does not keep cookies for this site.' },
  ERR_GRANT_REQUEST_INVALID: {
    status: 400,
    sentence: 'This request for a login of kubectl cannot be used. Please start again with sallyport kube login.',
  },
  ERR_GRANT_CROSS_SITE: { status: 403, sentence: 'This has to be confirmed on this site.' },
  ERR_TOO_MANY_REQUESTS: { status: 429, sentence: 'Too many attempts. Please wait a moment.' },
  ERR_LISTEN_FAILED: { status: 500, sentence: 'The service cannot listen on its address.' },
  ERR_INTERNAL: { status: 500, sentence: 'Something went wrong.' },
} as const

export type ErrorCode = keyof typeof operationalErrors

interface OperationalErrorOptions {
  readonly cause?: unknown
  readonly challenge?: string
  readonly askedFor?: string
}

/** An expected failure. `message` and `cause` are for the log; the wire gets the sentence of its code. */
export class OperationalError extends Error {
  readonly code: ErrorCode
  /** The value of `WWW-Authenticate` (RFC 9110 section 11.6.1), for whoever came with a token: the answer is for a program. */
  readonly challenge?: string
  /** What was asked for, in the words of whoever asked: for the log and the audit log. It holds no query and no user name. */
  readonly askedFor?: string
  constructor(code: ErrorCode, detail: string, options?: OperationalErrorOptions) {
    super(detail, options)
    this.name = 'OperationalError'
    this.code = code
    if (options?.challenge !== undefined) this.challenge = options.challenge
    if (options?.askedFor !== undefined) this.askedFor = options.askedFor
  }
  get status(): number {
    return operationalErrors[this.code].status
  }
  get sentence(): string {
    return operationalErrors[this.code].sentence
  }
}

/** What failed, if that was expected; anything else becomes the cause of a failure with this code. */
export const asOperational = (error: unknown, code: ErrorCode, detail: string): OperationalError =>
  error instanceof OperationalError ? error : new OperationalError(code, detail, { cause: error })
