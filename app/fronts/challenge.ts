/**
 * Where a challenged request goes: the login address, and the cookie that binds the coming handoff to this browser.
 *
 * Anyone can start a login and send its last link to somebody else, who would then work in the attacker's account. So
 * the login address carries the digest of a cookie that this browser holds for this host, and the handoff insists on it.
 */
import type { Authentication, Challenge, ChallengeAnswer, VerifyQuestion } from '../verify.ts'

/** The whole answer stays under 4 KB, so a longer address is replaced by its origin. */
const MAX_RETURN_LENGTH = 2048

export interface ChallengeSettings {
  /** Origin of the auth host, without a trailing slash. */
  readonly publicUrl: string
  /** A fresh pending cookie for this host and its digest. */
  readonly issuePending: () => { readonly setCookie: string; readonly nonceHash: string }
}

export type ChallengeFor = (
  question: VerifyQuestion,
  decision: Challenge,
  authentication: Authentication,
) => ChallengeAnswer

export function createChallenge(settings: ChallengeSettings): ChallengeFor {
  return (question, decision, authentication) => {
    const parameters = new URLSearchParams({ rd: returnTo(question.request.url) })
    const { maxAgeSeconds, acrValues } = decision.login
    if (maxAgeSeconds !== undefined) parameters.set('max_age', String(maxAgeSeconds))
    if (acrValues !== undefined && acrValues.length > 0) parameters.set('acr_values', acrValues.join(' '))
    // Only a navigation comes back from a login; a script's request would leave a cookie that nobody redeems.
    if (!question.isInteractive) return { loginUrl: loginUrl(settings, parameters) }
    if (authentication.bindingHash !== undefined) {
      parameters.set('handoff', authentication.bindingHash)
      return { loginUrl: loginUrl(settings, parameters) }
    }
    const { setCookie, nonceHash } = settings.issuePending()
    parameters.set('handoff', nonceHash)
    return { loginUrl: loginUrl(settings, parameters), setCookie }
  }
}

function loginUrl(settings: ChallengeSettings, parameters: URLSearchParams): string {
  return `${settings.publicUrl}/login?${parameters.toString()}`
}

function returnTo(url: string): string {
  if (url.length <= MAX_RETURN_LENGTH) return url
  return url.slice(0, url.indexOf('/', url.indexOf('//') + 2) + 1)
}
