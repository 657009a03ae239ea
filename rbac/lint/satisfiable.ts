/** Whether a condition can ever let its row apply, its criteria being independent of each other. */
import { type Condition, criteriaOf, evaluateCondition, type Truth } from '../conditions/condition.ts'

/** Their truth is always known (docs/policy.md, "Conditions"). */
const neverUnknown: ReadonlySet<string> = new Set(['time-window', 'date-window', 'header'])
/** 3^7 ways; a condition with more criteria is taken to be satisfiable. */
const maxCriteria = 7

type Criterion = Extract<Condition, { kind: 'criterion' }>

/**
 * False only when no facts whatever, from `now` on where it is given, let a row with this condition apply.
 * @param now seconds since the epoch
 */
export function canApply(condition: Condition, isDeny: boolean, now?: number): boolean {
  const criteria = [...criteriaOf(condition)]
  if (criteria.length > maxCriteria) return true
  const choices = criteria.map((criterion): readonly Truth[] => {
    if (now !== undefined && criterion.isOver?.(now) === true) return [false]
    return neverUnknown.has(criterion.type) ? [true, false] : [true, false, undefined]
  })
  return someWay(choices, truths => {
    const assigned = new Map(criteria.map((criterion, index) => [criterion, truths[index]]))
    const truth = evaluateAssigned(condition, assigned)
    return isDeny ? truth !== false : truth === true
  })
}

function someWay(choices: readonly (readonly Truth[])[], isIt: (truths: readonly Truth[]) => boolean): boolean {
  const walk = (truths: readonly Truth[]): boolean => {
    const next = choices[truths.length]
    return next === undefined ? isIt(truths) : next.some(truth => walk([...truths, truth]))
  }
  return walk([])
}

/** The same evaluation as a decision's, with the truths put in. */
function evaluateAssigned(condition: Condition, assigned: ReadonlyMap<Criterion, Truth>): Truth {
  return evaluateCondition(substituted(condition, assigned), {
    identity: { kind: 'anonymous' },
    context: { now: 0 },
  })
}

function substituted(condition: Condition, assigned: ReadonlyMap<Criterion, Truth>): Condition {
  if (condition.kind === 'criterion') return { ...condition, test: () => assigned.get(condition) }
  if (condition.kind === 'not') return { kind: 'not', of: substituted(condition.of, assigned) }
  return { kind: condition.kind, of: condition.of.map(part => substituted(part, assigned)) }
}
