/** Who can log in with the provider of the tests. Every provider has people of its own, so that no test changes another's. */
import type { AccountClaims } from 'oidc-provider'

export type Person = 'alice' | 'bob' | 'carol'

const people: Readonly<Record<Person, AccountClaims>> = {
  alice: { sub: 'alice', name: 'Alice Example', email: 'alice@example.com', email_verified: true, groups: ['ops'] },
  bob: { sub: 'bob', name: 'Bob Example', email: 'bob@example.com', email_verified: true, groups: ['contractors'] },
  carol: { sub: 'carol', name: 'Carol Example', email: 'carol@example.com', email_verified: true, groups: [] },
}

export const personNames = Object.keys(people) as readonly Person[]

/** What an administrator of the provider can do. In force at once, for whoever asks next. */
export interface TestPeople {
  setGroups(person: Person, groups: readonly string[]): void
  /** Laid over what is there; `undefined` takes a claim away. */
  setClaims(person: Person, claims: Readonly<Record<string, unknown>>): void
  /** From now on there is no such account: no login, no refresh, no userinfo. */
  disable(person: Person): void
  enable(person: Person): void
  /** `undefined` for nobody's name and for a disabled account. */
  claimsOf(person: string): AccountClaims | undefined
}

export function createPeople(): TestPeople {
  const accounts = new Map<string, AccountClaims>(Object.entries(structuredClone(people)))
  const disabled = new Set<string>()
  const change = (person: Person, claims: Readonly<Record<string, unknown>>): void => {
    accounts.set(person, { ...accounts.get(person), ...claims, sub: person })
  }
  return {
    setGroups: (person, groups) => change(person, { groups: [...groups] }),
    setClaims: change,
    disable: person => void disabled.add(person),
    enable: person => void disabled.delete(person),
    claimsOf: person => (disabled.has(person) ? undefined : accounts.get(person)),
  }
}
