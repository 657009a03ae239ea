/** The questions of applications as the rest of the service sees them. */
import type { ParsedSettings } from './schema/schema.ts'

export const toAuthzen = ({ rateLimit, ...rest }: NonNullable<ParsedSettings['authzen']>) => ({
  ...rest,
  requestsPerMinute: rateLimit,
})
