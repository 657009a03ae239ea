/** What would make two things the same that a row compares, or not the same. The address that is asked for stays. */
import { isPlace, type PersonTerm, type Term } from '../conditions/same/term.ts'
import { saidOf } from '../conditions/same/terms.ts'
import type { Machine, User } from '../identity.ts'
import type { Situation } from '../situation.ts'
import { type Change, withIdentity } from './changes.ts'

type Proposal = Omit<Change, 'rule'>

export function changesOfSame(compares: readonly [Term, Term], wanted: boolean, situation: Situation): Proposal[] {
  return compares.flatMap((term, index) => {
    const other = compares[1 - index]
    if (isPlace(term) || other === undefined) return []
    if (!wanted) return losing(term)
    const [values] = saidOf(other, situation)
    return (values ?? []).flatMap(value => gaining(term, String(value)))
  })
}

/** Both at once, where both are about the person: of somebody of whom neither is told, one alone makes them neither the same nor not. */
export function givingBoth(
  [one, other]: readonly [Term, Term],
  values: readonly [string, string],
): readonly Proposal[] {
  if (isPlace(one) || isPlace(other)) return []
  return gaining(one, values[0]).flatMap(first =>
    gaining(other, values[1]).map(second => ({
      ...second,
      text: `${first.text} ${second.text}`,
      apply: (situation: Situation) => second.apply(first.apply(situation)),
    })),
  )
}

/** Each that is about the person with this value: of whom it is not told, it is neither the same nor another. */
export const givingEach = (compares: readonly [Term, Term], value: string): readonly Proposal[] =>
  compares.flatMap(term => (isPlace(term) ? [] : gaining(term, value)))

function gaining({ kind, name }: PersonTerm, value: string): Proposal[] {
  const quoted = JSON.stringify(value)
  switch (kind) {
    case 'claim':
      return [ofClaim(name, value, `with claim ${name} = ${quoted}`)]
    case 'group':
      return [ofGroups(value, `with group ${quoted}`, groups => [...groups, value])]
    case 'email':
      return [ofPerson('email', `with the address ${value}`, user => ({ ...user, email: value }))]
    case 'sub':
      return [
        ofPerson('sub', `as the person whose sub is ${quoted}`, user => ({
          ...user,
          subject: `${user.subject.slice(0, user.subject.indexOf('#'))}#${value}`,
        })),
      ]
  }
}

/** Nobody can stop being who they are. */
function losing({ kind, name }: PersonTerm): Proposal[] {
  if (kind === 'claim') return [ofClaim(name, '-', `with another value of claim ${name}`)]
  if (kind === 'group') return [ofGroups('', 'without groups', () => [])]
  return []
}

const ofClaim = (name: string, value: string, text: string): Proposal => ({
  kind: 'claim',
  slot: `claim ${name}`,
  text,
  apply: withIdentity((user: User | Machine) => ({ ...user, claims: { ...user.claims, [name]: value } })),
})

const ofGroups = (group: string, text: string, change: (groups: readonly string[]) => readonly string[]): Proposal => ({
  kind: 'group',
  slot: `group ${group}`,
  text,
  apply: withIdentity((user: User | Machine) => ({ ...user, groups: change(user.groups) })),
})

const ofPerson = (slot: string, text: string, change: (user: User) => User): Proposal => ({
  kind: 'identity',
  slot,
  text,
  apply: withIdentity((user: User | Machine) => (user.kind === 'user' ? change(user) : user)),
})
