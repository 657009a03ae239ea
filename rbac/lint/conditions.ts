/** Conditions that no row names, those that ask for nothing, and whom they name. */
import { type Condition, criteriaOf } from '../conditions/condition.ts'
import type { PolicyTexts } from '../policy-rows.ts'
import type { Row } from '../row.ts'
import { termsOf } from './coverage.ts'
import { familiesWithin } from './edges.ts'
import type { Report, Said } from './finding.ts'
import { canApply, holdsAlways, implies } from './satisfiable.ts'

export function findConditions(rows: readonly Row[], texts: Pick<PolicyTexts, 'conditions'>, report: Report): void {
  const used = usedIn(rows)
  const placeOf = new Map<string, string>()
  for (const { name, id } of namedIn(texts)) {
    placeOf.set(name, id)
    if (used.has(name)) continue
    report('unused-condition', id, { message: `no row names ${name}`, advice: 'remove it', severity: 'note' })
  }
  for (const [name, { id, condition }] of used) {
    const said = asksNothing(name, condition)
    if (said !== undefined) report('condition-asks-nothing', placeOf.get(name) ?? id, said)
  }
  findImplied(rows, report)
}

/** Each condition once, at the first row that has it. */
function findImplied(rows: readonly Row[], report: Report): void {
  const seen = new Set<string>()
  for (const row of rows) {
    const key = JSON.stringify([row.condition, row.isDeny])
    if (seen.has(key)) continue
    seen.add(key)
    const term = impliedTerm(row)
    if (term === undefined) continue
    const message = `"${row.condition}" asks for no more with ${term} than without it: what stands beside it holds under it alone`
    report('condition-implied', row.id, {
      message,
      advice: `take ${term} out, or name what it was to add`,
      severity: 'note',
    })
  }
}

/** A term that holds wherever the others do, though not always. */
function impliedTerm({ condition, when, isDeny }: Row): string | undefined {
  const terms = termsOf(condition)
  if (terms.length < 2 || when.kind !== 'all' || when.of.length !== terms.length || !canApply(when, isDeny))
    return undefined
  const { of } = when
  return terms.find((_, index) => {
    const part = of[index]
    if (part === undefined || holdsAlways(part)) return false
    const others: Condition = { kind: 'all', of: of.filter((_other, at) => at !== index) }
    return implies({ when: others, isDeny }, [{ when: part, isDeny }])
  })
}

/** Each name that is given in a file, with its place. */
export function namedIn({
  conditions,
}: Pick<PolicyTexts, 'conditions'>): { readonly name: string; readonly id: string }[] {
  return [conditions ?? []].flat().flatMap(file =>
    file.text.split('\n').flatMap((text, index) => {
      const name = /^(["']?)([A-Za-z][\w.-]*)\1\s*:/.exec(text)?.[2]
      return name === undefined ? [] : [{ name, id: `${file.name}:${index + 1}` }]
    }),
  )
}

/** Groups that conditions of rows ask for, each once for each condition: however many rows name it, it was written once. */
export function subjectsAskedFor(rows: readonly Row[]): { readonly name: string; readonly id: string }[] {
  const seen = new Set<unknown>()
  return rows.flatMap(({ id, when }) =>
    [...criteriaOf(when)].flatMap(criterion => {
      if (seen.has(criterion)) return []
      seen.add(criterion)
      return (criterion.subjects ?? []).map(name => ({ id, name }))
    }),
  )
}

interface Used {
  /** The first row that names it. */
  readonly id: string
  readonly condition: Condition
}

function usedIn(rows: readonly Row[]): ReadonlyMap<string, Used> {
  const used = new Map<string, Used>()
  for (const { id, condition, when } of rows) {
    const terms = termsOf(condition)
    const parts = terms.length === 1 || when.kind !== 'all' ? [when] : when.of
    for (const [index, term] of terms.entries()) {
      const part = parts[index]
      if (part === undefined || used.has(term.replace('!', ''))) continue
      const named = term.startsWith('!') && part.kind === 'not' ? part.of : part
      used.set(term.replace('!', ''), { id, condition: named })
    }
  }
  return used
}

function asksNothing(name: string, condition: Condition): Said | undefined {
  if (holdsAlways(condition)) {
    return { message: `${name} holds for everybody and at all times`, advice: 'narrow it, or write "-" in its rows' }
  }
  const families = [...criteriaOf(condition)].flatMap(criterion => familiesWithin(criterion))
  const [family] = families
  if (family === undefined) return undefined
  return { message: `${name} takes every ${family} address for one of its networks`, advice: 'name the networks' }
}
