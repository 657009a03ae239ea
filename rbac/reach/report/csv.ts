/** A review as CSV (RFC 4180), one line for each finding, those that are folded among them: for a spreadsheet. */
import type { Finding, NodeId } from '../finding.ts'
import { nodeText, stepText, toldSteps } from '../findings/words.ts'
import { objectText } from '../moves/facts.ts'
import { moveOf } from '../moves/table.ts'
import type { Place } from '../objects.ts'
import { csvLines } from './csv-lines.ts'
import type { Placing } from './places.ts'

const columns: readonly (readonly [string, (finding: Finding, placing: Placing) => string])[] = [
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
  ['places', placesText],
  ['way', ({ path }) => wayText(path)],
  ['expected', ({ isExpected }) => String(isExpected)],
  ['within', ({ within }) => within ?? ''],
  ['finding', ({ sentence }) => sentence],
  ['edit', ({ edits }) => edits.map(({ object, sentence }) => `${object}: ${sentence}`).join('; ')],
  ['suppressed', ({ suppressed }) => (suppressed === undefined ? '' : suppressed.reason)],
  ['suppressed until', ({ suppressed }) => suppressed?.expires ?? ''],
]

export const csvColumns: readonly string[] = columns.map(([name]) => name)

/** The first line names the columns. @param placing where what no binding gives is seen */
export const csvText = (findings: readonly Finding[], placing: Placing): string =>
  csvLines([csvColumns, ...findings.map(finding => columns.map(([, textOf]) => textOf(finding, placing)))])

const listed = (texts: readonly NodeId[]): string => [...new Set<string>(texts)].join('; ')

/** Of binding and role; without a grant, of the workload or binding that is seen. */
function placesText(finding: Finding, placing: Placing): string {
  const { grants } = finding
  const objects = grants.length === 0 ? placing(finding) : grants.flatMap(({ binding, role }) => [binding, role])
  return objects.length === 0 ? 'none: no object gives it' : listed(objects.map(({ place }) => atText(place)))
}

const atText = ({ source, line }: Place): string => (line === undefined ? source : `${source}:${line}`)

/** Empty where it leads to nothing worse. */
function wayText(path: Finding['path']): string {
  const [first] = path
  return first === undefined ? '' : [nodeText(first.from), ...toldSteps(path).map(stepText)].join(' — ')
}
