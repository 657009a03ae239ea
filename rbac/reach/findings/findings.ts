/** Findings: each direct move with the way that it opens to the worst there is, and how to close it. */
import type { Finding, NodeId, Severity, Step } from '../finding.ts'
import type { Graph } from '../graph/graph.ts'
import { type Ways, waysTo } from '../graph/walk.ts'
import type { DirectMove } from '../moves/direct.ts'
import { grouped } from '../moves/facts.ts'
import { moveOf } from '../moves/table.ts'
import { editsFor } from './edits.ts'
import { isExpectedMove } from './expected.ts'
import { sentenceOf } from './words.ts'

/** The worst first. Who is in system:masters is cluster-admin, by a step that costs none. */
const worst = 'sink:cluster-admin'
const sinks = [worst, 'sink:node', 'sink:all-secrets'] as const

export function findingsOf(moves: readonly DirectMove[], graph: Graph): Finding[] {
  const ways = sinks.map(sink => waysTo(graph, sink))
  const widest = widestOf(moves)
  return moves.map(found => findingOf(found, { ways, within: withinOf(found, widest) })).sort(byRank)
}

interface Around {
  readonly ways: readonly Ways[]
  readonly within: string | undefined
}

function findingOf(found: DirectMove, { ways, within }: Around): Finding {
  const { subject, move, namespace, severity, to, maybe, grants } = found
  const path = worstPath(found, ways)
  let edits: Finding['edits'] | undefined
  let sentence: string | undefined
  return {
    id: findingId(found),
    move,
    severity: path.at(-1)?.to === worst ? raised(severity) : severity,
    subject,
    ...(namespace !== undefined && { namespace }),
    targets: to,
    perhaps: maybe,
    grants,
    path,
    isExpected: found.isExpected || isExpectedMove(found),
    ...(within !== undefined && { within }),
    // Made when somebody looks: of fifty thousand findings hardly any is printed.
    get edits() {
      const row = moveOf(move)
      edits ??= row === undefined ? [] : editsFor(found, row)
      return edits
    },
    get sentence() {
      sentence ??= sentenceOf(found)
      return sentence
    },
  }
}

/** A small right that leads to cluster-admin is no small one. */
const raised = (severity: Severity): Severity => (severity === 'critical' ? severity : 'high')

/** This move first, then the shortest way on; a way that begins with the subject, or comes back to it, is another move's. */
function worstPath({ subject, to, move, namespace, grants }: DirectMove, ways: readonly Ways[]): readonly Step[] {
  const others = to.filter(node => node !== subject)
  for (const way of ways) {
    const nearest = nearestOf(others, way)
    const rest = nearest === undefined ? undefined : way.path(nearest)
    if (nearest === undefined || rest === undefined || rest.some(step => step.to === subject)) continue
    return [{ from: subject, to: nearest, move, grants, ...(namespace !== undefined && { namespace }) }, ...rest]
  }
  return []
}

function nearestOf(nodes: readonly NodeId[], way: Ways): NodeId | undefined {
  let best: NodeId | undefined
  for (const node of nodes) {
    const far = way.distance(node)
    if (far !== undefined && far < (best === undefined ? Number.POSITIVE_INFINITY : (way.distance(best) ?? 0)))
      best = node
  }
  return best
}

/** The same in each review as long as subject, move, scope and targets are. */
export const findingId = ({ subject, move, namespace, to, seen }: DirectMove): string =>
  `${move}~${subject}~${namespace ?? '*'}~${shortHash([...to].sort().join('\n') + (seen?.object ?? ''))}`

/** FNV-1a, 32 bits: it tells targets of one subject apart, and guards nothing. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

const everything = 'RB05'

/** What findings can be within. */
export const widestOf = (moves: readonly DirectMove[]): ReadonlyMap<string, DirectMove> =>
  new Map(moves.filter(({ seen }) => seen === undefined).map(one => [keyOf(one.subject, one.move, one.namespace), one]))

const keyOf = (subject: string, move: string, namespace: string | undefined): string =>
  `${subject}\n${move}\n${namespace ?? ''}`

/** @returns id of the finding that says it and more */
export function withinOf(found: DirectMove, widest: ReadonlyMap<string, DirectMove>): string | undefined {
  const { subject, move, namespace, seen } = found
  if (seen !== undefined) return undefined
  const wider = [
    widest.get(keyOf(subject, everything, undefined)),
    ...(namespace === undefined
      ? []
      : [widest.get(keyOf(subject, everything, namespace)), widest.get(keyOf(subject, move, undefined))]),
  ].find(one => one !== undefined && one !== found && holds(one, found))
  // Of everything in the cluster only the finding itself is left; a namespace of it is within it too.
  return wider === undefined || (move === everything && wider.namespace === namespace) ? undefined : findingId(wider)
}

/**
 * Threat: who may mint the token of one account anywhere, and of all in a namespace, has the second not by the first: folded
 * into it, the worse finding would be seen by nobody, and by no --fail-on.
 */
const holds = (wider: DirectMove, found: DirectMove): boolean =>
  wider.move === everything ||
  (rank[wider.severity] <= rank[found.severity] && found.uses.every(use => coversNames(wider, use)))

/** Of another right (create a Job, create a Deployment) the move is the same: only the same right can be held of fewer names. */
function coversNames({ uses }: DirectMove, { right, names }: DirectMove['uses'][number]): boolean {
  const same = uses.filter(use => use.right === right)
  if (same.length === 0) return uses.some(use => use.names === undefined)
  const named = new Set(same.flatMap(use => use.names ?? []))
  return same.some(use => use.names === undefined) || (names?.every(name => named.has(name)) ?? false)
}

const rank = { critical: 0, high: 1, medium: 2, low: 3 } as const

/** How bad the end of its path is, the worst first; then how near. */
function reachRank({ path }: Finding): number {
  const sink = sinks.indexOf(path.at(-1)?.to as (typeof sinks)[number])
  return sink === -1 ? sinks.length * 100 : sink * 100 + path.length
}

/** The worst first, then what leads to the worst by the fewest steps, then by name: the same order in each review. */
const byRank = (one: Finding, other: Finding): number =>
  Number(one.isExpected) - Number(other.isExpected) ||
  rank[one.severity] - rank[other.severity] ||
  reachRank(one) - reachRank(other) ||
  (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)

/** What many subjects have by the same rules of the same role: shown once. */
export interface FindingGroup {
  readonly first: Finding
  readonly findings: readonly Finding[]
}

export function groupsOf(findings: readonly Finding[]): FindingGroup[] {
  const same = grouped(
    findings,
    ({ move, severity, namespace, targets, grants, isExpected, within, suppressed, id }) =>
      grants.length === 0
        ? id
        : JSON.stringify([
            move,
            severity,
            namespace,
            isExpected,
            within !== undefined,
            suppressed !== undefined,
            targets,
            [
              ...new Set(
                grants.map(({ role, ruleIndex }) => `${role.kind} ${role.namespace ?? ''}/${role.name} ${ruleIndex}`),
              ),
            ],
          ]),
  )
  return [...same.values()].flatMap(list => (list[0] === undefined ? [] : [{ first: list[0], findings: list }]))
}
