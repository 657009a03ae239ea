/** The rules by which the API server lets the gateway speak for people. Pure. */

import type { Rule } from '../../../rbac/kubernetes/rule.ts'
import type { Impersonable } from './impersonable.ts'
import type { ImpersonationMode } from './impersonation-mode.ts'

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
 * Sessions cannot be named: each person who logs in has another. Who asks to be judged as somebody else can.
 */
export function impersonatorRules({ users, groups, uids, extras }: Impersonable, mode: ImpersonationMode): Rule[] {
  const verbs = [verbOf[mode]]
  const named = (group: string, resource: string, resourceNames: readonly string[]): Rule[] =>
    resourceNames.length === 0 ? [] : [{ apiGroups: [group], resources: [resource], verbs, resourceNames }]
  const ofAnyValue = extras.filter(({ values }) => values === undefined)
  return [
    ...named(groupOf[mode], 'users', users),
    ...named(groupOf[mode], 'groups', groups),
    ...named(authenticationGroup, 'uids', uids),
    { apiGroups: [authenticationGroup], resources: ofAnyValue.map(({ key }) => `userextras/${key}`), verbs },
    ...extras.flatMap(({ key, values }) =>
      values === undefined ? [] : named(authenticationGroup, `userextras/${key}`, values),
    ),
  ]
}
