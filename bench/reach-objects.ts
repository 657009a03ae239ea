/** A large cluster's RBAC objects, made up: namespaces with their applications, operators with wide roles, shared roles. */

export interface ReachSize {
  readonly accounts: number
  readonly bindings: number
  readonly roles: number
}

type Json = Readonly<Record<string, unknown>>
const apiVersion = 'rbac.authorization.k8s.io/v1'
const accountsPerNamespace = 25

const applications: readonly Json[] = [
  { apiGroups: [''], resources: ['configmaps', 'endpoints'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['tls'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'] },
]
const operators: readonly Json[] = [
  ...applications,
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['*'] },
  { apiGroups: [''], resources: ['nodes', 'namespaces'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create'] },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'list'] },
  { nonResourceURLs: ['/metrics', '/healthz/*'], verbs: ['get'] },
]

/** The same for the same size. One role in five is a ClusterRole, one binding in ten a ClusterRoleBinding. */
export function* reachObjects({ accounts, bindings, roles }: ReachSize): Generator<Json> {
  const namespaces = Math.max(1, Math.ceil(accounts / accountsPerNamespace))
  const clusterRoles = Math.max(1, Math.floor(roles / 5))
  const localRoles = roles - clusterRoles
  const namespaceOf = (at: number): string => `team-${at % namespaces}`
  const metadata = (name: string, namespace?: string): Json => ({
    name,
    ...(namespace !== undefined && { namespace }),
    uid: `00000000-0000-4000-8000-${name.padStart(12, '0').slice(-12)}`,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': name },
  })
  for (let at = 0; at < namespaces; at++)
    yield { apiVersion: 'v1', kind: 'Namespace', metadata: metadata(namespaceOf(at)) }
  for (let at = 0; at < accounts; at++)
    yield { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(`account-${at}`, namespaceOf(at)) }
  for (let at = 0; at < clusterRoles; at++)
    yield { apiVersion, kind: 'ClusterRole', metadata: metadata(`wide-${at}`), rules: operators }
  for (let at = 0; at < localRoles; at++)
    yield { apiVersion, kind: 'Role', metadata: metadata(`role-${at}`, namespaceOf(at)), rules: applications }
  for (let at = 0; at < bindings; at++) {
    const isWide = at % 10 === 0
    const namespace = namespaceOf(at)
    const isShared = isWide || at % 3 === 0 || localRoles === 0
    // Of the roles of this namespace one.
    const local =
      (at % namespaces) + namespaces * (Math.floor(at / namespaces) % Math.max(1, Math.floor(localRoles / namespaces)))
    const name = isShared ? `wide-${at % clusterRoles}` : `role-${local}`
    yield {
      apiVersion,
      kind: isWide ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: isWide ? metadata(`binding-${at}`) : metadata(`binding-${at}`, namespace),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: isShared ? 'ClusterRole' : 'Role', name },
      subjects: [
        { kind: 'ServiceAccount', name: `account-${at % accounts}`, namespace: namespaceOf(at % accounts) },
        ...(at % 7 === 0 ? [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: `team-${at % 90}` }] : []),
      ],
    }
  }
}

/** As kubectl writes it. */
export const reachDump = (size: ReachSize): string =>
  `{"apiVersion":"v1","items":[${[...reachObjects(size)].map(one => JSON.stringify(one, undefined, 4)).join(',')}],"kind":"List"}`
