/** A real cluster with what is asked for in it, and a gateway's rights. */
import { join } from 'node:path'
import { type Cluster, startCluster } from '../../cli/demo/cluster/cluster.ts'
import type { ClusterPrograms } from '../../cli/demo/cluster/programs.ts'
import type { Resources } from '../resources.ts'

export const gatewayUser = 'sallyport-gateway'
const namespaces = { small: 'payments', large: 'load' } as const
export const namespacePaths = {
  small: `/api/v1/namespaces/${namespaces.small}`,
  large: `/api/v1/namespaces/${namespaces.large}`,
} as const

/** Some 6 KB, as pods of real clusters have with their status. */
const paddingBytes = 4_700
const createdAtOnce = 16

export interface BenchCluster extends Pick<Cluster, 'url' | 'authority' | 'certificates' | 'apiServerProcess'> {
  readonly port: number
  /** Of the small namespace: a watch from there on is quiet. */
  readonly resourceVersion: string
  readonly file: (name: string) => string
}

export async function startBenchCluster(
  programs: ClusterPrograms,
  pods: number,
  { resources, onProgress }: { readonly resources: Resources; readonly onProgress: (text: string) => void },
): Promise<BenchCluster> {
  onProgress('starting a cluster')
  const cluster = await startCluster(programs)
  resources.add(cluster.stop)
  for (const namespace of Object.values(namespaces)) await cluster.createNamespace(namespace)
  await cluster.api.call('POST', `${namespacePaths.small}/configmaps`, {
    metadata: { name: 'settings' },
    data: { currency: 'EUR', retries: '3' },
  })
  await letGatewayImpersonate(cluster)
  await createPods(cluster, pods, onProgress)
  const listed = await cluster.api.call('GET', `${namespacePaths.small}/configmaps`)
  return {
    url: cluster.url,
    authority: cluster.authority,
    certificates: cluster.certificates,
    apiServerProcess: cluster.apiServerProcess,
    port: Number(new URL(cluster.url).port),
    resourceVersion: (listed as { readonly metadata: { readonly resourceVersion: string } }).metadata.resourceVersion,
    file: name => join(cluster.directory, name),
  }
}

async function createPods({ api }: Cluster, count: number, onProgress: (text: string) => void): Promise<void> {
  let next = 0
  const createSome = async (): Promise<void> => {
    while (next < count) {
      const name = `pod-${next}`
      next += 1
      if (next % 250 === 0) onProgress(`pod ${next} of ${count}`)
      await api.call('POST', `${namespacePaths.large}/pods`, podOf(name))
    }
  }
  await Promise.all(Array.from({ length: createdAtOnce }, createSome))
}

const podOf = (name: string) => ({
  metadata: { name, labels: { app: 'load' }, annotations: { padding: 'x'.repeat(paddingBytes) } },
  spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'example.test/main:1' }] },
})

/** The exact rights for Alice, and hers: everything in both namespaces. */
async function letGatewayImpersonate({ api }: Cluster): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const apiGroup = 'rbac.authorization.k8s.io'
  const verbs = ['impersonate']
  await api.call('POST', `${rbac}/clusterroles`, {
    metadata: { name: gatewayUser },
    rules: [
      { apiGroups: [''], verbs, resources: ['users'], resourceNames: ['alice@example.com'] },
      { apiGroups: [''], verbs, resources: ['groups'], resourceNames: aliceGroups },
      { apiGroups: ['authentication.k8s.io'], verbs, resources: ['uids', 'userextras/sallyport.dev/session'] },
    ],
  })
  await api.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: gatewayUser },
    roleRef: { apiGroup, kind: 'ClusterRole', name: gatewayUser },
    subjects: [{ apiGroup, kind: 'User', name: gatewayUser }],
  })
  for (const namespace of Object.values(namespaces)) {
    await api.call('POST', `${rbac}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: 'ops' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'admin' },
      subjects: [{ apiGroup, kind: 'Group', name: aliceGroups[0] }],
    })
  }
}

/** As the gateway calls those of the planted login. */
export const aliceGroups = ['sallyport:ops', 'sallyport:wiki-editors']
