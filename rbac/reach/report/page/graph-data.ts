/** The graph of a review as numbers: what a page draws, and searches for ways, without a server. */
import type { Finding, NodeId, Step } from '../../finding.ts'
import { nodeText } from '../../findings/words.ts'
import { type Edge, type Graph, structuralSteps } from '../../graph/graph.ts'

/** A place in `nodes` of the page's data. */
export type NodeIndex = number

export interface PageNode {
  readonly id: string
  /** As somebody would say it. */
  readonly text: string
}

/**
 * One edge: from, to, the move (its id, or a word of `structuralSteps`), steps that somebody takes (0 or 1), the finding that
 * says it (-1: none), 1 where a right gives it, and 1 where it counts at the start of a way alone.
 */
export type PageEdge = readonly [
  from: NodeIndex,
  to: NodeIndex,
  move: string,
  cost: 0 | 1,
  finding: number,
  isGranted: 0 | 1,
  isStart: 0 | 1,
]

export interface GraphData {
  readonly nodes: readonly PageNode[]
  readonly edges: readonly PageEdge[]
}

export interface Numbered extends GraphData {
  readonly nodeIndex: (node: NodeId) => NodeIndex
  /** -1 for what is no edge. */
  readonly edgeIndex: (step: Step) => number
}

/** @param findings in the order in which edges shall name them */
export function numberedGraph(graph: Graph, findings: readonly Finding[], shown: (text: string) => string): Numbered {
  const numbers = new Map<NodeId, NodeIndex>()
  const nodes: PageNode[] = []
  const nodeIndex = (node: NodeId): NodeIndex => {
    const known = numbers.get(node)
    if (known !== undefined) return known
    nodes.push({ id: shown(node), text: shown(nodeText(node)) })
    numbers.set(node, nodes.length - 1)
    return nodes.length - 1
  }
  const saying = new Map<string, number>()
  // The first is the worst: of two that say the same edge it is named.
  for (const [at, { subject, targets, move, namespace }] of findings.entries())
    for (const to of targets) {
      const key = keyOf({ from: subject, to, move, ...(namespace !== undefined && { namespace }) })
      if (!saying.has(key)) saying.set(key, at)
    }
  const edges: PageEdge[] = []
  const places = new Map<string, number>()
  const add = (edge: Edge, isStart: 0 | 1): void => {
    const { from, to, move, cost, grants } = edge
    const key = keyOf(edge)
    if (!places.has(key)) places.set(key, edges.length)
    edges.push([
      nodeIndex(from),
      nodeIndex(to),
      structuralSteps[move] ?? move,
      cost,
      saying.get(key) ?? -1,
      grants.length > 0 ? 1 : 0,
      isStart,
    ])
  }
  // In the order of the search, backwards: of ways that are equally long the page finds the same.
  for (const list of graph.to.values()) for (const edge of list) add(edge, 0)
  for (const list of graph.atStart.values()) for (const edge of list) add(edge, 1)
  return { nodes, edges, nodeIndex, edgeIndex: step => places.get(keyOf(step)) ?? -1 }
}

const keyOf = ({ from, to, move, namespace }: Omit<Step, 'grants'>): string =>
  JSON.stringify([from, to, move, namespace ?? null])
