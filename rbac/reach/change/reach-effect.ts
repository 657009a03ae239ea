/** What a change does to who can become whom, before it is made: which findings it closes, which it opens, who gets where. */
import { type Finding, type NodeId, type Severity, severities } from '../finding.ts'
import { findingId } from '../findings/findings.ts'
import type { Graph } from '../graph/graph.ts'
import { directMoves } from '../moves/direct.ts'
import type { Facts, ReviewOptions } from '../moves/facts.ts'
import type { Move } from '../moves/move.ts'
import { moves as catalogue } from '../moves/table.ts'
import type { ClusterObjects } from '../objects.ts'
import { isOpen, isSuppressed } from '../report/report.ts'
import { type Review, reachersOf, reviewOf } from '../review.ts'
import { type Change, changedBy, type ObjectName } from './change.ts'

/** What everybody asks about first. */
export const sinks = ['sink:cluster-admin', 'sink:system-masters', 'sink:all-secrets', 'sink:node'] as const

export interface ReachEffect {
  /** Open before; afterwards the subject has nothing of the move there. The worst first, as everywhere. */
  readonly closes: readonly Finding[]
  /** As they are afterwards: no finding of before said as much of the subject, open or folded. */
  readonly opens: readonly Finding[]
  /** Those of `opens` that were there, and less bad: their way leads further now. */
  readonly worse: readonly Finding[]
  /** Those of `opens` that somebody had accepted as they were, and has not as they are. */
  readonly reopened: readonly Finding[]
  /** Accepted as they are afterwards, and not before. */
  readonly accepted: readonly Finding[]
  /** Open before, and afterwards with other targets: the subject still has the move. */
  readonly changes: readonly FindingChange[]
  /** As they are afterwards: folded into one that goes, and open now that nothing says them any more. */
  readonly remains: readonly Finding[]
  /** Open before, folded afterwards: another finding says them. */
  readonly folds: readonly Finding[]
  readonly openBefore: number
  readonly openAfter: number
  readonly sinks: readonly SinkEffect[]
  readonly writtenBack: readonly ObjectName[]
  readonly isNew: readonly ObjectName[]
}

export interface FindingChange {
  readonly before: Finding
  readonly after: Finding
}

export interface SinkEffect {
  readonly sink: NodeId
  readonly lost: readonly NodeId[]
  readonly gained: readonly NodeId[]
}

/** Throws where the API server would refuse the change. */
export function reachEffectOf(objects: ClusterObjects, change: Change, options: ReviewOptions = {}): ReachEffect {
  const { objects: after, writtenBack, isNew } = changedBy(objects, change)
  return { ...comparisonWith(reviewOf(objects, options))(reviewOf(after, options)), writtenBack, isNew }
}

export type ReachComparison = Omit<ReachEffect, 'writtenBack' | 'isNew'>

/**
 * Threat: a change widens what somebody has accepted, or brings what it hides. What is accepted says nothing for what comes.
 *
 * @returns what another review of the same cluster says that this one did not
 */
export function comparisonWith(before: Review): (after: Review) => ReachComparison {
  const now = byId(before.findings)
  const openBefore = before.findings.filter(isOpen)
  const coverage = coveredBy({ ...before, findings: before.findings.filter(one => !isSuppressed(one)) })
  const acceptedBefore = new Set(before.findings.filter(isSuppressed).map(({ id }) => id))
  const reachers = new Map(sinks.map(sink => [sink, reachingIn(before, sink)]))
  return after => compared({ now, openBefore, acceptedBefore, coverage, reachers }, after)
}

interface Before {
  readonly now: ReadonlyMap<string, Finding>
  readonly openBefore: readonly Finding[]
  readonly acceptedBefore: ReadonlySet<string>
  readonly coverage: Coverage
  readonly reachers: ReadonlyMap<NodeId, ReadonlySet<NodeId>>
}

function compared({ now, openBefore, acceptedBefore, coverage, reachers }: Before, after: Review): ReachComparison {
  const then = byId(after.findings)
  const left = grouping(after.findings)
  // Threat: a change may call itself Kubernetes' own. What it brings is no part of what Kubernetes ships: nothing new is expected.
  const told = after.findings.filter(({ within }) => within === undefined)
  const opens = told.filter(one => !isSuppressed(one) && !coverage.covers(one))
  const opened = new Set(opens)
  const gone = openBefore.filter(({ id }) => !then.has(id))
  const changes = gone.flatMap(one => {
    const other = coverage.isSeen(one) ? undefined : left.get(placeOf(one))?.[0]
    return other === undefined ? [] : [{ before: one, after: other }]
  })
  const changed = new Set(changes.map(one => one.before))
  const successors = new Set(changes.map(one => one.after))
  return {
    closes: gone.filter(one => !changed.has(one)),
    opens,
    worse: opens.filter(({ id }) => now.has(id) && !acceptedBefore.has(id)),
    reopened: opens.filter(({ id }) => acceptedBefore.has(id)),
    accepted: after.findings.filter(one => isSuppressed(one) && !acceptedBefore.has(one.id)),
    changes,
    remains: told.filter(one => isOpen(one) && !opened.has(one) && !successors.has(one) && !isOpenIn(now, one)),
    folds: openBefore.filter(({ id }) => {
      const other = then.get(id)
      return other !== undefined && !isOpen(other) && !isSuppressed(other)
    }),
    openBefore: openBefore.length,
    openAfter: after.findings.filter(isOpen).length,
    sinks: sinks.map(sink => sinkEffect(sink, reachers.get(sink) ?? new Set(), reachingIn(after, sink))),
  }
}

