/** What a change does to reach, as somebody reads it, in 80 columns. */
import type { ObjectName } from '../../../../rbac/reach/change/change.ts'
import type { ReachEffect, SinkEffect } from '../../../../rbac/reach/change/reach-effect.ts'
import { type Finding, type Severity, severities } from '../../../../rbac/reach/finding.ts'
import { nodeText, stepText, toldSteps } from '../../../../rbac/reach/findings/words.ts'
import { countBySeverity, isAtLeast } from '../../../../rbac/reach/report/report.ts'
import { printable } from '../../../../spelling/printable.ts'
import type { Terminal } from '../../../terminal.ts'
import { wrapped } from '../wrapped.ts'

type Colors = Terminal['colors']

const mostNames = 6

/** Whatever opens is shown, however small; of the rest those from `severity` on. */
export function reachText(effect: ReachEffect, severity: Severity, colors: Colors): string {
  const { opens, openBefore, openAfter } = effect
  const head = `${openBefore} open findings become ${openAfter}`
  const listed = (sign: string, findings: readonly Finding[]): string[] =>
    findings.filter(one => isAtLeast(one.severity, severity)).map(one => findingText(sign, one))
  const part = (title: string, findings: readonly Finding[], texts: readonly string[]): string =>
    findings.length === 0 ? '' : `${countText(title, findings)}${texts.join('')}`
  const after = effect.changes.map(one => one.after)
  return [
    `\n${colors.bold('Reach')}: ${head}\n`,
    part(
      'opens',
      opens,
      opens.map(one => colors.red(findingText('+', one)) + wasText(one, effect) + wayText(one)),
    ),
    part('closes', effect.closes, listed('-', effect.closes).map(colors.green)),
    part('has other targets', after, listed('~', after)),
    part('stays, which one that goes said as well', effect.remains, listed('=', effect.remains)),
    part('is folded, since another says it: not closed', effect.folds, listed('=', effect.folds)),
    part('is accepted as it would be', effect.accepted, listed('=', effect.accepted)),
    ...effect.sinks.map(one => sinkText(one, colors)),
  ].join('')
}

function wasText(finding: Finding, { worse, reopened }: ReachEffect): string {
  if (reopened.includes(finding)) return '      It was accepted as it was, and is not as it would be.\n'
  return worse.includes(finding) ? '    It was there, and less bad.\n' : ''
}

function countText(title: string, findings: readonly Finding[]): string {
  const counts = countBySeverity(findings)
  const parts = [...severities].reverse().flatMap(one => (counts[one] === 0 ? [] : [`${counts[one]} ${one}`]))
  return `${findings.length} ${title}: ${parts.join(', ')}\n`
}

const findingText = (sign: string, { severity, move, sentence }: Finding): string =>
  wrapped(printable(`${severity} ${move}: ${sentence}`), { first: `  ${sign} `, rest: '      ' })

const wayText = ({ path }: Finding): string =>
  path.length === 0
    ? ''
    : wrapped(printable(toldSteps(path).map(stepText).join(', then ')), { first: '      way ', rest: '          ' })

function sinkText({ sink, lost, gained }: SinkEffect, colors: Colors): string {
  const said = (whom: SinkEffect['lost'], what: string): string => {
    const names = whom.slice(0, mostNames).map(nodeText)
    const more = whom.length > mostNames ? ` and ${whom.length - mostNames} more` : ''
    return wrapped(printable(`${nodeText(sink)}: ${whom.length} ${what}: ${names.join(', ')}${more}`), {
      first: '',
      rest: '    ',
    })
  }
  return [
    ...(gained.length === 0 ? [] : [colors.red(said(gained, 'newly reach it'))]),
    ...(lost.length === 0 ? [] : [colors.green(said(lost, 'reach it no longer'))]),
  ].join('')
}

interface Remarks {
  readonly isNew: readonly ObjectName[]
  readonly writtenBack: readonly ObjectName[]
  readonly notJudged: readonly ObjectName[]
}

/** What of the change is not as it looks. */
export function remarksText({ isNew, writtenBack, notJudged }: Remarks): string {
  const remarks = [
    ...isNew.map(one => `${objectText(one)} is not there now`),
    ...writtenBack.map(
      one =>
        `${objectText(one)} is written back when the API server starts: what is taken out of it counts as if it stayed`,
    ),
    ...(notJudged.length === 0
      ? []
      : [
          `Not judged, as objects that give no right: ${notJudged.slice(0, mostNames).map(objectText).join(', ')}${notJudged.length > mostNames ? ` and ${notJudged.length - mostNames} more` : ''}`,
        ]),
  ]
  return remarks.map(text => wrapped(printable(text), { first: '  ', rest: '      ' })).join('')
}

const objectText = ({ kind, namespace, name }: ObjectName): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
