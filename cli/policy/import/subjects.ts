/** Names of people and groups elsewhere as subjects of rows; only what surely means the same people. */

import type { Who } from './first-match.ts'
import type { ConditionNames } from './rows.ts'

export interface SubjectOptions {
  /** Claim that holds the user names of the old program; its provider has to vouch that nobody chooses them freely. */
  readonly usernameClaim?: string
  /** Claim that holds the groups. Default `groups`. */
  readonly groupsClaim?: string
}

const plainName = /^[^\s,"/|][^,"/|]*$/

/** A name that can stand in a row; one with a slash would speak of a provider. */
export const isPlainName = (name: string): boolean => plainName.test(name) && name.trim() === name

/** `undefined` when no row can name the person. */
export function whoIsUser(name: string, names: ConditionNames, { usernameClaim }: SubjectOptions): Who | undefined {
  if (usernameClaim === undefined || name === '') return undefined
  return { subject: 'authenticated', conditions: [claimIs(names, usernameClaim, [name])] }
}

export function whoIsInGroup(name: string): Who | undefined {
  return isPlainName(name) ? { subject: `group:${name}`, conditions: [] } : undefined
}

export function claimIs(names: ConditionNames, claim: string, values: readonly string[]): string {
  return names.nameOf(`${claim}-${values[0] ?? ''}`, { claim: { name: claim, in: [...values] } })
}

/** Both at once: a row has one subject, a second group is read from the claim. */
export function bothOf(left: Who, right: Who, names: ConditionNames, options: SubjectOptions): Who | undefined {
  const conditions = [...left.conditions, ...right.conditions]
  if (left.subject === right.subject || right.subject === 'authenticated' || right.subject === 'anyone')
    return { subject: left.subject, conditions }
  if (left.subject === 'authenticated' || left.subject === 'anyone') return { subject: right.subject, conditions }
  const [kept, group] = right.subject.startsWith('group:') ? [left, right] : [right, left]
  if (!group.subject.startsWith('group:')) return undefined
  const claim = claimIs(names, options.groupsClaim ?? 'groups', [group.subject.slice('group:'.length)])
  return { subject: kept.subject, conditions: [...conditions, claim] }
}
