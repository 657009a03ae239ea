/** Whether a policy would lock everybody out of the console, from which it could be mended. */

import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'
import { identityNamed } from './changes.ts'
import { membersOf } from './role-members.ts'
import { sampleRequests } from './sample-requests.ts'

const consoleDomain = 'console'
/**
 * Rows compared at most, some milliseconds of a process that has requests to answer. Beyond them the console is believed
 * to be open, as a pattern is: refusing a good policy would be worse than missing a lock-out.
 */
const mostComparisons = 200_000

/** Does any allow row of the console have somebody whom no unconditional deny cuts? */
export function admitsToConsole(policy: PolicySnapshot): boolean {
  const { enforced } = policy.candidatesFor(consoleDomain)
  const isCut = createCutTest(enforced, policy)
  return enforced.some(row => {
    if (row.isDeny) return false
    const members = membersOf(row, consoleDomain, policy.roles)
    if (members.length > 0 && row.resource.startsWith('re:')) return true
    return members.some(member => sampleRequests(row).some(request => !isCut(member, request)))
  })
}

/** Whether a deny without a condition refuses a request of whoever answers to a subject. */
function createCutTest(
  rows: readonly Row[],
  policy: PolicySnapshot,
): (subject: string, request: AccessRequest) => boolean {
  const cuts = new Map<string, Row[]>()
  for (const row of rows) {
    if (!row.isDeny || row.condition !== '-') continue
    const others = cuts.get(row.whom)
    if (others === undefined) cuts.set(row.whom, [row])
    else others.push(row)
  }
  let comparisons = 0
  return (subject, request) => {
    const identity = identityNamed(subject, 0)
    if (identity === undefined) throw new TypeError(`a subject of an unknown kind: ${subject}`)
    const names = new Set(namesOf(identity))
    policy.addRoles(names, consoleDomain)
    const readings = readingsOf(request.resource)
    for (const name of names) {
      for (const row of cuts.get(name) ?? []) {
        comparisons += 1
        if (comparisons > mostComparisons) return false
        if (fitsReadings(row, readings) && row.fitsAction(request.action)) return true
      }
    }
    return false
  }
}

/** The policy in force lets somebody into the console, and the candidate lets nobody. */
export const locksOut = (candidate: PolicySnapshot, inForce: PolicySnapshot): boolean =>
  admitsToConsole(inForce) && !admitsToConsole(candidate)
