/**
 * What the nearest change would be that makes a refused request an allowed one.
 *
 * A search by number of changes, each set of them tried with `decide()` itself: nothing is said that was not decided.
 * Which changes are tried follows from the rows: what a row that denies would need to fall away, or what a row that
 * allows would need to apply.
 */

import { findDeniedActor } from '../acting/denied-actor.ts'
import { decide } from '../decide.ts'
import type { Decision, RuleId } from '../decision.ts'
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { namesOf } from '../subjects.ts'
import { type Change, changeKinds, changesOfMethod, changesToGain, changesToLose, loginChange } from './changes.ts'
import { changesOfCondition } from './condition-changes.ts'

export interface NearestChange {
  /** Continues the sentence "would be allowed …". */
  readonly text: string
  readonly changes: readonly { readonly kind: Change['kind']; readonly text: string; readonly rule: RuleId }[]
  /** The row that then allows. */
  readonly rule: RuleId
}

export interface NearestChanges {
  /** All of the smallest number of changes that is enough; the easiest first. Empty when none was found. */
  readonly found: readonly NearestChange[]
  /** False when the search ended at its bound, so that others as near, or nearer ones to nothing found, may exist. */
  readonly isComplete: boolean
}

export interface SearchLimits {
  /** How many decisions may be made. Default 400, and fewer, down to 20, where the domain has over 500 rows. */
  readonly tries?: number
  /** How many changes at once. Default 4. */
  readonly changes?: number
  /** How many results. Default 8. */
  readonly results?: number
}

type Plan = readonly Change[]

/** Decides, and says about which question that is: a call to a cluster can be several. */
export type Judge = (situation: Situation) => {
  readonly decision: Decision
  readonly request: AccessRequest
  /** Nothing is allowed before a login, not even what a row allows anyone. Default false. */
  readonly isOutside?: boolean
}

interface Search extends SearchLimits {
  /** Default: the request is one question, decided by `decide()`. */
  readonly judge?: Judge
  /** No other method or verb is proposed. Default false. */
  readonly keepsMethod?: boolean
}

/** Nothing for a request that is allowed already. */
export function findNearestChanges(start: Situation, policy: PolicySnapshot, search: Search = {}): NearestChanges {
  const { tries = defaultTries(start, policy), changes: maximum = 4, results = 8, keepsMethod = false } = search
  const plainly: Judge = situation => ({ decision: decide(situation, policy), request: situation.request })
  const { judge = plainly } = search
  const next = createNext(policy, keepsMethod)
  const queue = createPlanQueue(maximum)
  const found: { readonly plan: Plan; readonly rule: RuleId }[] = []
  let tried = 0
  for (let plan = queue.next(); plan !== undefined; plan = queue.next()) {
    const enough = found[0]?.plan.length
    if (enough !== undefined && plan.length > enough) break
    if (tried === tries) return { found: present(found, results), isComplete: false }
    tried++
    const situation = plan.reduce((before, change) => change.apply(before), start)
    const { decision, request, isOutside = false } = judge(situation)
    if (decision.effect === 'allow' && plan.length === 0) break
    if (decision.effect === 'allow') found.push({ plan, rule: decision.rule })
    else
      for (const change of next({ decision, isOutside, situation: { ...situation, request } })) queue.add(plan, change)
  }
  return { found: present(found, results), isComplete: !queue.isCut() && found.length <= results }
}

interface Refused {
  readonly decision: Decision
  readonly isOutside: boolean
  readonly situation: Situation
}

/** What could be changed after a refusal. */
function createNext(policy: PolicySnapshot, keepsMethod: boolean): (refused: Refused) => readonly Change[] {
  const rowsFor = createAllowRows(policy)
  return ({ decision, isOutside, situation }) => {
    const rows = rowsFor(situation.request)
    if (isOutside) return rows.slice(0, 1).map(({ id }) => loginChange(id))
    const changes = changesAfter(decision, situation, rows, policy)
    return keepsMethod ? changes.filter(({ kind }) => kind !== 'method') : changes
  }
}

/** The work of one decision grows with the rows of its domain; that of the whole search stays bounded. */
function defaultTries({ request }: Situation, policy: PolicySnapshot): number {
  const { enforced, shadow } = policy.candidatesFor(request.domain)
  return Math.max(20, Math.min(400, Math.floor(200_000 / (enforced.length + shadow.length))))
}

