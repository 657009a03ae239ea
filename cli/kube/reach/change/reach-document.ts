/** What a change does to reach, as data: part of what `--what-if` prints with `--json`. */
import type { ReachEffect } from '../../../../rbac/reach/change/reach-effect.ts'
import type { Finding } from '../../../../rbac/reach/finding.ts'
import { findingEntry } from '../../../../rbac/reach/report/report.ts'

export const reachDocument = ({ sinks, changes, openBefore, openAfter, ...effect }: ReachEffect) => ({
  openBefore,
  openAfter,
  closes: effect.closes.map(findingEntry),
  opens: effect.opens.map(findingEntry),
  worse: ids(effect.worse),
  reopened: ids(effect.reopened),
  accepted: ids(effect.accepted),
  changes: changes.map(({ before, after }) => ({ before: findingEntry(before), after: findingEntry(after) })),
  remains: effect.remains.map(findingEntry),
  folds: ids(effect.folds),
  sinks,
})

const ids = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id)
