/** What a live cluster is asked for. Nothing of it is written, and `get` and `list` are all that is needed. */

export interface AskedKind {
  readonly kind: string
  /** As kubectl takes it, with its group. */
  readonly resource: string
  /** Of the API server. */
  readonly path: string
}

const core = (kind: string, resource: string): AskedKind => ({ kind, resource, path: `/api/v1/${resource}` })
const of = (kind: string, resource: string, group: string): AskedKind => ({
  kind,
  resource: `${resource}.${group}`,
  path: `/apis/${group}/v1/${resource}`,
})
const rbac = 'rbac.authorization.k8s.io'

export const askedKinds: readonly AskedKind[] = [
  of('ClusterRole', 'clusterroles', rbac),
  of('ClusterRoleBinding', 'clusterrolebindings', rbac),
  of('Role', 'roles', rbac),
  of('RoleBinding', 'rolebindings', rbac),
  core('ServiceAccount', 'serviceaccounts'),
  core('Namespace', 'namespaces'),
  core('Node', 'nodes'),
  core('Pod', 'pods'),
  core('ReplicationController', 'replicationcontrollers'),
  of('Deployment', 'deployments', 'apps'),
  of('StatefulSet', 'statefulsets', 'apps'),
  of('DaemonSet', 'daemonsets', 'apps'),
  of('ReplicaSet', 'replicasets', 'apps'),
  of('Job', 'jobs', 'batch'),
  of('CronJob', 'cronjobs', 'batch'),
  of('CertificateSigningRequest', 'certificatesigningrequests', 'certificates.k8s.io'),
]

/** Asked for where somebody says so: their names and types alone. */
export const secrets: AskedKind = core('Secret', 'secrets')

export const notPermitted = ({ kind }: AskedKind, source: string, reason: string) => ({
  code: 'not-permitted' as const,
  place: { source },
  object: kind,
  message: `none of this kind is read: ${reason}`,
})
