/** What whoever asked for a token reads where the policy gives none. */
import { describe, expect, it } from 'vitest'
import { describePolicyRefusal } from '../../app/exchange/policy-refusal.ts'
import type { Decision } from '../../rbac/decision.ts'

const subject = { role: 'the subject', isOfLogin: false }
const wanting = (login: Extract<Decision, { effect: 'challenge' }>['login'], rule?: string): Decision => ({
  effect: 'challenge',
  reason: 'authentication-method-missing',
  revision: 'r',
  login,
  ...(rule !== undefined && { rule }),
})

describe('a row that wants another login', () => {
  it('is named, with all that it wants', () => {
    const login = { maxAgeSeconds: 600, acrValues: ['gold', 'silver'], methods: [['mfa', 'hwk'], ['pwd']] }
    expect(describePolicyRefusal(wanting(login, 'policy.csv:7'), subject)).toBe(
      'row policy.csv:7 gives the subject a token for this host after a login of the last 600 seconds ' +
        'of the class gold or silver (acr) with mfa or hwk (amr) with pwd (amr) alone: ' +
        'have the person log in again at the provider, and send the new token',
    )
  })

  it.each([
    [true, 'run sallyport login'],
    [false, 'send the new token'],
  ])('says what a person does whose login is ours: %s', (isOfLogin, advice) => {
    expect(describePolicyRefusal(wanting({ methods: [['mfa']] }), { ...subject, isOfLogin })).toContain(advice)
  })
})

describe('a row that denies', () => {
  it.each<Decision>([
    { effect: 'deny', reason: 'rule-denied', rule: 'policy.csv:7', revision: 'r' },
    { effect: 'deny', reason: 'no-rule-matched', revision: 'r' },
    { effect: 'challenge', reason: 'user-unauthenticated', rule: 'policy.csv:7', revision: 'r', login: {} },
  ])("is the operator's own: %j", decision => {
    expect(describePolicyRefusal(decision, subject)).toBe('the policy gives the subject no token for this host')
  })
})
