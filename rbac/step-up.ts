/**
 * Which login would make a condition true that is not (docs/policy.md, "Decision" 5).
 *
 * Only the parts about the login may change: nobody is sent to log in again because of their address or the hour.
 */
import type { Condition, Criterion, Facts } from './conditions/condition.ts'

/** What the next login has to be like. Nothing set: no login is needed. */
export interface LoginNeed {
  readonly maxAgeSeconds?: number
  /** Classes of which any will do; empty when none is asked for. */
  readonly acrValues: readonly string[]
  /** Of each list one method is needed. A login has many methods, so no two lists contradict each other. */
  readonly methods: readonly (readonly string[])[]
}

const nothing: LoginNeed = { acrValues: [], methods: [] }

/** `undefined` when no login can make the condition true. */
export function loginNeedOf(condition: Condition, facts: Facts, wanted = true): LoginNeed | undefined {
  switch (condition.kind) {
    case 'criterion':
      return needOfCriterion(condition, facts, wanted)
    case 'not':
      return loginNeedOf(condition.of, facts, !wanted)
    case 'all':
    case 'any': {
      const needs = condition.of.map(part => loginNeedOf(part, facts, wanted))
      const needsEvery = (condition.kind === 'all') === wanted
      return needsEvery ? needs.reduce(join, nothing) : needs.reduce(cheaper, undefined)
    }
  }
}

function needOfCriterion({ test, stepUp }: Criterion, facts: Facts, wanted: boolean): LoginNeed | undefined {
  if (test(facts) === wanted) return nothing
  // A login can be made fresher or stronger, never staler or weaker.
  if (!wanted || stepUp === undefined) return undefined
  switch (stepUp.kind) {
    case 'age':
      return { ...nothing, maxAgeSeconds: stepUp.maxAgeSeconds }
    case 'class':
      return { ...nothing, acrValues: stepUp.acrValues }
    case 'method':
      return { ...nothing, methods: [stepUp.methods] }
  }
}

function join(left: LoginNeed | undefined, right: LoginNeed | undefined): LoginNeed | undefined {
  if (left === undefined || right === undefined) return undefined
  const ages = [left.maxAgeSeconds, right.maxAgeSeconds].filter(age => age !== undefined)
  const acrValues = intersect(left.acrValues, right.acrValues)
  if (acrValues === undefined) return undefined
  const need = { acrValues, methods: withoutRepeats([...left.methods, ...right.methods]) }
  return ages.length === 0 ? need : { ...need, maxAgeSeconds: Math.min(...ages) }
}

/** A login has one class: two lists that share none can never both be satisfied. */
function intersect(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length === 0 || right.length === 0) return [...left, ...right]
  const both = left.filter(value => right.includes(value))
  return both.length === 0 ? undefined : both
}

function withoutRepeats(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(lists.map(list => [JSON.stringify(list), list])).values()]
}

/** The login that asks less of the person; the first of two alike. */
function cheaper(left: LoginNeed | undefined, right: LoginNeed | undefined): LoginNeed | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return costOf(right) < costOf(left) ? right : left
}

function costOf({ maxAgeSeconds, acrValues, methods }: LoginNeed): number {
  return (maxAgeSeconds === undefined ? 0 : 1) + (acrValues.length + methods.length > 0 ? 2 : 0)
}

/** `authentication-too-old` comes before `authentication-method-missing`; then the login that asks less. */
export function preferred(left: LoginNeed, right: LoginNeed): LoginNeed {
  const isOld = ({ maxAgeSeconds }: LoginNeed): boolean => maxAgeSeconds !== undefined
  if (isOld(left) !== isOld(right)) return isOld(left) ? left : right
  return costOf(right) < costOf(left) ? right : left
}
