/** `authentication-method: [mfa, hwk]`: the person logged in with one of these methods (RFC 8176, `amr`). */
import { parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

export function authenticationMethod(value: unknown): Criterion {
  const methods = parseTexts(value, 'methods such as mfa, hwk or otp')
  const wanted = new Set(methods)
  return {
    type: 'authentication-method',
    test: ({ identity }) => {
      const amr = identity.kind === 'user' ? identity.amr : undefined
      return amr?.some(method => wanted.has(method))
    },
    stepUp: { kind: 'method', methods },
  }
}
