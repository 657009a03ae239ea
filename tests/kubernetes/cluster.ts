/**
 * A real Kubernetes on loopback for one test file, and what a test can do with it. It takes some seconds and 450 MB.
 * See README.md.
 */
import type { Certificate } from '../../cli/demo/certificates.ts'
import {
  type ClusterOptions,
  type Cluster as StartedCluster,
  startCluster as start,
} from '../../cli/demo/cluster/cluster.ts'
import { type AuditLog, readAuditLog } from './audit-log.ts'
import { certificateUser, type KubectlCall, type KubectlResult, type RunningKubectl, startKubectl } from './kubectl.ts'
import { type OpenStreams, watchStreams } from './open-streams.ts'
import type { ClusterPrograms } from './programs.ts'
import type { KubectlVersion } from './versions.ts'

export type { ClusterOptions }

/** As a kubectl is called: as the administrator unless it is told otherwise. */
export interface ClusterKubectlCall extends Omit<KubectlCall, 'kubeconfig'>, Partial<Pick<KubectlCall, 'kubeconfig'>> {
  readonly version: KubectlVersion
}

export interface RunningCluster extends StartedCluster {
  /** Milliseconds from nothing until the API server and the default service account were there. */
  readonly startMs: number
  readonly audit: AuditLog
  /** What the node sees. */
  readonly streams: OpenStreams
  /** A client certificate. */
  readonly issueClient: (name: string, groups?: readonly string[]) => Certificate
  /** A server certificate, by the authority that vouches for the API server. */
  readonly issueServer: (host: string) => Certificate
  /** A certificate whose holder the API server believes in `X-Remote-User`. */
  readonly issueFrontProxy: () => Certificate
  /** A token for a service account, of an hour. */
  readonly serviceAccountToken: (namespace: string, name: string, audiences?: readonly string[]) => Promise<string>
  /** To its end, whatever the exit code. */
  readonly kubectl: (call: ClusterKubectlCall) => Promise<KubectlResult>
  readonly startKubectl: (call: ClusterKubectlCall) => RunningKubectl
}

/** Rejects when it is not ready within four minutes, with what its programs said. */
export async function startCluster(programs: ClusterPrograms, options: ClusterOptions = {}): Promise<RunningCluster> {
  const started = performance.now()
  const cluster = await start(programs, options)
  const startMs = performance.now() - started
  const { api, certificates, kubeconfig } = cluster
  const streams = await watchStreams(cluster.kubeletSocket).catch(async error => {
    await cluster.stop()
    throw error
  })
  const audit = readAuditLog(cluster.auditLogPath)
  const administrator = kubeconfig({ user: certificateUser(certificates.issueClient('admin', ['system:masters'])) })
  const kubectls = new Set<RunningKubectl>()
  const startOne = (call: ClusterKubectlCall): RunningKubectl => {
    const running = startKubectl(programs.kubectl[call.version], { kubeconfig: administrator, ...call })
    kubectls.add(running)
    const forget = () => kubectls.delete(running)
    running.ended.then(forget, forget)
    return running
  }
  return {
    ...cluster,
    startMs,
    audit,
    streams,
    issueClient: certificates.issueClient,
    issueServer: certificates.issueServer,
    issueFrontProxy: certificates.issueFrontProxy,
    serviceAccountToken: async (namespace, name, audiences) => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
      const spec = { expirationSeconds: 3600, ...(audiences !== undefined && { audiences }) }
      const answer = await api.call('POST', path, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec,
      })
      return (answer as { readonly status: { readonly token: string } }).status.token
    },
    kubectl: call => startOne(call).ended,
    startKubectl: startOne,
    stop: async () => {
      await Promise.all([...kubectls].map(running => running.stop()))
      audit.close()
      streams.close()
      await cluster.stop()
    },
  }
}
