/** Which rows and role memberships decided something, counted from recorded decisions. */
import { coveringPatterns } from './domains.ts'
import type { Identity } from './identity.ts'
import type { PolicySnapshot } from './policy.ts'
import type { RoleRow } from './roles.ts'
import { namesOf } from './subjects.ts'

export interface DecidedBy {
  readonly domain: string
  readonly identity: Identity
  readonly rule?: string
  readonly shadow: readonly string[]
}

export interface Usage {
  readonly count: (decided: DecidedBy) => void
  /** Times that a row decided, or that a shadow row was reported, or that a membership led to the row that decided. */
  readonly timesOf: (id: string) => number
}

export function createUsage({ rows, roles }: Pick<PolicySnapshot, 'rows' | 'roles'>): Usage {
  const subjects = new Map(rows.map(({ id, subject }) => [id, subject]))
  const times = new Map<string, number>()
  const add = (id: string): void => void times.set(id, (times.get(id) ?? 0) + 1)
  return {
    count({ domain, identity, rule, shadow }) {
      const deciding = rule === undefined ? shadow : [rule, ...shadow]
      for (const id of deciding) add(id)
      const wanted = deciding.map(id => subjects.get(id) ?? '').filter(subject => subject.startsWith('role:'))
      for (const id of membershipsOf(roles, new Set(wanted), namesOf(identity), domain)) add(id)
    },
    timesOf: id => times.get(id) ?? 0,
  }
}

/** Memberships on any way from a name of the identity to one of the wanted roles. */
function membershipsOf(
  roles: readonly RoleRow[],
  wanted: Set<string>,
  names: readonly string[],
  domain: string,
): readonly string[] {
  if (wanted.size === 0) return []
  const patterns = new Set(coveringPatterns(domain))
  const here = roles.filter(row => patterns.has(row.domain))
  const held = new Set(names)
  // A Set visits what is added while it is walked.
  for (const name of held) for (const row of here) if (row.member === name) held.add(row.role)
  for (const role of wanted) for (const row of here) if (row.role === role) wanted.add(row.member)
  return here.filter(({ member, role }) => held.has(member) && wanted.has(role)).map(({ id }) => id)
}
