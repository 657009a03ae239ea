/** Who has a role in the end, and which roles a name brings along: the memberships of a policy, followed to their ends. */
import { coversDomain, isReservedDomain } from '../domains.ts'
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { grouped } from '../slices.ts'
import { nameForDeny } from '../subjects.ts'

type Named = Pick<Row, 'subject' | 'domain' | 'isDeny'>

export interface Members {
  /**
   * Whom a row means: its subject, or those who have its role somewhere in its domain, none of them a role. Empty where nobody
   * has it.
   */
  readonly leavesOf: (row: Named) => ReadonlySet<string>
  /** Every name that whoever is met by a row for being `leaf` answers to, in all of its domain. */
  readonly namesOf: (row: Named, leaf: string) => ReadonlySet<string>
}

export function createMembers(roles: readonly RoleRow[]): Members {
  const byRole = grouped(roles, ({ role }) => role)
  const byMember = grouped(roles.flatMap(gainsOf), ({ member }) => member)
  const leaves = new Map<string, ReadonlySet<string>>()
  const names = new Map<string, ReadonlySet<string>>()
  return {
    leavesOf: row => {
      if (!row.subject.startsWith('role:')) return new Set([row.subject])
      return remembered(leaves, [row.subject, row.domain, `${row.isDeny}`], () => leavesIn(row, byRole))
    },
    namesOf: (row, leaf) => {
      if (roles.length === 0) return namesOfLeaf(row, leaf)
      const key = [row.subject, row.domain, `${row.isDeny}`, leaf]
      return remembered(names, key, () => withRoles(namesOfLeaf(row, leaf), row.domain, byMember))
    },
  }
}

interface Gain extends Pick<RoleRow, 'member' | 'role' | 'domain'> {
  /** Counts where a row denies, and nowhere else. */
  readonly isOfDenies: boolean
}

/** As a decision takes a membership: whoever is a member in any spelling has the role where a row denies it. */
const gainsOf = ({ member, role, domain }: RoleRow): readonly Gain[] => [
  { member, role, domain, isOfDenies: false },
  { member: nameForDeny(member), role: nameForDeny(role), domain, isOfDenies: true },
]

function remembered<T>(known: Map<string, T>, parts: readonly string[], make: () => T): T {
  const key = JSON.stringify(parts)
  const found = known.get(key) ?? make()
  known.set(key, found)
  return found
}

/** Patterns lie in each other or apart, so what a chain of memberships has in common is the narrowest of its domains. */
function leavesIn(row: Named, byRole: ReadonlyMap<string, readonly RoleRow[]>): ReadonlySet<string> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const isOfDenied = (domain: string): boolean => row.isDeny && domain === '*' && isReservedDomain(row.domain)
  const walk = (role: string, within: string): void => {
    const place = JSON.stringify([role, within])
    if (seen.has(place)) return
    seen.add(place)
    for (const { member, domain } of byRole.get(role) ?? []) {
      const isWider = coversDomain(domain, within) || isOfDenied(domain)
      if (!isWider && !coversDomain(within, domain)) continue
      if (member.startsWith('role:')) walk(member, isWider ? within : domain)
      else found.add(member)
    }
  }
  walk(row.subject, row.domain)
  return found
}

function namesOfLeaf({ subject, isDeny }: Named, leaf: string): ReadonlySet<string> {
  // A row that denies meets whoever answers to its subject in any spelling: what they answer to beside is not known.
  const exact = isDeny ? [] : [leaf, subject]
  const address = leaf.startsWith('email:') ? [`email-domain:${leaf.slice(leaf.lastIndexOf('@') + 1)}`] : []
  const login = leaf === 'anyone' ? [] : ['authenticated']
  return new Set([...exact, nameForDeny(leaf), nameForDeny(subject), ...address, ...login, 'anyone'])
}

function withRoles(
  own: ReadonlySet<string>,
  domain: string,
  byMember: ReadonlyMap<string, readonly Gain[]>,
): ReadonlySet<string> {
  const names = new Set(own)
  // A set takes in what is added while it is gone through.
  for (const name of names) {
    for (const { role, isOfDenies, domain: pattern } of byMember.get(name) ?? []) {
      const isOfDenied = isOfDenies && pattern === '*' && isReservedDomain(domain)
      if (isOfDenied || coversDomain(pattern, domain)) names.add(role)
    }
  }
  return names
}
