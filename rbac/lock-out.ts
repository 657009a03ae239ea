/** Whether a policy would lock everybody out of the console, from which it could be mended. */
import type { PolicySnapshot } from './policy.ts'
import { sampleRequests } from './sample-requests.ts'
import { whoCan } from './who-can.ts'

/** Does any allow row of the console have somebody whom no unconditional deny cuts? */
export function admitsToConsole(policy: PolicySnapshot): boolean {
  const rows = policy.candidatesFor('console').enforced.filter(({ isDeny }) => !isDeny)
  return rows.some(row => {
    // A pattern is believed: refusing a good policy would be worse than missing a lock-out.
    if (row.resource.startsWith('re:')) return true
    return sampleRequests(row).some(request => whoCan(request, policy).subjects.length > 0)
  })
}

/** The policy in force lets somebody into the console, and the candidate lets nobody. */
export const locksOut = (candidate: PolicySnapshot, inForce: PolicySnapshot): boolean =>
  admitsToConsole(inForce) && !admitsToConsole(candidate)
