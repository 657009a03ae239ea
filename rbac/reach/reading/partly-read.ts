/** What is said of a cluster of which one may not see everything. */
import { isRoleListed, listedIn } from '../absence.ts'
import type { BindingObject, ClusterObjects, ReadingProblem, RoleObject } from '../objects.ts'

/** @param names the namespaces that were read, at least one */
export function otherNamespaces(names: readonly string[], source: string): ReadingProblem {
  const which = names.length === 1 ? `namespace ${names[0]} was` : `namespaces ${names.join(', ')} were`
  const message = `only ${which} asked for: what stands in any other is not read and in no count, nor what it gives to anybody here`
  return { code: 'other-namespaces', place: { source }, message }
}

/** Roles that bindings give, and that nobody could list: one problem for each. */
export function unlistedRoles(
  bindings: readonly BindingObject[],
  roles: readonly RoleObject[],
  read: Pick<ClusterObjects, 'problems' | 'namespacesRead'>,
): readonly ReadingProblem[] {
  const isListed = listedIn(read)
  const known = new Set(roles.map(roleKey))
  const unknown = new Map<string, BindingObject[]>()
  for (const binding of bindings) {
    const { kind, name } = binding.roleRef
    const namespace = kind === 'Role' ? binding.namespace : undefined
    const key = roleKey({ kind, name, ...(namespace !== undefined && { namespace }) })
    if (known.has(key) || isRoleListed(binding, isListed)) continue
    unknown.set(key, [...(unknown.get(key) ?? []), binding])
  }
  return [...unknown].flatMap(([object, [first, ...more]]): ReadingProblem[] => {
    if (first === undefined) return []
    const who = more.length === 0 ? 'a binding gives it' : `${more.length + 1} bindings give it`
    const message = `it could not be read, and ${who}: what rights these are is not known, and in no count`
    return [{ code: 'unknown-role', place: first.place, object, message }]
  })
}

const roleKey = ({ kind, namespace, name }: Pick<RoleObject, 'kind' | 'namespace' | 'name'>): string =>
  [kind, namespace, name].filter(part => part !== undefined).join('/')
