/** How the gateway reaches a cluster, out of its settings. */
import type { Config } from '../../../config/config.ts'
import type { AccessFile } from '../../kubernetes/gateway/upstream/changing-cluster.ts'
import type { ClusterAccess } from '../../kubernetes/gateway/upstream/cluster-access.ts'
import { inClusterAccess } from '../../kubernetes/gateway/upstream/in-cluster.ts'
import { readKubeconfig } from '../../kubernetes/gateway/upstream/kubeconfig.ts'

export type Cluster = NonNullable<Config['kubernetes']>['clusters'][number]

/** Throws outside of a pod where the pod's account is to be; a kubeconfig that cannot be used fails when it is read. */
export function accessTo(cluster: Cluster): ClusterAccess | AccessFile {
  const { credential, server = '' } = cluster
  if (credential.kind !== 'kubeconfig') return asSet(cluster, accessBy(credential, server))
  const { path } = credential
  return { file: path, read: text => asSet(cluster, readKubeconfig(text, { path })) }
}

/** With what the settings say of the server. */
const asSet = ({ server, caPath, serverName }: Cluster, access: ClusterAccess): ClusterAccess => ({
  ...access,
  ...(server !== undefined && { server }),
  ...(caPath !== undefined && { authority: { file: caPath } }),
  ...(serverName !== undefined && { serverName }),
})

function accessBy(
  credential: Exclude<Cluster['credential'], { readonly kind: 'kubeconfig' }>,
  server: string,
): ClusterAccess {
  switch (credential.kind) {
    case 'in-cluster':
      return inClusterAccess(process.env)
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