const byId = (findings: readonly Finding[]): ReadonlyMap<string, Finding> => new Map(findings.map(one => [one.id, one]))

function isOpenIn(findings: ReadonlyMap<string, Finding>, { id }: Finding): boolean {
  const one = findings.get(id)
  return one !== undefined && isOpen(one)
}

const placeOf = ({ subject, move, namespace }: Finding): string => JSON.stringify([subject, move, namespace])

function grouping(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const groups = new Map<string, Finding[]>()
  for (const one of findings) groups.set(placeOf(one), [...(groups.get(placeOf(one)) ?? []), one])
  return groups
}

interface Coverage {
  /** A finding of before says as much: the same move there or in the whole cluster, or everything; as bad, of the same targets. */
  readonly covers: (after: Finding) => boolean
  /** Of an object (a workload, a binding), not of a right: each object has its own. */
  readonly isSeen: (finding: Finding) => boolean
}

const everything = 'RB05'

function coveredBy({ findings, moves, graph, facts }: Review): Coverage {
  const hidden = hiddenMoves(facts)
  const ids = byId(findings)
  const places = grouping(findings)
  const seen = new Set(moves.flatMap(one => (one.seen === undefined ? [] : [findingId(one)])))
  const wider = ({ subject, namespace, move }: Finding): readonly Finding[] =>
    [move, everything].flatMap(of =>
      [...new Set([namespace, undefined])].flatMap(scope => {
        const place = { subject, move: of, ...(scope !== undefined && { namespace: scope }) }
        return places.get(placeOf(place as Finding)) ?? []
      }),
    )
  return {
    isSeen: ({ id }) => seen.has(id),
    covers: after => {
      const known = ids.get(after.id)
      if (known !== undefined) return isAsBad(known.severity, after.severity)
      if (hidden(after)) return true
      return wider(after).some(
        before =>
          !seen.has(before.id) &&
          (before.move === everything ||
            (isAsBad(before.severity, after.severity) &&
              after.targets.every(node => isIn(node, before.targets, graph)))),
      )
    },
  }
}

const isAsBad = (one: Severity, other: Severity): boolean => severities.indexOf(one) >= severities.indexOf(other)

/** Moves that were not said since the subject had a worse one that has them within it (`without`). */
function hiddenMoves(facts: Facts): (after: Finding) => boolean {
  const rows = catalogue.flatMap((row): Move[] => {
    if (!('without' in row)) return []
    const { without: _, ...rest } = row
    return [rest]
  })
  let found: ReadonlyMap<string, Severity> | undefined
  return after => {
    if (!rows.some(({ id }) => id === after.move)) return false
    found ??= new Map(directMoves(facts, rows).map(one => [findingId(one), one.severity]))
    const before = found.get(after.id)
    return before !== undefined && isAsBad(before, after.severity)
  }
}

/** One of the targets, or within one: a member of a set, whatever is in a namespace, and everything in cluster-admin. */
function isIn(node: NodeId, targets: readonly NodeId[], graph: Graph): boolean {
  const known = new Set<NodeId>(targets)
  if (known.has('sink:cluster-admin')) return true
  const seen = new Set<NodeId>()
  const open = [node]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (known.has(one)) return true
    if (seen.has(one)) continue
    seen.add(one)
    const [, role, namespace] = /^(role:.*)@(.*)$/.exec(one) ?? []
    if (role !== undefined && namespace !== undefined) open.push(`${role}@*` as NodeId, `namespace:${namespace}`)
    for (const { from, move } of graph.to.get(one) ?? []) if (move === 'one-of' || move === 'holds-all') open.push(from)
  }
  return false
}

const reachingIn = (review: Review, sink: NodeId): ReadonlySet<NodeId> =>
  new Set(reachersOf(review, sink).map(({ subject }) => subject))

const sinkEffect = (sink: NodeId, before: ReadonlySet<NodeId>, after: ReadonlySet<NodeId>): SinkEffect => ({
  sink,
  lost: [...before].filter(one => !after.has(one)),
  gained: [...after].filter(one => !before.has(one)),
})
