/**
 * What a provider has stated at a login and states no more.
 *
 * Threat: a provider that has closed an account and goes on to answer for it says nothing about its groups any more; read
 * as "in no group", that lifts every deny for one. So whatever a row or an application may rest on has to be stated again,
 * if only as empty. Claims that only conditions read need not be: where one is absent the condition is unknown, an allow
 * does not apply and a deny does.
 */
import type { User } from '../../../rbac/identity.ts'
import { type ClaimPolicy, type ClaimSources, findClaim, statedClaim } from './identity-of-claims.ts'
import { isAboutToken } from './login-tokens.ts'

export interface WantedClaims extends ClaimPolicy {
  /** Further claims that hosts pass to their applications. Default none. */
  readonly passedOn?: readonly string[]
}

/** The name of the first one; `undefined` when everything is stated still. Pure. */
export function vanishedClaim(before: User, stated: ClaimSources, policy: WantedClaims): string | undefined {
  const { groups = 'groups', email = 'email', name = 'name' } = policy.claims ?? {}
  const isStated = (claim: string) => statedClaim(stated, claim) !== undefined
  const wasStated = (claim: string) => findClaim(before.claims, claim) !== undefined
  const wanted: readonly (readonly [claim: string, wasThere: boolean, isThere: boolean])[] = [
    [groups, before.groups.length > 0 || wasStated(groups), isStated(groups)],
    [email, before.email !== undefined, isStated(email)],
    // A flag that says false takes the address away, as at a login; one that is gone says nothing.
    ['email_verified', before.email !== undefined && policy.emailVerified !== 'always', isStated('email_verified')],
    [name, before.name !== undefined, isStated(name) || isStated('preferred_username')],
    ...(policy.passedOn ?? [])
      .filter(claim => !isAboutToken(claim))
      .map(claim => [claim, wasStated(claim), isStated(claim)] as const),
  ]
  return wanted.find(([, wasThere, isThere]) => wasThere && !isThere)?.[0]
}

/** For the log. */
export const vanishedDetail = (claim: string): string =>
  `the provider states the claim ${claim} no more, which it stated at the login`
