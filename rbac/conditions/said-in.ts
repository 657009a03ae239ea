/** One of the values that a condition names, in what somebody has said: an issuer of a person, or an application of its objects. */
import { ValueError } from '../policy-error.ts'
import type { Truth } from './condition.ts'

type Scalar = string | number | boolean

/**
 * Whether what was said is, or holds, one of the values. Unknown when nothing was, or something of another type: the text "false" is
 * not false, and a number is not its digits. Throws `ValueError`.
 */
export function parseSaidIn(value: unknown): (actual: unknown) => Truth {
  const values = parseScalars(value)
  const types = new Set<string>(values.map(item => typeof item))
  const wanted = new Set<unknown>(values)
  const judge = (actual: unknown): Truth => {
    if (wanted.has(actual)) return true
    return types.has(typeof actual) ? false : undefined
  }
  return actual => (Array.isArray(actual) ? anyOf(actual.map(judge)) : judge(actual))
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
