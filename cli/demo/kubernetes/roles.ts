/** What is in the cluster of the demo: one pod that runs, what groups may do, and for whom the gateway may speak. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createColors } from 'picocolors'
import { exactRoleOf } from '../../kube/operator/exact-role.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type Person, people } from '../people.ts'
import { providerName } from '../stack.ts'

export const clusterName = 'demo'
export const namespace = 'payments'
export const podName = 'web'
/** Whom the gateway's certificate names. */
export const gatewayUser = 'sallyport-gateway'
/** Of groups in this cluster: the default of `kubernetes.clusters[].groupPrefix`. */
export const groupPrefix = 'sallyport:'

const rbac = '/apis/rbac.authorization.k8s.io/v1'
const apiGroup = 'rbac.authorization.k8s.io'

export async function prepareCluster(cluster: Cluster): Promise<void> {
  await cluster.createNamespace(namespace)
  await cluster.createPod({ namespace, name: podName })
  await bindGroup(cluster, 'ops', 'admin')
  await bindGroup(cluster, 'contractors', 'view')
}

/**
 * The role that `sallyport kube render --only role` prints, with everybody named: whoever may impersonate anybody is an
 * administrator. The people of the demo are in it before they log in, so that nobody has to wait for `kube reconcile`.
 *
 * @param config path of the configuration of Sallyport
 */
export async function letGatewayImpersonate(
  { api }: Cluster,
  { config, directory, issuer }: { readonly config: string; readonly directory: string; readonly issuer: string },
): Promise<void> {
  const sessions = join(directory, 'people.json')
  writeFileSync(sessions, JSON.stringify({ sessions: people.map(person => sessionOf(person, issuer)) }), {
    mode: 0o600,
  })
  const { role } = await exactRoleOf(
    { config, sessions, holder: { kind: 'User', name: gatewayUser }, admin: '', isOffline: false, json: true },
    { ...silent, cwd: directory },
  )
  for (const object of [...role.roles, ...role.bindings])
    await api.call('POST', `${rbac}/${object.kind.toLowerCase()}s`, object)
}

/** As the list of sessions has them. */
const sessionOf = ({ id, email, groups }: Person, issuer: string) => ({
  subject: `${issuer}#${id}`,
  provider: providerName,
  email,
  inClusters: { groups, names: { email } },
})

const nothing = (): void => undefined
const silent = { write: nothing, writeError: nothing, progress: nothing, colors: createColors(false), env: {} }

/** The roles `admin` and `view` are Kubernetes' own. */
async function bindGroup({ api }: Cluster, group: string, role: 'admin' | 'view'): Promise<void> {
  await api.call('POST', `${rbac}/namespaces/${namespace}/rolebindings`, {
    metadata: { name: group },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup, kind: 'Group', name: `${groupPrefix}${group}` }],
  })
}
