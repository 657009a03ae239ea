/** The people of the demo: who they are, and what the demo's policy lets them do. */

export interface Person {
  /** Login name and `sub`. */
  readonly id: string
  readonly name: string
  readonly email: string
  readonly groups: readonly string[]
}

export const people: readonly Person[] = [
  { id: 'alice', name: 'Alice Archer', email: 'alice@example.com', groups: ['ops'] },
  { id: 'bob', name: 'Bob Builder', email: 'bob@example.com', groups: ['contractors'] },
  { id: 'carol', name: 'Carol Clark', email: 'carol@example.com', groups: [] },
]

export function findPerson(id: string): Person | undefined {
  return people.find(person => person.id === id)
}

/** `ops`, or `no group`. */
export function describeGroups(person: Person): string {
  return person.groups.length === 0 ? 'no group' : person.groups.join(', ')
}
