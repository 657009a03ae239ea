/**
 * A change of roles and bindings out of files: whole objects, `$patch: delete` for what goes, and patches with a `target` as kustomize
 * writes them (RFC 6902), of which `kube excess --json` prints one for each role.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { decoded } from '../../../../app/kubernetes/reading/decoded.ts'
import type { Change, ObjectName } from '../../../../rbac/reach/change/change.ts'
import type { ClusterObjects, ReadingProblem, RoleObject } from '../../../../rbac/reach/objects.ts'
import { isNamespaced } from '../../../../rbac/reach/reading/kinds.ts'
import { createReading } from '../../../../rbac/reach/reading/reading.ts'

type Fields = Readonly<Record<string, unknown>>

export interface ReadChange extends Change {
  /** Objects that give nobody a right and run nothing, as far as anybody here knows: `ConfigMap settings`. */
  readonly notJudged: readonly ObjectName[]
}

/** Throws for what cannot be read: half a change would have another effect. */
export async function readChange(paths: readonly string[], cwd: string, objects: ClusterObjects): Promise<ReadChange> {
  // Roles that every cluster has are those of the cluster that is changed.
  const reading = createReading({ assumesShippedRoles: false })
  const removed: ObjectName[] = []
  for (const path of paths)
    for (const value of documentsIn(decoded(await readFile(resolve(cwd, path))), path)) {
      if (value.$patch === 'delete') removed.push(nameIn(value, path))
      // Threat: taken for a whole object, a patch that says something else would be judged as what it is not.
      else if ('$patch' in value) throw new Error(`${path}: of $patch only delete is read`)
      else reading.addText(stringify(isFields(value.target) ? patched(value, path, objects) : value), path)
    }
  const { problems, roles, bindings, serviceAccounts, workloads, namespaces, ...more } = reading.finish()
  const [bad] = problems.filter(isBad)
  if (bad !== undefined) throw new Error(`${bad.place.source}: ${bad.object ?? ''} ${bad.message}`)
  const named = (list: readonly { name: string; namespace?: string }[], kind: string): ObjectName[] =>
    list.map(({ name, namespace }) => ({ kind, name, ...(namespace !== undefined && { namespace }) }))
  const others = more.others.flatMap(one => named([one], one.kind))
  const notJudged = [...others, ...named(more.secrets, 'Secret'), ...named(more.nodes, 'Node')]
  if (removed.length + notJudged.length + [roles, bindings, serviceAccounts, workloads, namespaces].flat().length === 0)
    throw new Error(`${paths.join(', ')}: there is no object in it`)
  return { objects: { roles, bindings, serviceAccounts, workloads, namespaces }, removed, notJudged }
}

/** Items of a List are documents of their own. */
function documentsIn(text: string, path: string): Fields[] {
  return parseAllDocuments(text).flatMap(document => {
    const [error] = document.errors
    if (error !== undefined) throw new Error(`${path}: ${error.message}`)
    return itemsOf(document.toJS({ maxAliasCount: 100 }) as unknown, path)
  })
}

const deepestList = 8

function itemsOf(value: unknown, path: string, depth = 0): Fields[] {
  if (value === null || value === undefined) return []
  if (!isFields(value) || depth > deepestList) throw new Error(`${path}: this is no object of Kubernetes`)
  if (typeof value.kind !== 'string' || !value.kind.endsWith('List') || !Array.isArray(value.items)) return [value]
  return value.items.flatMap(item => itemsOf(item, path, depth + 1))
}

const isBad = ({ code }: ReadingProblem): boolean => code !== 'assumed-namespace' && code !== 'aggregation'

function nameIn({ kind, metadata }: Fields, path: string): ObjectName {
  const { name, namespace } = isFields(metadata) ? metadata : {}
  if (typeof kind !== 'string' || typeof name !== 'string')
    throw new Error(`${path}: what goes needs a kind and a name`)
  if (!isNamespaced(kind)) return { kind, name }
  return { kind, name, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default' }
}

/** The role of `target`, with its patch. */
function patched({ target, patch }: Fields, path: string, objects: ClusterObjects): object {
  const { kind, name, namespace } = nameIn({ kind: (target as Fields).kind, metadata: target as Fields }, path)
  const role = objects.roles.find(one => one.kind === kind && one.name === name && one.namespace === namespace)
  if (role === undefined) throw new Error(`${path}: there is no ${kind} ${name} to be patched`)
  const operations = typeof patch === 'string' ? (parse(patch) as unknown) : patch
  if (!Array.isArray(operations)) throw new Error(`${path}: a patch with a target is a list of operations (RFC 6902)`)
  const rules = operations.reduce((now: unknown[], one: unknown) => operate(now, one, path), [...role.rules])
  return objectOf(role, rules)
}

const objectOf = ({ kind, name, namespace, labels, annotations }: RoleObject, rules: unknown): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }), labels, annotations },
  rules,
})

/** Of rules alone: as a whole, or one by its number. */
function operate(rules: readonly unknown[], operation: unknown, path: string): unknown[] {
  const { op, path: pointer, value } = isFields(operation) ? operation : {}
  const [, number] = /^\/rules(?:\/(\d+|-))?$/.exec(String(pointer)) ?? [undefined, null]
  const at = number === '-' ? rules.length : Number(number)
  if (number === undefined && op === 'test' && sameJson(value, rules)) return [...rules]
  if (number === undefined && op === 'replace' && Array.isArray(value)) return value as unknown[]
  if (typeof number === 'string' && op === 'remove' && at < rules.length)
    return rules.filter((_, index) => index !== at)
  if (typeof number === 'string' && op === 'replace' && at < rules.length) return rules.with(at, value)
  if (typeof number === 'string' && op === 'add' && at <= rules.length) return rules.toSpliced(at, 0, value)
  if (typeof number === 'string' && op === 'test' && sameJson(value, rules[at])) return [...rules]
  throw new Error(`${path}: the operation ${String(op)} ${String(pointer)} cannot be applied to this role`)
}

const sameJson = (one: unknown, other: unknown): boolean =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => !(Array.isArray(one) && one.length === 0))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  )
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
