/** Nodes that lead to each other, as one: what each node leads to can be known for all of them in one walk. */
import type { NodeId } from '../finding.ts'
import type { Graph } from './graph.ts'

export interface Components {
  readonly componentOf: ReadonlyMap<NodeId, number>
  /** Whoever one leads to comes before it. */
  readonly components: readonly (readonly NodeId[])[]
}

interface Visit {
  readonly node: NodeId
  next: number
}

/** Tarjan's strongly connected components, without recursion: a chain of five thousand would overflow the stack. */
export function componentsOf(graph: Graph): Components {
  const order = new Map<NodeId, number>()
  const low = new Map<NodeId, number>()
  const componentOf = new Map<NodeId, number>()
  const components: NodeId[][] = []
  const stack: NodeId[] = []
  const visits: Visit[] = []
  const started = [...graph.atStart.values()].flatMap(edges => edges.map(({ to }) => to))
  for (const start of [...graph.from.keys(), ...graph.to.keys(), ...started]) {
    if (!order.has(start)) enter(start)
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) goOn(visit)
  }
  return { componentOf, components }

  function enter(node: NodeId): void {
    low.set(node, order.size)
    order.set(node, order.size)
    stack.push(node)
    visits.push({ node, next: 0 })
  }

  function goOn(visit: Visit): void {
    const edge = graph.from.get(visit.node)?.[visit.next++]
    if (edge === undefined) leave(visit.node)
    else if (!order.has(edge.to)) enter(edge.to)
    else if (!componentOf.has(edge.to)) lower(visit.node, order.get(edge.to))
  }

  function leave(node: NodeId): void {
    visits.pop()
    const above = visits.at(-1)
    if (above !== undefined) lower(above.node, low.get(node))
    if (low.get(node) === order.get(node)) close(node)
  }

  function lower(node: NodeId, value: number | undefined): void {
    if (value !== undefined && value < (low.get(node) ?? 0)) low.set(node, value)
  }

  function close(root: NodeId): void {
    const members: NodeId[] = []
    for (let node = stack.pop(); node !== undefined; node = node === root ? undefined : stack.pop()) {
      componentOf.set(node, components.length)
      members.push(node)
    }
    components.push(members)
  }
}
