/**
 * Roles that bindings of manifests name and that every cluster has. Threat: a chart binds cluster-admin and never contains it;
 * taken for a binding to nothing, the worst of all grants would be missing.
 */
import type { BindingObject, RoleObject } from '../objects.ts'
import { bootstrapping, shippedRoles } from './shipped-roles.ts'

/** All roles of a cluster were read where there are some that only an API server makes: then what is not there is not there. */
const isOfCluster = (roles: readonly RoleObject[]): boolean =>
  roles.some(({ kind, labels }) => kind === 'ClusterRole' && labels[bootstrapping] !== undefined)

/** @returns roles as Kubernetes ships them; with an aggregated one all that it takes its rules from */
export function assumedRoles(roles: readonly RoleObject[], bindings: readonly BindingObject[]): readonly RoleObject[] {
  if (isOfCluster(roles)) return []
  const known = new Set(roles.flatMap(({ kind, name }) => (kind === 'ClusterRole' ? [name] : [])))
  const named = bindings.flatMap(({ roleRef }) => (roleRef.kind === 'ClusterRole' ? [roleRef.name] : []))
  const found = new Map<string, RoleObject>()
  const open = [...new Set(named)]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const role = shippedRoles.get(name)
    if (role === undefined || known.has(name) || found.has(name)) continue
    found.set(name, role)
    if (role.aggregation !== undefined) open.push(...sourcesOf(role))
  }
  return [...found.values()]
}

function sourcesOf({ aggregation = [] }: RoleObject): readonly string[] {
  const wanted = aggregation.flatMap(({ matchLabels }) => Object.keys(matchLabels))
  return [...shippedRoles.values()].flatMap(({ name, labels }) => (wanted.some(key => labels[key]) ? [name] : []))
}
