/**
 * What conditions can be at once: whether one can ever let its row apply, and whether one asks for all that others do.
 *
 * Facts that different criteria look at are taken to be independent of each other. Each answer that a finding is built on
 * (never, always) is about every combination, of which so at most too many are looked at.
 */
import { type Condition, criteriaOf, evaluateCondition, type Facts, type Truth } from '../conditions/condition.ts'
import { type Axis, axesOf, type Truths } from './axes.ts'
import type { Criterion } from './edges.ts'

/** Combinations at most; of a condition with more nothing is said. */
const mostCombinations = 5_000

/** A condition, and how the row that has it applies: one that denies does unless the condition is false. */
export interface When {
  readonly when: Condition
  readonly isDeny: boolean
}

const applies = (truth: Truth, isDeny: boolean): boolean => (isDeny ? truth !== false : truth === true)

/** What is known of all requests that are asked about. */
export interface Known {
  /** Seconds since the epoch: they come no earlier. */
  readonly now?: number | undefined
  /** None of them is OPTIONS, and so none is a preflight. */
  readonly isNoPreflight?: boolean
}

/** False only when no facts whatever let a row with this condition apply. */
export const canApply = (condition: Condition, isDeny: boolean, known: Known = {}): boolean =>
  someCase([condition], ([truth]) => applies(truth, isDeny), known) !== false

/** True only when whatever lets `narrow` apply lets one of `wide` apply. */
export function implies(narrow: When, wide: readonly When[]): boolean {
  const conditions = [narrow, ...wide].map(({ when }) => when)
  const isApart = ([truth, ...truths]: Truths): boolean =>
    applies(truth, narrow.isDeny) && !wide.some(({ isDeny }, index) => applies(truths[index], isDeny))
  return someCase(conditions, isApart) === false
}

/** True only when the condition holds whatever is known. */
export const holdsAlways = (condition: Condition): boolean =>
  someCase([condition], ([truth]) => truth !== true, { isKnown: true }) === false

interface Cases extends Known {
  /** Leaves out facts that are not known. */
  readonly isKnown?: boolean
}

/** Whether some facts make the conditions such as `isIt` asks; `undefined` when they have too many. */
function someCase(
  conditions: readonly Condition[],
  isIt: (truths: Truths) => boolean,
  { now, isNoPreflight = false, isKnown = false }: Cases = {},
): boolean | undefined {
  const criteria = [...criteriaOf({ kind: 'all', of: conditions })]
  const axes = axesOf(criteria, now)
    ?.map(axis => (isKnown ? knownOf(axis) : axis))
    .map(axis => (isNoPreflight ? withoutPreflights(axis) : axis))
  if (axes === undefined) return undefined
  if (axes.reduce((product, { truths }) => product * truths.length, 1) > mostCombinations) return undefined
  const assigned = new Map<Criterion, Truth>()
  const supposed = conditions.map(condition => supposing(condition, assigned))
  const walk = (at: number): boolean => {
    const axis = axes[at]
    if (axis === undefined) return isIt(supposed.map(condition => evaluateCondition(condition, nothing)))
    return axis.truths.some(truths => {
      for (const [index, criterion] of axis.criteria.entries()) assigned.set(criterion, truths[index])
      return walk(at + 1)
    })
  }
  return walk(0)
}

const knownOf = (axis: Axis): Axis => ({ ...axis, truths: axis.truths.filter(truths => !truths.includes(undefined)) })

function withoutPreflights(axis: Axis): Axis {
  if (axis.criteria[0]?.type !== 'preflight') return axis
  return { ...axis, truths: axis.truths.filter(truths => !truths.includes(true)) }
}

const nothing: Facts = { identity: { kind: 'anonymous' }, context: { now: 0 } }

/** The same condition for the same evaluation as a decision's, with the truths that are assigned by then. */
function supposing(condition: Condition, assigned: ReadonlyMap<Criterion, Truth>): Condition {
  if (condition.kind === 'criterion') return { ...condition, test: () => assigned.get(condition) }
  if (condition.kind === 'not') return { kind: 'not', of: supposing(condition.of, assigned) }
  return { kind: condition.kind, of: condition.of.map(part => supposing(part, assigned)) }
}
