/** A big cluster, made up: 5,000 service accounts, 10,000 bindings, 3,000 roles. */
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import type { BindingObject, ClusterObjects, RoleObject } from '../../rbac/reach/objects.ts'

const plain = { labels: {}, annotations: {}, place: { source: 'made' } }

/** What operators and charts grant most, in turn. */
const kinds: readonly Rule[] = [
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'update', 'create'] },
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'statefulsets'],
    verbs: ['get', 'list', 'watch', 'update', 'patch'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'delete'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] },
  { apiGroups: ['example.com'], resources: ['*'], verbs: ['*'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list', 'update'] },
]

export function bigCluster(): ClusterObjects {
  const namespaces = Array.from({ length: 500 }, (_, at) => `team-${at}`)
  const namespaceOf = (at: number) => namespaces[at % namespaces.length] ?? ''
  const accounts = Array.from({ length: 5_000 }, (_, at) => ({
    ...plain,
    namespace: namespaceOf(at),
    name: `app-${at}`,
    secrets: [],
  }))
  const roles = Array.from({ length: 3_000 }, (_, at): RoleObject => {
    const rules = Array.from({ length: 5 }, (_rule, index) => kinds[(at * 3 + index * 7) % kinds.length] as Rule)
    return at < 300
      ? { ...plain, kind: 'ClusterRole', name: `cluster-role-${at}`, rules }
      : { ...plain, kind: 'Role', namespace: namespaceOf(at), name: `role-${at}`, rules }
  })
  const bindings = Array.from({ length: 10_000 }, (_, at): BindingObject => {
    const role = roles[at % roles.length] as RoleObject
    const namespace = role.namespace ?? namespaceOf(at)
    const account = accounts[(at * 7) % accounts.length]
    const isOfCluster = role.kind === 'ClusterRole' && at % 10 === 0
    return {
      ...plain,
      kind: isOfCluster ? 'ClusterRoleBinding' : 'RoleBinding',
      ...(isOfCluster ? {} : { namespace }),
      name: `binding-${at}`,
      roleRef: { kind: role.kind, name: role.name },
      subjects: [{ kind: 'ServiceAccount', name: account?.name ?? '', namespace: account?.namespace ?? '' }],
    }
  })
  const workloads = accounts.map(({ namespace, name }) => ({
    ...plain,
    namespace,
    name,
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    serviceAccount: name,
    projectedAudiences: [],
    secrets: [],
    hostAccess: [],
  }))
  return {
    roles,
    bindings,
    serviceAccounts: accounts,
    workloads,
    secrets: [],
    namespaces: namespaces.map(name => ({ ...plain, name })),
    nodes: [],
    others: [],
    problems: [],
    objectsSeen: 23_500,
    kindsRead: new Set(['ServiceAccount', 'Role']),
  }
}
