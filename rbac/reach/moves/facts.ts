/** What the moves ask of a cluster, made once: who lives in which namespace, what runs where, what bindings name in vain. */
import type { NodeId } from '../finding.ts'
import type { Grants } from '../grant.ts'
import type { ClusterObjects, WorkloadObject } from '../objects.ts'
import { accountSubject, idOf, type SubjectId, subjectOf } from '../subject.ts'

export interface ReviewOptions {
  /** `1.34`; absent: as the cluster said, else 1.35 or later, where only `create` opens a stream. */
  readonly serverVersion?: string
  /** Groups that somebody else vouches for: an identity provider, the organisations of a certificate. */
  readonly memberships?: ReadonlyMap<SubjectId, readonly string[]>
  /** Everybody who exists at the identity provider; absent: nobody said. */
  readonly knownUsers?: ReadonlySet<string>
}

export interface Facts {
  readonly objects: ClusterObjects
  readonly grants: Grants
  readonly options: ReviewOptions
  /** As somebody said, else as the cluster did. */
  readonly serverVersion?: string
  /** Every namespace that any object is in, sorted. */
  readonly namespaces: readonly string[]
  /** Those that exist, by namespace. */
  readonly accountsIn: (namespace: string) => readonly SubjectId[]
  readonly accountsNamed: (name: string) => readonly SubjectId[]
  readonly isAccount: (id: SubjectId) => boolean
  readonly workloadsIn: (namespace: string) => readonly WorkloadObject[]
  /** Of a namespace's label `pod-security.kubernetes.io/enforce`. */
  readonly letsPodsEscape: (namespace: string) => boolean
  /** Service accounts that a binding names and that do not exist. */
  readonly missingAccounts: readonly { readonly subject: SubjectId; readonly binding: string }[]
  /** @param minor of Kubernetes 1; false where nobody said which server it is */
  readonly isServerBefore: (minor: number) => boolean
}

export function factsOf(objects: ClusterObjects, grants: Grants, options: ReviewOptions = {}): Facts {
  const accounts = grouped(objects.serviceAccounts, ({ namespace }) => namespace)
  const workloads = grouped(objects.workloads, ({ namespace }) => namespace)
  const namespaces = namespacesOf(objects)
  const accountIds = new Map(
    namespaces.map(name => {
      const named = (accounts.get(name) ?? []).map(account => idOf(accountSubject(name, account.name)))
      // Every namespace gets one as soon as it is there, whether or not a manifest says so.
      return [name, [...new Set([...named, idOf(accountSubject(name, 'default'))])].sort()] as const
    }),
  )
  const known = new Set([...accountIds.values()].flat())
  const byName = grouped([...known], id => id.slice(id.lastIndexOf('/') + 1))
  const enforced = new Map(
    objects.namespaces.map(({ name, labels }) => [name, labels['pod-security.kubernetes.io/enforce']] as const),
  )
  const serverVersion = options.serverVersion ?? objects.serverVersion
  return {
    objects,
    grants,
    options,
    ...(serverVersion !== undefined && { serverVersion }),
    namespaces,
    accountsIn: namespace => accountIds.get(namespace) ?? [],
    accountsNamed: name => byName.get(name) ?? [],
    isAccount: id => known.has(id),
    workloadsIn: namespace => workloads.get(namespace) ?? [],
    letsPodsEscape: namespace => !['baseline', 'restricted'].includes(enforced.get(namespace) ?? ''),
    missingAccounts: missingAccounts(grants, known),
    isServerBefore: minor => isBefore(serverVersion, minor),
  }
}

function missingAccounts(grants: Grants, known: ReadonlySet<SubjectId>): Facts['missingAccounts'] {
  return grants.dead.flatMap(({ reason, subject, binding }) =>
    reason === 'no-such-service-account' && subject !== undefined && !known.has(subject)
      ? [{ subject, binding: objectText(binding) }]
      : [],
  )
}

/** @param minor of Kubernetes 1 */
function isBefore(version: string | undefined, minor: number): boolean {
  const found = /^v?1\.(\d+)/.exec(version ?? '')
  return found !== null && Number(found[1]) < minor
}

function namespacesOf({ namespaces, serviceAccounts, workloads, roles, bindings, secrets }: ClusterObjects): string[] {
  const named = namespaces.map(({ name }) => name)
  const inside = [...serviceAccounts, ...workloads, ...roles, ...bindings, ...secrets].flatMap(
    one => one.namespace ?? [],
  )
  return [...new Set([...named, ...inside])].sort()
}

export function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** `RoleBinding payments/deployers`, `ClusterRole edit`. */
export const objectText = (object: {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}): string => `${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`

export const workloadId = ({ namespace, kind, name }: WorkloadObject): NodeId => `workload:${namespace}/${kind}/${name}`

/** Whether the token of its account is in its containers: then who is in there is that account. */
export function holdsToken(workload: WorkloadObject, accountAutomount: boolean | undefined): boolean {
  return (workload.automount ?? accountAutomount ?? true) || workload.projectedAudiences.includes('')
}

export const accountOf = ({ namespace, serviceAccount }: WorkloadObject): SubjectId =>
  idOf(accountSubject(namespace, serviceAccount))

export const isServiceAccount = (id: SubjectId): boolean => id.startsWith('service-account:')
export const namespaceOfAccount = (id: SubjectId): string | undefined => {
  if (!isServiceAccount(id)) return undefined
  const subject = subjectOf(id)
  return subject.kind === 'service-account' ? subject.namespace : undefined
}
