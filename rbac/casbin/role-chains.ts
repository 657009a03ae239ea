/**
 * Roles that are too far away.
 *
 * Threat: Casbin follows ten links from whoever asks, and says nothing of an eleventh. A role behind it that is denied something is
 * nobody's. One link of the ten may be that of the request, from the first name of somebody to a group.
 */
import { grouped } from '../slices.ts'
import type { RoleLink } from './rows.ts'

/** Links of a policy that lead from a name to each of its roles. */
export const longestChain = 9

type Links = ReadonlyMap<string, readonly RoleLink[]>

/** The first link too far for each name from which one is. Of one kind. */
export function linksTooFar(links: readonly RoleLink[]): readonly RoleLink[] {
  return [...grouped(links, ofDomain).values()].flatMap(ofOneDomain => {
    const byMember = grouped(ofOneDomain, ({ fields }) => fields[0] ?? '')
    // Hardly a policy has a walk of that many links, and then the ways are measured.
    if (!hasLongWalk(byMember)) return []
    const found = new Set<RoleLink>()
    for (const member of byMember.keys()) {
      const link = firstTooFar(member, byMember)
      if (link !== undefined) found.add(link)
    }
    return [...found]
  })
}

const ofDomain = ({ fields }: RoleLink): string => fields[2] ?? ''
const roleOf = ({ fields }: RoleLink): string => fields[1] ?? ''

function hasLongWalk(links: Links): boolean {
  let reached = new Set(links.keys())
  for (let steps = 0; steps <= longestChain && reached.size > 0; steps += 1) {
    reached = new Set([...reached].flatMap(name => (links.get(name) ?? []).map(roleOf)))
  }
  return reached.size > 0
}

/** By the shortest way. */
function firstTooFar(from: string, links: Links): RoleLink | undefined {
  const seen = new Set([from])
  let level = [from]
  for (let steps = 0; level.length > 0; steps += 1) {
    const next: string[] = []
    for (const link of level.flatMap(name => links.get(name) ?? [])) {
      if (seen.has(roleOf(link))) continue
      if (steps >= longestChain) return link
      seen.add(roleOf(link))
      next.push(roleOf(link))
    }
    level = next
  }
  return undefined
}
