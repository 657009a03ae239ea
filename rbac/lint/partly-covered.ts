/**
 * Rows that ask for more than a wider row does, which allows a part of the same without it.
 *
 * Rows that allow add up, so `authenticated /** read` leaves nothing to ask for to `group:ops /admin/** * mfa` where
 * somebody reads: a door that its author believes shut. What is said is exact (which methods, for whom, under which
 * condition), and nothing is said where the narrower row only adds something.
 */
import { namesIn } from '../actions.ts'
import { plainReadMethods, readMethods } from '../request/methods.ts'
import type { Row } from '../row.ts'
import { rowText } from '../row-text.ts'
import { coversAction, sharedActions } from './actions.ts'
import { type Coverage, coversCondition, termsOf } from './coverage.ts'
import type { Report } from './finding.ts'
import { domainsCovering, firstOf, type WideRows } from './shadowed.ts'

interface Part {
  readonly wide: Row
  /** Terms of the wider row that the narrower one does not ask for: the part holds where they are true. */
  readonly where: readonly string[]
}

/** An allow row of which a wider one allows a part, for everybody whom it names. */
export function findPartlyCovered(rows: readonly Row[], wideRows: WideRows, coverage: Coverage, report: Report): void {
  for (const row of rows) {
    if (row.isDeny || row.isShadow) continue
    const parts = wideRows(row).flatMap(wide => partOf(wide, row, coverage))
    const part = parts.find(({ where }) => where.length === 0) ?? parts[0]
    if (part === undefined) continue
    const { wide, where } = part
    const place = where.length === 0 ? '' : ` where ${where.join(' & ')} holds`
    const message = `has no effect for ${methodsOf(wide, row)}${place}: ${wide.id} already allows it (${rowText(wide)})`
    const advice = `keep ${row.resource} out of the wider row, or write here only what it adds`
    report('partly-covered-row', row.id, {
      message,
      advice,
      severity: where.length === 0 && isPlaceNarrower(wide, row) ? undefined : 'note',
    })
  }
}

function partOf(wide: Row, row: Row, coverage: Coverage): Part[] {
  if (wide === row || wide.isDeny) return []
  const where = missingTerms(row, wide)
  const asksMore = missingTerms(wide, row).length > 0
  // Who may do more at the same place is no restriction; what a place asks for beyond the wider row is.
  if (!asksMore && (wide.whom === row.whom || !isPlaceNarrower(wide, row))) return []
  if (where.length > 0 && !isPlaceNarrower(wide, row)) return []
  if (!coverage.coversSubject(wide, row) || !coverage.coversPlace(wide, row)) return []
  if (coversAction(wide, row) && coverage.coversCondition([wide], row)) return []
  const { names, others } = sharedActions(wide, row)
  const own = [wide, row].flatMap(({ action, domain }) => namesIn(action, domain))
  // `read` and `write` have PROPFIND and its like in common, which nobody means who writes one row for each.
  const meant = names.filter(name => plainReadMethods.has(name) || !readMethods.has(name) || own.includes(name))
  const isApart = isReadAndWrite(wide, row) && meant.length === 0
  return !isApart && (names.length > 0 || others) ? [{ wide, where }] : []
}

const isReadAndWrite = (one: Row, other: Row): boolean => {
  const says = ({ action }: Row, group: string): boolean => action.split('|').some(token => token.trim() === group)
  return (says(one, 'read') && says(other, 'write')) || (says(one, 'write') && says(other, 'read'))
}

const isPlaceNarrower = (wide: Row, row: Row): boolean => wide.resource !== row.resource || wide.domain !== row.domain

/** Terms that `one` asks for and `other` does not. */
function missingTerms(other: Row, one: Row): string[] {
  const asked = new Set(termsOf(other.condition))
  return termsOf(one.condition).filter(term => !asked.has(term))
}

const maxNamed = 8

/** What both rows speak of, in the words of one of them where it says just that. */
function methodsOf(wide: Row, row: Row): string {
  const { names, others } = sharedActions(wide, row)
  const listed = names.length <= maxNamed ? names.join(', ') : `${names.slice(0, maxNamed).join(', ')} …`
  if (coversAction(row, wide))
    return wide.action === '*' ? 'any method' : `${wide.action}${isGroup(wide.action) ? ` (${listed})` : ''}`
  if (coversAction(wide, row)) return row.action === '*' ? 'any method' : row.action
  return others ? `${listed} and all others` : listed
}

const isGroup = (action: string): boolean => /\b(?:read|write)\b/.test(action)

/** Allow rows of some people that lack a condition which narrower rows ask everybody for; one note for each. */
export function findPassedBy(rows: readonly Row[], coverage: Coverage, report: Report): void {
  const passed = new Map<Row, Row[]>()
  for (const [wide, row] of nearRows(rows)) {
    if (!passesBy(wide, row, coverage)) continue
    const others = passed.get(wide)
    if (others === undefined) passed.set(wide, [row])
    else others.push(row)
  }
  for (const [wide, [first, ...others]] of passed) {
    if (first === undefined) continue
    const more = others.length === 0 ? '' : ` and of ${others.length} more`
    const message = `${wide.subject} needs no "${first.condition}" of ${first.id}${more}: this row allows it without`
    report('condition-passed-by', wide.id, {
      message,
      advice: 'ask for it here as well, if it is meant for them too',
      severity: 'note',
    })
  }
}

/** Comparisons at most: a policy of a hundred thousand rows is linted in seconds. */
const mostComparisons = 2_000_000

/** Each allow row that has a condition, with the allow rows of named people that could have its place. */
function* nearRows(rows: readonly Row[]): Generator<readonly [wide: Row, row: Row]> {
  const near = createPlaces(rows)
  let comparisons = 0
  for (const row of rows) {
    if (row.isDeny || row.isShadow || row.condition === '-') continue
    for (const wide of near(row).flat()) {
      comparisons += 1
      if (comparisons > mostComparisons) return
      yield [wide, row]
    }
  }
}

function passesBy(wide: Row, row: Row, coverage: Coverage): boolean {
  if (wide.whom === row.whom || !coversCondition(wide.condition, row.condition)) return false
  if (missingTerms(wide, row).length === 0) return false
  // Whom both rows name, and nobody else: the narrower row speaks of more people.
  if (!coverage.coversSubject(row, wide) || coverage.coversSubject(wide, row)) return false
  const { names, others } = sharedActions(wide, row)
  return (names.length > 0 || others) && coverage.coversPlace(wide, row)
}

/** Allow rows of named people by host pattern and first segment. */
function createPlaces(rows: readonly Row[]): (row: Row) => readonly (readonly Row[])[] {
  const places = new Map<string, Map<string, Row[]>>()
  for (const row of rows) {
    if (row.isDeny || row.isShadow || row.subject === 'anyone') continue
    const byFirst = places.get(row.domain) ?? new Map<string, Row[]>()
    places.set(row.domain, byFirst)
    const first = firstOf(row.resource)
    const others = byFirst.get(first)
    if (others === undefined) byFirst.set(first, [row])
    else others.push(row)
  }
  return ({ domain, resource }) =>
    domainsCovering(domain).flatMap(pattern =>
      [...new Set([firstOf(resource), '*'])].map(first => places.get(pattern)?.get(first) ?? []),
    )
}
