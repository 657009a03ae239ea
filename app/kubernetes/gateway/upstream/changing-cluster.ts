/** A cluster whose access may be exchanged as a whole: a kubeconfig that somebody writes anew. */
import { type ChangingFiles, watchFiles } from '../changing-files.ts'
import { type Cluster, type ClusterOptions, createCluster } from './cluster.ts'
import type { ClusterAccess } from './cluster-access.ts'

/** A file that says how a cluster is reached. */
export interface AccessFile {
  readonly file: string
  /** Throws for what cannot be used. */
  readonly read: (text: string) => ClusterAccess
}

export interface ChangingCluster {
  readonly name: string
  /**
   * As its access is by now. Threat: a credential that goes to a server that it is not for; so a call keeps the one that
   * it began with.
   */
  readonly current: Cluster
  close(): void
}

export interface ChangingClusterOptions extends Omit<ClusterOptions, 'access' | 'alsoLook'> {
  readonly access: ClusterAccess | AccessFile
}

/** Throws when the access cannot be used. */
export function createChangingCluster({ access, ...options }: ChangingClusterOptions): ChangingCluster {
  const { name, onError, lookEveryMs } = options
  if (!('read' in access)) {
    const current = createCluster({ ...options, access })
    return { name, current, close: current.close }
  }
  let before: Cluster | undefined
  const watched: ChangingFiles & { readonly value: Cluster } = watchFiles<Cluster>({
    paths: [access.file],
    use([text = '']) {
      const next = createCluster({ ...options, access: access.read(text), alsoLook: () => void watched.look() })
      before?.retire()
      before = next
      return next
    },
    onError,
    ...(lookEveryMs !== undefined && { lookEveryMs }),
  })
  return {
    name,
    get current() {
      return watched.value
    },
    close() {
      watched.close()
      watched.value.close()
    },
  }
}
