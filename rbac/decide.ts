/**
 * The policy decision point: who may do what, where, now (docs/policy.md, "Decision"; the numbers below are its rules).
 *
 * Pure and total: the same input gives the same decision, and whatever goes wrong inside is a denial.
 */

import { firmReasons, heedingActors } from './acting/denied-actor.ts'
import type { CasbinPolicy } from './casbin/sources.ts'
import { WatchedContext } from './context.ts'
import type { Decision, LoginRequirement } from './decision.ts'
import { createEvaluation, type Evaluation, noTrace, type Trace } from './evaluation.ts'
import type { User } from './identity.ts'
import { supposing } from './kubernetes/untold-names.ts'
import type { Candidates } from './partition.ts'
import type { PolicySnapshot } from './policy.ts'
import type { Row } from './row.ts'
import { PathTooCostlyError } from './row-index.ts'
import type { Situation } from './situation.ts'
import { entryBy, type LoginNeed, loginNeedOf, preferred } from './step-up.ts'

/** Gets what went wrong inside a decision, for the log. */
export type OnError = (error: unknown) => void

/** Never throws. `onError` gets what made an `evaluation-failed`. */
export function decide(situation: Situation, policy: PolicySnapshot, onError: OnError = () => {}): Decision {
  return decideNarrowed(situation, situation.context.now, policy, onError)
}

/** The same decision, and whether it hangs on the context. What no condition looked at cannot have mattered. */
export function decideWatched(
  situation: Situation,
  policy: PolicySnapshot,
  onError: OnError = () => {},
): { readonly decision: Decision; readonly usesContext: boolean } {
  const watched = new WatchedContext(situation.context)
  // Every decision needs a clock that shows a time; only a condition hangs on which.
  const decision = decideNarrowed({ ...situation, context: watched }, situation.context.now, policy, onError)
  return { decision, usesContext: watched.wasRead }
}

function decideNarrowed(situation: Situation, now: number, policy: PolicySnapshot, onError: OnError): Decision {
  const decision = decideOnce(situation, now, policyFor(situation, policy, now), onError)
  const { actors } = situation
  // Most requests: nothing is made for them.
  if (actors === undefined) return decision
  return heedingActors(decision, actors, policy, actor => {
    const one = { ...situation, identity: actor }
    return decideOnce(one, now, policyFor(one, policy, now), onError)
  })
}

/** For whom not every name is told, the policy in which a row denies them by one of the others, if there is such a row. */
export function policyFor(situation: Situation, policy: PolicySnapshot, now = situation.context.now): PolicySnapshot {
  // What is no identity at all is denied by the decision itself.
  const untold = (situation.identity as Partial<User> | undefined)?.untold
  if (untold === undefined) return policy
  const supposed = supposing(policy, situation.request.domain, untold)
  const decision = decideOnce(situation, now, supposed, () => {})
  return decision.effect === 'deny' && firmReasons.has(decision.reason) ? supposed : policy
}

function decideOnce(situation: Situation, now: number, policy: PolicySnapshot, onError: OnError): Decision {
  const { casbin } = policy
  if (casbin?.covers(situation.request.domain) === true)
    return decideByCasbin(casbin, { situation, now, policy, onError })
  const evaluationOf = () => createEvaluation(situation, { addRoles: policy.addRoles, trace: noTrace })
  const candidatesOf = (evaluation: Evaluation) => policy.narrow(situation.request.domain, evaluation)
  return decideAmong({ candidatesOf, evaluationOf, now }, policy, onError)
}

/**
 * The same decision by the same evaluation, over every row of the domain instead of those that can apply; `trace` gets
 * each field of each row as it is tried. Never throws.
 */
export function decideWithTrace(
  situation: Situation,
  inForce: PolicySnapshot,
  { trace, onError }: { readonly trace: Trace; readonly onError: OnError },
): Decision {
  const traced = (one: Situation): Decision => decideOnceWithTrace(one, inForce, { trace, onError })
  return heedingActors(traced(situation), situation.actors, inForce, actor => traced({ ...situation, identity: actor }))
}

function decideOnceWithTrace(
  situation: Situation,
  inForce: PolicySnapshot,
  { trace, onError }: { readonly trace: Trace; readonly onError: OnError },
): Decision {
  const { request, context } = situation
  const policy = policyFor(situation, inForce, context.now)
  // One expression decides there, and no field of a row by itself.
  if (policy.casbin?.covers(request.domain) === true) return decideOnce(situation, context.now, policy, onError)
  const evaluationOf = () => createEvaluation(situation, { addRoles: policy.addRoles, trace })
  const candidatesOf = (evaluation: Evaluation) => {
    // What would not be compared is not explained as if it were.
    policy.narrow(request.domain, evaluation)
    return policy.candidatesFor(request.domain)
  }
  return decideAmong({ candidatesOf, evaluationOf, now: context.now }, policy, onError)
}

