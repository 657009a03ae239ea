/** A review of a big cluster: 5,000 service accounts, 10,000 bindings, 3,000 roles. */
import { expect, test } from 'vitest'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { groupsOf } from '../../rbac/reach/findings/findings.ts'
import type { BindingObject, ClusterObjects, RoleObject } from '../../rbac/reach/objects.ts'
import { reviewOf } from '../../rbac/reach/review.ts'

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

function bigCluster(): ClusterObjects {
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

test('5,000 accounts, 10,000 bindings and 3,000 roles within 10 seconds of the processor and 500 MB', () => {
  const objects = bigCluster()
  const before = process.cpuUsage()
  const { findings, graph } = reviewOf(objects)
  const groups = groupsOf(findings)
  const { user, system } = process.cpuUsage(before)
  const [seconds, megabytes] = [(user + system) / 1e6, process.memoryUsage.rss() / 2 ** 20]
  process.stdout.write(
    `${findings.length} findings in ${groups.length} groups, graph ${JSON.stringify(graph.size)}: ${seconds.toFixed(1)} s of the processor, ${megabytes.toFixed(0)} MB in all\n`,
  )
  expect(findings.length).toBeGreaterThan(10_000)
  // A set is one node: nothing grows with accounts times accounts.
  expect(graph.size.edges).toBeLessThan(100_000)
  expect(seconds).toBeLessThan(10)
  expect(megabytes).toBeLessThan(500)
}, 300_000)
