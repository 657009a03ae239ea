/** Makes the role of the gateway in a cluster the exact one: compares, and applies what differs. */

import type { Rule } from '../../../rbac/kubernetes/rule.ts'
import { type ApiResult, type CallApi, messageOf } from './api-calls.ts'
import { type ClusterObject, clusterAnnotation, type ExactRole, labels, roleName } from './role-objects.ts'

/** One object of the role, and what it says more or less than before: `users impersonate bob@example.com`. */
export interface RoleChange {
  /** `ClusterRole sallyport-impersonator`, with the namespace of a Role in front of the name. */
  readonly object: string
  readonly kind: 'created' | 'changed' | 'deleted'
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

export interface ReconcileOptions {
  readonly call: CallApi
  readonly cluster: string
  readonly role: Pick<ExactRole, 'roles' | 'bindings'>
  readonly isDryRun: boolean
}

const rbac = '/apis/rbac.authorization.k8s.io/v1'
const manager = 'sallyport'
const selector = encodeURIComponent(`app.kubernetes.io/managed-by=${labels['app.kubernetes.io/managed-by']}`)

export interface Reconciled {
  /** What was changed, or would be with `isDryRun`. */
  readonly changes: readonly RoleChange[]
  /** Namespaces that rows name and that are not there: nothing can be made in them, and nobody needs it yet. */
  readonly absentNamespaces: readonly string[]
}

/** Rejects at the first thing that cannot be done, and says what. */
export async function reconcileRole(options: ReconcileOptions): Promise<Reconciled> {
  const { role } = options
  const changes: RoleChange[] = []
  const absent = new Set<string>()
  for (const wanted of [...role.roles, ...role.bindings]) {
    const { namespace } = wanted.metadata
    if (namespace !== undefined && absent.has(namespace)) continue
    const change = await reconcileOne(wanted, options)
    if (change === 'no-namespace') absent.add(namespace ?? '')
    else if (change !== undefined) changes.push(change)
  }
  return { changes: [...changes, ...(await removeOthers(options))], absentNamespaces: [...absent] }
}

/** `undefined`: it is as it is to be. */
async function reconcileOne(
  wanted: ClusterObject,
  { call, cluster, isDryRun }: ReconcileOptions,
): Promise<RoleChange | 'no-namespace' | undefined> {
  const found = await find(call, wanted)
  if (found !== undefined) requireOwn(found, cluster)
  const [before, after] = [wordsIn(found), wordsIn(wanted)]
  const added = after.filter(word => !before.includes(word))
  const removed = before.filter(word => !after.includes(word))
  if (found !== undefined && added.length === 0 && removed.length === 0) return undefined
  if (!(await apply(call, wanted, isDryRun))) return 'no-namespace'
  return { object: nameOf(wanted), kind: found === undefined ? 'created' : 'changed', added, removed }
}

/** What a role allows, or whom a binding gives it to. */
const wordsIn = (object: ClusterObject | undefined): readonly string[] =>
  object !== undefined && 'subjects' in object ? subjectsIn(object) : wordsOf(rulesIn(object))

/** Roles in namespaces that no row names any more. */
async function removeOthers({ call, cluster, role, isDryRun }: ReconcileOptions): Promise<RoleChange[]> {
  const wanted = new Set([...role.roles, ...role.bindings].map(nameOf))
  const changes: RoleChange[] = []
  for (const kind of ['RoleBinding', 'Role'] as const) {
    const listed = await call({ method: 'GET', target: `${rbac}/${kind.toLowerCase()}s?labelSelector=${selector}` })
    // Whoever keeps a role of the legacy mode alone need not be able to look into namespaces.
    if (listed.status === 403 && role.roles.length === 1) return changes
    for (const object of itemsOf(listed)) {
      const own = { ...object, kind, apiVersion: 'rbac.authorization.k8s.io/v1' }
      const isOurs = own.metadata.name === roleName && own.metadata.annotations?.[clusterAnnotation] === cluster
      if (!isOurs || wanted.has(nameOf(own))) continue
      const target = `${targetOf(own)}${isDryRun ? '?dryRun=All' : ''}`
      const answer = await call({ method: 'DELETE', target })
      if (answer.status !== 200 && answer.status !== 404) throw failed('delete', own, answer)
      changes.push({ object: nameOf(own), kind: 'deleted', added: [], removed: wordsOf(rulesIn(own)) })
    }
  }
  return changes
}

function itemsOf(answer: ApiResult): readonly ClusterObject[] {
  if (answer.status !== 200) throw new Error(`roles cannot be listed: ${messageOf(answer)}`)
  return (answer.body as { readonly items?: readonly ClusterObject[] }).items ?? []
}

async function find(call: CallApi, wanted: ClusterObject): Promise<ClusterObject | undefined> {
  const answer = await call({ method: 'GET', target: targetOf(wanted) })
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw failed('read', wanted, answer)
  return answer.body as ClusterObject
}

/** Threat: a role of somebody else with the same name is overwritten, and whoever holds it has our rights. */
function requireOwn(found: ClusterObject, cluster: string): void {
  const { labels: own, annotations } = found.metadata as Partial<ClusterObject['metadata']>
  const managedBy = own?.['app.kubernetes.io/managed-by']
  if (managedBy !== labels['app.kubernetes.io/managed-by']) {
    const by = managedBy === undefined ? 'has no label' : `is ${managedBy} by its label`
    throw new Error(
      `${nameOf(found)} ${by} app.kubernetes.io/managed-by: sallyport does not touch it; delete it, or give it that label, if it is meant`,
    )
  }
  const of = annotations?.[clusterAnnotation]
  if (of !== cluster) {
    throw new Error(
      `${nameOf(found)} belongs to the cluster ${of ?? 'of nobody'} of a configuration, not to ${cluster}`,
    )
  }
}

/** False where its namespace is not there. */
async function apply(call: CallApi, wanted: ClusterObject, isDryRun: boolean): Promise<boolean> {
  const target = `${targetOf(wanted)}?fieldManager=${manager}&force=true${isDryRun ? '&dryRun=All' : ''}`
  const answer = await call({ method: 'PATCH', target, body: wanted, contentType: 'application/apply-patch+yaml' })
  if (answer.status === 404 && wanted.metadata.namespace !== undefined) return false
  if (answer.status !== 200 && answer.status !== 201) throw failed('apply', wanted, answer)
  return true
}

const failed = (what: string, object: ClusterObject, answer: ApiResult): Error =>
  new Error(`cannot ${what} ${nameOf(object)}: ${messageOf(answer)}`)

function targetOf({ kind, metadata: { name, namespace } }: ClusterObject): string {
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${rbac}${place}/${kind.toLowerCase()}s/${encodeURIComponent(name)}`
}

const nameOf = ({ kind, metadata: { name, namespace } }: ClusterObject): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

const rulesIn = (object: ClusterObject | undefined): readonly Rule[] =>
  Array.isArray(object?.rules) ? (object.rules as readonly Rule[]) : []

const subjectsIn = (object: ClusterObject | undefined): readonly string[] =>
  (Array.isArray(object?.subjects) ? object.subjects : []).map(
    ({ kind, namespace, name }: Readonly<Record<string, string>>) =>
      `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
  )

/** Each thing that the rules allow, one by one, so that a difference is one of people and not of lists. */
export function wordsOf(rules: readonly Rule[]): readonly string[] {
  const words = rules.flatMap(({ apiGroups = [], resources = [], verbs, resourceNames = [], nonResourceURLs = [] }) => [
    ...verbs.flatMap(verb => nonResourceURLs.map(url => `${verb} ${url}`)),
    ...verbs.flatMap(verb =>
      apiGroups.flatMap(group =>
        resources.flatMap(resource => {
          const kind = `${verb} ${resource}${group === '' ? '' : `.${group}`}`
          return resourceNames.length === 0 ? [kind] : resourceNames.map(name => `${kind} ${name}`)
        }),
      ),
    ),
  ])
  return [...new Set(words)].sort()
}
