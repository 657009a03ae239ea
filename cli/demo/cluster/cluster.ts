/**
 * A real Kubernetes on loopback: etcd, API server, controller manager, and a node of our own that executes commands on this
 * machine. It takes some seconds and 450 MB.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../ports.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { writeAuditPolicy } from './audit-log.ts'
import { type ClusterCertificates, createClusterCertificates } from './cluster-certificates.ts'
import {
  type ControlPlaneSettings,
  startApiServer,
  startControllerManager,
  startEtcd,
  startKubelet,
} from './control-plane.ts'
import { certificateUser, type Kubeconfig, type KubeconfigOptions, writeKubeconfig } from './kubectl.ts'
import { createNode, createPod, type PodOptions } from './node-and-pods.ts'
import type { Program } from './program.ts'
import type { ClusterPrograms } from './programs.ts'

export interface ClusterOptions
  extends Pick<ControlPlaneSettings, 'authentication' | 'constrainedImpersonation' | 'apiServerFlags' | 'ownGroup'> {
  /** Where its folder is made; that of temporary files if absent. */
  readonly parent?: string
  /** A port of the API server that other things have to know before; a free one if absent. */
  readonly apiServerPort?: number
}

export interface Cluster {
  /** Of the API server: `https://127.0.0.1:…`. */
  readonly url: string
  /** Of etcd, for whoever has its certificate. */
  readonly storageUrl: string
  /** PEM: vouches for the API server. */
  readonly authority: string
  readonly certificates: ClusterCertificates
  /** Goes with the cluster. */
  readonly directory: string
  readonly auditLogPath: string
  /** Of the node: who looks at its streams, or has a container print something. */
  readonly kubeletSocket: string
  /** May do everything, and is not in the audit log. */
  readonly api: ApiClient
  /** A kubeconfig with an empty cache; for the API server itself unless it is told otherwise. */
  readonly kubeconfig: (
    options: Pick<KubeconfigOptions, 'user'> & Partial<Omit<KubeconfigOptions, 'user'>>,
  ) => Kubeconfig
  /** With its service account `default`, which pods need. */
  readonly createNamespace: (name: string) => Promise<void>
  /** One that runs, with a container `main`. */
  readonly createPod: (options: PodOptions) => Promise<void>
  /** The API server alone; it comes back at the same address, with all that was stored. */
  readonly stopApiServer: () => Promise<void>
  readonly startApiServer: () => Promise<void>
  /** To pause it by a signal. */
  readonly apiServerProcess: () => Program['process']
  /** Rejects when one of its first programs ends, for whatever reason; never resolves. */
  readonly ended: Promise<never>
  /** Ends what began last first: without etcd the API server would not end by itself. */
  readonly stop: () => Promise<void>
}

/** Rejects when it is not ready within four minutes, with what its programs said. */
export async function startCluster(programs: ClusterPrograms, options: ClusterOptions = {}): Promise<Cluster> {
  const { parent = tmpdir(), apiServerPort, ...flags } = options
  const directory = mkdtempSync(join(parent, 'sallyport-kubernetes-'))
  const certificates = createClusterCertificates(directory)
  const ports = { etcd: await freePort(), etcdPeers: await freePort(), apiServer: apiServerPort ?? (await freePort()) }
  const settings: ControlPlaneSettings = {
    ...flags,
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
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  let kubeconfigs = 0
  const kubeconfig: Cluster['kubeconfig'] = asked =>
    writeKubeconfig(join(directory, `user-${++kubeconfigs}`), { server: url, authority, ...asked })

  try {
    const etcd = startEtcd(settings)
    ends.push(etcd.stop)
    let apiServer = startApiServer(settings)
    ends.push(() => apiServer.stop())
    const kubelet = await startKubelet(settings)
    ends.push(kubelet.program.stop)
    await Promise.race([untilReady(api), apiServer.ended, etcd.ended])
    const manager = certificateUser(certificates.controllerManager)
    const controllerManager = startControllerManager(settings, kubeconfig({ user: manager }).path)
    ends.push(controllerManager.stop)
    await createNode(api, kubelet.port)
    await Promise.race([untilUsable(api, 'default'), controllerManager.ended])
    const ended = Promise.race([etcd, apiServer, kubelet.program, controllerManager].map(program => program.ended))
    ended.catch(() => undefined)

    return {
      url,
      storageUrl: `https://127.0.0.1:${ports.etcd}`,
      authority,
      certificates,
      directory,
      auditLogPath: settings.auditLogPath,
      kubeletSocket: join(directory, 'kubelet.sock'),
      api,
      kubeconfig,
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
      ended,
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
