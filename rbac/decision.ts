/** What the policy decision point answers: an effect, a reason from a closed list, the rule and the revision. */

/** Every reason for a challenge, with the sentence that explains it. The documentation is generated from here. */
export const challengeReasons = {
  'user-unauthenticated': 'Nobody is logged in and no rule admits an anonymous request.',
  'authentication-too-old': 'A rule would admit this person after a fresh login.',
  'authentication-method-missing': 'A rule would admit this person after a login with a stronger method.',
  'session-unverified': 'The identity provider has to confirm this login again.',
  'session-too-old': 'The login is older than this host allows.',
  'session-idle': 'This host was not used for longer than it allows.',
  'session-of-other-provider': 'This host takes the logins of other identity providers.',
  'session-unbound': 'The session is bound to a client certificate that did not come along.',
} as const

/** Every reason for a denial, with the sentence that explains it. */
export const denyReasons = {
  'no-policy-for-domain': 'The policy has no rule for this host.',
  'no-rule-matched': 'No rule admits this identity to this path with this method.',
  'condition-failed': 'A rule fits but for its condition.',
  'rule-denied': 'A deny rule applies.',
  'actor-denied': 'A deny rule applies to somebody who acts for this identity.',
  'path-too-costly':
    'The path is longer than the patterns of this host may be compared with; give them fixed beginnings.',
  'evaluation-failed': 'The evaluation failed; a failure never admits anyone.',
} as const

export type ChallengeReason = keyof typeof challengeReasons
export type DenyReason = keyof typeof denyReasons

/** Where a rule stands: `file:line` of its row, as shown in audit events. */
export type RuleId = string

/** What is wrong with a session, and never what a policy says: no row gives these reasons. */
export type SessionReason = Extract<ChallengeReason, `session-${string}`>

export const isSessionReason = (reason: ChallengeReason): reason is SessionReason => reason.startsWith('session-')

/** What the next login has to ask of the provider so that a condition can become true. */
export interface LoginRequirement {
  /** Largest age of the login, in seconds (OpenID Connect Core 1.0 section 3.1.2.1, `max_age`). */
  readonly maxAgeSeconds?: number
  /** Wanted authentication context classes, in order of preference (`acr_values`). */
  readonly acrValues?: readonly string[]
  /** Of each of these lists one method has to be among those that the provider names (RFC 8176, `amr`). */
  readonly methods?: readonly (readonly string[])[]
  /** `none`: only if the provider can do without asking the person (section 3.1.2.1). */
  readonly prompt?: 'none' | 'login'
}

/** The session is there, but this host does not take it before another login. */
export interface SessionChallenge {
  readonly reason: SessionReason
  readonly login: LoginRequirement
}

interface Stamp {
  /** Revision of the policy that decided. */
  readonly revision: string
  /** Shadow rows that apply, in order of load: reported, never enforced. Absent when none does. */
  readonly shadow?: readonly RuleId[]
}

export type Decision =
  | (Stamp & { readonly effect: 'allow'; readonly rule: RuleId })
  | (Stamp & {
      readonly effect: 'challenge'
      readonly reason: ChallengeReason
      readonly rule?: RuleId
      readonly login: LoginRequirement
    })
  | (Stamp & {
      readonly effect: 'deny'
      readonly reason: DenyReason
      readonly rule?: RuleId
      /** As rows name them: somebody who acts for the identity, and to whom it is denied. */
      readonly deniedActor?: string
    })

export type Effect = Decision['effect']
