/** Service accounts: those that exist, and those that bindings, workloads and token Secrets only name. */
import { parseInstant } from '../../conditions/times.ts'
import { listedIn } from '../absence.ts'
import type { IdentityExcess } from '../excess/excess.ts'
import type { ClusterObjects, Metadata, SecretObject, ServiceAccountObject, WorkloadObject } from '../objects.ts'
import { type SubjectId, subjectOf } from '../subject.ts'
import { bindingKey } from '../usage/reason.ts'
import type { CloudRole, Consumer, Credential, InventoriedIdentity } from './identity.ts'
import { hasNoOwner, kubernetes, ownerOf } from './owner.ts'

export interface AccountSources {
  readonly objects: ClusterObjects
  /** Of every subject that a binding names, and of those that were seen in the log. */
  readonly excess: ReadonlyMap<SubjectId, IdentityExcess>
  /** Last call with a token out of a Secret. */
  readonly legacyTokenUsed: ReadonlyMap<SubjectId, number>
  readonly subjects: readonly SubjectId[]
}

export function serviceAccounts(sources: AccountSources): readonly InventoriedIdentity[] {
  const { objects, subjects } = sources
  const existing = new Map(objects.serviceAccounts.map(one => [`service-account:${one.namespace}/${one.name}`, one]))
  const namespaces = new Map(objects.namespaces.map(one => [one.name, one]))
  const workloads = groupBy(
    controllersOf(objects.workloads),
    one => `service-account:${one.namespace}/${one.serviceAccount}`,
  )
  const secrets = groupBy(
    objects.secrets.filter(({ type }) => type === tokenType),
    one => `service-account:${one.namespace}/${one.annotations[nameOfAccount] ?? ''}`,
  )
  const knowsAccounts = objects.kindsRead.has('ServiceAccount')
  const isListed = listedIn(objects)
  const bound = subjects.filter(subject => subject.startsWith('service-account:'))
  // Threat: a token whose account is gone works again for whoever makes an account of that name, where nobody deletes it first.
  const named = [...bound, ...[...secrets.keys()].filter(id => !id.endsWith('/'))]
  return [...new Set([...existing.keys(), ...named])].sort().map(id => {
    const subject = subjectOf(id)
    const [namespace, name] = subject.kind === 'service-account' ? [subject.namespace, subject.name] : ['', id]
    const account = existing.get(id)
    const used = workloads.get(id) ?? []
    const consumers = used.map(one => consumerOf(one, account))
    const tokens = (secrets.get(id) ?? []).map(secret => tokenCredential(secret, sources.legacyTokenUsed.get(id)))
    const owner = ownerOfAccount(account ?? used[0], name, namespaces.get(namespace))
    return {
      id,
      kind: 'service-account' as const,
      namespace,
      name,
      ...(account !== undefined && { place: account.place, ...createdOf(account) }),
      ...(owner !== undefined && { owner }),
      consumers,
      credentials: [...tokens, ...used.flatMap(one => workloadCredentials(one, account))],
      cloudRoles: account === undefined ? [] : cloudRolesOf(account),
      ...rightsOf(sources.excess.get(id), tokens),
      // The controller manager makes the default account of each namespace, whether or not a manifest says so.
      isMissing: knowsAccounts && isListed('ServiceAccount', namespace) && account === undefined && name !== 'default',
      ...(account === undefined && !isListed('ServiceAccount', namespace) && { isUnread: true }),
    }
  })
}

const tokenType = 'kubernetes.io/service-account-token'
const nameOfAccount = 'kubernetes.io/service-account.name'

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

/** A pod of a Deployment is the same consumer as the Deployment, where that was read as well. */
function controllersOf(workloads: readonly WorkloadObject[]): readonly WorkloadObject[] {
  const known = new Set(workloads.map(({ kind, namespace, name }) => `${namespace} ${kind}/${name}`))
  return workloads.filter(({ namespace, owner }) => owner === undefined || !known.has(`${namespace} ${owner}`))
}

