/** `authentication-method: [mfa, hwk]`: the person logged in with one of these methods (RFC 8176, `amr`). */
import { parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

export function authenticationMethod(value: unknown): Criterion {
  const methods = new Set(parseTexts(value, 'methods such as mfa, hwk or otp'))
  return {
    type: 'authentication-method',
    test: ({ identity }) => {
      const amr = identity.kind === 'user' ? identity.amr : undefined
      return amr?.some(method => methods.has(method))
    },
    stepUp: { kind: 'method', acrValues: [] },
  }
}
