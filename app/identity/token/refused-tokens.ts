/**
 * Tokens of which an issuer has just said no.
 *
 * Threat: one token that was revoked, sent again and again: each time would be a call, and would take the room of good ones.
 * Only those are kept whose signature was right, so nobody fills this who was not given tokens by the issuer.
 */
import { LRUCache } from 'lru-cache'
import type { Inquiry } from './inquiry.ts'
import { digestOf } from './questions.ts'
import { TokenRefused } from './refusal.ts'

/** How long a no counts, in milliseconds. */
export const refusedForMs = 5_000
const mostRefused = 4_096

/** @param now milliseconds of a clock that nobody sets. Default: `performance.now` */
export function rememberRefusals(inquiry: Inquiry, now: () => number = () => performance.now()): Inquiry {
  const { confirm } = inquiry
  if (confirm === undefined) return inquiry
  const refused = new LRUCache<string, { readonly atMs: number; readonly error: TokenRefused }>({ max: mostRefused })
  return {
    ...inquiry,
    async confirm(asked, claims) {
      const key = `${asked.audience} ${digestOf(asked.token)}`
      const found = refused.get(key)
      if (found !== undefined && now() - found.atMs < refusedForMs) throw found.error
      try {
        await confirm(asked, claims)
      } catch (error) {
        if (error instanceof TokenRefused) refused.set(key, { atMs: now(), error })
        throw error
      }
    },
  }
}
