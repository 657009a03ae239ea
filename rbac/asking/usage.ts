/** Which rows and role memberships decided something, counted from recorded decisions. */
import { coveringPatterns, patternsOfDenied } from '../domains.ts'
import type { Identity } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { RoleRow } from '../roles.ts'
import { nameForDeny, namesOf } from '../subjects.ts'

export interface DecidedBy {
  readonly domain: string
  readonly identity: Identity
  readonly rule?: string
  readonly shadow: readonly string[]
  /** Rows that let further questions of the same call pass. Default none. */
  readonly furtherRules?: readonly string[]
}

export interface Usage {
  readonly count: (decided: DecidedBy) => void
  /** Times that a row decided, or that a shadow row was reported, or that a membership led to the row that decided. */
  readonly timesOf: (id: string) => number
}

export function createUsage({ rows, roles }: Pick<PolicySnapshot, 'rows' | 'roles'>): Usage {
  const names = new Map(rows.map(({ id, whom }) => [id, whom]))
  const times = new Map<string, number>()
  const add = (id: string): void => void times.set(id, (times.get(id) ?? 0) + 1)
  return {
    count({ domain, identity, rule, shadow, furtherRules = [] }) {
      const deciding = [...new Set([...(rule === undefined ? [] : [rule]), ...furtherRules, ...shadow])]
      for (const id of deciding) add(id)
      const wanted = deciding.map(id => names.get(id) ?? '').filter(name => rolePrefixes.test(name))
      for (const id of membershipsOf(roles, new Set(wanted), namesOf(identity), domain)) add(id)
    },
    timesOf: id => times.get(id) ?? 0,
  }
}

/** Of rows that allow, and of rows that deny (`nameForDeny`). */
const rolePrefixes = /^~?role:/

/** Memberships on any way from a name of the identity to one of the wanted roles. */
function membershipsOf(
  roles: readonly RoleRow[],
  wanted: Set<string>,
  names: readonly string[],
  domain: string,
): readonly string[] {
  if (wanted.size === 0) return []
  const [allowed, denied] = [new Set(coveringPatterns(domain)), new Set(patternsOfDenied(domain))]
  const here = [
    ...roles.filter(({ domain: pattern }) => allowed.has(pattern)),
    ...roles.filter(({ domain: pattern }) => denied.has(pattern)).map(forDenies),
  ]
  const held = new Set(names)
  // A Set visits what is added while it is walked.
  for (const name of held) for (const step of here) if (step.member === name) held.add(step.role)
  for (const role of wanted) for (const step of here) if (step.role === role) wanted.add(step.member)
  const led = here.filter(({ member, role }) => held.has(member) && wanted.has(role))
  return [...new Set(led.map(({ id }) => id))]
}

/** What a membership gives where a row denies its role. */
const forDenies = ({ id, member, role }: RoleRow): Pick<RoleRow, 'id' | 'member' | 'role'> => ({
  id,
  member: nameForDeny(member),
  role: nameForDeny(role),
})
