/** How the gateway reaches a cluster, out of its settings. */
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import type { ClusterAccess } from '../kubernetes/gateway/upstream/cluster-access.ts'
import { inClusterAccess } from '../kubernetes/gateway/upstream/in-cluster.ts'
import { readKubeconfig } from '../kubernetes/gateway/upstream/kubeconfig.ts'

export type Cluster = NonNullable<Config['kubernetes']>['clusters'][number]

/** Throws for a kubeconfig that cannot be used, and outside of a pod where the pod's account is to be. */
export function accessTo(cluster: Cluster): ClusterAccess {
  const access = { ...accessBy(cluster) }
  return {
    ...access,
    ...(cluster.server !== undefined && { server: cluster.server }),
    ...(cluster.caPath !== undefined && { authority: { file: cluster.caPath } }),
    ...(cluster.serverName !== undefined && { serverName: cluster.serverName }),
  }
}

function accessBy({ credential, server = '' }: Cluster): ClusterAccess {
  switch (credential.kind) {
    case 'in-cluster':
      return inClusterAccess(process.env)
    case 'kubeconfig':
      return readKubeconfig(readFileSync(credential.path, 'utf8'), { path: credential.path })
    case 'token-file':
      return { server, credential: { kind: 'token-file', file: credential.path } }
    case 'client-certificate': {
      const { certificatePath, keyPath } = credential
      return {
        server,
        credential: { kind: 'certificate', certificate: { file: certificatePath }, key: { file: keyPath } },
      }
    }
  }
}
