/** Rows that never decide because of other rows. */

import { coveringPatterns, coversDomain } from '../domains.ts'
import type { Row } from '../row.ts'
import { rowText } from '../row-text.ts'
import { type Coverage, segmentsOf } from './coverage.ts'
import type { Report } from './finding.ts'
import type { Members } from './members.ts'
import { coverTogether } from './together.ts'

/** Rows of the same effect that are covered, and allow rows under an unconditional deny. */
export function findShadowed(rows: readonly Row[], wideRows: WideRows, coverage: Coverage, report: Report): void {
  for (const row of rows) {
    if (row.isShadow) continue
    const wider = wideRows(row)
    const isWider = (candidate: Row): boolean => candidate !== row && coverage.covers(candidate, row)
    // Of two rows that say the same, the later one is reported.
    const shadowing = wider.find(
      candidate =>
        candidate.isDeny === row.isDeny &&
        isWider(candidate) &&
        (candidate.order < row.order || !coverage.covers(row, candidate)),
    )
    if (shadowing !== undefined) {
      const message = `never decides: ${shadowing.id} covers it (${rowText(shadowing)})`
      report('shadowed-row', row.id, { message, advice: 'remove one of the two' })
    } else {
      const together = coverTogether(wider, row, coverage)
      const ids = together.map(({ id }) => id).join(', ')
      const message = `never decides: ${ids} cover it together (${together.map(rowText).join('; ')})`
      if (together.length > 0) report('shadowed-row', row.id, { message, advice: 'remove it' })
    }
    const denying = row.isDeny ? undefined : wider.find(candidate => candidate.isDeny && isWider(candidate))
    if (denying !== undefined) {
      const message = `never allows: ${denying.id} denies all of it (${rowText(denying)})`
      report('allow-under-deny', row.id, { message, advice: 'remove it, or narrow the deny row' })
    }
  }
}

/** A deny row has nothing to take away where no allow row speaks of the same host, path and method. */
export function findUnreachedDenies(rows: readonly Row[], { overlaps }: Coverage, report: Report): void {
  const allowsNear = createNeighbours(rows.filter(({ isDeny, isShadow }) => !isDeny && !isShadow))
  for (const row of rows) {
    if (!row.isDeny || row.isShadow || allowsNear(row).some(list => list.some(allow => overlaps(row, allow)))) continue
    const message = 'takes nothing away: no allow row speaks of the same host, path and method'
    report('unreached-deny', row.id, { message, advice: 'keep it as a safeguard, or remove it', severity: 'note' })
  }
}

/** Lists of the rows whose domain and first segment could have something in common with those of a row. */
function createNeighbours(rows: readonly Row[]): (row: Row) => readonly (readonly Row[])[] {
  const byDomain = new Map<string, Map<string, Row[]>>()
  for (const row of rows) {
    const byFirst = byDomain.get(row.domain) ?? new Map<string, Row[]>()
    byDomain.set(row.domain, byFirst)
    const first = plainFirstOf(row.resource)
    const list = byFirst.get(first)
    if (list === undefined) byFirst.set(first, [row])
    else list.push(row)
  }
  const touching = new Map<string, readonly ReadonlyMap<string, readonly Row[]>[]>()
  const near = (domain: string): readonly ReadonlyMap<string, readonly Row[]>[] => {
    const known = touching.get(domain)
    if (known !== undefined) return known
    const found = [...byDomain].filter(([other]) => coversDomain(domain, other) || coversDomain(other, domain))
    const maps = found.map(([, byFirst]) => byFirst)
    touching.set(domain, maps)
    return maps
  }
  return ({ domain, resource }) => {
    const first = plainFirstOf(resource)
    return near(domain).flatMap(byFirst =>
      first === '*' ? [...byFirst.values()] : [first, '*'].map(key => byFirst.get(key) ?? []),
    )
  }
}

/** What has a second spelling may have a path in common with any other segment. */
function plainFirstOf(resource: string): string {
  const first = firstOf(resource)
  return /^[A-Za-z0-9._~-]+$/.test(first) ? first : '*'
}

/** The rows that could cover a row. */
export type WideRows = (row: Row) => readonly Row[]

/** Found by what they must have in common, so that large policies stay quick. */
export function createWideRows(rows: readonly Row[], members: Members): WideRows {
  const index = new Map<string, Row[]>()
  for (const row of rows) {
    if (row.isShadow) continue
    const key = keyOf(row.domain, row.whom, firstOf(row.resource))
    const list = index.get(key)
    if (list === undefined) index.set(key, [row])
    else list.push(row)
  }
  return row => {
    const found: Row[] = []
    for (const domain of domainsCovering(row.domain)) {
      for (const subject of namesCovering(row, members)) {
        for (const first of new Set([firstOf(row.resource), '*']))
          found.push(...(index.get(keyOf(domain, subject, first)) ?? []))
      }
    }
    return found
  }
}

const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts)

/** First segment where it is fixed. */
export function firstOf(resource: string): string {
  const first = segmentsOf(resource)?.fixed[0]
  return first === undefined || first.includes('*') ? '*' : first
}

export function domainsCovering(domain: string): readonly string[] {
  if (!domain.startsWith('*')) return coveringPatterns(domain)
  return domain === '*' ? ['*'] : [domain, ...coveringPatterns(domain.slice(2)).slice(1)]
}

/** Members of a role at most whose own rows are looked at. */
const mostLeaves = 50

function namesCovering(row: Row, { leavesOf, namesOf }: Members): ReadonlySet<string> {
  const leaves = [row.subject, ...leavesOf(row)].slice(0, mostLeaves)
  return new Set(leaves.flatMap(leaf => [...namesOf(row, leaf)]))
}
