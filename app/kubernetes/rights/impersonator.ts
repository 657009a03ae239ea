/** The rules by which the API server lets the gateway speak for people. Pure. */
import type { Impersonable } from './impersonable.ts'
import type { Rule } from './rule.ts'

/**
 * `legacy`: the verb `impersonate`, in every version. `constrained` (KEP-5284, on by default since Kubernetes 1.36): whom
 * the gateway speaks for and what it does as them are granted apart.
 */
export type ImpersonationMode = 'legacy' | 'constrained'

export const impersonationModes: readonly ImpersonationMode[] = ['legacy', 'constrained']

/** The verb on users, groups, uids and extras. */
export const verbOf: Readonly<Record<ImpersonationMode, string>> = {
  legacy: 'impersonate',
  constrained: 'impersonate:user-info',
}

export const authenticationGroup = 'authentication.k8s.io'

/** Of users and groups. */
export const groupOf: Readonly<Record<ImpersonationMode, string>> = { legacy: '', constrained: authenticationGroup }

/**
 * Threat: an empty list of names means all of them. Where nobody is known there is no rule.
 *
 * Values of extras cannot be named: each session has its own.
 */
export function impersonatorRules({ users, groups, uids, extraKeys }: Impersonable, mode: ImpersonationMode): Rule[] {
  const verbs = [verbOf[mode]]
  const named = (group: string, resource: string, resourceNames: readonly string[]): Rule[] =>
    resourceNames.length === 0 ? [] : [{ apiGroups: [group], resources: [resource], verbs, resourceNames }]
  return [
    ...named(groupOf[mode], 'users', users),
    ...named(groupOf[mode], 'groups', groups),
    ...named(authenticationGroup, 'uids', uids),
    { apiGroups: [authenticationGroup], resources: extraKeys.map(key => `userextras/${key}`), verbs },
  ]
}
