/**
 * Conditions are true, false or unknown (Kleene's three-valued logic; docs/policy.md, "Conditions").
 *
 * Unknown is `undefined`, so that a careless `if (truth)` closes a door instead of opening it. An allow row needs true,
 * a deny row applies unless false: nothing unknown ever admits anyone.
 */
import type { Context } from '../context.ts'
import type { Identity } from '../identity.ts'
import type { AccessRequest } from '../request/access-request.ts'
import type { Term } from './same/term.ts'

export type Truth = boolean | undefined

/** What a criterion may read. */
export interface Facts {
  readonly identity: Identity
  readonly context: Context
  /** Absent where it is asked what holds wherever somebody goes; whatever reads it is unknown then. */
  readonly request?: Pick<AccessRequest, 'domain' | 'resource' | 'action'> | undefined
}

/** What a fresh login would have to be like for a criterion to become true. */
export type StepUp =
  | { readonly kind: 'age'; readonly maxAgeSeconds: number }
  | { readonly kind: 'class'; readonly acrValues: readonly string[] }
  | { readonly kind: 'method'; readonly methods: readonly string[] }

/** One typed criterion, its arguments bound. */
export interface Criterion {
  /** Name in the registry. */
  readonly type: string
  /** Its value in `conditions.yaml`; absent for a criterion made in code. Only explanations read it. */
  readonly argument?: unknown
  readonly test: (facts: Facts) => Truth
  /** Subjects, as rows name them, that it asks for. */
  readonly subjects?: readonly string[]
  /** Name of the decider outside that it asks. */
  readonly asks?: string
  /** Present where two things are compared, of the person and of the address. */
  readonly compares?: readonly [Term, Term]
  /** Present where another login can make the criterion true. */
  readonly stepUp?: StepUp
  /** Present where time runs out: from that moment on (seconds since the epoch) the criterion is false for ever. */
  readonly isOver?: (now: number) => boolean
}

export type Condition =
  | ({ readonly kind: 'criterion' } & Criterion)
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }

/** The condition `-`. */
export const always: Condition = Object.freeze({ kind: 'all', of: [] })

export const not = (truth: Truth): Truth => (truth === undefined ? undefined : !truth)

export function evaluateCondition(condition: Condition, facts: Facts): Truth {
  switch (condition.kind) {
    case 'criterion':
      return condition.test(facts)
    case 'not':
      return not(evaluateCondition(condition.of, facts))
    case 'all':
      return combine(condition.of, facts, false)
    case 'any':
      return combine(condition.of, facts, true)
  }
}

/** One `decisive` part decides; else one unknown part leaves the whole unknown. */
function combine(parts: readonly Condition[], facts: Facts, decisive: boolean): Truth {
  let result: Truth = !decisive
  for (const part of parts) {
    const truth = evaluateCondition(part, facts)
    if (truth === decisive) return decisive
    if (truth === undefined) result = undefined
  }
  return result
}

type NamedCriterion = Extract<Condition, { kind: 'criterion' }>

/** Every criterion in it, each once. */
export function criteriaOf(condition: Condition, found = new Set<NamedCriterion>()): ReadonlySet<NamedCriterion> {
  if (condition.kind === 'criterion') found.add(condition)
  else for (const part of condition.kind === 'not' ? [condition.of] : condition.of) criteriaOf(part, found)
  return found
}
