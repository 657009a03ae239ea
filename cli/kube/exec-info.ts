/** What kubectl tells an exec credential plugin in `KUBERNETES_EXEC_INFO` (client.authentication.k8s.io), and what it is answered. */

export interface ExecInfo {
  readonly apiVersion: string
  /** Whether a person can be asked. */
  readonly isInteractive: boolean
  /** Name of the cluster, as `kube kubeconfig` wrote it, or as its address says. */
  readonly cluster?: string
  /** Address of the auth host, as `kube kubeconfig` wrote it. */
  readonly server?: string
}

const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']

/** Throws for what kubectl does not send. Without the variable somebody typed the command: a person is there. */
export function parseExecInfo(text: string | undefined): ExecInfo {
  if (text === undefined || text === '') return { apiVersion: versions[0] ?? '', isInteractive: true }
  const { apiVersion, spec } = parse(text)
  if (typeof apiVersion !== 'string' || !versions.includes(apiVersion)) {
    throw new Error(
      'KUBERNETES_EXEC_INFO has a version that is not known here; expected client.authentication.k8s.io/v1',
    )
  }
  const { interactive, cluster } = objectOf(spec)
  const { server: address, config } = objectOf(cluster)
  const { cluster: named, server } = objectOf(config)
  const name = nameOf(named) ?? nameIn(address)
  return {
    apiVersion,
    isInteractive: interactive === true,
    ...(name !== undefined && { cluster: name }),
    ...(typeof server === 'string' && { server }),
  }
}

/** `expiresAt` in milliseconds since the epoch; half a minute of it is the way's and the clocks'. */
export function execCredential(
  apiVersion: string,
  token: { readonly token: string; readonly expiresAt: number },
): string {
  const expirationTimestamp = new Date(token.expiresAt - 30_000).toISOString().replace(/\.\d+Z$/, 'Z')
  return `${JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: token.token, expirationTimestamp } })}\n`
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    throw new Error('KUBERNETES_EXEC_INFO is no JSON')
  }
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

const clusterName = /^[a-z0-9-]{1,40}$/

const nameOf = (value: unknown): string | undefined =>
  typeof value === 'string' && clusterName.test(value) ? value : undefined

const nameIn = (address: unknown): string | undefined =>
  typeof address === 'string' ? nameOf(/\/clusters\/([^/]+)\/?$/.exec(address)?.[1]) : undefined