/** The pod says whether it has the token, else the account; and else it has. */
const mountsToken = (workload: WorkloadObject, account: ServiceAccountObject | undefined): boolean =>
  workload.automount ?? account?.automount ?? true

const consumerOf = (workload: WorkloadObject, account: ServiceAccountObject | undefined): Consumer => ({
  workload: `${workload.kind}/${workload.name}`,
  hasToken: mountsToken(workload, account),
  isOnEveryNode: workload.kind === 'DaemonSet',
})

/** The accounts that every namespace has are the controller manager's. */
function ownerOfAccount(object: Metadata | undefined, name: string, namespace: Metadata | undefined) {
  const owner = object === undefined ? undefined : ownerOf(object, namespace)
  return name === 'default' && hasNoOwner({ owner }) ? kubernetes('name default') : owner
}

export const createdOf = ({ creationTimestamp }: Pick<Metadata, 'creationTimestamp'>) => {
  const created = creationTimestamp === undefined ? undefined : parseInstant(creationTimestamp)
  return created === undefined ? {} : { created }
}

/** `kubernetes.io/legacy-token-last-used` has a day (KEP-2799); the audit log may know better. */
function tokenCredential(secret: SecretObject, seen: number | undefined): Credential {
  const day = secret.labels['kubernetes.io/legacy-token-last-used']
  const labelled = day === undefined ? undefined : parseInstant(`${day}T00:00:00Z`)
  const used = [labelled, seen].filter(one => one !== undefined)
  return {
    kind: 'token-secret',
    name: secret.name,
    ...createdOf(secret),
    expires: 'never',
    ...(used.length > 0 && { lastUsed: Math.max(...used) }),
  }
}

function workloadCredentials(
  workload: WorkloadObject,
  account: ServiceAccountObject | undefined,
): readonly Credential[] {
  const at = `${workload.kind}/${workload.name}`
  const projected = workload.projectedAudiences.map(audience => ({
    kind: 'projected-token' as const,
    name: audience === '' ? at : `${at} for ${audience}`,
  }))
  return mountsToken(workload, account) ? [{ kind: 'automounted-token', name: at }, ...projected] : projected
}

const clouds: readonly { readonly annotation: string; readonly cloud: CloudRole['cloud'] }[] = [
  { annotation: 'eks.amazonaws.com/role-arn', cloud: 'aws' },
  { annotation: 'iam.gke.io/gcp-service-account', cloud: 'google' },
  { annotation: 'azure.workload.identity/client-id', cloud: 'azure' },
]

const cloudRolesOf = ({ annotations }: Metadata): readonly CloudRole[] =>
  clouds.flatMap(({ annotation, cloud }) => {
    const role = annotations[annotation]
    return role === undefined || role === '' ? [] : [{ cloud, role }]
  })

/** Of an excess; and the last use of whatever it has. */
export function rightsOf(excess: IdentityExcess | undefined, credentials: readonly Credential[] = []) {
  const times = [excess?.lastSeen, ...credentials.map(({ lastUsed }) => lastUsed)].filter(one => one !== undefined)
  const grants = excess?.bindings.flatMap(({ rules }) => rules.map(({ grant }) => grant)) ?? []
  return {
    bindings: excess?.bindings.map(({ binding }) => bindingKey(binding)) ?? [],
    ...(excess !== undefined && {
      rights: { granted: excess.granted, used: excess.used, unseen: excess.unseen },
    }),
    hasEverything: grants.some(({ namespace, rule }) => namespace === undefined && isEverything(rule)),
    ...(times.length > 0 && { lastUsed: Math.max(...times) }),
  }
}

const isEverything = ({
  apiGroups = [],
  resources = [],
  verbs,
  resourceNames = [],
}: {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}): boolean => [apiGroups, resources, verbs].every(list => list.includes('*')) && resourceNames.length === 0
