/**
 * Situations in which a row hangs on one criterion of its condition: whatever stands beside it is as it has to be for the
 * criterion to decide, and no other row denies. In them a criterion that was changed shows.
 */

import { type Condition, type Criterion, evaluateCondition } from '../conditions/condition.ts'
import { decide } from '../decide.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { loginChange } from './changes.ts'
import { type Edge, edgesOf } from './condition-edges.ts'

export interface EdgeSituation {
  /** Continues the name of somebody. */
  readonly text: string
  readonly situation: Situation
}

export interface EdgeSituations {
  readonly situations: readonly EdgeSituation[]
  /** Types of criteria that were not found to be true and otherwise where they decide. */
  readonly unsampled: readonly string[]
}

/** @param beside what has to be true as well, such as the condition of another row */
export function edgeSituations(
  row: Row,
  start: Situation,
  policy: PolicySnapshot,
  beside: readonly Condition[] = [],
): EdgeSituations {
  const situations: EdgeSituation[] = []
  const unsampled = new Set<string>()
  for (const { criterion, demands } of turningPoints(row.when, true, beside)) {
    const found = atEdges({ criterion, demands, row }, begin(start, row), policy)
    situations.push(...found.map(({ text, situation }) => ({ text, situation })))
    if (new Set(found.map(({ isTrue }) => isTrue)).size < 2) unsampled.add(criterion.type)
  }
  return { situations, unsampled: [...unsampled] }
}

/** In which the condition of a row is true; `undefined` where none is found. */
export function situationMeeting(row: Row, start: Situation): EdgeSituation | undefined {
  const met = meet([row.when], begin(start, row))
  return evaluateCondition(row.when, met.situation) === true ? met : undefined
}

interface TurningPoint {
  readonly criterion: Criterion
  /** What has to be true for it to decide. */
  readonly demands: readonly Condition[]
}

function turningPoints(condition: Condition, wanted: boolean, demands: readonly Condition[]): readonly TurningPoint[] {
  switch (condition.kind) {
    case 'criterion':
      return [{ criterion: condition, demands }]
    case 'not':
      return turningPoints(condition.of, !wanted, demands)
    case 'all':
    case 'any':
      return condition.of.flatMap((part, at) => {
        const others = condition.of.filter((_, other) => other !== at)
        // Beside parts of which every one is needed the others are true; where one is enough, they are false.
        const needed = others.map(other => (condition.kind === 'all' ? other : opposite(other)))
        return turningPoints(part, wanted, [...demands, ...needed])
      })
  }
}

const opposite = (of: Condition): Condition => ({ kind: 'not', of })

/** Nobody has a login; whoever has is somebody. */
function begin(start: Situation, row: Row): EdgeSituation {
  if (start.identity.kind !== 'anonymous' || !isAboutLogins(row.when)) return { text: '', situation: start }
  const { text, apply } = loginChange(row.id)
  return { text, situation: apply(start) }
}

function isAboutLogins(condition: Condition): boolean {
  if (condition.kind === 'not') return isAboutLogins(condition.of)
  if (condition.kind !== 'criterion') return condition.of.some(isAboutLogins)
  return condition.stepUp !== undefined || ['claim', 'same', 'group'].includes(condition.type)
}

interface Decisive extends TurningPoint {
  readonly row: Row
}

function atEdges(turning: Decisive, start: EdgeSituation, policy: PolicySnapshot) {
  const { criterion, demands } = turning
  const begun = meet(demands, start)
  return edgesOf(criterion, begun.situation).flatMap(edge => {
    const there = after(begun, edge)
    const truth = criterion.test(there.situation)
    // What is beside it may have changed with it: a login grows older with the clock.
    const met = undenied(turning, meet(demands, there), policy)
    const isKept = criterion.test(met.situation) === truth
    return isKept ? [{ ...met, isTrue: truth === true }] : []
  })
}

/** Without the rows that deny, as far as other facts keep them from it. */
function undenied({ row, demands }: Decisive, start: EdgeSituation, policy: PolicySnapshot): EdgeSituation {
  let [met, needed] = [start, demands]
  for (let tries = 0; tries < 3; tries++) {
    const decision = decide(met.situation, policy)
    if (decision.effect !== 'deny' || decision.reason !== 'rule-denied' || decision.rule === row.id) return met
    const denying = policy.rows.find(({ id }) => id === decision.rule)
    if (denying === undefined) return met
    needed = [...needed, opposite(denying.when)]
    met = meet(needed, met)
  }
  return met
}

const after = ({ text, situation }: EdgeSituation, edge: Edge): EdgeSituation => ({
  text: [text, edge.text].filter(part => part !== '').join(' '),
  situation: edge.apply(situation),
})

const maxChanges = 12

/** One change after the other, as far as it goes: what cannot be met is passed over. */
function meet(demands: readonly Condition[], start: EdgeSituation): EdgeSituation {
  let met = start
  for (let changes = 0; changes < maxChanges; changes++) {
    const edge = demands.map(demand => edgeTowards(demand, true, met.situation)).find(found => found !== undefined)
    if (edge === undefined) return met
    met = after(met, edge)
  }
  return met
}

/** A change that brings a condition nearer to what is wanted; `undefined` where it is so already, or none is found. */
function edgeTowards(condition: Condition, wanted: boolean, situation: Situation): Edge | undefined {
  if (evaluateCondition(condition, situation) === wanted) return undefined
  switch (condition.kind) {
    case 'criterion':
      return edgesOf(condition, situation).find(({ apply }) => condition.test(apply(situation)) === wanted)
    case 'not':
      return edgeTowards(condition.of, !wanted, situation)
    case 'all':
    case 'any':
      return condition.of.map(part => edgeTowards(part, wanted, situation)).find(found => found !== undefined)
  }
}
