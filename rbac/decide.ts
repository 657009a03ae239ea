/**
 * The policy decision point: who may do what, where, now (docs/policy.md, "Decision"; the numbers below are its rules).
 *
 * Pure and total: the same input gives the same decision, and whatever goes wrong inside is a denial.
 */

import { firmReasons, heedingActors } from './acting/denied-actor.ts'
import type { CasbinPolicy } from './casbin/sources.ts'
import type { Verdicts } from './deciding/verdicts.ts'
import type { Decision, LoginRequirement, RuleId } from './decision.ts'
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
  const { actors, context } = situation
  const { now } = context
  const decision = decideOnce(situation, now, policyFor(situation, policy, now), onError)
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
  return decideAmong(narrowing, { situation, now, trace: noTrace }, policy, onError)
}

/** Which rows a question is put to. */
type CandidatesOf = (policy: PolicySnapshot, domain: string, evaluation: Evaluation) => Candidates

const narrowing: CandidatesOf = (policy, domain, evaluation) => policy.narrow(domain, evaluation)

const everyRow: CandidatesOf = (policy, domain, evaluation) => {
  // What would not be compared is not explained as if it were.
  policy.narrow(domain, evaluation)
  return policy.candidatesFor(domain)
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
  const { now } = situation.context
  const policy = policyFor(situation, inForce, now)
  // One expression decides there, and no field of a row by itself.
  if (policy.casbin?.covers(situation.request.domain) === true) return decideOnce(situation, now, policy, onError)
  return decideAmong(everyRow, { situation, now, trace }, policy, onError)
}

interface CasbinCase {
  readonly situation: Situation
  readonly now: number
  readonly policy: PolicySnapshot
  readonly onError: OnError
}

function decideByCasbin(casbin: CasbinPolicy, { situation, now, policy, onError }: CasbinCase): Decision {
  const { revision, addRoles } = policy
  try {
    if (!Number.isFinite(now)) throw new RangeError('the clock shows no time')
    const { request, identity } = situation
    return { ...casbin.decide({ request, identity, addRoles }), revision }
  } catch (error) {
    return failed(error, policy, onError)
  }
}

interface Question {
  readonly situation: Situation
  readonly now: number
  readonly trace: Trace
}

function decideAmong(
  candidatesOf: CandidatesOf,
  { situation, now, trace }: Question,
  policy: PolicySnapshot,
  onError: OnError,
): Decision {
  try {
    // Every comparison with NaN is false, and that would switch deny rows off.
    if (!Number.isFinite(now)) throw new RangeError('the clock shows no time')
    const evaluation = createEvaluation(situation, { namesIn: policy.namesIn, trace })
    const candidates = candidatesOf(policy, situation.request.domain, evaluation)
    const shadow =
      candidates.shadow.length === 0 ? undefined : applyingShadow(candidates.shadow, evaluation, policy, onError)
    const decision = answer(candidates, evaluation, policy)
    return shadow === undefined ? decision : { ...decision, shadow }
  } catch (error) {
    return failed(error, policy, onError)
  }
}

/** Whatever goes wrong is a denial. */
function failed(error: unknown, { verdicts }: PolicySnapshot, onError: OnError): Decision {
  if (error instanceof PathTooCostlyError) return verdicts.deny('path-too-costly')
  report(onError, error)
  return verdicts.deny('evaluation-failed')
}

/** A shadow row is never enforced, so what goes wrong in one is no denial either. */
function applyingShadow(
  rows: readonly Row[],
  evaluation: Evaluation,
  policy: PolicySnapshot,
  onError: OnError,
): readonly RuleId[] | undefined {
  try {
    const own: Evaluation = { ...evaluation, applied: [], unmet: [], spared: [] }
    policy.enforce(rows, own)
    return own.applied.length === 0 ? undefined : own.applied.map(({ id }) => id)
  } catch (error) {
    report(onError, error)
    return undefined
  }
}

function report(onError: OnError, error: unknown): void {
  try {
    onError(error)
  } catch {
    // A log that fails must not turn a denial into an exception.
  }
}

function answer({ enforced, isCovered }: Candidates, evaluation: Evaluation, policy: PolicySnapshot): Decision {
  const { verdicts } = policy
  if (!isCovered) return verdicts.deny('no-policy-for-domain') // 1
  return policy.enforce(enforced, evaluation) ? allow(evaluation, verdicts) : refuse(evaluation, policy)
}

function allow({ applied }: Evaluation, verdicts: Verdicts): Decision {
  const row = applied.find(({ isDeny }) => !isDeny)
  if (row === undefined) throw new Error('allowed without a row that allows')
  return verdicts.allow(row) // 3
}

function refuse(evaluation: Evaluation, { verdicts, revision }: PolicySnapshot): Decision {
  const { applied, unmet, facts } = evaluation
  const denied = applied.find(({ isDeny }) => isDeny)
  if (denied !== undefined) return verdicts.deny('rule-denied', denied) // 2
  if (facts.identity.kind === 'anonymous') return verdicts.unauthenticated // 4
  const [first] = unmet
  if (first === undefined) return verdicts.deny('no-rule-matched') // 6
  const challenged = challenge(evaluation)
  return challenged === undefined ? verdicts.deny('condition-failed', first) : { ...challenged, revision } // 5, 6
}

type Unstamped<D> = D extends Decision ? Omit<D, 'revision' | 'shadow'> : never

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
