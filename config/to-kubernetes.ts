/** The gateway to Kubernetes clusters as the rest of the service sees it: paths absolute, one kind of credential each. */
import { resolve } from 'node:path'
import type { ParsedSettings } from './schema/schema.ts'

type ParsedKubernetes = NonNullable<ParsedSettings['kubernetes']>
type ParsedCluster = ParsedKubernetes['clusters'][number]

/** Who the gateway is to an API server. Paths are absolute; what they hold may change at any time. */
export type ClusterCredential =
  | { readonly kind: 'token-file'; readonly path: string }
  | { readonly kind: 'client-certificate'; readonly certificatePath: string; readonly keyPath: string }
  | { readonly kind: 'kubeconfig'; readonly path: string }
  | { readonly kind: 'in-cluster' }

export function toKubernetes({ tokenLifetime, tls, clusters, ...rest }: ParsedKubernetes, directory: string) {
  const { certificateFile, keyFile, caFile } = tls
  return {
    ...rest,
    tokenLifetimeSeconds: tokenLifetime,
    tls: {
      certificatePath: resolve(directory, certificateFile),
      keyPath: resolve(directory, keyFile),
      ...(caFile === undefined ? {} : { caPath: resolve(directory, caFile) }),
    },
    clusters: clusters.map(cluster => toCluster(cluster, directory)),
  }
}

function toCluster({ caFile, credential, ...rest }: ParsedCluster, directory: string) {
  return {
    ...rest,
    ...(caFile === undefined ? {} : { caPath: resolve(directory, caFile) }),
    credential: toCredential(credential, directory),
  }
}

/** config/checks/kubernetes-checks.ts has made sure that there is exactly one. */
function toCredential(credential: ParsedCluster['credential'], directory: string): ClusterCredential {
  const { tokenFile, certificateFile, keyFile = '', kubeconfigFile } = credential
  if (tokenFile !== undefined) return { kind: 'token-file', path: resolve(directory, tokenFile) }
  if (kubeconfigFile !== undefined) return { kind: 'kubeconfig', path: resolve(directory, kubeconfigFile) }
  if (certificateFile === undefined) return { kind: 'in-cluster' }
  return {
    kind: 'client-certificate',
    certificatePath: resolve(directory, certificateFile),
    keyPath: resolve(directory, keyFile),
  }
}
