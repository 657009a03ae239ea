/** Which request headers a policy reads. */
import type { Condition } from './conditions/condition.ts'
import { preflightHeaders } from './conditions/preflight.ts'
import { routeFactName } from './conditions/route.ts'
import type { PolicySnapshot } from './policy.ts'

/** Lower-case names that the `header` conditions of its rows name, and what `route` conditions ask for among them, each once. One pass, for it runs at each load. */
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
  else if (condition.type === 'preflight') for (const name of preflightHeaders) names.add(name)
  else if (condition.type === 'header' || condition.type === 'route') {
    const name: unknown = Reflect.get(Object(condition.argument), 'name')
    if (typeof name !== 'string') return
    names.add(condition.type === 'route' ? routeFactName(name) : name.toLowerCase())
  }
}

/** As conditions read them: `null` where a header came more than once. */
export const headersForConditions =
  (headers: HeaderLines) =>
  (name: string): string | null | undefined =>
    headers.only(name) ?? (headers.any(name) === undefined ? undefined : null)

interface HeaderLines {
  /** The value of a header that came exactly once. */
  readonly only: (name: string) => string | undefined
  /** The first one. */
  readonly any: (name: string) => string | undefined
}
