/** The settings of application passwords as the rest of the service sees them. */
import type { ParsedSettings } from './schema/schema.ts'

export function toPasswords({
  lifetime,
  maxLifetime,
  confirmWithin,
  freshLogin,
  ...rest
}: ParsedSettings['passwords']) {
  return {
    ...rest,
    lifetimeSeconds: lifetime,
    maxLifetimeSeconds: maxLifetime,
    confirmWithinSeconds: confirmWithin,
    freshLoginSeconds: freshLogin,
  }
}
