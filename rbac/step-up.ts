/**
 * Which login would make a condition true that is not (docs/policy.md, "Decision" 5).
 *
 * Only the login may change: nobody is sent to log in again because of their address or the hour. A condition is taken
 * apart into its alternatives, each a list of what has to hold at once, because what one part asks for may contradict
 * another, or be enough for both. What is then to be asked for is tried on the whole condition first: nobody is sent to
 * a login that would not let them in.
 */
import { type Condition, type Criterion, evaluateCondition, type Facts } from './conditions/condition.ts'
import type { User } from './identity.ts'
import type { Row } from './row.ts'

/** What the next login has to be like. */
export interface LoginNeed {
  readonly maxAgeSeconds?: number
  /** Classes of which any will do; empty when none is asked for. */
  readonly acrValues: readonly string[]
  /** Of each list one method is needed. A login has many methods, so no two lists contradict each other. */
  readonly methods: readonly (readonly string[])[]
}

/** What has to be true for somebody to get in by a row: it applies, and still none that denies and spares them now. */
export function entryBy({ when }: Row, spared: readonly Row[]): Condition {
  if (spared.length === 0) return when
  return { kind: 'all', of: [when, ...spared.map(row => ({ kind: 'not' as const, of: row.when }))] }
}

/**
 * More alternatives than these are not held at once: those that ask for the least are, so that somebody may be denied whom
 * a login would help, and nobody is let in or sent in vain.
 */
const maxAlternatives = 64

/** `undefined` when no login that can be asked for makes the condition true, or none has to. Of two alike the first. */
export function loginNeedOf(condition: Condition, facts: Facts): LoginNeed | undefined {
  const { identity } = facts
  if (identity.kind !== 'user') return undefined
  let best: LoginNeed | undefined
  const offered = offeredBy(condition)
  for (const alternative of alternativesOf(condition, { facts, user: identity }, true)) {
    const need = tried(needOf(alternative, identity, offered), condition, facts, identity)
    if (need !== undefined && (best === undefined || costOf(need) < costOf(best))) best = need
  }
  return best
}

/** What a login has to be like for an alternative, of which whatever is about no login holds already. */
interface Alternative {
  readonly maxAgeSeconds?: number
  /** Of each list the class has to be one: a login has one class. */
  readonly classes: readonly (readonly string[])[]
  /** None of these classes. */
  readonly otherThan: readonly string[]
  readonly methods: readonly (readonly string[])[]
  /** None of these methods. */
  readonly without: readonly string[]
}

interface Asked {
  readonly facts: Facts
  readonly user: User
}

const nothing: Alternative = { classes: [], otherThan: [], methods: [], without: [] }
const itself: readonly Alternative[] = [nothing]
const none: readonly Alternative[] = []

function alternativesOf(condition: Condition, asked: Asked, wanted: boolean): readonly Alternative[] {
  switch (condition.kind) {
    case 'criterion':
      return alternativesOfCriterion(condition, asked, wanted)
    case 'not':
      return alternativesOf(condition.of, asked, !wanted)
    case 'all':
    case 'any': {
      const needsEvery = (condition.kind === 'all') === wanted
      const of = (part: Condition): readonly Alternative[] => alternativesOf(part, asked, wanted)
      if (!needsEvery) return bounded(condition.of.flatMap(of))
      return condition.of.reduce(
        (before, part) => (before.length === 0 ? none : bounded(product(before, of(part)))),
        itself,
      )
    }
  }
}

function alternativesOfCriterion({ test, stepUp }: Criterion, { facts, user }: Asked, wanted: boolean) {
  if (stepUp === undefined) return test(facts) === wanted ? itself : none
  switch (stepUp.kind) {
    case 'age':
      // A login can be made fresher, and every login is; never staler.
      if (!wanted) return none
      return test(facts) === true ? itself : [{ ...nothing, maxAgeSeconds: stepUp.maxAgeSeconds }]
    case 'class':
      return [{ ...nothing, ...(wanted ? { classes: [stepUp.acrValues] } : { otherThan: stepUp.acrValues }) }]
    case 'method':
      if (wanted) return test(facts) === true ? itself : [{ ...nothing, methods: [stepUp.methods] }]
      // Nor is it asked for without a method that it has.
      return user.amr !== undefined && test(facts) !== false ? none : [{ ...nothing, without: stepUp.methods }]
  }
}

const product = (left: readonly Alternative[], right: readonly Alternative[]): Alternative[] =>
  left.flatMap(one => right.map(other => join(one, other)))

function join(left: Alternative, right: Alternative): Alternative {
  if (left === nothing) return right
  if (right === nothing) return left
  const ages = [left.maxAgeSeconds, right.maxAgeSeconds].filter(age => age !== undefined)
  const both = {
    classes: withoutRepeats([...left.classes, ...right.classes]),
    otherThan: [...new Set([...left.otherThan, ...right.otherThan])],
    methods: withoutRepeats([...left.methods, ...right.methods]),
    without: [...new Set([...left.without, ...right.without])],
  }
  return ages.length === 0 ? both : { ...both, maxAgeSeconds: Math.min(...ages) }
}

