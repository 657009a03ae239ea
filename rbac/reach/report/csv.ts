/** A review as CSV (RFC 4180), one line for each finding, those that are folded among them: for a spreadsheet. */
import type { Finding, NodeId } from '../finding.ts'
import { nodeText, stepText, toldSteps } from '../findings/words.ts'
import { objectText } from '../moves/facts.ts'
import { moveOf } from '../moves/table.ts'
import type { Place } from '../objects.ts'

const columns: readonly (readonly [string, (finding: Finding) => string])[] = [
  ['id', ({ id }) => id],
  ['severity', ({ severity }) => severity],
  ['move', ({ move }) => move],
  ['title', ({ move }) => moveOf(move)?.title ?? move],
  ['subject', ({ subject }) => subject],
  ['namespace', ({ namespace }) => namespace ?? ''],
  ['targets', ({ targets }) => listed(targets)],
  ['perhaps', ({ perhaps }) => listed(perhaps)],
  ['bindings', ({ grants }) => listed(grants.map(({ binding }) => objectText(binding)))],
  ['roles', ({ grants }) => listed(grants.map(({ role }) => objectText(role)))],
  [
    'places',
    ({ grants }) => listed(grants.flatMap(({ binding, role }) => [binding, role].map(one => atText(one.place)))),
  ],
  ['way', ({ path }) => wayText(path)],
  ['expected', ({ isExpected }) => String(isExpected)],
  ['within', ({ within }) => within ?? ''],
  ['finding', ({ sentence }) => sentence],
  ['edit', ({ edits }) => edits.map(({ object, sentence }) => `${object}: ${sentence}`).join('; ')],
  ['suppressed', ({ suppressed }) => (suppressed === undefined ? '' : suppressed.reason)],
  ['suppressed until', ({ suppressed }) => suppressed?.expires ?? ''],
]

export const csvColumns: readonly string[] = columns.map(([name]) => name)

/**
 * @param shown a text with the characters escaped that make a terminal, or whoever reads, see something else
 * @returns lines that end with CRLF, the first one names the columns
 */
export function csvText(findings: readonly Finding[], shown: (text: string) => string): string {
  const lines = [csvColumns, ...findings.map(finding => columns.map(([, textOf]) => textOf(finding)))]
  return lines.map(cells => `${cells.map(text => cell(shown(text))).join(',')}\r\n`).join('')
}

/**
 * Threat: names are chosen by others, and a spreadsheet runs a cell that starts like a formula, also where the sign is a
 * full-width one or stands behind blanks.
 */
const startsFormula = /^\s*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20|%]/

function cell(text: string): string {
  const guarded = startsFormula.test(text) ? `'${text}` : text
  return `"${guarded.replaceAll('"', '""')}"`
}

const listed = (texts: readonly NodeId[]): string => [...new Set<string>(texts)].join('; ')

const atText = ({ source, line }: Place): string => (line === undefined ? source : `${source}:${line}`)

/** Empty where it leads to nothing worse. */
function wayText(path: Finding['path']): string {
  const [first] = path
  return first === undefined ? '' : [nodeText(first.from), ...toldSteps(path).map(stepText)].join(' — ')
}
