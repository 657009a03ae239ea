/**
 * Where a challenged request goes: the login address, and the cookie that binds the coming handoff to this browser.
 *
 * Anyone can start a login and send its last link to somebody else, who would then work in the attacker's account. So
 * the login address carries the digest of a cookie that this browser holds for this host, and the handoff insists on it.
 */
import { originOf } from '../../rbac/request/access-request.ts'
import type { Authentication, Challenge, ChallengeAnswer, VerifyQuestion } from '../verify.ts'

/** As it stands in the login address: proxies have little room for headers, so a longer one is replaced by its origin, and kept for a browser. */
const MAX_RETURN_LENGTH = 2048

export interface ChallengeSettings {
  /** Origin of the auth host, without a trailing slash. */
  readonly publicUrl: string
  /** Keeps an address for the login; its name, or `undefined` where too many are kept already. */
  readonly keepAddress: (url: string, client: string | undefined) => string | undefined
  /** A fresh pending cookie for this host and its digest. */
  readonly issuePending: () => { readonly setCookie: string; readonly nonceHash: string }
  /** Whether bearer tokens are taken on a host. Default: on none. */
  readonly takesTokens?: (domain: string) => boolean
  /** What asks for a user name and a password on a host that takes them. Default: none does. */
  readonly passwordChallenge?: (domain: string) => string | undefined
}

export type ChallengeFor = (
  question: VerifyQuestion,
  decision: Challenge,
  authentication: Authentication,
) => ChallengeAnswer

export function createChallenge(settings: ChallengeSettings): ChallengeFor {
  const {
    publicUrl,
    keepAddress,
    issuePending,
    takesTokens = () => false,
    passwordChallenge = () => undefined,
  } = settings
  const challengeOf = (
    question: VerifyQuestion,
    decision: Challenge,
    authentication: Authentication,
  ): string | undefined => {
    const { credential } = authentication
    // No other password does either.
    // RFC 9470 speaks of tokens.
    if (credential?.credential === 'application-password' || credential?.credential === 'client-certificate') {
      return undefined
    }
    if (credential !== undefined) return stepUpOf(decision)
    const { domain } = question.request
    const basic = isBrowser(question, authentication) ? undefined : passwordChallenge(domain)
    const bearer = takesTokens(domain) ? `Bearer realm="${domain}"` : undefined
    // The one that old programs know goes first (RFC 9110 section 11.6.1).
    return basic !== undefined && bearer !== undefined ? `${basic}, ${bearer}` : (basic ?? bearer)
  }

  return (question, decision, authentication) => {
    const { maxAgeSeconds, acrValues = [], methods = [], prompt } = decision.login
    const age = maxAgeSeconds === undefined ? '' : `&max_age=${maxAgeSeconds}`
    const classes = acrValues.length === 0 ? '' : `&acr_values=${encodeURIComponent(acrValues.join(' '))}`
    const ways = methods.length === 0 ? '' : `&amr=${encodeURIComponent(methodsText(methods))}`
    const how = prompt === undefined ? '' : `&prompt=${prompt}`
    const asked = `${age}${classes}${ways}${how}`
    const { url } = question.request
    const whole = encodeURIComponent(url)
    const isShort = whole.length <= MAX_RETURN_LENGTH
    const loginUrl = `${publicUrl}/login?rd=${isShort ? whole : encodeURIComponent(`${originOf(url)}/`)}${asked}`
    const bearerChallenge = challengeOf(question, decision, authentication)
    // Only a navigation comes back from a login; a script's request would leave a cookie that nobody redeems.
    if (!question.isInteractive || authentication.credential !== undefined) {
      return { loginUrl, ...(bearerChallenge !== undefined && { bearerChallenge }) }
    }
    const page = isShort ? undefined : keepAddress(url, question.clientAddress)
    const kept = page === undefined ? '' : `&page=${page}`
    if (authentication.bindingHash !== undefined)
      return { loginUrl: `${loginUrl}${kept}&handoff=${authentication.bindingHash}` }
    const { setCookie, nonceHash } = issuePending()
    return { loginUrl: `${loginUrl}${kept}&handoff=${nonceHash}`, setCookie }
  }
}

/**
 * Threat: a script's request that makes the browser ask for a user name and a password, in a window that looks like nobody's
 * and keeps what is typed. Browsers say what a request is for (Fetch Metadata), or bring a cookie of ours.
 */
function isBrowser({ headers }: VerifyQuestion, { bindingHash, clearCookie }: Authentication): boolean {
  const names = ['sec-fetch-mode', 'sec-fetch-site', 'origin', 'x-requested-with']
  return bindingHash !== undefined || clearCookie || names.some(name => headers.any(name) !== undefined)
}

/** Whoever sent the token has to have its person authenticate anew, and ask for another one (RFC 9470 section 3). */
function stepUpOf({ reason, login }: Challenge): string {
  const { maxAgeSeconds, acrValues = [] } = login
  const age = maxAgeSeconds === undefined ? '' : `, max_age="${maxAgeSeconds}"`
  const classes = acrValues.filter(value => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value))
  const wanted = classes.length === 0 ? '' : `, acr_values="${classes.join(' ')}"`
  return `Bearer error="insufficient_user_authentication", error_description="${reason}"${age}${wanted}`
}

/** Alternatives are joined by `|`, lists by a space; neither stands in an encoded name. */
function methodsText(lists: readonly (readonly string[])[]): string {
  return lists.map(list => list.map(encodeURIComponent).join('|')).join(' ')
}
