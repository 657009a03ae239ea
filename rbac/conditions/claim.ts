/**
 * `claim: {name: department, in: [sales, support]}`: a claim of the identity has, or holds, one of the values.
 *
 * `realm_access/roles` names a nested claim; a claim whose own name has a slash is found first. Unknown when the claim
 * is absent or of another type than the values: the text "false" is not false, and a number is not its digits.
 */
import type { Identity } from '../identity.ts'
import { parseComplete, parseText } from './arguments.ts'
import type { Criterion } from './condition.ts'
import { parseSaidIn } from './said-in.ts'

export function claim(value: unknown): Criterion {
  const mapping = parseComplete(value, ['name', 'in'])
  const name = parseText(mapping.name, 'the name of a claim')
  const judge = parseSaidIn(mapping.in)
  return { type: 'claim', test: ({ identity }) => judge(readClaim(identity, name)) }
}

/** Own properties only: every object has a `constructor`, and no issuer asserted it. */
export function readClaim(identity: Identity, name: string): unknown {
  if (identity.kind === 'anonymous') return undefined
  if (Object.hasOwn(identity.claims, name)) return identity.claims[name]
  return name.split('/').reduce<unknown>(readOwn, identity.claims)
}

function readOwn(parent: unknown, key: string): unknown {
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || !Object.hasOwn(parent, key))
    return undefined
  return (parent as Record<string, unknown>)[key]
}
