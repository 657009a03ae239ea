/** The condition field of a row: `-`, or names joined by ` & `, each perhaps negated by `!`. */

import { ValueError } from '../policy-error.ts'
import { unknownName } from '../unknown-name.ts'
import { always, type Condition } from './condition.ts'
import type { Conditions } from './conditions-file.ts'

/** Throws `ValueError`. */
export function parseExpression(text: string, conditions: Conditions): Condition {
  if (text === '-') return always
  const parts = text.split('&').map(term => parseTerm(term.trim(), conditions))
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : { kind: 'all', of: parts }
}

function parseTerm(term: string, conditions: Conditions): Condition {
  const name = term.startsWith('!') ? term.slice(1).trim() : term
  if (name === '') throw new ValueError('expected "-" or names of conditions joined by "&"')
  const condition = conditions.get(name)
  if (condition === undefined) throw new ValueError(unknownName('condition', name, [...conditions.keys()]))
  return term.startsWith('!') ? { kind: 'not', of: condition } : condition
}
