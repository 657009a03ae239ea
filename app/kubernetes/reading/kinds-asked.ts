/** What a live cluster is asked for. Nothing of it is written, and `get` and `list` are all that is needed. */
import type { Reader } from './source.ts'

export interface AskedKind {
  readonly kind: string
  /** As kubectl takes it, with its group. */
  readonly resource: string
  /** Of the API server, up to the resource or the namespaces of it. */
  readonly api: string
  readonly plural: string
  readonly isNamespaced: boolean
}

/** One call: a kind, in all of the cluster or in one namespace; or one object by its name. */
export interface AskedList extends AskedKind {
  readonly namespace?: string
  readonly name?: string
}

export interface Asked {
  /** Names and types of Secrets, too. */
  readonly scansSecrets: boolean
  /** These alone, for whoever may not list those of all; absent: all. */
  readonly namespaces?: readonly string[] | undefined
}

const ofCluster = new Set(['clusterroles', 'clusterrolebindings', 'namespaces', 'nodes', 'certificatesigningrequests'])
const core = (kind: string, plural: string): AskedKind => ({
  ...{ kind, plural, resource: plural, api: '/api/v1', isNamespaced: !ofCluster.has(plural) },
})
const of = (kind: string, plural: string, group: string): AskedKind => ({
  ...{ kind, plural, resource: `${plural}.${group}`, api: `/apis/${group}/v1`, isNamespaced: !ofCluster.has(plural) },
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
const secrets: AskedKind = core('Secret', 'secrets')

export const isSecret = ({ kind }: AskedList): boolean => kind === secrets.kind

/** In the order in which the answers are added. Kinds of the cluster are asked for whichever namespaces are. */
export function listsAsked({ scansSecrets, namespaces }: Asked): readonly AskedList[] {
  const kinds = [...askedKinds, ...(scansSecrets ? [secrets] : [])]
  if (namespaces === undefined) return kinds
  return kinds.flatMap((kind): readonly AskedList[] => {
    // Whoever is let into a namespace may mostly get it, and list no others.
    if (kind.kind === 'Namespace') return namespaces.map(name => ({ ...kind, name }))
    return kind.isNamespaced ? namespaces.map(namespace => ({ ...kind, namespace })) : [kind]
  })
}

export const pathOf = ({ api, plural, namespace, name }: AskedList): string =>
  `${api}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}${name === undefined ? '' : `/${name}`}`

export const notPermitted = ({ kind, namespace, name }: AskedList, source: string, reason: string) => ({
  code: 'not-permitted' as const,
  place: { source },
  object: kind,
  // A namespace is in itself.
  ...((namespace ?? name) !== undefined && { namespace: namespace ?? name }),
  message: `${
    name === undefined
      ? `none of this kind is read${namespace === undefined ? '' : ` in namespace ${namespace}`}`
      : `${name} is not read, nor whether it exists`
  }: ${reason}`,
})

/** Threat: a name that is mistyped has no bindings, and would pass for harmless. */
export const noSuchNamespace = (name: string): Error => new Error(`there is no namespace ${name} in the cluster`)

export function begin({ namespaces }: Asked, source: string, { reading }: Reader): void {
  if (namespaces !== undefined) reading.markNamespaces(namespaces, source)
}