function withoutRepeats<T>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map(value => [JSON.stringify(value), value])).values()]
}

/** Without those that no login can be like, and not more than are looked at. */
function bounded(alternatives: readonly Alternative[]): readonly Alternative[] {
  if (alternatives.length < 2) return alternatives
  const possible = withoutRepeats(alternatives.filter(isPossible))
  if (possible.length <= maxAlternatives) return possible
  return [...possible].sort((left, right) => weightOf(left) - weightOf(right)).slice(0, maxAlternatives)
}

const isPossible = ({ classes, methods, without }: Alternative): boolean =>
  (classes.length === 0 || inAll(classes).length > 0) && methods.every(list => except(list, without).length > 0)

const except = (values: readonly string[], others: readonly string[]): readonly string[] =>
  values.filter(value => !others.includes(value))

const inAll = ([first = [], ...others]: readonly (readonly string[])[]): readonly string[] =>
  first.filter(value => others.every(list => list.includes(value)))

const weightOf = ({ maxAgeSeconds, classes, otherThan, methods, without }: Alternative): number =>
  (maxAgeSeconds === undefined ? 0 : 1) + 2 * (classes.length + methods.length) + otherThan.length + without.length

/** What a condition names of logins, to be asked for where any other than that of now will do. */
interface Offered {
  readonly classes: readonly string[]
  readonly methods: readonly string[]
}

function offeredBy(condition: Condition, wanted = true): Offered {
  switch (condition.kind) {
    case 'criterion': {
      const { stepUp } = condition
      if (!wanted || stepUp === undefined || stepUp.kind === 'age') return { classes: [], methods: [] }
      return stepUp.kind === 'class'
        ? { classes: stepUp.acrValues, methods: [] }
        : { classes: [], methods: stepUp.methods }
    }
    case 'not':
      return offeredBy(condition.of, !wanted)
    case 'all':
    case 'any': {
      const parts = condition.of.map(part => offeredBy(part, wanted))
      return { classes: parts.flatMap(({ classes }) => classes), methods: parts.flatMap(({ methods }) => methods) }
    }
  }
}

/** What is to be asked for; `undefined` where that cannot be. What the login of now has is not asked for again. */
function needOf(alternative: Alternative, { acr, amr }: User, offered: Offered): LoginNeed | undefined {
  const { maxAgeSeconds, methods, without } = alternative
  const acrValues = classesFor(alternative, acr, offered.classes)
  const isUnknown = without.length > 0 && amr === undefined
  const wanted = isUnknown && methods.length === 0 ? [offered.methods] : methods
  const lists = wanted.map(list => except(list, without))
  if (acrValues === undefined || lists.some(list => list.length === 0)) return undefined
  return { acrValues, methods: withoutRepeats(lists), ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) }
}

/**
 * Empty where the class of now will do, `undefined` where none can. Every list counts, also one that the class of now is in: the
 * next login may be of another.
 */
function classesFor({ classes, otherThan }: Alternative, acr: string | undefined, offered: readonly string[]) {
  const isMet = (value: string): boolean => classes.every(list => list.includes(value)) && !otherThan.includes(value)
  if (classes.length + otherThan.length === 0 || (acr !== undefined && isMet(acr))) return []
  const fitting = [...new Set(classes.length === 0 ? offered : inAll(classes))].filter(isMet)
  return fitting.length === 0 ? undefined : fitting
}

/** The need as far as a login of now that is as asked makes the whole condition true. */
function tried(need: LoginNeed | undefined, condition: Condition, facts: Facts, user: User) {
  if (need === undefined) return undefined
  const { acrValues, methods } = need
  const firsts = methods.flatMap(list => list.slice(0, 1))
  const helps = (acr: string | undefined): boolean => {
    const identity = {
      ...user,
      authTime: facts.context.now,
      ...(firsts.length === 0 ? {} : { amr: [...(user.amr ?? []), ...firsts] }),
      ...(acr === undefined ? {} : { acr }),
    }
    return evaluateCondition(condition, { ...facts, identity }) === true
  }
  if (acrValues.length === 0) return helps(undefined) ? need : undefined
  const fitting = acrValues.filter(helps)
  return fitting.length === 0 ? undefined : { ...need, acrValues: fitting }
}

/** How much is asked of the person: another class and each list of methods more than a fresh login. */
function costOf({ maxAgeSeconds, acrValues, methods }: LoginNeed): number {
  return (maxAgeSeconds === undefined ? 0 : 1) + (acrValues.length === 0 ? 0 : 2) + 2 * methods.length
}

/** `authentication-too-old` comes before `authentication-method-missing`; then the login that asks less, then the first. */
export function preferred(left: LoginNeed, right: LoginNeed): LoginNeed {
  const isOld = ({ maxAgeSeconds }: LoginNeed): boolean => maxAgeSeconds !== undefined
  if (isOld(left) !== isOld(right)) return isOld(left) ? left : right
  return costOf(right) < costOf(left) ? right : left
}
