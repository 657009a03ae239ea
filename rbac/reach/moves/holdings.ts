/** What each subject holds, right by right. A role is read once, however often it is bound. */
import type { Rule } from '../../kubernetes/rule.ts'
import type { Given, Grant, Grants } from '../grant.ts'
import type { RoleObject } from '../objects.ts'
import { askerOf, type SubjectId, subjectOf } from '../subject.ts'
import type { ReviewOptions } from './facts.ts'
import type { Use } from './need.ts'
import { candidatesAmong, type Hit, hitsOf, type Right } from './right.ts'

/** The rights of one rule. */
interface RuleHit {
  readonly right: Right
  readonly ruleIndex: number
  readonly hit: Hit
}

export interface Holdings {
  readonly subject: SubjectId
  readonly of: ReadonlyMap<Right, readonly Use[]>
  /** Where the subject itself is granted something: undefined stands for the whole cluster. */
  readonly scopes: readonly (string | undefined)[]
}

/** @returns undefined for a subject that no binding names: what it holds, its groups hold */
export function holdingsReader(grants: Grants, rights: readonly Right[], { memberships }: ReviewOptions) {
  const candidates = candidatesAmong(rights)
  const ofRoles = new Map<RoleObject, readonly RuleHit[]>()
  const hitsIn = (role: RoleObject): readonly RuleHit[] => {
    const known = ofRoles.get(role) ?? roleHits(role, candidates)
    ofRoles.set(role, known)
    return known
  }
  return (subject: SubjectId): Holdings | undefined => {
    const own = grants.rolesOf(subject)
    if (own.length === 0) return undefined
    const { groups } = askerOf(subjectOf(subject), memberships?.get(subject) ?? [])
    const inherited = groups.map(group => `group:${group}`).filter(id => id !== subject)
    const of = new Map<Right, Use[]>()
    for (const given of [...own, ...inherited.flatMap(id => grants.rolesOf(id))]) addUses(of, given, hitsIn(given.role))
    return { subject, of, scopes: scopesOf(own) }
  }
}

function addUses(of: Map<Right, Use[]>, given: Given, hits: readonly RuleHit[]): void {
  for (const { right, ruleIndex, hit } of hits) {
    if (right.isOfCluster && given.namespace !== undefined) continue
    const use = { right, ...hit, grant: grantAt(given, ruleIndex) }
    const list = of.get(right)
    if (list === undefined) of.set(right, [use])
    else list.push(use)
  }
}

const grantAt = (given: Given, ruleIndex: number): Grant => ({
  ...given,
  ruleIndex,
  rule: given.role.rules[ruleIndex] ?? { verbs: [] },
})

const scopesOf = (own: readonly Given[]): readonly (string | undefined)[] => {
  const namespaces = new Set(own.map(({ namespace }) => namespace))
  return [...namespaces].sort((one, other) => ((one ?? '') < (other ?? '') ? -1 : 1))
}

const roleHits = ({ rules }: RoleObject, candidates: (rule: Rule) => readonly Right[]): RuleHit[] =>
  rules.flatMap((rule, ruleIndex) =>
    candidates(rule).flatMap(right => hitsOf(rule, right).map(hit => ({ right, ruleIndex, hit }))),
  )
