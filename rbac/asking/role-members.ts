/** Who a role is, read backwards through the `g` rows (docs/policy.md, "Rows"). */
import { coveringPatterns, patternsOfDenied } from '../domains.ts'
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'

/** The names without roles that answer to the subject of a row in a domain; the subject itself when it is no role. */
export function membersOf(
  { subject, isDeny }: Pick<Row, 'subject' | 'isDeny'>,
  domain: string,
  roles: readonly RoleRow[],
): string[] {
  if (!subject.startsWith('role:')) return [subject]
  const patterns = new Set(isDeny ? patternsOfDenied(domain) : coveringPatterns(domain))
  const names = new Set([subject])
  const index = indexOf(roles)
  // A Set visits what is added while it is walked, and each name once: circles end.
  for (const name of names) {
    for (const row of index.get(name) ?? []) if (patterns.has(row.domain)) names.add(row.member)
  }
  return [...names].filter(name => !name.startsWith('role:'))
}

type Index = ReadonlyMap<string, readonly RoleRow[]>

/** Made once for the rows of a policy and gone with them: a question for each row would walk all of them each time. */
const indexes = new WeakMap<readonly RoleRow[], Index>()

function indexOf(roles: readonly RoleRow[]): Index {
  const known = indexes.get(roles)
  if (known !== undefined) return known
  const index = new Map<string, RoleRow[]>()
  for (const row of roles) {
    const others = index.get(row.role)
    if (others === undefined) index.set(row.role, [row])
    else others.push(row)
  }
  indexes.set(roles, index)
  return index
}
