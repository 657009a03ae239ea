/** The token that a kubelet puts into a pod, asked for as a kubelet asks: by its node, for what the volume says. */
import { expect } from 'vitest'
import { createApiClient } from '../kubernetes/api-client.ts'
import type { RunningCluster } from '../kubernetes/cluster.ts'

interface Pod {
  readonly metadata: { readonly uid: string }
  readonly spec: {
    readonly nodeName?: string
    readonly serviceAccountName: string
    readonly volumes: readonly { readonly projected?: { readonly sources: readonly Source[] } }[]
  }
}

interface Source {
  readonly serviceAccountToken?: {
    readonly audience?: string
    readonly expirationSeconds: number
    readonly path: string
  }
}

const node = 'node-1'

/** Gives the pod to the node first, as a scheduler would. `path`: of the token within its volume. */
export async function projectedToken(
  cluster: RunningCluster,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<{ readonly token: string; readonly path: string }> {
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const read = async () => (await cluster.api.call('GET', `${pods}/${name}`)) as Pod
  if ((await read()).spec.nodeName === undefined) {
    const target = { apiVersion: 'v1', kind: 'Node', name: node }
    await cluster.api.call('POST', `${pods}/${name}/binding`, { metadata: { name }, target })
  }
  const { metadata, spec } = await read()
  const sources = spec.volumes.flatMap(({ projected }) => projected?.sources ?? [])
  // The API server adds one without an audience, for itself.
  const wanted = sources.flatMap(({ serviceAccountToken: token }) => (token?.audience === undefined ? [] : [token]))
  const [projected] = wanted
  if (projected?.audience === undefined || wanted.length !== 1) throw new Error('expected one token with an audience')
  const kubelet = createApiClient({
    url: cluster.url,
    authority: cluster.authority,
    ...cluster.issueClient(`system:node:${node}`, ['system:nodes']),
  })
  try {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [projected.audience],
        expirationSeconds: projected.expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: metadata.uid },
      },
    }
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${spec.serviceAccountName}/token`
    // That the pod is the node's is known to whoever decides about nodes a moment later.
    const answer = await expect
      .poll(() => kubelet.ask('POST', path, request))
      .toMatchObject({ status: 201 })
      .then(() => kubelet.call('POST', path, request))
    const { status } = answer as { readonly status: { readonly token: string } }
    return { token: status.token, path: projected.path }
  } finally {
    kubelet.close()
  }
}
