/** Bindings, subjects and rules that give nothing to anybody, and why: most are mistakes, and some wait to be claimed. */
import { isRoleListed, listedIn } from './absence.ts'
import { isClusterResource } from './cluster-resources.ts'
import type { DeadGrant } from './grant.ts'
import type { BindingObject, BindingSubject, ClusterObjects, RoleObject } from './objects.ts'
import { accountSubject, idOf, type SubjectId } from './subject.ts'

export interface Lookups {
  readonly roleOf: (binding: BindingObject) => RoleObject | undefined
  readonly subjectOfBinding: (binding: BindingObject, subject: BindingSubject) => SubjectId | undefined
}

export function deadGrantsOf(objects: ClusterObjects, { roleOf, subjectOfBinding }: Lookups): DeadGrant[] {
  const accounts = new Set(objects.serviceAccounts.map(({ namespace, name }) => idOf(accountSubject(namespace, name))))
  // Without any service account the objects say nothing about which there are.
  const knowsAccounts = objects.kindsRead.has('ServiceAccount')
  const isListed = listedIn(objects)
  // A role is read once, however often it is bound.
  const inNamespace = new Map<RoleObject, readonly DeadRule[]>()
  return objects.bindings.flatMap(binding => {
    const role = roleOf(binding)
    return [
      ...(role === undefined ? withoutRole(binding) : deadRules(binding, role)),
      ...(binding.subjects.length === 0 ? [{ binding, reason: 'no-subjects' as const }] : []),
      ...binding.subjects.flatMap(one => deadSubject(binding, one)),
    ]
  })

  function deadRules(binding: BindingObject, role: RoleObject): readonly DeadGrant[] {
    if (binding.kind === 'ClusterRoleBinding') return []
    const rules = inNamespace.get(role) ?? deadRulesOf(role)
    inNamespace.set(role, rules)
    return rules.map(rule => ({ binding, ...rule }))
  }

  function withoutRole(binding: BindingObject): DeadGrant[] {
    return isRoleListed(binding, isListed) ? [{ binding, reason: 'no-such-role' }] : []
  }

  function deadSubject(binding: BindingObject, named: BindingSubject): DeadGrant[] {
    const subject = subjectOfBinding(binding, named)
    if (subject === undefined) return [{ binding, reason: 'subject-without-namespace' }]
    // Each namespace has its own `default`, whether or not a manifest speaks of it.
    const isAccount = subject.startsWith('service-account:') && !subject.endsWith('/default')
    const isMissing = knowsAccounts && isAccount && !accounts.has(subject)
    const isKnown = isListed('ServiceAccount', named.namespace || binding.namespace)
    return isMissing && isKnown ? [{ binding, reason: 'no-such-service-account', subject }] : []
  }
}

type DeadRule = Omit<DeadGrant, 'binding'>

/** What of a role is dead in a RoleBinding. */
function deadRulesOf(role: RoleObject): DeadRule[] {
  return role.rules.flatMap(rule => {
    const { apiGroups = [], resources = [], verbs, nonResourceURLs = [] } = rule
    const inCluster = resources.filter(
      resource => apiGroups.length > 0 && apiGroups.every(group => isDead(group, resource, verbs)),
    )
    return [...dead('cluster-resource-in-namespace', inCluster), ...dead('non-resource-in-namespace', nonResourceURLs)]

    function dead(reason: DeadGrant['reason'], what: readonly string[]): DeadRule[] {
      return what.length === 0 ? [] : [{ reason, rule, what }]
    }
  })
}

/** A namespace is in itself: only what asks for all of them at once carries none. */
const withoutNamespace = new Set(['list', 'watch', 'create', 'deletecollection'])

const isDead = (group: string, resource: string, verbs: readonly string[]): boolean =>
  (isClusterResource(group, resource) && !isAskedInNamespace(group, resource, verbs)) ||
  (group === '' && resource === 'namespaces' && verbs.every(verb => withoutNamespace.has(verb)))

/** The right to bind a ClusterRole is asked for in the namespace of the RoleBinding (BindingAuthorized of pkg/registry/rbac). */
const isAskedInNamespace = (group: string, resource: string, verbs: readonly string[]): boolean =>
  group === 'rbac.authorization.k8s.io' &&
  resource === 'clusterroles' &&
  (verbs.includes('bind') || verbs.includes('*'))
