/** `authentication-method: [mfa, hwk]`: the person logged in with one of these methods (RFC 8176, `amr`). */
import { ValueError } from '../policy-error.ts'
import { parseTexts } from './arguments.ts'
import type { Criterion } from './condition.ts'

/** No other name is taken from a provider. */
const methodName = /^[\x21-\x7e]{1,64}$/
const expected = 'methods such as mfa, hwk or otp'

export function authenticationMethod(value: unknown): Criterion {
  const methods = parseTexts(value, expected)
  if (!methods.every(method => methodName.test(method))) throw new ValueError(`expected a list of ${expected}`)
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
