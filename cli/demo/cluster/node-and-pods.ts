/** A node that is ready and pods that run, because it says so: nothing schedules and nothing runs them. */
import type { ApiClient, KubernetesObject } from './api-client.ts'

export interface PodOptions {
  readonly namespace: string
  readonly name: string
  /** Its one container, `main`, has a terminal. */
  readonly terminal?: boolean
  readonly labels?: Readonly<Record<string, string>>
}

const statusPatch = 'application/strategic-merge-patch+json'

/** @param port of the kubelet on loopback */
export async function createNode({ call }: ApiClient, port: number): Promise<void> {
  const name = 'node-1'
  await call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
  }
  await call('PATCH', `/api/v1/nodes/${name}/status`, { status }, statusPatch)
}

export async function createPod({ call }: ApiClient, options: PodOptions): Promise<KubernetesObject> {
  const { namespace, name, labels = {}, terminal = false } = options
  const path = `/api/v1/namespaces/${namespace}/pods`
  const container = { name: 'main', image: 'example.test/main:1' }
  await call('POST', path, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { nodeName: 'node-1', containers: [{ ...container, stdin: true, tty: terminal }] },
  })
  const startedAt = new Date().toISOString()
  const state = { ready: true, started: true, restartCount: 0, imageID: 'main', state: { running: { startedAt } } }
  const status = {
    phase: 'Running',
    podIP: '127.0.0.1',
    conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(type => ({ type, status: 'True' })),
    containerStatuses: [{ ...container, ...state, containerID: 'test://main' }],
  }
  return (await call('PATCH', `${path}/${name}/status`, { status }, statusPatch)) as KubernetesObject
}
