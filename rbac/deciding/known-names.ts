/**
 * Every name that an identity answers to in a domain, roles included, kept with the identity.
 *
 * Threat: names of somebody who has changed since. So only what is frozen is kept, its groups with it, and a snapshot of
 * the policy keeps its own.
 */
import type { Identity } from '../identity.ts'
import type { AddRoles } from '../roles.ts'
import { namesOf } from '../subjects.ts'

/** The same set for the same question: it must not be changed. Throws for an identity of no known kind. */
export type NamesIn = (identity: Identity, domain: string) => ReadonlySet<string>

/** Domains of one identity. A session is mostly asked about at one host. */
const mostDomains = 4

export function createNamesIn(addRoles: AddRoles): NamesIn {
  const known = new WeakMap<Identity, Map<string, ReadonlySet<string>>>()
  const keep = (identity: Identity, domain: string, names: ReadonlySet<string>): void => {
    const byDomain = known.get(identity) ?? new Map<string, ReadonlySet<string>>()
    if (byDomain.size >= mostDomains) byDomain.clear()
    byDomain.set(domain, names)
    known.set(identity, byDomain)
  }
  return (identity, domain) => {
    const kept = known.get(identity)?.get(domain)
    if (kept !== undefined) return kept
    const names = new Set(namesOf(identity))
    addRoles(names, domain)
    if (isFixed(identity)) keep(identity, domain, names)
    return names
  }
}

/** Neither the identity nor the list of its groups can change. */
export const isFixed = (identity: Identity): boolean =>
  Object.isFrozen(identity) && (identity.kind === 'anonymous' || Object.isFrozen(identity.groups))
