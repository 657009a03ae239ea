/**
 * A real Kubernetes on loopback for one test file: etcd, API server, controller manager, and a node of our own that
 * executes commands on this machine. It takes some seconds and 450 MB. See README.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Certificate } from '../certificates.ts'
import { freePort } from '../peers.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type AuditLog, readAuditLog, writeAuditPolicy } from './audit-log.ts'
import { createClusterCertificates } from './cluster-certificates.ts'
import {
  type ControlPlaneSettings,
  startApiServer,
  startControllerManager,
  startEtcd,
  startKubelet,
} from './control-plane.ts'
import {
  certificateUser,
  type Kubeconfig,
  type KubeconfigOptions,
  type KubectlCall,
  type KubectlResult,
  type RunningKubectl,
  startKubectl,
  writeKubeconfig,
} from './kubectl.ts'
import { createNode, createPod, type PodOptions } from './node-and-pods.ts'
import { type OpenStreams, watchStreams } from './open-streams.ts'
import type { Program } from './program.ts'
import type { ClusterPrograms } from './programs.ts'

export type ClusterOptions = Pick<
  ControlPlaneSettings,
  'authentication' | 'constrainedImpersonation' | 'apiServerFlags'
>

/** As a kubectl is called: as the administrator unless it is told otherwise. */
export type ClusterKubectlCall = Omit<KubectlCall, 'kubeconfig'> & Partial<Pick<KubectlCall, 'kubeconfig'>>

export interface RunningCluster {
  /** Of the API server: `https://127.0.0.1:…`. */
  readonly url: string
  /** PEM: vouches for the API server. */
  readonly authority: string
  /** For files of a test; goes with the cluster. */
  readonly directory: string
  /** Milliseconds from nothing until the API server and the default service account were there. */
  readonly startMs: number
  /** May do everything, and is not in the audit log: for what a test begins with. */
  readonly api: ApiClient
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
  /** A kubeconfig with an empty cache; for the API server itself unless it is told otherwise. */
  readonly kubeconfig: (
    options: Pick<KubeconfigOptions, 'user'> & Partial<Omit<KubeconfigOptions, 'user'>>,
  ) => Kubeconfig
  /** To its end, whatever the exit code. */
  readonly kubectl: (call: ClusterKubectlCall) => Promise<KubectlResult>
  readonly startKubectl: (call: ClusterKubectlCall) => RunningKubectl
  /** With its service account `default`, which pods need. */
  readonly createNamespace: (name: string) => Promise<void>
  /** One that runs, with a container `main`. */
  readonly createPod: (options: PodOptions) => Promise<void>
  /** The API server alone; it comes back at the same address, with all that was stored. */
  readonly stopApiServer: () => Promise<void>
  readonly startApiServer: () => Promise<void>
  /** To pause it by a signal. */
  readonly apiServerProcess: () => Program['process']
  readonly stop: () => Promise<void>
}

/** Rejects when it is not ready within four minutes, with what its programs said. */
export async function startCluster(programs: ClusterPrograms, options: ClusterOptions = {}): Promise<RunningCluster> {
  const started = performance.now()
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kubernetes-'))
  const certificates = createClusterCertificates(directory)
  const ports = { etcd: await freePort(), etcdPeers: await freePort(), apiServer: await freePort() }
  const settings: ControlPlaneSettings = {
    ...options,
    ...writeAuditPolicy(directory),
    programs,
    certificates,
    directory,
    ports,
  }
  const url = `https://127.0.0.1:${ports.apiServer}`
  const { authority } = certificates
  const api = createApiClient({ url, authority, ...certificates.maker })
  const ends: (() => unknown)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
    certificates.close,
    api.close,
  ]
  /** What began last ends first: without etcd the API server would not end by itself. */
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  let kubeconfigs = 0
  const kubeconfig: RunningCluster['kubeconfig'] = asked =>
    writeKubeconfig(join(directory, `user-${++kubeconfigs}`), { server: url, authority, ...asked })
  const kubectls = new Set<RunningKubectl>()

  try {
    const etcd = startEtcd(settings)
    ends.push(etcd.stop)
    let apiServer = startApiServer(settings)
    ends.push(() => apiServer.stop())
    const kubelet = await startKubelet(settings)
    ends.push(kubelet.program.stop)
    const streams = await watchStreams(join(directory, 'kubelet.sock'))
    ends.push(streams.close)
    await Promise.race([untilReady(api), apiServer.ended, etcd.ended])
    const manager = certificateUser(certificates.controllerManager)
    const controllerManager = startControllerManager(settings, kubeconfig({ user: manager }).path)
    ends.push(controllerManager.stop)
    await createNode(api, kubelet.port)
    await Promise.race([untilUsable(api, 'default'), controllerManager.ended])
    const audit = readAuditLog(settings.auditLogPath)
    ends.push(audit.close)
    const administrator = kubeconfig({ user: certificateUser(certificates.issueClient('admin', ['system:masters'])) })
    const start = (call: ClusterKubectlCall): RunningKubectl => {
      const running = startKubectl(programs.kubectl[call.version], { kubeconfig: administrator, ...call })
      kubectls.add(running)
      const forget = () => kubectls.delete(running)
      running.ended.then(forget, forget)
      return running
    }
    ends.push(() => Promise.all([...kubectls].map(running => running.stop())))

    return {
      url,
      authority,
      directory,
      startMs: performance.now() - started,
      api,
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
      kubeconfig,
      kubectl: call => start(call).ended,
      startKubectl: start,
      createNamespace: async name => {
        await api.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
        await untilUsable(api, name)
      },
      createPod: async pod => void (await createPod(api, pod)),
      stopApiServer: () => apiServer.stop(),
      startApiServer: async () => {
        apiServer = startApiServer(settings)
        await Promise.race([untilReady(api), apiServer.ended])
      },
      apiServerProcess: () => apiServer.process,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Three seconds on a free machine; a busy one may take its time. */
const startTimeoutMs = 240_000

async function untilReady(api: ApiClient): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  let last = 'nothing'
  while (Date.now() < deadline) {
    const answer = await api.ask('GET', '/readyz').catch((error: Error) => error)
    if (!(answer instanceof Error) && answer.status === 200) return
    last = answer instanceof Error ? answer.message : answer.text
    await delay(50)
  }
  throw new Error(`the API server is not ready after ${startTimeoutMs / 1000} s: ${last}`)
}

const untilUsable = (api: ApiClient, namespace: string) =>
  api.until(
    `/api/v1/namespaces/${namespace}/serviceaccounts`,
    account => account.metadata.name === 'default',
    startTimeoutMs,
  )
