/** The kind of our own exchanged tokens (RFC 9068 section 2.1), which no assertion has. */
import type { ReadToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

export const ownType = 'at+jwt'

/** Throws `TokenRefused`. */
export function checkOwnType({ type }: ReadToken): void {
  if (type !== ownType) throw new TokenRefused('type')
}
