/** What it means that something was not found: that it does not exist, or that nobody was let see whether it does. */
import type { BindingObject, ClusterObjects } from './objects.ts'

/** @param namespace absent: of objects of the cluster */
export type IsListed = (kind: string, namespace?: string) => boolean

/**
 * Threat: of a cluster that was read in part, "there is no such role" would call harmless what nobody has seen.
 *
 * @returns whether what is not among the objects does not exist: their kind was listed there. Of manifests it always is
 */
export function listedIn({ problems, namespacesRead }: Pick<ClusterObjects, 'problems' | 'namespacesRead'>): IsListed {
  const refused = new Set(
    problems.flatMap(({ code, object, namespace = '' }) =>
      code === 'not-permitted' ? [`${object} ${namespace}`] : [],
    ),
  )
  return (kind, namespace) => {
    if (refused.has(`${kind} `) || refused.has(`${kind} ${namespace ?? ''}`)) return false
    return namespace === undefined || namespacesRead?.has(namespace) !== false
  }
}

/** Whether a binding to no role gives nothing: else nobody knows what it gives. */
export function isRoleListed({ kind, namespace, roleRef }: BindingObject, isListed: IsListed): boolean {
  if (roleRef.kind === 'ClusterRole') return isListed('ClusterRole')
  // A Role in a ClusterRoleBinding is nothing, wherever one may look.
  return kind === 'ClusterRoleBinding' || isListed('Role', namespace)
}
