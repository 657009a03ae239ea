/** What an inventory says of reach is what the graph says, walked from each identity by itself. */
import { expect, test } from 'vitest'
import type { NodeId } from '../../rbac/reach/finding.ts'
import { reachedFrom } from '../../rbac/reach/graph/ahead.ts'
import type { Edge, Graph } from '../../rbac/reach/graph/graph.ts'
import { reachSummaries } from '../../rbac/reach/inventory/reach-summary.ts'
import { grouped } from '../../rbac/reach/moves/facts.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { fc } from '../properties.ts'
import { objectsBelow } from './plain-objects.ts'
import { sharedData } from './shared-data.ts'

const sinks = ['sink:cluster-admin', 'sink:system-masters', 'sink:all-secrets', 'sink:node']
const isIdentity = (node: NodeId): boolean => /^(user|service-account):/.test(node)

function expectSame(graph: Graph, subjects: readonly NodeId[]): void {
  const summaryOf = reachSummaries(graph)
  for (const subject of subjects) {
    const reached = reachedFrom(graph, [subject])
    const steps = new Map(reached.map(one => [one.node, one.steps]))
    const expected = {
      sinks: sinks.filter(sink => steps.has(sink)).map(sink => [sink, steps.get(sink)]),
      becomes: reached.filter(({ node }) => isIdentity(node)).length,
    }
    const { sinks: found, becomes } = summaryOf(subject)
    expect([subject, { sinks: found.map(one => [one.sink, one.steps]), becomes }]).toEqual([subject, expected])
  }
}

const nodes: readonly NodeId[] = [
  ...Array.from({ length: 40 }, (_, at): NodeId => `service-account:shop/a${at}`),
  ...['user:alice', 'group:ops', 'service-accounts:shop', 'sink:cluster-admin', 'sink:node'],
]
const edges = fc.array(
  fc.record({
    from: fc.constantFrom(...nodes),
    to: fc.constantFrom(...nodes),
    cost: fc.constantFrom(0 as const, 1 as const),
  }),
  { maxLength: 90 },
)
const asEdge = (one: { from: NodeId; to: NodeId; cost: 0 | 1 }): Edge => ({ ...one, move: 'ID09', grants: [] })

test('in any graph, with any circles', () => {
  fc.assert(
    fc.property(
      edges,
      fc.array(fc.record({ from: fc.constantFrom(...nodes), to: fc.constantFrom(...nodes) }), { maxLength: 3 }),
      (all, starts) => {
        const made = all.map(asEdge)
        const graph: Graph = {
          from: grouped(made, ({ from }) => from),
          to: grouped(made, ({ to }) => to),
          atStart: grouped(
            starts.map(one => asEdge({ ...one, cost: 1 })),
            ({ from }) => from,
          ),
          size: { nodes: 0, edges: 0 },
        }
        expectSame(graph, nodes.filter(isIdentity))
      },
    ),
    { numRuns: 300 },
  )
})

test('a chain of ten thousand', () => {
  const chain = Array.from({ length: 10_000 }, (_, at) =>
    asEdge({ from: `user:u${at}`, to: `user:u${at + 1}`, cost: 1 }),
  )
  const graph: Graph = {
    from: grouped(chain, ({ from }) => from),
    to: grouped(chain, ({ to }) => to),
    atStart: new Map(),
    size: { nodes: 0, edges: 0 },
  }
  expect(reachSummaries(graph)('user:u0')).toEqual({ sinks: [], becomes: 10_000 })
})

const dump = sharedData('k8s/cluster-dump')

test.skipIf(dump === undefined)('in the shared dump', () => {
  const { graph, facts } = reviewOf(objectsBelow(dump ?? import.meta.dirname))
  expectSame(graph, facts.grants.subjects.filter(isIdentity))
})
