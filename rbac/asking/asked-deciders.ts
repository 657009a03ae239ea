/** Whom the conditions of a policy ask, and what was said for somebody whom none of them asks. */
import { type Condition, criteriaOf } from '../conditions/condition.ts'
import { ValueError } from '../policy-error.ts'
import type { Row } from '../row.ts'
import { unknownName } from '../unknown-name.ts'

export function decidersAsked(rows: readonly Pick<Row, 'when'>[]): readonly string[] {
  const conditions = new Set<Condition>(rows.map(({ when }) => when))
  const criteria = [...conditions].flatMap(condition => [...criteriaOf(condition)])
  return [...new Set(criteria.filter(({ type }) => type === 'ask').map(({ argument }) => String(argument)))]
}

/**
 * Threat: a slip in the name of a decider, by which a case that wants a deny passes for want of an answer. Throws `ValueError`.
 * @param asked by the conditions of the policy
 */
export function checkAnswered(names: Iterable<string>, asked: readonly string[]): void {
  for (const name of names) {
    if (asked.includes(name)) continue
    throw new ValueError(
      asked.length === 0 ? `no row asks a decider, and ${name} is none` : unknownName('decider', name, asked),
    )
  }
}
