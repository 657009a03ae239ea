/** Which request headers a policy reads. */
import type { Condition } from './conditions/condition.ts'
import type { PolicySnapshot } from './policy.ts'

/** Lower-case names that the `header` conditions of its rows name, each once. One pass, for it runs at each load. */
export function headerNamesOf({ rows }: PolicySnapshot): readonly string[] {
  const names = new Set<string>()
  // Rows with an equal condition share its compiled form.
  const seen = new Set<Condition>()
  for (const { when } of rows) {
    if (seen.has(when)) continue
    seen.add(when)
    addNames(names, when)
  }
  return [...names]
}

function addNames(names: Set<string>, condition: Condition): void {
  if (condition.kind === 'not') addNames(names, condition.of)
  else if (condition.kind !== 'criterion') for (const part of condition.of) addNames(names, part)
  else if (condition.type === 'header') {
    const name: unknown = Reflect.get(Object(condition.argument), 'name')
    if (typeof name === 'string') names.add(name.toLowerCase())
  }
}
