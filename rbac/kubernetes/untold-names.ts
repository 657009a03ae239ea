/**
 * Rows that deny somebody of whom not every name is told (`User.untold`).
 *
 * Threat: a row denies Bob by `user:`, and somebody asks to be judged as the Bob whom a cluster knows by his address. Nobody
 * can tell whether the row means him, so it is taken that it does: the same decision, for a person who answers to every
 * such name that the policy denies. Only a denial counts of it; what allows is compared with the names that are told.
 */

import { createNamesIn } from '../deciding/known-names.ts'
import type { Untold } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AddRoles } from '../roles.ts'
import { nameForDeny } from '../subjects.ts'

/** The policy for somebody who answers to every name of these kinds, and whose groups may be those of any provider. */
export function supposing(policy: PolicySnapshot, domain: string, untold: readonly Untold[]): PolicySnapshot {
  const { people, groups } = mentionedIn(policy, domain, untold)
  const addRoles: AddRoles = (names, where) => {
    for (const name of people) names.add(name)
    for (const [name, ofNoProvider] of groups) if (names.has(ofNoProvider)) names.add(name)
    policy.addRoles(names, where)
  }
  return { ...policy, addRoles, namesIn: createNamesIn(addRoles) }
}

interface Mentioned {
  readonly people: ReadonlySet<string>
  /** Groups of a provider, each with the name that the same group of no provider has (`namesOf`). */
  readonly groups: ReadonlyMap<string, string>
}

const prefixes: Readonly<Record<Untold, RegExp>> = {
  user: /^user:/,
  email: /^email(?:-domain)?:/,
  groups: /^group:/,
}
const ofProvider = /^group:[^/]+\//

/** Gone with the policy. */
const mentions = new WeakMap<PolicySnapshot, Map<string, Mentioned>>()

function mentionedIn(policy: PolicySnapshot, domain: string, untold: readonly Untold[]): Mentioned {
  const known = mentions.get(policy) ?? new Map<string, Mentioned>()
  mentions.set(policy, known)
  const key = `${untold.join()} ${domain}`
  const mentioned = known.get(key) ?? mentionedAmong(subjectsOf(policy, domain), untold)
  known.set(key, mentioned)
  return mentioned
}

/** Whom a row denies something, and who has a role that a row may deny something. */
function subjectsOf({ candidatesFor, roles }: PolicySnapshot, domain: string): string[] {
  const denies = candidatesFor(domain).enforced.filter(({ isDeny }) => isDeny)
  return [...denies.map(({ subject }) => subject), ...roles.map(({ member }) => member)]
}

function mentionedAmong(subjects: readonly string[], untold: readonly Untold[]): Mentioned {
  const isUntold = (subject: string): boolean => untold.some(kind => prefixes[kind].test(subject))
  const groups = subjects.filter(subject => ofProvider.test(subject))
  return {
    people: new Set(subjects.filter(isUntold).map(nameForDeny)),
    groups: new Map(groups.map(group => [group, group.replace(ofProvider, 'group:/')])),
  }
}
