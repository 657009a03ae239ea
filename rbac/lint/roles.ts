/** Roles that nobody holds where a row speaks of them, or that are held where no row does (docs/policy.md, "Roles"). */
import { coversDomain, isReservedDomain } from '../domains.ts'
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import type { Report } from './finding.ts'
import type { Members } from './members.ts'

export interface RolesOf {
  readonly roles: readonly RoleRow[]
  readonly members: Members
}

export function findRoles(rows: readonly Row[], { roles, members }: RolesOf, report: Report): void {
  findWithoutMembers(rows, { roles, members }, report)
  findCovered(roles, report)
  findDeniedElsewhere(rows, roles, report)
  findWithoutRows(rows, roles, report)
}

function findWithoutMembers(rows: readonly Row[], { roles, members }: RolesOf, report: Report): void {
  const isGiven = createDomainSearch(roles, ({ role }) => role)
  for (const row of rows) {
    const { id, subject, domain } = row
    if (!subject.startsWith('role:') || members.leavesOf(row).size > 0) continue
    const isOfEmpty = isGiven(subject, domain)
    report('role-without-members', id, {
      message: `nobody has ${subject} in ${domain}${isOfEmpty ? ': its members are roles that nobody has there' : ''}`,
      advice: `add g, <member>, ${subject}, ${domain}`,
    })
  }
}

/** A membership that another one gives as well, to the same name or to everybody who has it, wherever this one does. */
function findCovered(roles: readonly RoleRow[], report: Report): void {
  const given = new Map<string, RoleRow[]>()
  const keyOf = (member: string, role: string): string => JSON.stringify([member, role])
  for (const row of roles) {
    const others = given.get(keyOf(row.member, row.role))
    if (others === undefined) given.set(keyOf(row.member, row.role), [row])
    else others.push(row)
  }
  for (const row of roles) {
    const wider = namesWithin(row.member).flatMap(member => given.get(keyOf(member, row.role)) ?? [])
    const covering = wider.find(other => other !== row && coversDomain(other.domain, row.domain))
    if (covering === undefined) continue
    report('covered-membership', row.id, {
      message: `gives nothing: ${covering.member} has ${row.role} in ${covering.domain} (${covering.id})`,
      advice: 'remove one of the two',
    })
  }
}

/** Names that whoever answers to a name answers to as well. */
function namesWithin(member: string): readonly string[] {
  if (member.startsWith('role:') || member === 'anyone') return [member, 'anyone']
  const address = member.startsWith('email:') ? [`email-domain:${member.slice(member.lastIndexOf('@') + 1)}`] : []
  return [...new Set([member, ...address, 'authenticated', 'anyone'])]
}

/** Threat: a role that is given on hosts, and a row that denies it where there are none. Who wrote it believes that it holds. */
function findDeniedElsewhere(rows: readonly Row[], roles: readonly RoleRow[], report: Report): void {
  const ofHosts = new Map<string, RoleRow[]>()
  for (const given of roles) {
    if (isReservedDomain(given.domain) || given.domain === '*') continue
    const others = ofHosts.get(given.role)
    if (others === undefined) ofHosts.set(given.role, [given])
    else others.push(given)
  }
  const isMember = new Set(roles.map(({ member, role, domain }) => JSON.stringify([member, role, domain])))
  for (const { id, subject, domain, isDeny } of rows) {
    if (!isDeny || !isReservedDomain(domain)) continue
    const missed = (ofHosts.get(subject) ?? []).filter(
      ({ member, role }) => ![domain, '*'].some(where => isMember.has(JSON.stringify([member, role, where]))),
    )
    const [first] = missed
    if (first === undefined) continue
    const others = missed.length === 1 ? '' : `, nor ${missed.length - 1} more`
    report('role-denied-elsewhere', id, {
      message: `does not meet ${first.member}, who has ${subject} in ${first.domain} alone (${first.id})${others}`,
      advice: `add g, ${first.member}, ${subject}, ${domain}, or give the role in *`,
    })
  }
}

function findWithoutRows(rows: readonly Row[], roles: readonly RoleRow[], report: Report): void {
  const isNamed = createDomainSearch(rows, ({ subject }) => subject)
  const isMember = createDomainSearch(roles, ({ member }) => member)
  // A role of everywhere is held where a row denies it, clusters, tokens and the console included, by itself or by another role.
  const named = [
    ...rows.filter(({ isDeny }) => isDeny),
    ...roles.map(({ member, domain }) => ({ subject: member, domain })),
  ]
  const isDenied = new Set(named.filter(({ domain }) => isReservedDomain(domain)).map(({ subject }) => subject))
  for (const { id, role, domain } of roles) {
    if (isNamed(role, domain) || isMember(role, domain) || (domain === '*' && isDenied.has(role))) continue
    report('role-without-rows', id, {
      message: `no row speaks of ${role} in ${domain}`,
      advice: 'remove it, or add the row',
    })
  }
}

const touches = (one: string, other: string): boolean => coversDomain(one, other) || coversDomain(other, one)

/** Whether something of that name is in a domain that has hosts in common with a given one. */
function createDomainSearch<T extends { readonly domain: string }>(
  items: readonly T[],
  nameOf: (item: T) => string,
): (name: string, domain: string) => boolean {
  const domainsOf = new Map<string, Set<string>>()
  for (const item of items) {
    const name = nameOf(item)
    domainsOf.set(name, (domainsOf.get(name) ?? new Set()).add(item.domain))
  }
  return (name, domain) => [...(domainsOf.get(name) ?? [])].some(other => touches(other, domain))
}
