/**
 * Which grants let a used right pass: all of them, since the API server names the one that it happens to find first. What no grant
 * allows was let in by another authorizer, or by a binding that is not there any more.
 */
import { rulesAllow } from '../../kubernetes/rule.ts'
import type { AccessQuestion, Grant, Grants } from '../grant.ts'
import type { Asker } from '../subject.ts'
import { bindingKey } from '../usage/reason.ts'
import { type AskerUsage, questionsOf, type Usage, type UsedRight } from '../usage/usage.ts'
import { type DoneBy, doneIn } from './done.ts'

/** One use of a grant. */
export interface Use {
  readonly right: UsedRight
  readonly asker: Asker
  /** Names that it let pass; absent: whatever the name. */
  readonly names?: readonly string[]
}

export interface Attribution {
  readonly usesOf: (grant: Grant) => readonly Use[]
  /** What was allowed then and no grant allows now. */
  readonly unexplained: readonly Unexplained[]
  readonly reasons: ReasonCheck
  readonly doneBy: DoneBy
}

export interface Unexplained {
  readonly asker: Asker
  readonly right: UsedRight
  readonly question: AccessQuestion
}

/** Calls whose event names a binding, held against our own grants. */
export interface ReasonCheck {
  /** We say too that this binding allows it. */
  readonly agreed: number
  /** The binding is there, and by our reading it does not allow it: it was changed since, or our reading is wrong. */
  readonly differs: number
  /** There is no such binding any more. */
  readonly gone: number
  /** Events that name none: other authorizers, system:masters, other ways of logging. */
  readonly unnamed: number
}

export const grantKey = ({ binding, subject, ruleIndex }: Grant): string =>
  `${bindingKey(binding)} ${subject} ${ruleIndex}`

export function attribute(grants: Grants, usage: Usage, bindings: ReadonlySet<string>): Attribution {
  const uses = new Map<string, Use[]>()
  const unexplained: Unexplained[] = []
  const reasons = { agreed: 0, differs: 0, gone: 0, unnamed: 0 }
  for (const one of usage.askers) attributeAsker(one)
  return { usesOf: grant => uses.get(grantKey(grant)) ?? [], unexplained, reasons, doneBy: doneIn(usage) }

  function attributeAsker({ asker, used }: AskerUsage): void {
    const held = grants.heldBy(asker)
    for (const right of used) {
      const found = held.flatMap(grant => {
        const use = useOf(grant, right, asker)
        return use === undefined ? [] : [{ grant, use }]
      })
      for (const { grant, use } of found) {
        const list = uses.get(grantKey(grant)) ?? []
        uses.set(grantKey(grant), list)
        list.push(use)
      }
      checkReasons(right, new Set(found.map(({ grant }) => bindingKey(grant.binding))))
      if (!right.isBesides) unexplained.push(...unexplainedOf(asker, right))
    }
  }

  function unexplainedOf(asker: Asker, right: UsedRight): readonly Unexplained[] {
    const question = questionsOf(right).find(one => grants.allowing(asker, one) === undefined)
    return question === undefined ? [] : [{ asker, right, question }]
  }

  function checkReasons({ bindings: named, count }: UsedRight, allowing: ReadonlySet<string>): void {
    let all = 0
    for (const [key, times] of named) {
      all += times
      reasons[allowing.has(key) ? 'agreed' : bindings.has(key) ? 'differs' : 'gone'] += times
    }
    reasons.unnamed += Math.max(0, count - all)
  }
}

function useOf(grant: Grant, right: UsedRight, asker: Asker): Use | undefined {
  const { kind } = right
  const isInScope = grant.namespace === undefined || ('namespace' in kind && kind.namespace === grant.namespace)
  if (!isInScope) return undefined
  // A rule without names lets every name pass, and one with names nothing that has none.
  if ('path' in kind || (grant.rule.resourceNames ?? []).length === 0)
    return rulesAllow([grant.rule], kind) ? { right, asker } : undefined
  // Of names that were too many to keep, any may have been one of these.
  const own = grant.rule.resourceNames ?? []
  if (right.moreNames > 0 && own.some(name => rulesAllow([grant.rule], { ...kind, name }))) {
    return { right, asker, names: own }
  }
  const names = [...right.names.keys()].filter(name => rulesAllow([grant.rule], { ...kind, name }))
  return names.length === 0 ? undefined : { right, asker, names }
}
