/** Objects of a cluster for tests that begin behind the reading. */
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import type {
  BindingObject,
  BindingSubject,
  ClusterObjects,
  Metadata,
  RoleObject,
  ServiceAccountObject,
} from '../../rbac/reach/objects.ts'

const metadata = (name: string): Metadata => ({ name, labels: {}, annotations: {}, place: { source: 'test' } })

export const rule = (verbs: string, resources: string, more: Partial<Rule> = {}): Rule => ({
  apiGroups: [''],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...more,
})

export const clusterRole = (name: string, rules: readonly Rule[], more: Partial<RoleObject> = {}): RoleObject => ({
  ...metadata(name),
  kind: 'ClusterRole',
  rules,
  ...more,
})

export const role = (namespace: string, name: string, rules: readonly Rule[]): RoleObject => ({
  ...metadata(name),
  kind: 'Role',
  namespace,
  rules,
})

/** `user:alice`, `group:ops`, `sa:payments/deployer`; `sa:deployer` has no namespace. */
export function named(...texts: readonly string[]): readonly BindingSubject[] {
  return texts.map(text => {
    const colon = text.indexOf(':')
    const [kind, rest] = [text.slice(0, colon), text.slice(colon + 1)]
    if (kind !== 'sa') return { kind: kind === 'group' ? ('Group' as const) : ('User' as const), name: rest }
    const [namespace = '', name] = rest.split('/')
    return name === undefined
      ? { kind: 'ServiceAccount' as const, name: namespace }
      : { kind: 'ServiceAccount' as const, namespace, name }
  })
}

export const clusterBinding = (to: string, ...subjects: string[]): BindingObject => ({
  ...metadata(to),
  kind: 'ClusterRoleBinding',
  roleRef: { kind: 'ClusterRole', name: to },
  subjects: named(...subjects),
})

/** @param to `Role/reader` or `ClusterRole/view` */
export function binding(namespace: string, to: string, ...subjects: string[]): BindingObject {
  const [kind, name = ''] = to.split('/')
  return {
    ...metadata(name),
    kind: 'RoleBinding',
    namespace,
    roleRef: { kind: kind === 'Role' ? 'Role' : 'ClusterRole', name },
    subjects: named(...subjects),
  }
}

export const account = (namespace: string, name: string): ServiceAccountObject => ({
  ...metadata(name),
  namespace,
  secrets: [],
})

export const clusterOf = (some: Partial<ClusterObjects>): ClusterObjects => ({
  roles: [],
  bindings: [],
  serviceAccounts: [],
  workloads: [],
  secrets: [],
  namespaces: [],
  nodes: [],
  others: [],
  problems: [],
  objectsSeen: Object.values(some).flat().length,
  kindsRead: new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'ServiceAccount']),
  ...some,
})
