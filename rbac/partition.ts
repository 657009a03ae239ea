/**
 * Which rows Casbin is shown: those that can apply, and no others (docs/adr/0010-only-rows-that-can-apply.md).
 *
 * By domain first, then by subject, then by the folder that a resource is anchored in. What is left of a question is
 * compared with the compiled fields of the few rows that remain, so that the cost of a decision depends neither on the
 * rows of other domains nor on those of other people and paths.
 */
import { createFittingRows, type FittingRows } from './deciding/fitting-rows.ts'
import { coveringPatterns } from './domains.ts'
import type { Row } from './row.ts'
import { createRowIndex, createSearch, findRows, type Question, type RowIndex, type Search } from './row-index.ts'
import { type Pause, sliceLength, visitInSlices } from './slices.ts'

/** Rows in order of load. */
export interface Candidates {
  readonly enforced: readonly Row[]
  /** Evaluated and reported, never enforced. */
  readonly shadow: readonly Row[]
  /** Some enforced row names the domain, be it among these or not. */
  readonly isCovered: boolean
}

export interface Partition {
  /** Every pattern that a row names, in order of load. */
  readonly domains: Iterable<string>
  /** Every row that names the domain. */
  readonly candidatesFor: (domain: string) => Candidates
  /** Of those, the rows whose resource, action and subject fit. */
  readonly narrow: (domain: string, question: Question) => Candidates
}

interface Part {
  readonly enforced: RowIndex
  readonly shadow: RowIndex
}

export async function createPartition(rows: readonly Row[], pause?: Pause): Promise<Partition> {
  const lists = new Map<string, { enforced: Row[]; shadow: Row[] }>()
  const add = (row: Row): void => {
    const list = lists.get(row.domain) ?? { enforced: [], shadow: [] }
    lists.set(row.domain, list)
    list[row.isShadow ? 'shadow' : 'enforced'].push(row)
  }
  await visitInSlices(rows, add, pause)
  const fittingRows = createFittingRows()
  const indexOf = (some: readonly Row[]) => createRowIndex(some, fittingRows, pause)
  const parts = new Map<string, Part>()
  for (const [domain, { enforced, shadow }] of lists) {
    parts.set(domain, { enforced: await indexOf(enforced), shadow: await indexOf(shadow) })
    if (parts.size % sliceLength === 0) await pause?.()
  }
  const partsIn = rememberParts(parts)
  return {
    domains: parts.keys(),
    candidatesFor: domain => candidatesOf(partsIn(domain)),
    narrow: (domain, question) => narrowed(partsIn(domain), question, fittingRows),
  }
}

/** Domains whose parts are kept: a proxy asks for the same few hundred, and a name that nobody has is soon forgotten. */
const mostDomains = 1_000

function rememberParts(byDomain: ReadonlyMap<string, Part>): (domain: string) => readonly Part[] {
  const known = new Map<string, readonly Part[]>()
  return domain => {
    const kept = known.get(domain)
    if (kept !== undefined) return kept
    const parts = partsOf(byDomain, domain)
    if (known.size >= mostDomains) known.clear()
    known.set(domain, parts)
    return parts
  }
}

function partsOf(byDomain: ReadonlyMap<string, Part>, domain: string): Part[] {
  const parts: Part[] = []
  for (const pattern of coveringPatterns(domain)) {
    const part = byDomain.get(pattern)
    if (part !== undefined) parts.push(part)
  }
  return parts
}

function candidatesOf(parts: readonly Part[]): Candidates {
  const enforced = inOrder(parts.flatMap(part => part.enforced.rows))
  return { enforced, shadow: inOrder(parts.flatMap(part => part.shadow.rows)), isCovered: enforced.length > 0 }
}

function narrowed(parts: readonly Part[], question: Question, fittingRows: FittingRows): Candidates {
  let isCovered = false
  let isShadowed = false
  const enforced = createSearch(question, fittingRows)
  for (const part of parts) {
    if (part.enforced.rows.length > 0) isCovered = true
    if (part.shadow.rows.length > 0) isShadowed = true
    findRows(part.enforced, enforced)
  }
  const shadow = isShadowed ? shadowRows(parts, createSearch(question, fittingRows)) : none
  return { enforced: inOrder(enforced.found), shadow, isCovered }
}

const none: readonly Row[] = Object.freeze([])

function shadowRows(parts: readonly Part[], search: Search): readonly Row[] {
  for (const part of parts) findRows(part.shadow, search)
  return inOrder(search.found)
}

const inOrder = (rows: Row[]): Row[] => (rows.length < 2 ? rows : rows.sort((a, b) => a.order - b.order))
