/**
 * Roles: `g` rows give a role to a name, in the domains of a pattern (docs/policy.md, "Rows").
 *
 * A role may be a member of a role. Casbin's own role manager holds exact domains or asks a function about every one;
 * here a role counts where its row's pattern covers the domain, as it does for `p` rows. For rows that deny it counts in
 * reserved domains as well where it is given in `*` (`patternsOfDenied`).
 */
import type { RuleId } from './decision.ts'
import { coveringPatterns, isReservedDomain, parseDomainPattern, patternsOfDenied } from './domains.ts'
import { type Problem, ValueError } from './policy-error.ts'
import type { PolicyLine } from './policy-lines.ts'
import { problemOf } from './row.ts'
import { type Pause, visitInSlices } from './slices.ts'
import { type KnownNames, nameForDeny, parseSubject } from './subjects.ts'

export interface RoleRow {
  readonly id: RuleId
  readonly member: string
  /** With its prefix. */
  readonly role: string
  /** Canonical pattern. */
  readonly domain: string
}

/** Adds the roles that `names` have in a domain to them, each with its `nameForDeny`. */
export type AddRoles = (names: Set<string>, domain: string) => void

export function parseRoleRow(line: PolicyLine, problems: Problem[], known?: KnownNames): RoleRow | undefined {
  const [, member = '', role = '', domain = ''] = line.fields
  if (line.fields.length !== 4) {
    problems.push(problemOf(line, 0, `expected 4 fields (g, member, role, domain), found ${line.fields.length}`))
    return undefined
  }
  const read = (field: number, parse: () => string): string | undefined => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      problems.push(problemOf(line, field, error.message))
      return undefined
    }
  }
  const parsed = [
    read(1, () => parseSubject(member, known)),
    read(2, () => parseRole(role)),
    read(3, () => parseDomainPattern(domain)),
  ]
  const [parsedMember, parsedRole, pattern] = parsed
  if (parsedMember === undefined || parsedRole === undefined || pattern === undefined) return undefined
  return { id: `${line.file}:${line.line}`, member: parsedMember, role: parsedRole, domain: pattern }
}

function parseRole(text: string): string {
  if (!text.startsWith('role:')) throw new ValueError('expected role:<name>')
  return parseSubject(text)
}

interface Gain {
  readonly name: string
  readonly domain: string
  /** A name that only rows that deny look up. */
  readonly isOfDenies: boolean
}

export async function createRoles(rows: readonly RoleRow[], pause?: Pause): Promise<AddRoles> {
  const byMember = new Map<string, Gain[]>()
  const give = (member: string, gain: Gain): void => {
    const list = byMember.get(member)
    if (list === undefined) byMember.set(member, [gain])
    else list.push(gain)
  }
  const add = ({ member, role, domain }: RoleRow): void => {
    give(member, { name: role, domain, isOfDenies: false })
    // Whoever is a member in any spelling has the role where a row denies it.
    give(nameForDeny(member), { name: nameForDeny(role), domain, isOfDenies: true })
  }
  await visitInSlices(rows, add, pause)
  return (names, domain) => {
    if (byMember.size === 0) return
    const patterns = new Set(coveringPatterns(domain))
    const denied = isReservedDomain(domain) ? new Set(patternsOfDenied(domain)) : patterns
    // A Set visits what is added while it is walked, and each name once: roles of roles, and circles end.
    for (const name of names) {
      for (const gain of byMember.get(name) ?? []) {
        if ((gain.isOfDenies ? denied : patterns).has(gain.domain)) names.add(gain.name)
      }
    }
  }
}