/** No change is about the path: the rows that fit one stay the same. */
function createAllowRows(policy: PolicySnapshot): (request: AccessRequest) => readonly Row[] {
  const known = new Map<string, readonly Row[]>()
  return ({ domain, resource }) => {
    const readings = readingsOf(resource)
    const before = known.get(resource)
    if (before !== undefined) return before
    const rows = policy.candidatesFor(domain).enforced.filter(row => !row.isDeny && fitsReadings(row, readings))
    known.set(resource, rows)
    return rows
  }
}

function changesAfter(
  decision: Decision,
  situation: Situation,
  rows: readonly Row[],
  policy: PolicySnapshot,
): Change[] {
  if (decision.effect === 'deny' && decision.reason === 'rule-denied') {
    const denying = policy.candidatesFor(situation.request.domain).enforced.find(({ id }) => id === decision.rule)
    return denying === undefined ? [] : byKind(changesAgainst(denying, situation, policy))
  }
  if (decision.effect === 'deny' && decision.deniedActor !== undefined) return changesForActor(situation, policy)
  const names = new Set(namesOf(situation.identity))
  policy.addRoles(names, situation.request.domain)
  return byKind(rows.flatMap(row => changesFor(row, situation, names, policy)))
}

/** What would let a row that denies an actor fall away. Who acts, and what they are, stays. */
function changesForActor({ actors, ...situation }: Situation, policy: PolicySnapshot): Change[] {
  const denied = findDeniedActor(actors, actor => decide({ ...situation, identity: actor }, policy))
  const row = policy.candidatesFor(situation.request.domain).enforced.find(({ id }) => id === denied?.decision.rule)
  if (denied === undefined || row === undefined) return []
  return byKind([
    ...changesOfCondition(row.when, false, { ...situation, identity: denied.actor }, row.id),
    ...changesOfMethod(row, situation, false),
  ])
}

/** For the first field that does not fit; the next one comes up once that is changed. */
function changesFor(row: Row, situation: Situation, names: ReadonlySet<string>, policy: PolicySnapshot): Change[] {
  if (!row.fitsAction(situation.request.action)) return changesOfMethod(row, situation, true)
  if (!names.has(row.whom)) return changesToGain(row, situation, policy)
  return changesOfCondition(row.when, true, situation, row.id)
}

function changesAgainst(row: Row, situation: Situation, policy: PolicySnapshot): Change[] {
  return [
    ...changesToLose(row, situation, policy),
    ...changesOfCondition(row.when, false, situation, row.id),
    ...changesOfMethod(row, situation, false),
  ]
}

const rankOf = ({ kind }: Change): number => changeKinds.indexOf(kind)
const byKind = (changes: Change[]): Change[] => changes.sort((a, b) => rankOf(a) - rankOf(b))

/** Plans by their number of changes, then in the order in which they were added; each set of changes once. */
function createPlanQueue(maximum: number) {
  const waiting: Plan[][] = Array.from({ length: maximum + 1 }, () => [])
  waiting[0]?.push([])
  const seen = new Set<string>()
  let isCut = false
  return {
    next: (): Plan | undefined => waiting.find(plans => plans.length > 0)?.shift(),
    add(plan: Plan, change: Change): void {
      const next = [...plan.filter(({ slot }) => slot !== change.slot), change]
      const key = JSON.stringify(next.map(({ text }) => text).sort())
      if (seen.has(key)) return
      seen.add(key)
      if (next.length > maximum) isCut = true
      else waiting[next.length]?.push(next)
    },
    isCut: (): boolean => isCut,
  }
}

function present(found: readonly { readonly plan: Plan; readonly rule: RuleId }[], results: number): NearestChange[] {
  const costOf = (plan: Plan): number => plan.reduce((sum, change) => sum + rankOf(change), 0)
  return [...found]
    .sort((a, b) => costOf(a.plan) - costOf(b.plan))
    .slice(0, results)
    .map(({ plan, rule }) => ({
      text: plan.map(({ text }) => text).join(' and '),
      changes: plan.map(({ kind, text, rule: askedBy }) => ({ kind, text, rule: askedBy })),
      rule,
    }))
}
