/** Those who are logged in, as far as the role of a cluster needs to know them. Pure. */
import type { User } from '../../../rbac/identity.ts'
import type { SessionSummary } from '../../sessions/session-directory.ts'
import type { NamesOfPeople } from '../person.ts'

export type SummaryOfPerson = Pick<SessionSummary, 'subject' | 'provider' | 'email' | 'inClusters'>

/** Each once for each set of groups; those whose session began before clusters were configured are not among them. */
export function peopleOf(sessions: readonly SummaryOfPerson[]): readonly User[] {
  const people = new Map<string, User>()
  for (const { subject, provider, email, inClusters } of sessions) {
    if (inClusters === undefined) continue
    const { groups, names } = inClusters
    const person: User = {
      kind: 'user',
      subject,
      provider,
      groups,
      claims: names,
      ...(email !== undefined && { email }),
    }
    people.set(JSON.stringify(person), person)
  }
  return [...people.values()]
}

/** Names of people who come from `peopleOf`: what a claim said is under its whole name. */
export const namesOfPeople = ({ groupPrefix, userClaim }: Omit<NamesOfPeople, 'userOf'>): NamesOfPeople => ({
  groupPrefix,
  userClaim,
  userOf: identity => {
    const name = identity.kind === 'user' ? identity.claims[userClaim] : undefined
    return typeof name === 'string' && name !== '' ? name : undefined
  },
})
