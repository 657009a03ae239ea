/** What to change, in terms of the objects that are there: a role that is narrower, and roles for one subject alone. */
import type { Rule } from '../../kubernetes/rule.ts'
import { rulesAllow } from '../../kubernetes/rule.ts'
import type { Grant, Grants } from '../grant.ts'
import type { RoleObject } from '../objects.ts'
import type { SubjectId } from '../subject.ts'
import { questionsOf } from '../usage/usage.ts'
import type { Attribution, Use } from './attribution.ts'
import { within } from './done.ts'
import { hiddenIn, type ResourceRight } from './hidden-rights.ts'
import { grantsByRole } from './holders.ts'
import { type MinimalChoice, type MinimalRules, minimalRules } from './minimal.ts'
import { usedRulesOf } from './places.ts'

/** Why a role is left as it is. */
export type LeftAlone =
  /** The API server writes its own roles again whenever it starts. */
  | 'default-role'
  /** A controller fills it from the roles that its selectors name: those are to be changed. */
  | 'aggregated'
  /** What it allows was used. */
  | 'exact'

export interface RoleProposal extends MinimalRules {
  readonly role: RoleObject
  readonly subjects: readonly SubjectId[]
  /** Absent: change it. Where no rule is left, its bindings can go. */
  readonly leftAlone?: LeftAlone
}

/**
 * One for each role that somebody holds, by a binding or as a part of an aggregated one. What any of its holders used stays.
 * @param roles all of the cluster
 */
export function roleProposals(
  grants: Grants,
  attribution: Attribution,
  choice: MinimalChoice,
  roles: readonly RoleObject[],
): readonly RoleProposal[] {
  return [...grantsByRole(grants, roles)].map(([role, list]) => {
    const used = list.map(grant => ({
      rule: grant.rule,
      uses: attribution.usesOf(grant),
      hidden: hiddenIn(grant.rule, within(attribution.doneBy(grant.subject), grant.namespace)),
    }))
    const minimal = minimalRules(used, choice)
    const leftAlone = reasonToLeave(role, minimal.rules)
    const subjects = [...new Set(list.map(({ subject }) => subject))].sort()
    return { role, subjects, ...minimal, ...(leftAlone !== undefined && { leftAlone }) }
  })
}

export const isDefaultRole = ({ labels }: RoleObject): boolean =>
  labels['kubernetes.io/bootstrapping'] === 'rbac-defaults'

function reasonToLeave(role: RoleObject, rules: readonly Rule[]): LeftAlone | undefined {
  if (isDefaultRole(role)) return 'default-role'
  if (role.aggregation !== undefined) return 'aggregated'
  return covers(rules, role.rules) ? 'exact' : undefined
}

/** Whether every single combination of the old rules is one of the new ones, word by word. */
function covers(rules: readonly Rule[], old: readonly Rule[]): boolean {
  return old.every(({ apiGroups = [], resources = [], verbs, resourceNames = [], nonResourceURLs = [] }) => {
    const names = resourceNames.length === 0 ? [undefined] : resourceNames
    const asked = apiGroups.flatMap(group =>
      resources.flatMap(whole =>
        verbs.flatMap(verb =>
          names.map(name => {
            const [resource = '', subresource] = whole.split('/')
            return {
              verb,
              group,
              resource,
              ...(subresource !== undefined && { subresource }),
              ...(name !== undefined && { name }),
            }
          }),
        ),
      ),
    )
    const urls = nonResourceURLs.flatMap(path => verbs.map(verb => ({ verb, path })))
    return [...asked, ...urls].every(one => rulesAllow(rules, one))
  })
}

export interface SubjectRole extends MinimalRules {
  /** Absent: a ClusterRole. */
  readonly namespace?: string
}

export interface SubjectProposal {
  readonly subject: SubjectId
  /** One for each namespace that it worked in, and one for the whole cluster. */
  readonly roles: readonly SubjectRole[]
  /** What they replace: its own grants. Those of its groups stay, and are not repeated. */
  readonly replaces: readonly Grant[]
}

export interface SubjectChoice extends MinimalChoice {
  /** More namespaces than these are taken for "wherever", if the grant was for the whole cluster. */
  readonly mostNamespaces: number
}

/** Exactly what one subject did with its own grants, where it did it. */
export function subjectProposal(
  subject: SubjectId,
  grants: Grants,
  attribution: Attribution,
  choice: SubjectChoice,
): SubjectProposal {
  const replaces = grants.of(subject)
  const places = usedRulesOf(replaces, attribution, choice.mostNamespaces)
  const inCluster = places.get('')
  const whole = inCluster === undefined ? undefined : minimalRules(inCluster, choice)
  const inWhole = whole?.rules ?? []
  const roles = [...places].flatMap(([namespace, used]): SubjectRole[] => {
    if (namespace === '') return []
    const rest = used.map(({ rule, uses, hidden }) => ({
      rule,
      uses: uses.filter(use => !isAllowed(use, inWhole)),
      hidden: hidden.filter(right => !rulesAllow(inWhole, partsOf(right))),
    }))
    const minimal = minimalRules(
      rest.filter(({ uses, hidden }) => uses.length > 0 || hidden.length > 0),
      choice,
    )
    return minimal.rules.length === 0 ? [] : [{ namespace, ...minimal }]
  })
  return { subject, roles: [...(whole === undefined || whole.rules.length === 0 ? [] : [whole]), ...roles], replaces }
}

function partsOf({ resource: whole, ...right }: ResourceRight) {
  const [resource = '', subresource] = whole.split('/')
  return { ...right, resource, ...(subresource !== undefined && { subresource }) }
}

const isAllowed = ({ right }: Use, rules: readonly Rule[]): boolean =>
  (right.moreNames === 0 || rulesAllow(rules, right.kind)) && questionsOf(right).every(one => rulesAllow(rules, one))