interface CasbinCase {
  readonly situation: Situation
  readonly now: number
  readonly policy: PolicySnapshot
  readonly onError: OnError
}

/** Looks at no context, so that it may be remembered. */
function decideByCasbin(casbin: CasbinPolicy, { situation, now, policy, onError }: CasbinCase): Decision {
  const { revision, addRoles } = policy
  try {
    if (!Number.isFinite(now)) throw new RangeError('the clock shows no time')
    const { request, identity } = situation
    return { ...casbin.decide({ request, identity, addRoles }), revision }
  } catch (error) {
    return failed(error, revision, onError)
  }
}

interface Question {
  readonly candidatesOf: (evaluation: Evaluation) => Candidates
  readonly evaluationOf: () => Evaluation
  readonly now: number
}

function decideAmong(
  { candidatesOf, evaluationOf, now }: Question,
  policy: PolicySnapshot,
  onError: OnError,
): Decision {
  const { revision } = policy
  try {
    // Every comparison with NaN is false, and that would switch deny rows off.
    if (!Number.isFinite(now)) throw new RangeError('the clock shows no time')
    const evaluation = evaluationOf()
    const pass = (rows: readonly Row[]): Pass => {
      const own = { ...evaluation, applied: [], unmet: [], spared: [] }
      return { isAllowed: policy.enforce(rows, own), evaluation: own }
    }
    const candidates = candidatesOf(evaluation)
    const { shadow } = candidates
    const reported = shadow.length === 0 ? {} : reportShadow(() => pass(shadow), onError)
    return { ...answer(candidates, pass), revision, ...reported }
  } catch (error) {
    return failed(error, revision, onError)
  }
}

/** Whatever goes wrong is a denial. */
function failed(error: unknown, revision: string, onError: OnError): Decision {
  if (error instanceof PathTooCostlyError) return { effect: 'deny', reason: 'path-too-costly', revision }
  report(onError, error)
  return { effect: 'deny', reason: 'evaluation-failed', revision }
}

interface Pass {
  readonly isAllowed: boolean
  readonly evaluation: Evaluation
}

/** A shadow row is never enforced, so what goes wrong in one is no denial either. */
function reportShadow(pass: () => Pass, onError: OnError): { readonly shadow?: readonly string[] } {
  try {
    const { applied } = pass().evaluation
    return applied.length === 0 ? {} : { shadow: applied.map(({ id }) => id) }
  } catch (error) {
    report(onError, error)
    return {}
  }
}

function report(onError: OnError, error: unknown): void {
  try {
    onError(error)
  } catch {
    // A log that fails must not turn a denial into an exception.
  }
}

function answer({ enforced, isCovered }: Candidates, pass: (rows: readonly Row[]) => Pass): Unstamped<Decision> {
  if (!isCovered) return { effect: 'deny', reason: 'no-policy-for-domain' } // 1
  const { isAllowed, evaluation } = pass(enforced)
  return isAllowed ? allow(evaluation) : refuse(evaluation)
}

type Unstamped<D> = D extends Decision ? Omit<D, 'revision' | 'shadow'> : never

function allow({ applied }: Evaluation): Unstamped<Decision> {
  const row = applied.find(({ isDeny }) => !isDeny)
  if (row === undefined) throw new Error('allowed without a row that allows')
  return { effect: 'allow', rule: row.id } // 3
}

function refuse(evaluation: Evaluation): Unstamped<Decision> {
  const { applied, unmet, facts } = evaluation
  const denied = applied.find(({ isDeny }) => isDeny)
  if (denied !== undefined) return { effect: 'deny', reason: 'rule-denied', rule: denied.id } // 2
  if (facts.identity.kind === 'anonymous') return { effect: 'challenge', reason: 'user-unauthenticated', login: {} } // 4
  const [first] = unmet
  if (first === undefined) return { effect: 'deny', reason: 'no-rule-matched' } // 6
  return challenge(evaluation) ?? { effect: 'deny', reason: 'condition-failed', rule: first.id } // 5, 6
}

/** A workload cannot log in again, so only people are challenged. */
function challenge({ unmet, spared, facts }: Evaluation): Unstamped<Decision> | undefined {
  if (facts.identity.kind !== 'user') return undefined
  let best: { readonly row: Row; readonly need: LoginNeed } | undefined
  for (const row of unmet) {
    const need = loginNeedOf(entryBy(row, spared), facts)
    if (need !== undefined && (best === undefined || preferred(best.need, need) === need)) best = { row, need }
  }
  if (best === undefined) return undefined
  const reason = best.need.maxAgeSeconds === undefined ? 'authentication-method-missing' : 'authentication-too-old'
  return { effect: 'challenge', reason, rule: best.row.id, login: requirementOf(best.need) }
}

function requirementOf({ maxAgeSeconds, acrValues, methods }: LoginNeed): LoginRequirement {
  return {
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
    ...(acrValues.length === 0 ? {} : { acrValues }),
    ...(methods.length === 0 ? {} : { methods }),
  }
}
