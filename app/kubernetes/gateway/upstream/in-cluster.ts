/** What every pod is given to reach its own cluster: two variables and a folder. */
import { join } from 'node:path'
import type { ClusterAccess } from './cluster-access.ts'

const folder = '/var/run/secrets/kubernetes.io/serviceaccount'

export type PodVariables = Readonly<Record<string, string | undefined>>

/** Throws where this is no pod, or one without a service account. */
export function inClusterAccess(variables: PodVariables, directory = folder): ClusterAccess {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT_HTTPS: https } = variables
  const port = https ?? variables.KUBERNETES_SERVICE_PORT
  if (host === undefined || host === '' || port === undefined || port === '')
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster')
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    authority: { file: join(directory, 'ca.crt') },
    credential: { kind: 'token-file', file: join(directory, 'token') },
  }
}
