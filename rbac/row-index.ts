/**
 * The rows of one domain by subject, and those of one subject by the folder of their resource.
 *
 * A short list is no index: to look at sixteen rows costs as much as to look up two. Whatever the index finds is
 * compared field by field, so an anchor only has to hold for every path that fits, not for those alone.
 */
import type { Readings } from './matchable-path.ts'
import { fitsReadings } from './resources.ts'
import type { Row } from './row.ts'
import { type Pause, visitInSlices } from './slices.ts'

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

export async function createRowIndex(rows: readonly Row[], pause?: Pause): Promise<RowIndex> {
  if (rows.length === 0) return none
  if (rows.length <= shortLength) return { rows }
  const bySubject = new Map<string, SubjectRows>()
  for (const [subject, own] of await groupBy(rows, row => row.whom, pause)) {
    bySubject.set(subject, await indexByAnchor(own, pause))
  }
  return { rows, bySubject }
}

async function indexByAnchor(rows: readonly Row[], pause: Pause | undefined): Promise<SubjectRows> {
  if (rows.length <= shortLength) return { rows, reach: 0 }
  const byAnchor = await groupBy(rows, row => row.anchor, pause)
  let reach = 0
  for (const anchor of byAnchor.keys()) reach = Math.max(reach, anchor.length)
  return { rows, byAnchor, reach }
}

async function groupBy(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  pause: Pause | undefined,
): Promise<Map<string, Row[]>> {
  const groups = new Map<string, Row[]>()
  const add = (row: Row): void => {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  await visitInSlices(rows, add, pause)
  return groups
}

/** Adds the rows that fit to `found`, in any order. */
export function findRows({ rows, bySubject }: RowIndex, question: Question, found: Row[]): void {
  if (rows.length === 0) return
  const names = question.names()
  if (bySubject === undefined) addFitting(rows, question, names, found)
  else for (const name of names) findOwnRows(bySubject.get(name), question, names, found)
}

function findOwnRows(own: SubjectRows | undefined, question: Question, names: ReadonlySet<string>, found: Row[]): void {
  if (own === undefined) return
  const { rows, byAnchor, reach } = own
  if (byAnchor === undefined) {
    addFitting(rows, question, names, found)
    return
  }
  const { readings } = question
  const visit = (anchor: string): void => addFitting(byAnchor.get(anchor) ?? [], question, names, found)
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

function addFitting(
  rows: readonly Row[],
  { readings, action }: Question,
  names: ReadonlySet<string>,
  found: Row[],
): void {
  for (const row of rows) {
    if (names.has(row.whom) && fitsReadings(row, readings) && row.fitsAction(action)) found.push(row)
  }
}
