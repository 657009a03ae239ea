/** Who gets there, and where somebody gets, in several steps: the graph of a review behind who-can and what-can. */
import type { NodeId, Step } from '../../../rbac/reach/finding.ts'
import { nodeText, stepText, toldSteps } from '../../../rbac/reach/findings/words.ts'
import { type Reached, reachedFrom } from '../../../rbac/reach/graph/ahead.ts'
import type { Edge } from '../../../rbac/reach/graph/graph.ts'
import { waysTo } from '../../../rbac/reach/graph/walk.ts'
import type { ReviewOptions } from '../../../rbac/reach/moves/facts.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { reviewOf } from '../../../rbac/reach/review.ts'
import type { SubjectId } from '../../../rbac/reach/subject.ts'
import { printable } from '../../../spelling/printable.ts'
import { wrapped } from './wrapped.ts'

const mostShown = 50

/** Whoever can become one of those that hold it, or everything; those that are in a group that holds it are not named again. */
export function whoEventually(
  objects: ClusterObjects,
  holders: ReadonlySet<SubjectId>,
  options: ReviewOptions,
): readonly Reached[] {
  const { graph } = reviewOf(objects, options)
  const asked: NodeId = 'sink:asked'
  const ends = [...holders, 'sink:cluster-admin' as NodeId].map(
    (from): Edge => ({ from, to: asked, move: 'one-of', grants: [], cost: 0 }),
  )
  const ways = waysTo({ ...graph, to: new Map([...graph.to, [asked, ends]]) }, asked)
  return ways.subjects().flatMap(node => {
    const [steps = 0, path = []] = [ways.distance(node), ways.path(node)]
    return steps === 0 || holders.has(node) ? [] : [{ node, steps, path: path.slice(0, -1) }]
  })
}

/** What is worth something: sinks first, then whom it can become, then the rest; of a set of Secrets or namespaces the set. */
export function whatEventually(
  objects: ClusterObjects,
  starts: readonly NodeId[],
  options: ReviewOptions,
): readonly Reached[] {
  const isPart = ({ path }: Reached): boolean => {
    const last = path.at(-1)
    return last?.move === 'one-of' && /^(secrets|namespace):/.test(last.to)
  }
  return reachedFrom(reviewOf(objects, options).graph, starts)
    .filter(one => one.steps > 0 && rankOf(one.node) !== undefined && !isPart(one))
    .sort((one, other) => (rankOf(one.node) ?? 0) - (rankOf(other.node) ?? 0))
}

const ranks: readonly RegExp[] = [/^sink:/, /^(user|group|service-account):/, /^(namespace|secrets|node):/]

function rankOf(node: NodeId): number | undefined {
  const rank = ranks.findIndex(pattern => pattern.test(node))
  return rank === -1 ? undefined : rank
}

export function eventualText(title: string, reached: readonly Reached[]): string {
  const shown = reached.slice(0, mostShown).map(({ node, steps, path }) => {
    const way = toldSteps(path).map(stepText).join(', then ')
    const head = `${nodeText(node)}, in ${steps === 1 ? 'one step' : `${steps} steps`}`
    return (
      wrapped(printable(head), { first: '', rest: '  ' }) + wrapped(printable(way), { first: '    ', rest: '    ' })
    )
  })
  const more = reached.length > mostShown ? [`and ${reached.length - mostShown} more: --json has all of them\n`] : []
  return [`${title}: ${reached.length === 0 ? 'nobody and nothing else' : reached.length}\n`, ...shown, ...more].join(
    '',
  )
}

/** For JSON: a step without the whole of its grants. */
export const eventualJson = (reached: readonly Reached[]) =>
  reached.map(({ node, steps, path }) => ({ node, steps, path: path.map(stepJson) }))

const stepJson = ({ from, to, move, namespace, grants }: Step) => ({
  ...{ from, to, move, ...(namespace !== undefined && { namespace }) },
  bindings: [...new Set(grants.map(({ binding }) => binding))].map(({ kind, namespace: within, name }) =>
    [kind, ...(within === undefined ? [] : [within]), name].join('/'),
  ),
})
