/** Which request headers a policy reads. */
import type { Condition } from './conditions/condition.ts'
import type { PolicySnapshot } from './policy.ts'

/** Lower-case names that the `header` conditions of its rows name, each once. */
export function headerNamesOf({ rows }: PolicySnapshot): readonly string[] {
  return [...new Set(rows.flatMap(({ when }) => namesIn(when)))]
}

function namesIn(condition: Condition): string[] {
  switch (condition.kind) {
    case 'not':
      return namesIn(condition.of)
    case 'all':
    case 'any':
      return condition.of.flatMap(namesIn)
    case 'criterion': {
      const name = condition.type === 'header' ? Reflect.get(Object(condition.argument), 'name') : undefined
      return name === undefined ? [] : [String(name).toLowerCase()]
    }
  }
}
