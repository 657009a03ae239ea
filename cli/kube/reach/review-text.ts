/** A review as somebody reads it, in 80 columns. */
import { type Finding, type NodeId, type Severity, type Step, severities } from '../../../rbac/reach/finding.ts'
import { type FindingGroup, groupsOf } from '../../../rbac/reach/findings/findings.ts'
import { groupEdits } from '../../../rbac/reach/findings/group-edits.ts'
import { nodeText, stepText, toldSteps } from '../../../rbac/reach/findings/words.ts'
import type { AllPaths, PathBounds } from '../../../rbac/reach/graph/walk.ts'
import { type Memberships, membersOfGroup } from '../../../rbac/reach/people/read-users.ts'
import { countBySeverity, isAtLeast, isOpen, isSuppressed, isWithin } from '../../../rbac/reach/report/report.ts'
import type { Reacher } from '../../../rbac/reach/review.ts'
import { printable } from '../../../spelling/printable.ts'
import type { Terminal } from '../../terminal.ts'
import { fewOf } from './grant-text.ts'
import { wrapped } from './wrapped.ts'

type Colors = Terminal['colors']

export interface ShownReview {
  /** All that were asked for, of every severity. */
  readonly findings: readonly Finding[]
  /** The least that is shown in full. */
  readonly severity: Severity
  /** Expected ones and those within others as well. */
  readonly isAll: boolean
  readonly subjects: number
  /** Who is in which group, as far as somebody said. */
  readonly memberships?: Memberships | undefined
}

export function reviewText(review: ShownReview, colors: Colors): string {
  const { findings, severity, isAll, memberships = new Map() } = review
  const shown = (isAll ? findings : findings.filter(isOpen)).filter(one => isAtLeast(one.severity, severity))
  const blocks = groupsOf(shown).map(group => groupText(group, memberships, colors))
  return [...blocks, ...(blocks.length > 0 ? ['\n'] : []), summaryText(review, colors)].join('')
}

const block = (label: string, text: string): string =>
  wrapped(printable(text), { first: `  ${label.padEnd(5)} `, rest: '        ' })

function groupText({ first, findings }: FindingGroup, memberships: Memberships, colors: Colors): string {
  const { severity, move, path, sentence, isExpected, suppressed } = first
  const sign = isExpected ? '  expected' : suppressed === undefined ? '' : '  accepted'
  const edits = groupEdits(findings)
  const others = findings.slice(1).map(({ subject }) => nodeText(subject))
  return [
    `${paint(severity, colors)}  ${colors.bold(move)}${sign}\n`,
    wrapped(printable(sentence), { first: '  ', rest: '  ' }),
    ...whoText(
      findings.map(({ subject }) => subject),
      memberships,
    ),
    ...(others.length === 0 ? [] : [block('also', `${others.length} more by the same role: ${others.join(', ')}`)]),
    ...(path.length === 0 ? [] : [block('way', pathText(path))]),
    ...edits.slice(0, 2).map(({ object, sentence: what }) => block('edit', `${object}: ${what}`)),
    ...(edits.length > 2 ? [block('', `and ${edits.length - 2} more: --json has all of them`)] : []),
  ].join('')
}

/** The people behind the groups that have it. */
function whoText(subjects: readonly NodeId[], memberships: Memberships): readonly string[] {
  const groups = subjects.flatMap(id => (id.startsWith('group:') ? [id.slice('group:'.length)] : []))
  const people = [...new Set(groups.flatMap(group => membersOfGroup(memberships, group)))].sort()
  return people.length === 0 ? [] : [block('who', fewOf(people))]
}

const pathText = (path: readonly Step[]): string =>
  [nodeText(path[0]?.from ?? ''), ...toldSteps(path).map(step => `— ${stepText(step)}`)].join(' ')

function paint(severity: Severity, colors: Colors): string {
  const text = severity.toUpperCase().padEnd(8)
  if (severity === 'critical') return colors.red(text)
  return severity === 'high' ? colors.yellow(text) : colors.dim(text)
}

function summaryText({ findings, severity, isAll, subjects }: ShownReview, colors: Colors): string {
  const open = findings.filter(isOpen)
  const counts = countBySeverity(open)
  const parts = [...severities].reverse().map(one => `${counts[one]} ${one}`)
  const hidden = open.filter(one => !isAtLeast(one.severity, severity)).length
  const expected = findings.filter(({ isExpected }) => isExpected).length
  const within = findings.filter(isWithin).length
  const suppressed = findings.filter(isSuppressed).length
  const accepted = suppressed === 0 ? '' : `, ${suppressed} that are accepted`
  return [
    `${colors.bold(`${open.length} findings`)} of ${subjects} subjects: ${parts.join(', ')}\n`,
    ...(hidden > 0 ? [`  ${hidden} below ${severity}: --severity low shows them\n`] : []),
    ...(isAll
      ? []
      : [`  and ${expected} that Kubernetes itself ships and expects, ${within} within others${accepted}: --all\n`]),
  ].join('')
}

export function reachersText(reachers: readonly Reacher[], target: NodeId, isAll: boolean): string {
  const shown = reachers.filter(({ isExpected }) => isAll || !isExpected)
  const folded = reachers.length - shown.length
  return [
    ...shown.map(
      ({ subject, path }) =>
        `${wrapped(printable(nodeText(subject)), { first: '', rest: '  ' })}${block('way', pathText(path))}`,
    ),
    ...(shown.length > 0 ? ['\n'] : []),
    wrapped(printable(`${shown.length} can eventually reach ${nodeText(target)}`), { first: '', rest: '  ' }),
    ...(folded > 0 ? [`  ${folded} more by what Kubernetes itself ships and expects: --all shows them\n`] : []),
  ].join('')
}

export function pathsText({ paths, bound }: AllPaths, { maxSteps, maxPaths }: PathBounds): string {
  return [...paths.map(path => block('way', pathText(path))), `${paths.length} ways; ${moreText()}\n`].join('')

  function moreText(): string {
    if (bound === 'paths') return `there are more, at most ${maxPaths} are shown`
    return bound === 'steps' ? `there may be longer ones, at most ${maxSteps} steps are followed` : 'these are all'
  }
}
