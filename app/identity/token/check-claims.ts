/** What holds for the claims of every token, whoever made it: for whom it is, and when (RFC 7519 section 4.1). */
import type { Claims } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

/** For whom a token has to be. */
export interface WantedAudience {
  readonly audience: string
  /** Whom it may be for beside that. */
  readonly otherAudiences: readonly string[]
  /** How to get one, for whoever has another. */
  readonly advice: string
}

export interface Limits {
  readonly maxLifetimeSeconds: number
  readonly clockToleranceSeconds: number
}

const mostAudiences = 16

/**
 * Threat: an audience that only begins like ours. It is compared whole. And one token for several: whoever else gets it
 * could use it here. Throws `TokenRefused`.
 */
export function checkAudience({ aud }: Claims, { audience, otherAudiences, advice }: WantedAudience): void {
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud]
  const isReadable = audiences.length <= mostAudiences && audiences.every(item => typeof item === 'string')
  if (!isReadable || !audiences.includes(audience)) throw new TokenRefused('audience', advice)
  const isOurs = audiences.every(item => item === audience || otherAudiences.includes(item as string))
  if (!isOurs) throw new TokenRefused('other-audience', advice)
}

/** When it was made and until when it counts, one question each; each throws `TokenRefused`. */
export function timeDemands(claims: Claims, limits: Limits, nowSeconds: number): readonly (() => void)[] {
  const { maxLifetimeSeconds, clockToleranceSeconds: tolerance } = limits
  return [
    () => {
      if (expiryOf(claims, limits) <= nowSeconds) throw new TokenRefused('expired')
    },
    () => {
      const issuedAt = secondsIn(claims, 'iat')
      const notBefore = claims.nbf === undefined ? issuedAt : secondsIn(claims, 'nbf')
      if (Math.max(issuedAt, notBefore) - tolerance > nowSeconds) throw new TokenRefused('not-yet')
    },
    () => {
      const lifetime = secondsIn(claims, 'exp') - secondsIn(claims, 'iat')
      if (lifetime > 0 && lifetime <= maxLifetimeSeconds) return
      throw new TokenRefused('lifetime', `at most ${maxLifetimeSeconds} seconds`)
    },
  ]
}

/** Until when it counts, in seconds since the epoch. Throws `TokenRefused`. */
export const expiryOf = (claims: Claims, { clockToleranceSeconds }: Limits): number =>
  secondsIn(claims, 'exp') + clockToleranceSeconds

/** Threat: `"9999999999"` is larger than a number to one comparison and no number to another. */
function secondsIn(claims: Claims, name: 'exp' | 'iat' | 'nbf'): number {
  const value = claims[name]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TokenRefused('claim', name)
  return value
}

/** A claim that has to be a text of visible ASCII characters and blanks, as names in headers, logs and rows have to be. */
export function textIn(claims: Claims, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof value !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/.test(value))
    throw new TokenRefused('claim', name)
  return value
}
