/** What whoever asked for a token reads where the policy gives none: what would help, where something of theirs would. */
import type { Decision, LoginRequirement } from '../../rbac/decision.ts'

/** Whom the policy gives nothing. */
interface Refused {
  /** `the subject` or `the actor`. */
  readonly role: string
  /** Whether their login is one of ours, which a command line has. */
  readonly isOfLogin: boolean
}

/**
 * Threat: rows are the operator's, and a sentence about one that denies says how to get around it. Of a row that would allow it the
 * person has to know what to do, and is told the place for whoever may look.
 */
export function describePolicyRefusal(decision: Decision, { role, isOfLogin }: Refused): string {
  if (decision.effect !== 'challenge' || decision.reason === 'user-unauthenticated')
    return `the policy gives ${role} no token for this host`
  const row = decision.rule === undefined ? 'the policy' : `row ${decision.rule}`
  const again = isOfLogin
    ? 'log out and in again in the browser, then run sallyport login'
    : 'have the person log in again at the provider, and send the new token'
  return `${row} gives ${role} a token for this host after ${describeLogin(decision.login)} alone: ${again}`
}

/** The names are those with which the provider is asked; an identity of a provider says the same. */
function describeLogin({ maxAgeSeconds, acrValues = [], methods = [] }: LoginRequirement): string {
  const parts = [
    ...(maxAgeSeconds === undefined ? [] : [`of the last ${maxAgeSeconds} seconds`]),
    ...(acrValues.length === 0 ? [] : [`of the class ${acrValues.join(' or ')} (acr)`]),
    ...methods.map(list => `with ${list.join(' or ')} (amr)`),
  ]
  return ['a login', ...parts].join(' ')
}
