/** Cluster objects out of YAML or JSON, for tests of what stands behind the readers: no checks, no problems. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { BindingObject, ClusterObjects, RoleObject, WorkloadObject } from '../../rbac/reach/objects.ts'

// biome-ignore lint/suspicious/noExplicitAny: whatever a manifest holds
type Any = any

const place = { source: 'test' }

const metadataOf = ({ metadata = {} }: Any) => ({
  name: metadata.name as string,
  ...(metadata.namespace !== undefined && { namespace: metadata.namespace as string }),
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
  place,
})

export function objectsFrom(documents: readonly Any[]): ClusterObjects {
  const all = documents.flatMap((one: Any) => (one?.items === undefined ? (one ? [one] : []) : one.items)) as Any[]
  const of = (...kinds: string[]) => all.filter(({ kind }) => kinds.includes(kind))
  const roles = of('Role', 'ClusterRole').map(
    (one): RoleObject => ({ ...metadataOf(one), kind: one.kind, rules: one.rules ?? [] }),
  )
  return {
    roles: roles.map((role, index) => aggregated(role, of('Role', 'ClusterRole')[index].aggregationRule, roles)),
    bindings: of('RoleBinding', 'ClusterRoleBinding').map(
      (one): BindingObject => ({
        ...metadataOf(one),
        kind: one.kind,
        roleRef: one.roleRef,
        subjects: one.subjects ?? [],
      }),
    ),
    serviceAccounts: of('ServiceAccount').map(one => ({
      ...metadataOf(one),
      namespace: one.metadata.namespace ?? 'default',
      ...(one.automountServiceAccountToken !== undefined && { automount: one.automountServiceAccountToken }),
      secrets: [],
    })),
    workloads: of('Pod', 'Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'Job', 'CronJob').map(workloadOf),
    secrets: of('Secret').map(one => ({
      ...metadataOf(one),
      namespace: one.metadata.namespace,
      type: one.type ?? 'Opaque',
    })),
    namespaces: of('Namespace').map(metadataOf),
    nodes: of('Node').map(metadataOf),
    others: of('ConfigMap').map(one => ({ ...metadataOf(one), apiVersion: 'v1', kind: one.kind })),
    problems: [],
    objectsSeen: all.length,
    kindsRead: new Set(all.map(({ kind }) => kind)),
  }
}

function aggregated(role: RoleObject, rule: Any, roles: readonly RoleObject[]): RoleObject {
  if (rule === undefined) return role
  const resolve = (labels: Readonly<Record<string, string>>): RoleObject[] =>
    roles.filter(one => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
  const found = (rule.clusterRoleSelectors as Any[]).flatMap(({ matchLabels = {} }) => resolve(matchLabels))
  const rules = found.flatMap(one =>
    one.name === role.name ? [] : one.name === 'view' || one.name === 'edit' ? [] : one.rules,
  )
  return { ...role, rules, aggregation: rule.clusterRoleSelectors }
}

function workloadOf(one: Any): WorkloadObject {
  const template = one.spec?.jobTemplate?.spec?.template ?? one.spec?.template ?? one
  const spec = template.spec ?? {}
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])] as Any[]
  const security = containers.map(({ securityContext = {} }) => securityContext)
  return {
    ...metadataOf(one),
    namespace: one.metadata.namespace ?? 'default',
    apiVersion: one.apiVersion,
    kind: one.kind,
    serviceAccount: spec.serviceAccountName ?? 'default',
    ...(spec.automountServiceAccountToken !== undefined && { automount: spec.automountServiceAccountToken }),
    projectedAudiences: [],
    secrets: [],
    hostAccess: [
      ...(security.some(({ privileged }) => privileged === true) ? ['privileged'] : []),
      ...(spec.hostPID === true ? ['hostPID'] : []),
      ...(spec.volumes ?? []).flatMap(({ hostPath }: Any) =>
        hostPath === undefined ? [] : [`hostPath:${hostPath.path}`],
      ),
      ...security.flatMap(({ capabilities }) => (capabilities?.add ?? []).map((name: string) => `capability:${name}`)),
    ],
  }
}

export const objectsIn = (yaml: string): ClusterObjects => objectsFrom(parseAllDocuments(yaml).map(one => one.toJS()))

export function objectsBelow(path: string): ClusterObjects {
  const files = statSync(path).isDirectory()
    ? (readdirSync(path, { recursive: true }) as string[])
        .filter(name => /\.(ya?ml|json)$/.test(name))
        .sort()
        .map(name => join(path, name))
    : [path]
  return objectsFrom(
    files.flatMap(file => {
      const text = readFileSync(file, 'utf8')
      return file.endsWith('.json') ? [JSON.parse(text)] : parseAllDocuments(text).map(one => one.toJS())
    }),
  )
}
