/** Ways through the graph: the shortest to something, all within a bound, and who has one. */
import type { NodeId, Step } from '../finding.ts'
import type { Edge, Graph } from './graph.ts'

/** The shortest ways of everybody to one node. */
export interface Ways {
  readonly target: NodeId
  /** Steps; undefined for whoever has none. */
  readonly distance: (from: NodeId) => number | undefined
  /** Without a cycle, the first step first; undefined for whoever has none, empty for the target itself. */
  readonly path: (from: NodeId) => readonly Step[] | undefined
  /** Whoever has one, the nearest first; sets and sinks are left out. */
  readonly subjects: () => readonly NodeId[]
}

/** Backwards from the target, edges without cost first (0-1 breadth-first search): linear in the edges. */
export function waysTo(graph: Graph, target: NodeId): Ways {
  const distances = new Map<NodeId, number>([[target, 0]])
  const next = new Map<NodeId, Edge>()
  let level: NodeId[] = [target]
  for (let distance = 0; level.length > 0; distance++) {
    const further: NodeId[] = []
    // Grows while it is walked: whoever is as near, by an edge without cost.
    const here = level.filter(node => distances.get(node) === distance)
    for (let at = 0; at < here.length; at++) {
      const node = here[at] as NodeId
      for (const edge of graph.to.get(node) ?? []) {
        const known = distances.get(edge.from)
        if (known !== undefined && known <= distance + edge.cost) continue
        distances.set(edge.from, distance + edge.cost)
        next.set(edge.from, edge)
        ;(edge.cost === 0 ? here : further).push(edge.from)
      }
    }
    level = further
  }
  const starting = (from: NodeId): Edge | undefined => startOf(graph, from, distances)
  return {
    target,
    distance: from => {
      const start = starting(from)
      return start === undefined ? distances.get(from) : (distances.get(start.to) ?? 0) + 1
    },
    path: from => {
      const start = starting(from)
      const rest = follow(next, start?.to ?? from, target)
      return rest === undefined || start === undefined ? rest : [start, ...rest]
    },
    subjects: () => subjectsIn(graph, distances, starting),
  }
}

/** An edge for starts alone, where it is nearer than any other: the nearest of them, the first of those that are alike. */
function startOf(graph: Graph, from: NodeId, distances: ReadonlyMap<NodeId, number>): Edge | undefined {
  let nearest = distances.get(from) ?? Number.POSITIVE_INFINITY
  let found: Edge | undefined
  for (const edge of graph.atStart.get(from) ?? []) {
    const far = (distances.get(edge.to) ?? Number.POSITIVE_INFINITY) + 1
    if (far >= nearest) continue
    nearest = far
    found = edge
  }
  return found
}

function follow(next: ReadonlyMap<NodeId, Edge>, from: NodeId, target: NodeId): readonly Step[] | undefined {
  const steps: Edge[] = []
  for (let node = from; node !== target; ) {
    const edge = next.get(node)
    if (edge === undefined) return undefined
    steps.push(edge)
    node = edge.to
  }
  return steps
}

export const isSubject = (node: NodeId): boolean => /^(user|group|service-account):/.test(node)

function subjectsIn(
  graph: Graph,
  distances: ReadonlyMap<NodeId, number>,
  starting: (from: NodeId) => Edge | undefined,
): readonly NodeId[] {
  const started = [...graph.atStart.keys()].filter(node => starting(node) !== undefined)
  const all = new Set([...distances.keys(), ...started].filter(isSubject))
  const far = (node: NodeId) => {
    const start = starting(node)
    return start === undefined ? (distances.get(node) ?? 0) : (distances.get(start.to) ?? 0) + 1
  }
  return [...all].sort((one, other) => far(one) - far(other) || (one < other ? -1 : 1))
}

export interface PathBounds {
  /** Steps of one path. */
  readonly maxSteps: number
  /** Paths in all. */
  readonly maxPaths: number
}

export interface AllPaths {
  readonly paths: readonly (readonly Step[])[]
  /** Why there may be more: the bound that was met. Absent: these are all. */
  readonly bound?: 'steps' | 'paths'
}

/** Every way without a cycle, the shortest first, as far as the bounds go. */
export function allPaths(graph: Graph, from: NodeId, target: NodeId, bounds: PathBounds): AllPaths {
  const ways = waysTo(graph, target)
  const shortest = ways.distance(from)
  const paths: Step[][] = []
  if (shortest === undefined) return { paths }
  let isCut = false
  // One length after the other: whichever bound is met, what is shorter has been found.
  let length = shortest
  for (; length <= bounds.maxSteps && paths.length <= bounds.maxPaths; length++) walk(from, [], length)
  if (paths.length > bounds.maxPaths) return { paths: paths.slice(0, bounds.maxPaths), bound: 'paths' }
  return isCut ? { paths, bound: 'steps' } : { paths }

  function walk(node: NodeId, steps: readonly Edge[], left: number): void {
    if (paths.length > bounds.maxPaths) return
    if (node === target) {
      if (left === 0) paths.push([...steps])
      return
    }
    for (const edge of edgesAt(node, steps.length === 0)) {
      const rest = ways.distance(edge.to)
      if (rest === undefined || edge.to === from || steps.some(step => step.to === edge.to)) continue
      if (edge.cost + rest <= left) walk(edge.to, [...steps, edge], left - edge.cost)
      else isCut = isCut || length === bounds.maxSteps
    }
  }

  function edgesAt(node: NodeId, isStart: boolean): readonly Edge[] {
    const always = graph.from.get(node) ?? []
    return isStart ? [...(graph.atStart.get(node) ?? []), ...always] : always
  }
}
