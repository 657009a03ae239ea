/** What a role would give to whoever binds it to himself: nodes `role:ClusterRole/edit@payments` of the graph. */
import type { NodeId } from '../finding.ts'
import { grantsOf } from '../grants.ts'
import { type DirectMove, directMoves } from '../moves/direct.ts'
import { type Facts, factsOf, grouped } from '../moves/facts.ts'
import { moves } from '../moves/table.ts'
import type { BindingObject } from '../objects.ts'

const place = { source: 'bind' }
const ofRights = moves.filter(move => 'needs' in move)

/** @param targets nodes that some move reaches; those that are no roles are passed over */
export function movesOfRoles(facts: Facts, targets: ReadonlySet<NodeId>): ReadonlyMap<NodeId, readonly DirectMove[]> {
  const nodes = [...targets].filter(node => node.startsWith('role:'))
  if (nodes.length === 0) return new Map()
  // As if somebody with the name of the node were bound: the same reading of roles, and the same table of moves.
  const objects = { ...facts.objects, bindings: nodes.flatMap(node => bindingsFor(node, facts)) }
  const found = directMoves(factsOf(objects, grantsOf(objects), facts.options), ofRights)
  return grouped(
    found.filter(({ subject }) => subject.startsWith('user:role:')),
    ({ subject }) => subject.slice('user:'.length),
  )
}

function bindingsFor(node: NodeId, { namespaces }: Facts): BindingObject[] {
  const [, kind, name = '', scope] = /^role:(Role|ClusterRole)\/(.*?)(?:@([^@]*))?$/.exec(node) ?? []
  if (kind !== 'Role' && kind !== 'ClusterRole') return []
  const common = {
    name: node,
    labels: {},
    annotations: {},
    place,
    roleRef: { kind, name } as const,
    subjects: [{ kind: 'User', name: node }] as const,
  }
  if (scope === undefined) return [{ ...common, kind: 'ClusterRoleBinding' }]
  const places = scope === '*' ? namespaces : [scope]
  return places.map(namespace => ({ ...common, kind: 'RoleBinding', namespace }))
}
