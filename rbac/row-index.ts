/**
 * The rows of one domain by subject, and those of one subject by the folder of their resource.
 *
 * A short list is no index: to look at sixteen rows costs as much as to look up two. Whatever the index finds is
 * compared field by field, so an anchor only has to hold for every path that fits, not for those alone.
 */
import type { FittingRows } from './deciding/fitting-rows.ts'
import type { Readings } from './matchable-path.ts'
import { fitsReadings } from './resources.ts'
import type { Row } from './row.ts'
import { groupedInSlices, type Pause } from './slices.ts'

/** What resource, action and subject of a row are compared with. */
export interface Question {
  readonly readings: Readings
  readonly action: string
  /** Every name that the identity answers to, roles included. */
  readonly names: () => ReadonlySet<string>
}

export interface RowIndex {
  /** All of them, in order of load. */
  readonly rows: readonly Row[]
  /** Absent for a short list. */
  readonly bySubject?: ReadonlyMap<string, SubjectRows>
}

interface SubjectRows {
  readonly rows: readonly Row[]
  /** Absent for a short list. */
  readonly byAnchor?: ReadonlyMap<string, readonly Row[]>
  /** Length of the longest anchor. */
  readonly reach: number
}

const shortLength = 16
const none: RowIndex = Object.freeze({ rows: Object.freeze([]) })

export async function createRowIndex(rows: readonly Row[], fittingRows: FittingRows, pause?: Pause): Promise<RowIndex> {
  if (rows.length === 0) return none
  if (rows.length <= shortLength) {
    fittingRows.watch(rows)
    return { rows }
  }
  const bySubject = new Map<string, SubjectRows>()
  for (const [subject, own] of await groupedInSlices(rows, row => row.whom, pause)) {
    bySubject.set(subject, await indexByAnchor(own, fittingRows, pause))
  }
  return { rows, bySubject }
}

async function indexByAnchor(
  rows: readonly Row[],
  fittingRows: FittingRows,
  pause: Pause | undefined,
): Promise<SubjectRows> {
  if (rows.length <= shortLength) {
    fittingRows.watch(rows)
    return { rows, reach: 0 }
  }
  const byAnchor = await groupedInSlices(rows, row => row.anchor, pause)
  let reach = 0
  for (const [anchor, own] of byAnchor) {
    reach = Math.max(reach, anchor.length)
    fittingRows.watch(own)
  }
  return { rows, byAnchor, reach }
}

/**
 * Threat: a path of 8 KB, another one each time, against hundreds of patterns: each check then takes as long as a hundred
 * others. Paths of everyday length are compared with whatever rows there are; longer ones as far as the steps go.
 */
const everydayLength = 1_024
const mostSteps = 2_500_000

/** The path is too long for the patterns that it would have to be compared with. */
export class PathTooCostlyError extends Error {}

/** One question to the index. */
export interface Search {
  readonly question: Question
  /** Rows that fit, in any order. */
  readonly found: Row[]
  readonly fittingRows: FittingRows
  stepsLeft: number
}

export const createSearch = (question: Question, fittingRows: FittingRows): Search => ({
  question,
  found: [],
  fittingRows,
  stepsLeft: mostSteps,
})

/** Adds the rows that fit to `search.found`. Throws `PathTooCostlyError`. */
export function findRows({ rows, bySubject }: RowIndex, search: Search): void {
  if (rows.length === 0) return
  const names = search.question.names()
  if (bySubject === undefined) addFitting(rows, names, search)
  else for (const name of names) findOwnRows(bySubject.get(name), names, search)
}

function findOwnRows(own: SubjectRows | undefined, names: ReadonlySet<string>, search: Search): void {
  if (own === undefined) return
  const { rows, byAnchor, reach } = own
  if (byAnchor === undefined) {
    addFitting(rows, names, search)
    return
  }
  const { readings } = search.question
  const visit = (anchor: string): void => addFitting(byAnchor.get(anchor) ?? [], names, search)
  if (readings.length === 1) {
    visitAnchors(readings[0], reach, visit)
    return
  }
  const anchors = new Set<string>()
  for (const path of readings) visitAnchors(path, reach, anchor => anchors.add(anchor))
  for (const anchor of anchors) visit(anchor)
}

/** Anchors of the rows that could fit a path. */
function visitAnchors(path: string, reach: number, visit: (anchor: string) => void): void {
  if (path !== '/' && path.length <= reach) visit(path)
  const folder = path === '/' ? path : `${path}/`
  // Threat: a path of a thousand segments asks for a thousand look-ups; none is longer than the longest anchor.
  for (let slash = 0; slash !== -1 && slash < reach; slash = folder.indexOf('/', slash + 1)) {
    visit(folder.slice(0, slash + 1))
  }
}

function addFitting(rows: readonly Row[], names: ReadonlySet<string>, search: Search): void {
  const { readings, action } = search.question
  const isLong = readings[0].length > everydayLength
  const fitting = isLong || readings.length > 1 ? undefined : search.fittingRows.find(rows, action, readings[0])
  if (fitting !== undefined) {
    for (const row of fitting) if (names.has(row.whom)) search.found.push(row)
    return
  }
  for (const row of rows) {
    if (!names.has(row.whom) || !row.fitsAction(action)) continue
    if (isLong) spendSteps(row, search)
    if (fitsReadings(row, readings)) search.found.push(row)
  }
}

function spendSteps({ steps }: Row, search: Search): void {
  const { readings } = search.question
  search.stepsLeft -= steps * readings[0].length * readings.length
  if (search.stepsLeft < 0) throw new PathTooCostlyError('the path is too long for the patterns of its host')
}
