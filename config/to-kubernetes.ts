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

/** A cluster that kubectl reaches by itself, and that trusts our tokens. */
export type DirectCluster = ReturnType<typeof toDirect>

/** The gateway, where there is a cluster behind it; and what clusters without one are told of people. */
export function toClusters(parsed: ParsedKubernetes, directory: string) {
  const direct = parsed.clusters.filter(({ access }) => access === 'direct')
  const gateway = toKubernetes(parsed, directory)
  return {
    ...(gateway !== undefined && { kubernetes: gateway }),
    ...(direct.length > 0 && {
      directClusters: {
        tokenLifetimeSeconds: parsed.tokenLifetime,
        clusters: direct.map(cluster => toDirect(cluster, directory)),
      },
    }),
  }
}

/** config/checks/kubernetes-checks.ts has made sure that address and certificate are there for a cluster that needs them. */
function toKubernetes({ tokenLifetime, tls, url, clusters, ...rest }: ParsedKubernetes, directory: string) {
  const behind = clusters.filter(({ access }) => access === 'gateway')
  if (behind.length === 0 || tls === undefined || url === undefined) return undefined
  const { certificateFile, keyFile, caFile } = tls
  return {
    ...rest,
    url,
    tokenLifetimeSeconds: tokenLifetime,
    tls: {
      certificatePath: resolve(directory, certificateFile),
      keyPath: resolve(directory, keyFile),
      ...(caFile === undefined ? {} : { caPath: resolve(directory, caFile) }),
    },
    clusters: behind.map(cluster => toCluster(cluster, directory)),
  }
}

function toDirect({ name, server = '', caFile, groupPrefix, userClaim, unusedRows }: ParsedCluster, directory: string) {
  const authority = caFile === undefined ? {} : { caPath: resolve(directory, caFile) }
  return { name, server, ...authority, groupPrefix, userClaim, acceptsUnusedRows: unusedRows === 'accept' }
}

function toCluster({ caFile, credential, access: _, unusedRows: __, ...rest }: ParsedCluster, directory: string) {
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
