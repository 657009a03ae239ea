/** Whatever can be reached from somewhere, each by a shortest way: the other direction of walk.ts. */
import type { NodeId, Step } from '../finding.ts'
import type { Edge, Graph } from './graph.ts'

export interface Reached {
  readonly node: NodeId
  /** How many of its steps somebody has to take. */
  readonly steps: number
  readonly path: readonly Step[]
}

/**
 * The nearest first; the starts themselves are left out.
 * @param starts of one subject: itself, and the groups that it is in
 */
export function reachedFrom(graph: Graph, starts: readonly NodeId[]): readonly Reached[] {
  const before = new Map<NodeId, Edge | undefined>(starts.map(start => [start, undefined]))
  const steps = new Map<NodeId, number>(starts.map(start => [start, 0]))
  const edgesOf = (node: NodeId): readonly Edge[] => [
    ...(graph.from.get(node) ?? []),
    ...(starts.includes(node) ? (graph.atStart.get(node) ?? []) : []),
  ]
  let level: NodeId[] = [...starts]
  for (let distance = 0; level.length > 0; distance++) {
    const further: NodeId[] = []
    // Grows while it is walked: what is as near, by an edge without cost.
    const here = level.filter(node => steps.get(node) === distance)
    for (let at = 0; at < here.length; at++)
      for (const edge of edgesOf(here[at] as NodeId)) {
        const known = steps.get(edge.to)
        if (known !== undefined && known <= distance + edge.cost) continue
        steps.set(edge.to, distance + edge.cost)
        before.set(edge.to, edge)
        ;(edge.cost === 0 ? here : further).push(edge.to)
      }
    level = further
  }
  return [...steps]
    .filter(([node]) => before.get(node) !== undefined)
    .map(([node, count]) => ({ node, steps: count, path: pathTo(node, before) }))
    .sort((one, other) => one.steps - other.steps || (one.node < other.node ? -1 : 1))
}

function pathTo(node: NodeId, before: ReadonlyMap<NodeId, Edge | undefined>): readonly Step[] {
  const path: Edge[] = []
  for (let edge = before.get(node); edge !== undefined; edge = before.get(edge.from)) path.push(edge)
  return path.reverse()
}
