/** `authentication-age: 15m`: the person logged in at most that long ago (OpenID Connect Core 1.0 section 2, `auth_time`). */
import type { Criterion } from './condition.ts'
import { parseDuration } from './times.ts'

export function authenticationAge(value: unknown): Criterion {
  const maxAgeSeconds = parseDuration(value)
  return {
    type: 'authentication-age',
    test: ({ identity, context }) => {
      const authTime = identity.kind === 'user' ? identity.authTime : undefined
      if (authTime === undefined || !Number.isFinite(authTime)) return undefined
      return context.now - authTime <= maxAgeSeconds
    },
    stepUp: { kind: 'age', maxAgeSeconds },
  }
}
