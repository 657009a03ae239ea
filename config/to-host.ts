/** The settings of one host as the rest of the service sees them. */
import type { ParsedSettings } from './schema/schema.ts'

export function toHost({ maxAge, maxIdle, ...rest }: ParsedSettings['hosts'][number]) {
  return {
    ...rest,
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
    ...(maxIdle === undefined ? {} : { maxIdleSeconds: maxIdle }),
  }
}
