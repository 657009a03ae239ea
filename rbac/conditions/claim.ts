/**
 * `claim: {name: department, in: [sales, support]}`: a claim of the identity has, or holds, one of the values.
 *
 * `realm_access/roles` names a nested claim; a claim whose own name has a slash is found first. Unknown when the claim
 * is absent or of another type than the values: the text "false" is not false, and a number is not its digits.
 */
import type { Identity } from '../identity.ts'
import { ValueError } from '../policy-error.ts'
import { parseComplete, parseText } from './arguments.ts'
import type { Criterion, Truth } from './condition.ts'

type Scalar = string | number | boolean

export function claim(value: unknown): Criterion {
  const mapping = parseComplete(value, ['name', 'in'])
  const name = parseText(mapping.name, 'the name of a claim')
  const values = parseScalars(mapping.in)
  const types = new Set<string>(values.map(item => typeof item))
  const wanted = new Set<unknown>(values)
  const judge = (actual: unknown): Truth => {
    if (wanted.has(actual)) return true
    return types.has(typeof actual) ? false : undefined
  }
  return {
    type: 'claim',
    test: ({ identity }) => {
      const actual = readClaim(identity, name)
      return Array.isArray(actual) ? anyOf(actual.map(judge)) : judge(actual)
    },
  }
}

function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true
  return truths.includes(undefined) ? undefined : false
}

function parseScalars(value: unknown): readonly Scalar[] {
  const isScalar = (item: unknown): item is Scalar => ['string', 'number', 'boolean'].includes(typeof item)
  if (!Array.isArray(value) || value.length === 0 || !value.every(isScalar)) {
    throw new ValueError('in: expected a list of texts, numbers or booleans')
  }
  return value
}

/** Own properties only: every object has a `constructor`, and no issuer asserted it. */
function readClaim(identity: Identity, name: string): unknown {
  if (identity.kind === 'anonymous') return undefined
  if (Object.hasOwn(identity.claims, name)) return identity.claims[name]
  return name.split('/').reduce<unknown>(readOwn, identity.claims)
}

function readOwn(parent: unknown, key: string): unknown {
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || !Object.hasOwn(parent, key))
    return undefined
  return (parent as Record<string, unknown>)[key]
}
