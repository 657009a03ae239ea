/**
 * Rows of whoever owns some hosts (docs/policy.md, "Owners that narrow"): they deny, on those hosts, and nothing else.
 *
 * A row that denies never turns a denial into an allow, so whatever stands in such a file, nobody gets in by it. Threat: a
 * condition of the owner's that another's row names, a role or a list that it adds to: each would open something elsewhere.
 */
import { type Conditions, type ConditionsFile, parseAllConditions } from '../conditions/conditions-file.ts'
import { coveringPatterns } from '../domains.ts'
import type { Problem } from '../policy-error.ts'
import type { PolicyOwner } from '../policy-lines.ts'
import type { Row } from '../row.ts'

/** What is wrong with a row of the owner. */
export function problemOfOwned(row: Row, { hosts }: PolicyOwner): { field: number; message: string } | undefined {
  if (!row.isDeny) return { field: 6, message: 'rows of this directory only narrow: the effect is deny or shadow-deny' }
  if (hosts.some(host => isWithin(row.domain, host))) return undefined
  return { field: 2, message: `rows of this directory speak of ${hosts.join(', ')}, and not of ${row.domain}` }
}

function isWithin(domain: string, host: string): boolean {
  if (domain === host) return true
  if (!domain.startsWith('*')) return coveringPatterns(domain).includes(host)
  return host.startsWith('*.') && domain.startsWith('*.') && domain.endsWith(host.slice(1))
}

/** The conditions that rows of an owner may name: everybody's and their own; for no owner those of everybody. */
export function conditionsByOwner(
  files: readonly ConditionsFile[],
  problems: Problem[],
): (owner: PolicyOwner | undefined) => Conditions {
  const common = files.filter(({ owner }) => owner === undefined)
  const owned = files.filter(({ owner }) => owner !== undefined)
  // A name means one thing in the whole policy.
  const all = parseAllConditions([...common, ...owned], problems)
  const ofFiles = (some: readonly ConditionsFile[]): Conditions => {
    const names = parseAllConditions(some, [])
    return new Map([...all].filter(([name]) => names.has(name)))
  }
  const ofEverybody = owned.length === 0 ? all : ofFiles(common)
  const known = new Map<string, Conditions>()
  for (const name of new Set(owned.map(({ owner }) => owner?.name ?? ''))) {
    known.set(name, new Map([...ofEverybody, ...ofFiles(owned.filter(({ owner }) => owner?.name === name))]))
  }
  return owner => known.get(owner?.name ?? '') ?? ofEverybody
}
