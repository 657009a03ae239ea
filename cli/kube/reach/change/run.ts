/** `sallyport kube review --what-if`: what a change does to who can become whom, before it is made. */
import { type Change, changedBy } from '../../../../rbac/reach/change/change.ts'
import { comparisonWith, type ReachEffect } from '../../../../rbac/reach/change/reach-effect.ts'
import type { Severity } from '../../../../rbac/reach/finding.ts'
import type { ClusterObjects } from '../../../../rbac/reach/objects.ts'
import type { KnownPeople } from '../../../../rbac/reach/people/read-users.ts'
import type { Asked } from '../../../../rbac/reach/report/baseline.ts'
import { isAtLeast, isOpen } from '../../../../rbac/reach/report/report.ts'
import { type Review, reviewOf } from '../../../../rbac/reach/review.ts'
import type { SuppressionOutcome } from '../../../../rbac/reach/suppress/suppression.ts'
import { exitCodes, type Terminal } from '../../../terminal.ts'
import { type InputChoice, readObjects } from '../input.ts'
import { jsonText } from '../json-text.ts'
import { peopleOptions } from '../people-input.ts'
import { problemsText } from '../problems-text.ts'
import { askedOf, filtered } from '../review-names.ts'
import {
  brokenText,
  outcomeEntry,
  type SuppressionFile,
  suppressionsOf,
  withSuppressions,
} from '../suppress/suppressions.ts'
import { checked } from '../unanswered.ts'
import { narrowed } from './narrowed.ts'
import { reachDocument } from './reach-document.ts'
import { reachText, remarksText } from './reach-text.ts'
import { readChange } from './read-change.ts'

export interface ReachChoice extends InputChoice, Asked {
  readonly whatIf: readonly string[]
  readonly severity: Severity
  readonly serverVersion?: string
  readonly failOn?: Severity
  /** File of what is accepted, before and afterwards. */
  readonly suppress?: string
  /** Seconds since the epoch; the clock if absent. */
  readonly now?: number
  readonly people: KnownPeople
}

/** @returns 1 with `--fail-on` where something opens that is that bad */
export async function runReachEffect(choice: ReachChoice, isJson: boolean, terminal: Terminal): Promise<number> {
  const { whatIf, severity, failOn, now } = choice
  const asked = askedOf(choice)
  const suppressions = suppressionsOf(choice.suppress, terminal, now)
  const objects = await readObjects(choice, terminal)
  const change = await readChange(whatIf, terminal.cwd, objects)
  terminal.progress(() => 'reviewing what is, and what would be')
  const { effect, outcomes } = effectOf({ ...choice, objects, change, suppressions, asked })
  const { isNew, writtenBack } = effect
  const remarks = { isNew, writtenBack, notJudged: change.notJudged }
  const broken = suppressions === undefined ? '' : brokenText(outcomes, suppressions.path)
  if (isJson)
    terminal.write(
      jsonText({
        schema: 'sallyport.dev/kube-what-if/v1',
        ...(Object.keys(asked).length > 0 && { asked }),
        ...remarks,
        reach: reachDocument(effect),
        ...(suppressions !== undefined && { suppressions: outcomes.map(outcomeEntry) }),
        problems: objects.problems,
      }),
    )
  else
    terminal.write(
      [remarksText(remarks), reachText(effect, severity, terminal.colors), broken, problemsText(objects)].join(''),
    )
  if (failOn === undefined) return exitCodes.ok
  return checked(objects, { option: '--fail-on', isBad: opensAt(effect, failOn) }, terminal)
}

interface Comparing {
  readonly objects: ClusterObjects
  readonly change: Change
  readonly serverVersion?: string
  readonly people: KnownPeople
  readonly now?: number
  readonly suppressions: SuppressionFile | undefined
  readonly asked: Asked
}

interface Compared {
  readonly effect: ReachEffect
  /** Of the suppressions, as they would be. */
  readonly outcomes: readonly SuppressionOutcome[]
}

function effectOf({ objects, change, serverVersion, people, now, suppressions, asked }: Comparing): Compared {
  const options = {
    ...(serverVersion !== undefined && { serverVersion }),
    ...peopleOptions(people, objects, now),
  }
  const { objects: changed, writtenBack, isNew } = changedBy(objects, change)
  const before = withSuppressions(reviewOf(objects, options), suppressions).review
  const { review: after, outcomes } = withSuppressions(reviewOf(changed, options), suppressions)
  const openIn = ({ findings }: Review): number => filtered(findings, asked).filter(isOpen).length
  const effect = narrowed({ ...comparisonWith(before)(after), writtenBack, isNew }, asked)
  return { effect: { ...effect, openBefore: openIn(before), openAfter: openIn(after) }, outcomes }
}

export const opensAt = ({ opens }: ReachEffect, least: Severity): boolean =>
  opens.some(one => isAtLeast(one.severity, least))
