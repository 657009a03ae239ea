/** A cluster's objects as a change would leave them: as server-side apply and the controllers of Kubernetes do. */
import { aggregated, rulesNotBrought } from '../aggregation.ts'
import type { BindingObject, ClusterObjects, Metadata, RoleObject } from '../objects.ts'
import { assumedRoles } from '../reading/assumed-roles.ts'
import { bindingWrittenBack, roleWrittenBack } from './written-back.ts'

type Judged = 'serviceAccounts' | 'workloads' | 'namespaces'

export interface Change {
  /** They replace objects of the same kind, namespace and name, or come beside them. */
  readonly objects: Pick<ClusterObjects, 'roles' | 'bindings'> & Partial<Pick<ClusterObjects, Judged>>
  readonly removed: readonly ObjectName[]
}

export interface ObjectName {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export interface Changed {
  readonly objects: ClusterObjects
  /** What Kubernetes ships and the change takes from: the API server writes that back when it starts, so it stays. */
  readonly writtenBack: readonly ObjectName[]
  /** Names of the change that were not there: new, or a name mistyped. */
  readonly isNew: readonly ObjectName[]
}

/** @throws Error with a sentence where the API server would refuse the change */
export function changedBy(objects: ClusterObjects, change: Change): Changed {
  const { serviceAccounts = [], workloads = [], namespaces = [] } = change.objects
  const gone = new Set(change.removed.map(nameKey))
  const before = withoutBrought(objects.roles)
  const roles = merged(before.roles, change.objects.roles, { gone, join: joinedRole })
  const bindings = merged(objects.bindings, change.objects.bindings, { gone, join: joinedBinding })
  const kept = { roles: keptOf(roles, roleWrittenBack), bindings: keptOf(bindings, bindingWrittenBack) }
  const after = {
    ...objects,
    bindings: kept.bindings.objects,
    serviceAccounts: plain(objects.serviceAccounts, serviceAccounts, 'ServiceAccount'),
    workloads: merged(objects.workloads, workloads, { gone }).flatMap(({ next }) => next ?? []),
    namespaces: plain(objects.namespaces, namespaces, 'Namespace'),
  }
  const shipped = missingRoles(objects, kept.roles.objects, after.bindings)
  return {
    objects: { ...after, roles: before.brought([...kept.roles.objects, ...shipped]) },
    writtenBack: [...kept.roles.writtenBack, ...kept.bindings.writtenBack],
    isNew: namesThatAreNew(objects, change),
  }

  function plain<Item extends Metadata>(now: readonly Item[], later: readonly Item[], kind: string): Item[] {
    const named = (one: Item) => ({ ...one, kind })
    return merged(now.map(named), later.map(named), { gone }).flatMap(one => one.next ?? [])
  }
}

export const nameKey = ({ kind, namespace = '', name }: ObjectName): string => `${kind}/${namespace}/${name}`

export const nameOnly = ({ kind, namespace, name }: ObjectName): ObjectName => ({
  kind,
  ...(namespace !== undefined && { namespace }),
  name,
})

type Named = Metadata & { readonly kind: string }

interface Pair<Item> {
  readonly now?: Item
  readonly next?: Item
}

interface Merging<Item> {
  readonly gone: ReadonlySet<string>
  readonly join?: (now: Item, next: Item) => Item
}

/** What goes and comes again is made anew. */
function merged<Item extends Named>(
  now: readonly Item[],
  changes: readonly Item[],
  { gone, join = (_, later) => later }: Merging<Item>,
): Pair<Item>[] {
  const later = new Map(changes.map(one => [nameKey(one), one]))
  const pairs = now.map((one): Pair<Item> => {
    const key = nameKey(one)
    const next = later.get(key)
    later.delete(key)
    if (next === undefined) return gone.has(key) ? { now: one } : { now: one, next: one }
    return { now: one, next: gone.has(key) ? next : join(one, next) }
  })
  return [...pairs, ...[...later.values()].map(one => ({ next: one }))]
}

/** Fields that the change does not name stay: labels by which others select it, and the selectors by which it is filled. */
const joinedRole = (now: RoleObject, later: RoleObject): RoleObject => ({
  ...later,
  labels: { ...now.labels, ...later.labels },
  annotations: { ...now.annotations, ...later.annotations },
  ...(now.aggregation !== undefined && { aggregation: later.aggregation ?? now.aggregation }),
})

/** Threat: judged as if it were made, a change that the API server refuses looks like one that closes something. */
function joinedBinding(now: BindingObject, later: BindingObject): BindingObject {
  const [old, next] = [now.roleRef, later.roleRef]
  if (old.kind !== next.kind || old.name !== next.name)
    throw new Error(
      `${now.kind} ${now.name} is of ${old.kind} ${old.name}, which the API server never lets change: delete it as well ($patch: delete), or give the new one another name`,
    )
  return {
    ...later,
    labels: { ...now.labels, ...later.labels },
    annotations: { ...now.annotations, ...later.annotations },
  }
}

function keptOf<Item extends Named>(
  pairs: readonly Pair<Item>[],
  writtenBack: (now: Item, next: Item | undefined) => Item | undefined,
): { readonly objects: Item[]; readonly writtenBack: readonly ObjectName[] } {
  const names: ObjectName[] = []
  const objects = pairs.flatMap(({ now, next }) => {
    const kept = now === undefined || now === next ? undefined : writtenBack(now, next)
    if (kept !== undefined) names.push(nameOnly(kept))
    return kept ?? next ?? []
  })
  return { objects, writtenBack: names }
}

/**
 * Aggregated roles without what their selectors brought, so that what a change takes from the sources goes; rules that no
 * source was read for stay (reading.ts), before and after.
 */
function withoutBrought(roles: readonly RoleObject[]) {
  const now = new Map(
    aggregated(roles.map(role => (role.aggregation === undefined ? role : { ...role, rules: [] }))).map(
      role => [nameKey(role), role] as const,
    ),
  )
  const bare = roles.map(role => {
    const brought = now.get(nameKey(role))
    return role.aggregation === undefined || brought === undefined
      ? role
      : { ...role, rules: rulesNotBrought(role, brought) }
  })
  const brought = (later: readonly RoleObject[]): RoleObject[] =>
    aggregated(later).map((role, at) => {
      const written = later[at]
      if (role.aggregation === undefined || written === undefined) return role
      return { ...role, rules: [...role.rules, ...rulesNotBrought(written, role)] }
    })
  return { roles: bare, brought }
}

/** Threat: a change binds cluster-admin, which no manifest contains; taken for a binding to nothing, it would open nothing. */
function missingRoles({ problems }: ClusterObjects, roles: readonly RoleObject[], bindings: readonly BindingObject[]) {
  const assumed = new Set(problems.flatMap(({ code, object }) => (code === 'assumed-role' ? (object ?? []) : [])))
  const read = roles.filter(({ kind, name }) => !assumed.has(`${kind}/${name}`))
  const known = new Set(roles.map(nameKey))
  return assumedRoles(read, bindings).filter(role => !known.has(nameKey(role)))
}

function namesThatAreNew(objects: ClusterObjects, { objects: change, removed }: Change): ObjectName[] {
  const { roles, bindings, serviceAccounts = [], workloads = [], namespaces = [] } = change
  const named = (list: readonly Metadata[], kind: string) => list.map(one => ({ ...one, kind }))
  const known = new Set(
    [
      ...[...objects.roles, ...objects.bindings, ...objects.workloads],
      ...named(objects.serviceAccounts, 'ServiceAccount'),
      ...named(objects.namespaces, 'Namespace'),
    ].map(nameKey),
  )
  const all = [
    ...[...roles, ...bindings, ...workloads],
    ...named(serviceAccounts, 'ServiceAccount'),
    ...named(namespaces, 'Namespace'),
    ...removed,
  ]
  return [...new Map(all.map(one => [nameKey(one), nameOnly(one)])).values()].filter(one => !known.has(nameKey(one)))
}
