/** What each subject holds, right by right. A role is read once, however often it is bound. */
import type { Rule } from '../../kubernetes/rule.ts'
import type { Given, Grant, Grants } from '../grant.ts'
import type { RoleObject } from '../objects.ts'
import { askerOf, builtInGroups, type SubjectId, subjectOf } from '../subject.ts'
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
  /** Where its groups alone are granted something. */
  readonly widerScopes: readonly (string | undefined)[]
  /** Each with the groups that its members are in anyway; empty where one of them has what all of them have together. */
  readonly groups: readonly ReadonlySet<SubjectId>[]
}

/** @returns undefined for a subject that no binding names, and that is not in several groups: what it holds, its group holds */
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
    const vouched = memberships?.get(subject) ?? []
    const groups = vouched.length > 1 ? vouched.map(groupWithOthers) : []
    if (own.length === 0 && groups.length === 0) return undefined
    const asker = askerOf(subjectOf(subject), vouched)
    const inherited = asker.groups
      .map(group => `group:${group}`)
      .filter(id => id !== subject)
      .flatMap(id => grants.rolesOf(id))
    const of = new Map<Right, Use[]>()
    for (const given of [...own, ...inherited]) addUses(of, given, hitsIn(given.role))
    const scopes = scopesOf(own)
    return { subject, of, scopes, widerScopes: scopesOf(inherited).filter(one => !scopes.includes(one)), groups }
  }
}

const groupWithOthers = (name: string): ReadonlySet<SubjectId> =>
  new Set([name, ...builtInGroups({ kind: 'group', name })].map(group => `group:${group}`))

function addUses(of: Map<Right, Use[]>, given: Given, hits: readonly RuleHit[]): void {
  // Many rights hit the same rule: a big cluster would hold each grant dozens of times.
  const grants: Grant[] = []
  for (const { right, ruleIndex, hit } of hits) {
    if (right.isOfCluster && given.namespace !== undefined) continue
    const grant = grants[ruleIndex] ?? grantAt(given, ruleIndex)
    grants[ruleIndex] = grant
    const use = { right, ...hit, grant }
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
