/** Where an identity eventually gets, and how many others it can become: the reach review, one line for each. */
import type { MoveId, NodeId, Step } from '../finding.ts'
import { componentsOf } from '../graph/components.ts'
import { type Graph, structuralSteps } from '../graph/graph.ts'
import { type Ways, waysTo } from '../graph/walk.ts'

export interface ReachSummary {
  /** The worst first; only those that it reaches. */
  readonly sinks: readonly ReachedSink[]
  /** Service accounts and users, without itself. */
  readonly becomes: number
}

export interface ReachedSink {
  readonly sink: NodeId
  /** Of the shortest way. */
  readonly steps: number
  /** The first of it that somebody makes; absent where membership in a group is enough. */
  readonly move?: MoveId
}

const sinks = ['sink:cluster-admin', 'sink:system-masters', 'sink:all-secrets', 'sink:node'] as const

/** @returns what each subject reaches; made once for all of them, since five thousand walks of one graph take too long */
export function reachSummaries(graph: Graph): (subject: NodeId) => ReachSummary {
  const ways = sinks.map(sink => waysTo(graph, sink))
  const becomes = reachableIdentities(graph)
  return subject => ({
    sinks: ways.flatMap(way => reached(subject, way)),
    becomes: becomes(subject),
  })
}

function reached(subject: NodeId, way: Ways): ReachedSink[] {
  const steps = way.distance(subject)
  if (steps === undefined) return []
  const move = (way.path(subject) ?? []).find(isMove)?.move
  return [{ sink: way.target, steps, ...(move !== undefined && { move }) }]
}

const isMove = ({ move }: Step): boolean => structuralSteps[move] === undefined

const isIdentity = (node: NodeId): boolean => /^(user|service-account):/.test(node)

/**
 * How many identities each node leads to. Nodes that lead to each other are one; each of these has a set of bits, made of the
 * sets of those that it leads to (Tarjan's order: they come first).
 */
function reachableIdentities(graph: Graph): (subject: NodeId) => number {
  const { componentOf, components } = componentsOf(graph)
  const index = new Map([...componentOf.keys()].filter(isIdentity).map((node, at) => [node, at]))
  const words = Math.ceil(index.size / 32)
  const sets: Uint32Array[] = []
  for (const members of components) {
    const set = new Uint32Array(words)
    const own = sets.length
    for (const node of members) {
      add(set, index.get(node))
      for (const { to } of graph.from.get(node) ?? []) {
        const other = componentOf.get(to)
        if (other !== undefined && other !== own) join(set, sets[other])
      }
    }
    sets.push(set)
  }
  return subject => {
    const own = componentOf.get(subject)
    const starts = graph.atStart.get(subject) ?? []
    const set = new Uint32Array(words)
    join(set, own === undefined ? undefined : sets[own])
    for (const { to } of starts) {
      const other = componentOf.get(to)
      join(set, other === undefined ? undefined : sets[other])
    }
    const at = index.get(subject)
    return bitsIn(set) - (at !== undefined && has(set, at) ? 1 : 0)
  }
}

function add(set: Uint32Array, at: number | undefined): void {
  if (at !== undefined) set[at >> 5] = (set[at >> 5] ?? 0) | (1 << (at & 31))
}

const has = (set: Uint32Array, at: number): boolean => ((set[at >> 5] ?? 0) & (1 << (at & 31))) !== 0

function join(set: Uint32Array, other: Uint32Array | undefined): void {
  if (other === undefined) return
  for (let at = 0; at < set.length; at++) set[at] = (set[at] ?? 0) | (other[at] ?? 0)
}

function bitsIn(set: Uint32Array): number {
  let count = 0
  for (let word of set) for (; word !== 0; word &= word - 1) count++
  return count
}
