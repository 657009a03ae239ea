/** Through which grants the rules of a role are held: its own bindings, and those of every aggregated role that they flow into. */
import { ruleKey, sourcesOf } from '../aggregation.ts'
import type { Grant, Grants } from '../grant.ts'
import type { RoleObject } from '../objects.ts'

/**
 * Threat: who holds a role through the sum of several would lose what he uses, if its own bindings alone were asked.
 * @returns each role whose rules somebody holds
 */
export function grantsByRole(grants: Grants, roles: readonly RoleObject[]): ReadonlyMap<RoleObject, readonly Grant[]> {
  const own = new Map<RoleObject, Grant[]>()
  for (const subject of grants.subjects)
    for (const grant of grants.of(subject)) {
      const list = own.get(grant.role) ?? []
      own.set(grant.role, list)
      list.push(grant)
    }
  const held = new Map<RoleObject, readonly Grant[]>(own)
  for (const [part, sums] of sumsOf(roles)) {
    const rules = new Set(part.rules.map(ruleKey))
    const through = sums.flatMap(sum => own.get(sum) ?? []).filter(({ rule }) => rules.has(ruleKey(rule)))
    if (through.length > 0) held.set(part, [...(own.get(part) ?? []), ...through])
  }
  return held
}

/** To each role that is a part the aggregated ones that it flows into, over however many. */
function sumsOf(roles: readonly RoleObject[]): ReadonlyMap<RoleObject, readonly RoleObject[]> {
  const sources = sourcesOf(roles)
  const sums = new Map<RoleObject, RoleObject[]>()
  for (const sum of sources.keys()) {
    const seen = new Set<RoleObject>([sum])
    for (const one of seen) for (const part of sources.get(one) ?? []) seen.add(part)
    for (const part of seen) if (part !== sum) sums.set(part, [...(sums.get(part) ?? []), sum])
  }
  return sums
}
