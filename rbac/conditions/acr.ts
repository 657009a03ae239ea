/** `acr: [urn:example:gold]`: the login was of one of these classes (OpenID Connect Core 1.0 section 2, `acr`). */
import { parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

export function acr(value: unknown): Criterion {
  const acrValues = parseTexts(value, 'authentication context classes')
  return {
    type: 'acr',
    test: ({ identity }) => {
      const actual = identity.kind === 'user' ? identity.acr : undefined
      return actual === undefined ? undefined : acrValues.includes(actual)
    },
    stepUp: { kind: 'class', acrValues },
  }
}
