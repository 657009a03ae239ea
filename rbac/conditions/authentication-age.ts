/** `authentication-age: 15m`: the person logged in at most that long ago (OpenID Connect Core 1.0 section 2, `auth_time`). */
import { keptSkewSeconds } from '../clock-skew.ts'
import type { Criterion } from './condition.ts'
import { parseDuration } from './times.ts'

export function authenticationAge(value: unknown): Criterion {
  const maxAgeSeconds = parseDuration(value)
  return {
    type: 'authentication-age',
    test: ({ identity, context }) => {
      const authTime = identity.kind === 'user' ? identity.authTime : undefined
      if (authTime === undefined || !Number.isFinite(authTime)) return undefined
      const age = context.now - authTime
      // Threat: a clock that was set back, by which a login of yesterday is of tomorrow and stays fresh until then.
      return age < -keptSkewSeconds ? undefined : age <= maxAgeSeconds
    },
    stepUp: { kind: 'age', maxAgeSeconds },
  }
}
