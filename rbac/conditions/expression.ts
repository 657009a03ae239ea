/** The condition field of a row: `-`, or names joined by ` & `, each perhaps negated by `!`, and perhaps the end of the row. */

import { ValueError } from '../policy-error.ts'
import { unknownName } from '../unknown-name.ts'
import { always, type Condition } from './condition.ts'
import type { Conditions } from './conditions-file.ts'
import { isRowEnd, parseRowEnd } from './row-end.ts'

/** Throws `ValueError`. @param isDeny of a row that denies, which has no end of its own. Default false */
export function parseExpression(text: string, conditions: Conditions, isDeny = false): Condition {
  if (text === '-') return always
  const terms = text.split('&').map(term => term.trim())
  if (terms.filter(isRowEnd).length > 1) throw new ValueError('a row ends once')
  const parts = terms.map(term => (isRowEnd(term) ? parseRowEnd(term, isDeny) : parseTerm(term, conditions)))
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : { kind: 'all', of: parts }
}

function parseTerm(term: string, conditions: Conditions): Condition {
  const name = term.startsWith('!') ? term.slice(1).trim() : term
  // Threat: `!until:` as an opening of the row, on a day that nobody looks at it.
  if (isRowEnd(name))
    throw new ValueError('"until:" is not negated; a date-window with "from" in conditions.yaml begins')
  if (name === '') throw new ValueError('expected "-" or names of conditions joined by "&"')
  const condition = conditions.get(name)
  if (condition === undefined) throw new ValueError(unknownName('condition', name, [...conditions.keys()]))
  return term.startsWith('!') ? { kind: 'not', of: condition } : condition
}
