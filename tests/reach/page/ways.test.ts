/** The search of the page, in JavaScript of its own, against that of the command: over graphs that are made up, edges for starts alone among them. */
import { describe, expect, test, vi } from 'vitest'
import type { NodeId } from '../../../rbac/reach/finding.ts'
import type { Edge, Graph } from '../../../rbac/reach/graph/graph.ts'
import { allPaths, isSubject, waysTo } from '../../../rbac/reach/graph/walk.ts'
import { grouped } from '../../../rbac/reach/moves/facts.ts'
import { numberedGraph } from '../../../rbac/reach/report/page/graph-data.ts'
import { fc } from '../../properties.ts'

interface PageWays {
  readonly distance: (from: number) => number | undefined
  readonly path: (from: number) => readonly number[] | undefined
}

interface PageSearch {
  readonly waysTo: (target: number) => PageWays
  readonly reachersOf: (ways: PageWays) => readonly { readonly node: number }[]
}

interface EveryWay {
  readonly allWays: (from: number, target: number) => { readonly paths: readonly number[][]; readonly bound?: string }
}

/** Small ones, so that each is met. */
const bounds = { maxSteps: 3, maxPaths: 4 }

function graphOf(edges: readonly Edge[], starts: readonly Edge[]): Graph {
  const size = { nodes: 0, edges: edges.length + starts.length }
  return {
    from: grouped(edges, one => one.from),
    to: grouped(edges, one => one.to),
    atStart: grouped(starts, one => one.from),
    size,
  }
}

/** The modules of the page, over this graph: they read it once, when they are loaded. */
async function searchOf(graph: Graph) {
  const numbered = numberedGraph(graph, [], text => text)
  const { nodes, edges, nodeIndex } = numbered
  const textContent = JSON.stringify({ nodes, edges, findings: [], asked: 0, bounds })
  vi.resetModules()
  vi.stubGlobal('document', { getElementById: () => ({ textContent }) })
  const path = '../../../cli/kube/reach/page/browser/ways.js'
  const search = (await import(path)) as PageSearch
  const every = (await import('../../../cli/kube/reach/page/browser/all-ways.js' as string)) as EveryWay
  vi.unstubAllGlobals()
  return { ...search, ...every, edges, nodeIndex, nodes }
}

async function expectSame(graph: Graph, target: NodeId): Promise<void> {
  const ways = waysTo(graph, target)
  const page = await searchOf(graph)
  const inPage = page.waysTo(page.nodeIndex(target))
  for (const [at, { id }] of page.nodes.entries()) {
    expect([id, inPage.distance(at)]).toEqual([id, ways.distance(id)])
    const text = inPage.path(at)?.map(place => page.edges[place]?.slice(0, 3))
    const expected = ways.path(id)?.map(({ from, to, move }) => [page.nodeIndex(from), page.nodeIndex(to), move])
    expect([id, text]).toEqual([id, expected])
  }
  for (const [at, { id }] of page.nodes.entries()) {
    if (id === target) continue
    const [all, inCommand] = [page.allWays(at, page.nodeIndex(target)), allPaths(graph, id, target, bounds)]
    expect([id, all.bound, all.paths.length]).toEqual([id, inCommand.bound, inCommand.paths.length])
    const texts = (paths: readonly (readonly unknown[])[]) => paths.map(path => JSON.stringify(path)).sort()
    // Of more than fit, which are shown may differ; how long they are may not.
    const lengths = (paths: readonly (readonly number[])[]) =>
      paths.map(path => path.reduce((sum, cost) => sum + cost, 0))
    expect(lengths(all.paths.map(path => path.map(place => page.edges[place]?.[3] ?? 0)))).toEqual(
      lengths(inCommand.paths.map(path => path.map(step => (step as Edge).cost))),
    )
    if (all.bound === 'paths') continue
    expect(texts(all.paths.map(path => path.map(place => page.edges[place]?.slice(0, 3))))).toEqual(
      texts(
        inCommand.paths.map(path => path.map(({ from, to, move }) => [page.nodeIndex(from), page.nodeIndex(to), move])),
      ),
    )
  }
  const found = page.reachersOf(inPage).map(({ node }) => page.nodes[node]?.id ?? '')
  const told = ways.subjects().filter(one => one !== target && isSubject(one) && (ways.path(one) ?? []).length > 0)
  expect(new Set(found)).toEqual(new Set(told))
}

const edge = (from: NodeId, to: NodeId, cost: 0 | 1 = 1): Edge => ({
  from,
  to,
  move: `${from}-${to}-${cost}`,
  grants: [],
  cost,
})
const [api, node, admin, other] = ['service-account:a/api', 'sink:node', 'sink:cluster-admin', 'user:other'] as const

describe('an edge for starts alone', () => {
  test('is the way of its own subject, and no step of whoever becomes that one', async () => {
    const graph = graphOf([edge(other, api), edge(node, admin)], [edge(api, node)])
    await expectSame(graph, admin)
    const { waysTo: to, nodeIndex } = await searchOf(graph)
    const ways = to(nodeIndex(admin))
    expect([ways.distance(nodeIndex(api)), ways.distance(nodeIndex(other))]).toEqual([2, undefined])
    expect([ways.path(nodeIndex(api))?.length, ways.path(nodeIndex(other))]).toEqual([2, undefined])
  })

  test('is the nearest of several', async () => {
    const graph = graphOf([edge(node, other), edge(other, admin)], [edge(api, node), edge(api, other)])
    await expectSame(graph, admin)
    expect(waysTo(graph, admin).distance(api)).toBe(2)
  })

  test('is taken only where it is nearer than every other', async () => {
    await expectSame(graphOf([edge(api, admin), edge(node, admin)], [edge(api, node)]), admin)
    await expectSame(graphOf([edge(api, other), edge(other, node), edge(node, admin)], [edge(api, node)]), admin)
  })
})

test('over any graph both find the same ways, for everybody and to everything', async () => {
  const names: readonly NodeId[] = [api, node, admin, other, 'group:ops', 'user:b', 'service-accounts:a', 'pods:a']
  const edges = (maxLength: number, cost: fc.Arbitrary<0 | 1>) =>
    fc
      .array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), cost), { maxLength })
      .map(list => list.filter(([from, to]) => from !== to).map(([from, to, steps]) => edge(from, to, steps)))
  await fc.assert(
    fc.asyncProperty(
      edges(14, fc.constantFrom(0, 1)),
      edges(4, fc.constant(1 as const)),
      fc.constantFrom(...names),
      (always, starts, target) => expectSame(graphOf(always, starts), target),
    ),
    { numRuns: 1_000 },
  )
})
