/** Who calls in the world of world.yml, and with what: tokens, certificates, and the names of others. */
import { askerOf, type SubjectId, subjectOf } from '../../../rbac/reach/subject.ts'
import { type ApiClient, createApiClient } from '../../kubernetes/api-client.ts'
import type { RunningCluster } from '../../kubernetes/cluster.ts'
import { certificateUser, type Kubeconfig } from '../../kubernetes/kubectl.ts'

export const accounts = [
  'iam/root',
  'shop/deployer',
  'bank/deployer',
  'shop/editor',
  'bank/summed',
  'bank/keeper',
  'iam/speaker',
  'iam/careful',
  'iam/binder',
  'iam/approver',
  'shop/owner',
  'iam/idle',
] as const

/** By certificate: name and groups. */
const people = {
  'prober@example.com': [],
  alice: ['ops'],
  dan: ['ops'],
  ops: [],
} as const satisfies Record<string, readonly string[]>

export type Caller = (typeof accounts)[number] | keyof typeof people

/** Whoever a binding of world.yml names, as `--subject` takes it. */
export const subjects: readonly string[] = [
  ...accounts,
  ...['user:prober@example.com', 'group:ops', 'user:ops', 'group:contractors', 'user:bob'],
]

export const namespaces = [
  ...['shop', 'bank', 'iam'],
  // More than `--most-namespaces`.
  ...Array.from({ length: 12 }, (_, at) => `team-${at + 1}`),
]

/** In the order of `accounts`, and the people, Bob and a contractor among them. */
export const askers = [
  ...accounts.map(name => askerOf(subjectOf(`service-account:${name}` as SubjectId))),
  ...Object.entries(people).map(([name, groups]) => askerOf(subjectOf(`user:${name}`), groups)),
  askerOf(subjectOf('user:bob'), ['contractors']),
  askerOf(subjectOf('user:carol'), ['contractors']),
  askerOf(subjectOf('user:mallory')),
]

export interface Callers {
  readonly clientOf: (caller: Caller) => ApiClient
  readonly kubeconfigOf: (caller: Caller) => Kubeconfig
  readonly close: () => void
}

export async function callersIn(cluster: RunningCluster): Promise<Callers> {
  const { url, authority } = cluster
  const users = new Map<string, { readonly client: ApiClient; readonly kubeconfig: Kubeconfig }>()
  for (const name of accounts) {
    const [namespace = '', account = ''] = name.split('/')
    const token = await cluster.serviceAccountToken(namespace, account)
    const client = createApiClient({ url, authority, token })
    users.set(name, { client, kubeconfig: cluster.kubeconfig({ user: { token } }) })
  }
  for (const [name, groups] of Object.entries(people)) {
    const issued = cluster.issueClient(name, groups)
    const client = createApiClient({ url, authority, ...issued })
    users.set(name, { client, kubeconfig: cluster.kubeconfig({ user: certificateUser(issued) }) })
  }
  const userOf = (caller: Caller) => users.get(caller) as { client: ApiClient; kubeconfig: Kubeconfig }
  return {
    clientOf: caller => userOf(caller).client,
    kubeconfigOf: caller => userOf(caller).kubeconfig,
    close: () => {
      for (const { client } of users.values()) client.close()
    },
  }
}
