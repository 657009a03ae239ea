/** `sallyport kube review`: who can become whom, and how to take it away. */
import type { Severity } from '../../../rbac/reach/finding.ts'
import { allPaths } from '../../../rbac/reach/graph/walk.ts'
import { type Asked, type Baseline, changesOf, isNew } from '../../../rbac/reach/report/baseline.ts'
import { isAtLeast, isOpen, stepEntry } from '../../../rbac/reach/report/report.ts'
import { type Review, reachersOf, reviewOf } from '../../../rbac/reach/review.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { baselineOf, changesText } from './baseline.ts'
import { runReachEffect } from './change/run.ts'
import { type InputChoice, readObjects } from './input.ts'
import { jsonText } from './json-text.ts'
import type { Output } from './output-kinds.ts'
import { wayBounds as bounds, documentText } from './outputs.ts'
import { type PeopleChoice, peopleOptions, readPeople } from './people-input.ts'
import { problemsText } from './problems-text.ts'
import { askedOf, filtered, subjectIdOf, targetOf } from './review-names.ts'
import { pathsText, reachersText, reviewText } from './review-text.ts'
import { draftText } from './suppress/draft.ts'
import {
  acceptedText,
  brokenText,
  type SuppressionFile,
  suppressionsOf,
  withSuppressions,
} from './suppress/suppressions.ts'
import { checked } from './unanswered.ts'

export interface ReviewChoice extends InputChoice, PeopleChoice {
  readonly severity: Severity
  readonly subject?: string
  readonly namespace?: string
  readonly to?: string
  readonly all?: boolean
  readonly json?: boolean
  readonly output: Output
  readonly baseline?: string
  readonly failOn?: Severity
  readonly serverVersion?: string
  readonly suppress?: string
  readonly suppressDraft?: boolean
  /** Seconds since the epoch; the clock if absent. */
  readonly now?: number
  readonly whatIf?: readonly string[]
}

/** @returns 1 with `--fail-on` where an open finding is that bad */
export async function runReview(choice: ReviewChoice, terminal: Terminal): Promise<number> {
  const { serverVersion, to, now } = choice
  if (to !== undefined && !['text', 'json'].includes(outputOf(choice))) {
    terminal.writeError(`error: --to has no ${choice.output}: leave --output away, or --to\n`)
    return exitCodes.usage
  }
  const alone = notWithWays.find(([name]) => choice[name] !== undefined)
  if (to !== undefined && alone !== undefined) {
    terminal.writeError(`error: --to has no ${alone[1]}\n`)
    return exitCodes.usage
  }
  const { whatIf } = choice
  if (whatIf !== undefined && !['text', 'json'].includes(outputOf(choice))) {
    terminal.writeError(`error: --what-if has no ${choice.output}: leave --output away, or --what-if\n`)
    return exitCodes.usage
  }
  const people = await readPeople(choice, terminal)
  if (whatIf !== undefined) return runReachEffect({ ...choice, whatIf, people }, outputOf(choice) === 'json', terminal)
  const asked = askedOf(choice)
  const baseline = baselineOf(choice.baseline, asked, terminal)
  const suppressions = suppressionsOf(choice.suppress, terminal, now)
  const objects = await readObjects(choice, terminal)
  terminal.progress(() => `reviewing ${objects.bindings.length} bindings`)
  const review = reviewOf(objects, {
    ...(serverVersion !== undefined && { serverVersion }),
    ...peopleOptions(people, objects, now),
  })
  return to === undefined
    ? showFindings(review, { ...choice, before: baseline, suppressions, asked }, terminal)
    : showWays(review, { ...choice, to }, terminal)
}

/** Of findings, which `--to` has none of. */
const notWithWays = [
  ['baseline', '--baseline'],
  ['suppress', '--suppress'],
  ['suppressDraft', '--suppress-draft'],
] as const

const outputOf = ({ json = false, output }: ReviewChoice): Output => (json ? 'json' : output)

type Compared = ReviewChoice & {
  readonly before: Baseline | undefined
  readonly suppressions: SuppressionFile | undefined
  readonly asked: Asked
}

function showFindings(whole: Review, choice: Compared, terminal: Terminal): number {
  const { before, asked, severity, all: isAll = false, failOn, suppressions } = choice
  const { now = Date.now() / 1000 } = choice
  const { review, outcomes } = withSuppressions(whole, suppressions)
  const findings = filtered(review.findings, asked)
  const broken = suppressions === undefined ? '' : brokenText(outcomes, suppressions.path)
  const unread = problemsText(review.facts.objects)
  if (choice.suppressDraft === true) {
    const drafted = findings.filter(one => isAtLeast(one.severity, severity))
    terminal.write(draftText(review, drafted, now))
    terminal.writeError(broken + unread)
    return exitCodes.ok
  }
  const output = outputOf(choice)
  const changes = before === undefined ? undefined : changesOf(findings, before)
  if (output !== 'text') {
    const told = suppressions === undefined ? {} : { suppressions: outcomes }
    terminal.write(documentText(output, { review, findings, isAll, asked, before, changes, choice, ...told }))
    // A table has no room for what was not read.
    if (output === 'csv') terminal.writeError(unread)
    if (output !== 'json') terminal.writeError(broken)
  } else {
    const subjects = review.facts.grants.subjects.length
    const { memberships } = review.facts.options
    terminal.write(reviewText({ findings, severity, isAll, subjects, memberships }, terminal.colors))
    if (review.facts.serverVersion === undefined)
      terminal.write('  Taken as Kubernetes 1.35 or later, where get opens no stream: --server-version\n')
    terminal.write(`${acceptedText(findings)}${broken}${unread}`)
  }
  // Tables and code scanning have no room for what is gone; JSON has it in the document.
  const say = output === 'text' ? terminal.write : terminal.writeError
  if (changes !== undefined && output !== 'json') say(changesText(changes, review.facts.objects.problems.length > 0))
  const counted = before === undefined ? findings : findings.filter(one => isNew(one, before))
  if (failOn === undefined) return exitCodes.ok
  const isBad = counted.some(one => isOpen(one) && isAtLeast(one.severity, failOn))
  return checked(review.facts.objects, { option: '--fail-on', isBad }, terminal)
}

function showWays(review: Review, choice: ReviewChoice & { readonly to: string }, terminal: Terminal): number {
  const target = targetOf(choice.to, review)
  const { all: isAll = false, subject } = choice
  const isJson = outputOf(choice) === 'json'
  const { objects } = review.facts
  const [document, text] = subject === undefined ? everybody() : one(subjectIdOf(subject))
  if (isJson) terminal.write(jsonText({ target, ...document, problems: objects.problems }))
  else terminal.write(`${text}${problemsText(objects)}`)
  return exitCodes.ok

  function one(from: string): [object, string] {
    const found = allPaths(review.graph, from, target, bounds)
    const paths = found.paths.map(path => path.map(stepEntry))
    return [{ subject: from, paths, bound: found.bound ?? null }, pathsText(found, bounds)]
  }

  function everybody(): [object, string] {
    const reachers = reachersOf(review, target)
    const entries = reachers.map(({ path, ...rest }) => ({ ...rest, path: path.map(stepEntry) }))
    return [{ reachers: entries }, reachersText(reachers, target, isAll)]
  }
}
