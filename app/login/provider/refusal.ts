/**
 * What went wrong in the exchange with a provider, as one of our errors (RFC 6749 section 4.1.2.1, OpenID Connect Core
 * 1.0 section 3.1.2.6).
 *
 * `error_description` is text of whoever made the link. It goes to the log, shortened, and never to a page.
 */
import { AuthorizationResponseError } from 'openid-client'
import { OperationalError } from '../../errors.ts'
import { causes, property } from './causes.ts'
import { connectionFaultIn } from './connection-fault.ts'
import { describeError, textOfOthers } from './describe-error.ts'
import { callBehind } from './endpoint-call.ts'

/** Sentences for the codes that a provider may send back; an unknown code gets the general one. */
const sentences: Readonly<Record<string, string>> = {
  access_denied: 'The login was cancelled, or the identity provider does not admit you to this service.',
  account_selection_required: 'The identity provider wants you to choose an account. Please start again.',
  consent_required: 'The identity provider needs your consent. Please start again.',
  interaction_required: 'The identity provider has a question for you. Please start again.',
  invalid_request: 'The identity provider did not understand the login. The operator has to look at it.',
  invalid_scope: 'The identity provider refused a requested scope. The operator has to look at it.',
  login_required: 'The identity provider wants you to log in. Please start again.',
  server_error: 'The identity provider has a fault. Please try again.',
  temporarily_unavailable: 'The identity provider is busy. Please try again in a moment.',
  unauthorized_client: 'The identity provider does not admit this service. The operator has to look at it.',
}

/** The provider answered with an error code of its own. */
class RefusedLoginError extends OperationalError {
  readonly providerError: string
  constructor(providerError: string, detail: string, cause: unknown) {
    super('ERR_LOGIN_REFUSED', detail, { cause })
    this.name = 'RefusedLoginError'
    this.providerError = providerError
  }
  override get sentence(): string {
    return Object.hasOwn(sentences, this.providerError)
      ? (sentences[this.providerError] ?? super.sentence)
      : super.sentence
  }
}

/** The error that the person is answered with; the cause stays for the log. */
export function explainExchangeFailure(error: unknown): OperationalError {
  // Also what a look at the answer has found, which openid-client wraps.
  const own = causes(error).find(cause => cause instanceof OperationalError)
  if (own instanceof OperationalError) return own
  if (error instanceof AuthorizationResponseError) return explainRefusal(error)
  if (isUnreachable(error)) {
    return new OperationalError('ERR_PROVIDER_UNAVAILABLE', describeError(error), { cause: error })
  }
  if (isAboutThisService(error)) {
    const detail = `${describeError(error)}: client id, secret or key of this service are not what the provider knows`
    return new OperationalError('ERR_CLIENT_REFUSED', detail, { cause: error })
  }
  if (isAboutAuthTime(error)) {
    return new OperationalError('ERR_LOGIN_STEP_UP_FAILED', 'auth_time is absent or too old', { cause: error })
  }
  if (isUnreadableAuthTime(error)) {
    return new OperationalError('ERR_LOGIN_CLAIMS_INVALID', describeError(error), { cause: error })
  }
  return new OperationalError('ERR_LOGIN_RESPONSE_INVALID', describeError(error), { cause: error })
}

/** What a provider answers that was asked not to ask the person, and would have to (section 3.1.2.6). */
const personIsNeeded = new Set([
  // What some answer to `prompt=none` for an account that is closed, or not admitted any more.
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'login_required',
])

export const needsPerson = (error: unknown): boolean =>
  error instanceof RefusedLoginError && personIsNeeded.has(error.providerError)

/** The provider is silent or has a fault of its own, and says nothing of the person (RFC 6749 section 4.1.2.1). */
export const isProviderFault = (error: unknown): error is OperationalError =>
  error instanceof RefusedLoginError
    ? ['server_error', 'temporarily_unavailable'].includes(error.providerError)
    : error instanceof OperationalError && error.code === 'ERR_PROVIDER_UNAVAILABLE'

function explainRefusal(error: AuthorizationResponseError): OperationalError {
  const detail = `${textOfOthers(error.error)}: ${textOfOthers(error.error_description ?? '')}`
  if (error.error === 'unmet_authentication_requirements') {
    return new OperationalError('ERR_LOGIN_STEP_UP_FAILED', detail, { cause: error })
  }
  return new RefusedLoginError(error.error, detail, error)
}

/** Timeouts, connections that fail, 429 and 5xx: worth another try, unlike an answer that fails a check. */
export function isUnreachable(error: unknown): boolean {
  const call = callBehind(error)
  if (call?.address === undefined) return false
  const { answer } = call
  if (answer === undefined || answer.status === 429 || answer.status >= 500) return true
  return connectionFaultIn(error) !== undefined
}

/** RFC 6749 section 5.2: nobody can log in until an operator has looked at it. */
const isAboutThisService = (error: unknown): boolean => {
  const answered = callBehind(error)?.answer?.error
  return answered === 'invalid_client' || answered === 'unauthorized_client'
}

/** openid-client names the claim in the cause when it is too old, and in the message when it is missing. */
const isAboutAuthTime = (error: unknown) =>
  causes(error).some(reason => /"auth_time".* missing/.test(messageOf(reason)) || claimOf(reason) === 'auth_time')

/** Nobody has to have asked for a time for the provider to send one that is none. */
const isUnreadableAuthTime = (error: unknown) => causes(error).some(reason => /"auth_time"/.test(messageOf(reason)))

const claimOf = (value: unknown) => property(value, 'claim')
const messageOf = (value: unknown) => String(property(value, 'message') ?? '')
