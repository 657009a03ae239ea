/**
 * Whether we have signed a token, and nothing about when: for ending it.
 *
 * Threat: somebody ends a token that was stolen, at a replica whose clock is early or late. To this one the token is from the
 * future, or over; to the others it counts. So no time is looked at, and what cannot be told is a failure and no refusal.
 */
import { OperationalError } from '../../errors.ts'
import { checkOwnType } from './own-type.ts'
import { type Claims, readToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'
import { checkSignature, type TrustedIssuer } from './verify-token.ts'

export interface OwnClaims extends Claims {
  /** Host that it is for. */
  readonly aud: string
  readonly sub: string
  readonly jti: string
  /** Seconds since the epoch. */
  readonly exp: number
}

/**
 * Rejects with `TokenRefused` for what is surely none of ours, and with `ERR_SIGNING_UNAVAILABLE` when the key is not known
 * here: another replica may know it.
 */
export async function verifyOwnSignature(token: string, own: TrustedIssuer): Promise<OwnClaims> {
  const read = readToken(token)
  const { claims, keyId } = read
  if (claims.iss !== own.issuer) throw new TokenRefused('issuer')
  checkOwnType(read)
  // Each of ours names its key.
  if (keyId === undefined) throw new TokenRefused('key')
  const keySet = await own.keys.holding(keyId)
  if (keySet === undefined)
    throw new OperationalError('ERR_SIGNING_UNAVAILABLE', 'the key of the token is not known here')
  await checkSignature(token, read, own, keySet)
  if (!isOwn(claims)) throw new TokenRefused('claim')
  return claims
}

function isOwn(claims: Claims): claims is OwnClaims {
  const { aud, sub, jti, exp } = claims
  return [aud, sub, jti].every(text => typeof text === 'string') && typeof exp === 'number'
}
