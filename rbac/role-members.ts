/** Who a role is, read backwards through the `g` rows (docs/policy.md, "Rows"). */
import { coveringPatterns } from './domains.ts'
import type { RoleRow } from './roles.ts'

/** The names without roles that answer to `subject` in a domain; the subject itself when it is no role. */
export function membersOf(subject: string, domain: string, roles: readonly RoleRow[]): string[] {
  if (!subject.startsWith('role:')) return [subject]
  const patterns = new Set(coveringPatterns(domain))
  const names = new Set([subject])
  // A Set visits what is added while it is walked, and each name once: circles end.
  for (const name of names) {
    for (const row of roles) if (row.role === name && patterns.has(row.domain)) names.add(row.member)
  }
  return [...names].filter(name => !name.startsWith('role:'))
}
