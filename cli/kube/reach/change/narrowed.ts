/** What a change does to one subject, or in one namespace: the rest is neither shown nor counted. */
import type { ReachEffect } from '../../../../rbac/reach/change/reach-effect.ts'
import type { Finding, NodeId } from '../../../../rbac/reach/finding.ts'
import type { Asked } from '../../../../rbac/reach/report/baseline.ts'
import { filtered } from '../review-names.ts'

/** Of `openBefore` and `openAfter` the caller knows the findings, and gives the numbers. */
export function narrowed(effect: ReachEffect, asked: Asked): ReachEffect {
  const findings = (list: readonly Finding[]): readonly Finding[] => filtered(list, asked)
  const nodes = (list: readonly NodeId[]): readonly NodeId[] =>
    list.filter(subject => filtered([{ subject: subject as Finding['subject'], targets: [] }], asked).length > 0)
  return {
    ...effect,
    closes: findings(effect.closes),
    opens: findings(effect.opens),
    worse: findings(effect.worse),
    reopened: findings(effect.reopened),
    accepted: findings(effect.accepted),
    changes: effect.changes.filter(({ before, after }) => findings([before, after]).length > 0),
    remains: findings(effect.remains),
    folds: findings(effect.folds),
    sinks: effect.sinks.map(({ sink, lost, gained }) => ({ sink, lost: nodes(lost), gained: nodes(gained) })),
  }
}
