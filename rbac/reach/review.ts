/** A reach review of a cluster: its objects in, direct moves, graph and findings out. Pure, and the same for the same objects. */
import type { Finding, NodeId, Step } from './finding.ts'
import { findingsOf } from './findings/findings.ts'
import { grantsOf } from './grants.ts'
import { type Graph, graphOf } from './graph/graph.ts'
import { isSubject, waysTo } from './graph/walk.ts'
import { type DirectMove, directMoves } from './moves/direct.ts'
import { type Facts, factsOf, type ReviewOptions } from './moves/facts.ts'
import type { ClusterObjects } from './objects.ts'

export interface Review {
  readonly facts: Facts
  readonly moves: readonly DirectMove[]
  readonly graph: Graph
  /** The worst first. */
  readonly findings: readonly Finding[]
}

export function reviewOf(objects: ClusterObjects, options: ReviewOptions = {}): Review {
  const facts = factsOf(objects, grantsOf(objects), options)
  const moves = directMoves(facts)
  const graph = graphOf(facts, moves)
  return { facts, moves, graph, findings: findingsOf(moves, graph) }
}

/** Somebody who can eventually become, or reach, something. */
export interface Reacher {
  readonly subject: NodeId
  readonly path: readonly Step[]
  /** By the roles of Kubernetes itself alone: folded. */
  readonly isExpected: boolean
}

/** Whoever has a way to a node, the nearest first. */
export function reachersOf({ graph, findings }: Review, target: NodeId): readonly Reacher[] {
  const ways = waysTo(graph, target)
  const expected = new Set(
    findings.filter(({ isExpected }) => isExpected).map(({ subject, move }) => `${subject} ${move}`),
  )
  return ways
    .subjects()
    .filter(subject => subject !== target && isSubject(subject))
    .flatMap(subject => {
      const path = ways.path(subject)
      if (path === undefined || path.length === 0) return []
      const first = path.find(({ grants }) => grants.length > 0)
      return [{ subject, path, isExpected: first === undefined || expected.has(`${subject} ${first.move}`) }]
    })
}

/** Those of a set that a move reaches, one by one; undefined for what is no set. */
export function membersOf({ graph }: Review, set: NodeId): readonly NodeId[] | undefined {
  if (!/^(service-accounts|pods|users|groups|secrets):/.test(set)) return undefined
  const seen = new Set<NodeId>()
  const walk = (node: NodeId): void => {
    for (const { to, cost } of graph.from.get(node) ?? []) {
      if (cost !== 0 || seen.has(to)) continue
      seen.add(to)
      if (!isSubject(to)) walk(to)
    }
  }
  walk(set)
  return [...seen].filter(isSubject).sort()
}
