/** What is in the cluster of the demo: one pod that runs, what groups may do, and for whom the gateway may speak. */
import type { Cluster } from '../cluster/cluster.ts'
import { people } from '../people.ts'

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
  await letGatewayImpersonate(cluster)
  await bindGroup(cluster, 'ops', 'admin')
  await bindGroup(cluster, 'contractors', 'view')
}

/** By name: whoever may impersonate everybody is an administrator. */
async function letGatewayImpersonate({ api }: Cluster): Promise<void> {
  const core = { apiGroups: [''], verbs: ['impersonate'] }
  const groups = [...new Set(people.flatMap(person => person.groups))]
  await api.call('POST', `${rbac}/clusterroles`, {
    metadata: { name: gatewayUser },
    rules: [
      { ...core, resources: ['users'], resourceNames: people.map(person => person.email) },
      { ...core, resources: ['groups'], resourceNames: groups.map(group => `${groupPrefix}${group}`) },
      {
        apiGroups: ['authentication.k8s.io'],
        verbs: ['impersonate'],
        resources: ['uids', 'userextras/sallyport.dev/session'],
      },
    ],
  })
  await api.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: gatewayUser },
    roleRef: { apiGroup, kind: 'ClusterRole', name: gatewayUser },
    subjects: [{ apiGroup, kind: 'User', name: gatewayUser }],
  })
}

/** The roles `admin` and `view` are Kubernetes' own. */
async function bindGroup({ api }: Cluster, group: string, role: 'admin' | 'view'): Promise<void> {
  await api.call('POST', `${rbac}/namespaces/${namespace}/rolebindings`, {
    metadata: { name: group },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup, kind: 'Group', name: `${groupPrefix}${group}` }],
  })
}
