/**
 * A decision by Casbin: its answer to the request as it was asked, and no allow that another reading of the request would
 * deny (docs/casbin.md, "What is asked").
 */
import { readingsOf } from '../matchable-path.ts'
import type { AccessRequest } from '../request/access-request.ts'
import type { Answer, CasbinEnforcer, Question } from './enforcer.ts'
import type { Effect } from './model.ts'
import type { CasbinQuestion, CasbinRow, Unstamped } from './sources.ts'
import type { SubjectNames } from './subject-names.ts'

export interface CasbinDecider {
  readonly enforcer: CasbinEnforcer
  readonly names: SubjectNames
  readonly effect: Effect
}

/** Names tried one after the other, beyond which whoever they may mean is denied. */
const mostSupposed = 200

export function createDecide({ enforcer, names, effect }: CasbinDecider): (question: CasbinQuestion) => Unstamped {
  const firstDeny = enforcer.rows.find(row => row.effect === 'deny')
  const outranked = createRanking(enforcer.rows, effect)
  return ({ request, identity, addRoles }) => {
    const { domain } = request
    const own = names.of(identity, domain, addRoles)
    const asked = (question: Pick<Question, 'act' | 'obj'>, extra: readonly string[] = []): Answer =>
      enforcer.ask({ names: [...own, ...extra], dom: domain, ...question })
    const asItIs = readings(request).map(question => asked(question))
    const denied = asItIs.find(({ row }) => row?.effect === 'deny') ?? (firstDeny && deniedOtherwise())
    if (denied === undefined && asItIs.every(({ isAllowed }) => isAllowed)) {
      const rule = asItIs[0]?.row?.id
      if (rule === undefined) throw new Error('allowed without a row that allows')
      return { effect: 'allow', rule }
    }
    const isAnonymous = identity.kind === 'anonymous'
    // The last row of a list by priority denies everybody, and somebody who logs in may meet one before it.
    const isFirm = denied !== undefined && !(isAnonymous && effect !== 'deny-override')
    if (isFirm) return { effect: 'deny', reason: 'rule-denied', ...(denied.row && { rule: denied.row.id }) }
    if (isAnonymous) return { effect: 'challenge', reason: 'user-unauthenticated', login: {} }
    return { effect: 'deny', reason: 'no-rule-matched' }

    /** By another spelling of the request or of a name, which counts for rows that deny alone. */
    function deniedOtherwise(): Answer | undefined {
      const others = otherwise(request)
      const supposed = names.mayAlsoMean(identity, domain, addRoles)
      if (supposed.length > mostSupposed) return { isAllowed: false, row: firstDeny }
      const answers = [
        ...others.map(question => asked(question)),
        ...supposed.flatMap(name => [...readings(request), ...others].map(question => asked(question, [name]))),
      ]
      return answers.find(({ row }) => row?.effect === 'deny' && !outranked(row, asItIs))
    }
  }
}

/**
 * Where the first row that matches decides, one that denies by another spelling counts as if it matched the request itself: behind
 * the row that allows it does not. Otherwise the usual last row, which denies everybody everything, would deny what is allowed
 * before, by the slash at its end.
 */
function createRanking(rows: readonly CasbinRow[], effect: Effect) {
  const places = new Map(rows.map((row, place) => [row, place]))
  const isInOrder = effect === 'priority' || effect === 'subject-priority'
  return (denying: CasbinRow, asItIs: readonly Answer[]): boolean => {
    const placeOf = (row: CasbinRow | undefined): number => (row && places.get(row)) ?? Number.POSITIVE_INFINITY
    return isInOrder && asItIs.every(({ row }) => placeOf(row) < placeOf(denying))
  }
}

/** As the client asked, decoded; what a server may read it as besides (docs/policy.md, "Paths that servers read differently"). */
export function readings({ resource, action }: AccessRequest): Pick<Question, 'act' | 'obj'>[] {
  const end = resource.length > 1 && resource.endsWith('/') ? '/' : ''
  return readingsOf(resource).map(path => ({ obj: path === '/' ? path : path + end, act: action }))
}

/**
 * Threat: `/admin` is denied, and `/admin/` is served as the same; or a HEAD tells what the GET that is denied would.
 */
function otherwise(request: AccessRequest): Pick<Question, 'act' | 'obj'>[] {
  const paths = readings(request).flatMap(({ obj }) => (obj === '/' ? [obj] : [obj, toggled(obj)]))
  const actions = request.action === 'HEAD' ? ['HEAD', 'GET'] : [request.action]
  const asked = new Set(readings(request).map(({ obj }) => obj))
  return actions.flatMap(act =>
    paths.filter(obj => act !== request.action || !asked.has(obj)).map(obj => ({ obj, act })),
  )
}

const toggled = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : `${path}/`)
