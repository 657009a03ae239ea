/** What a change of roles and bindings would do to what was used, and to what is granted; before it is made. */

import { rulesAllow } from '../../kubernetes/rule.ts'
import { type Change, changedBy, type ObjectName } from '../change/change.ts'
import type { AccessQuestion, Grant, Grants } from '../grant.ts'
import { grantsOf } from '../grants.ts'
import type { ClusterObjects } from '../objects.ts'
import type { Asker, SubjectId } from '../subject.ts'
import { questionsOf, type Usage } from '../usage/usage.ts'
import { createRightsOfRules, type Right, rightKey } from './rights.ts'

export interface Effect {
  /** Used before, and refused after. */
  readonly broken: readonly BrokenUse[]
  readonly subjects: readonly SubjectEffect[]
  /** What Kubernetes ships and writes back when it starts: taken as if it stayed. */
  readonly writtenBack: readonly ObjectName[]
  /** Names of the change that were not there: new, or a name mistyped. */
  readonly isNew: readonly ObjectName[]
}

export interface BrokenUse {
  readonly asker: Asker
  readonly question: AccessQuestion
  readonly count: number
  /** Seconds since the epoch. */
  readonly last: number
}

/** Rights of one subject's own bindings. */
export interface SubjectEffect {
  readonly subject: SubjectId
  readonly before: number
  readonly after: number
  readonly lost: number
  readonly gained: readonly string[]
}

export function effectOf(objects: ClusterObjects, change: Change, usage: Usage): Effect {
  const { objects: after, writtenBack, isNew } = changedBy(objects, change)
  const [now, then] = [grantsOf(objects), grantsOf(after)]
  return {
    broken: brokenBy(now, then, usage),
    subjects: subjectEffects(now, then, createRightsOfRules([...objects.roles, ...after.roles], usage)),
    writtenBack,
    isNew,
  }
}

const brokenBy = (now: Grants, then: Grants, usage: Usage): readonly BrokenUse[] =>
  usage.askers.flatMap(({ asker, used }) =>
    used.flatMap(right => {
      // A name that was not kept is like none: what is refused without a name may have been refused to it.
      const unknown = right.moreNames > 0 && !('path' in right.kind) ? [right.kind] : []
      const { count, last } = right
      return [...questionsOf(right), ...unknown]
        .filter(one => now.allowing(asker, one) !== undefined && then.allowing(asker, one) === undefined)
        .map(question => ({ asker, question, count, last }))
    }),
  )

function subjectEffects(now: Grants, then: Grants, rights: ReturnType<typeof createRightsOfRules>): SubjectEffect[] {
  return [...new Set([...now.subjects, ...then.subjects])].flatMap(subject => {
    const [before, after] = [now.of(subject), then.of(subject)]
    const [granted, left] = [rightsIn(before, rights), rightsIn(after, rights)]
    const lost = [...granted.values()].filter(one => !isGranted(after, one)).length
    // What is narrower is no gain: one name of all that were granted, one namespace of the whole cluster.
    const gained = [...left].filter(([, one]) => !isGranted(before, one)).map(([key]) => key)
    if (lost === 0 && gained.length === 0) return []
    return [{ subject, before: granted.size, after: left.size, lost, gained }]
  })
}

interface ScopedRight {
  readonly namespace?: string
  readonly right: Right
}

const rightsIn = (grants: readonly Grant[], rights: ReturnType<typeof createRightsOfRules>): Map<string, ScopedRight> =>
  new Map(
    grants.flatMap(({ namespace, rule }) =>
      rights.of(rule).map(right => {
        const scoped = { right, ...(namespace !== undefined && { namespace }) }
        return [`${namespace ?? 'cluster'}: ${rightKey(right)}`, scoped] as const
      }),
    ),
  )

function isGranted(grants: readonly Grant[], { namespace, right }: ScopedRight): boolean {
  const [resource = '', subresource] = 'path' in right ? [] : right.resource.split('/')
  const asked = 'path' in right ? right : { ...right, resource, ...(subresource !== undefined && { subresource }) }
  return grants.some(
    grant => (grant.namespace === undefined || grant.namespace === namespace) && rulesAllow([grant.rule], asked),
  )
}
