/**
 * Bearer token -> whoever it stands for, where the issuer itself is asked: about opaque tokens, which nobody else can read
 * (RFC 7662), and whether a JWT still counts that its keys vouch for.
 *
 * Threat: a token that is sent to somebody whom it was not for. An opaque one says nothing of its issuer, so it goes to the
 * only one of the host that reads such; a JWT goes to the one whose key has signed it, after everything else was right.
 */
import { bearerOf } from './access-token.ts'
import { checkAudience, expiryOf, timeDemands } from './check-claims.ts'
import { type Claims, readToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'
import {
  type Acceptance,
  bindingOf,
  checkBinding,
  credentialOf,
  freeze,
  type TrustedIssuer,
  type VerifiedToken,
  verifyToken,
} from './verify-token.ts'

/** Rejects as `verifyToken`. `wasGood`: whether it has resolved for this token before. */
export async function verifyAndAsk(
  token: string,
  acceptance: Acceptance,
  nowMs: number,
  wasGood = false,
): Promise<VerifiedToken> {
  const [reader, ...others] = acceptance.issuers.filter(({ inquiry }) => inquiry?.describe !== undefined)
  if (reader !== undefined && others.length === 0 && isOpaque(token))
    return readByIssuer(token, reader, { acceptance, nowMs, wasGood })
  return verifyJwtAndAsk(token, acceptance, nowMs, wasGood)
}

/** The same for JWTs alone. */
export async function verifyJwtAndAsk(
  token: string,
  acceptance: Acceptance,
  nowMs: number,
  wasGood = false,
): Promise<VerifiedToken> {
  const verified = await verifyToken(token, acceptance, nowMs)
  const { inquiry } = verified.issuer
  if (inquiry?.confirm === undefined) return verified
  const audience = acceptance.audience ?? verified.issuer.audience
  await inquiry.confirm({ token, audience, wasGood }, readToken(token).claims)
  return { ...verified, answer: { atMs: nowMs, forMs: inquiry.countsForMs } }
}

/** RFC 6750 section 2.1. What has three parts is a JWT, and nobody else's to read than ours. */
const opaque = /^[A-Za-z0-9._~+/-]{16,4096}=*$/
const isOpaque = (token: string): boolean => opaque.test(token) && token.split('.').length !== 3

interface AskedWhen {
  readonly acceptance: Acceptance
  readonly nowMs: number
  readonly wasGood: boolean
}

async function readByIssuer(token: string, issuer: TrustedIssuer, asked: AskedWhen): Promise<VerifiedToken> {
  const { acceptance, nowMs, wasGood } = asked
  const { inquiry, otherAudiences } = issuer
  if (inquiry?.describe === undefined) throw new TokenRefused('form')
  const audience = acceptance.audience ?? issuer.audience
  const claims = await inquiry.describe({ token, audience, wasGood })
  if (claims.iss !== issuer.issuer) throw new TokenRefused('issuer')
  checkAudience(claims, { audience, otherAudiences, advice: `ask for one with audience ${audience}` })
  for (const demand of timeDemands(claims, issuer, Math.floor(nowMs / 1000))) demand()
  checkAnsweredType(claims)
  checkBinding(claims, acceptance)
  const identity = freeze(bearerOf({ algorithm: '', type: undefined, keyId: undefined, claims }, issuer))
  const credential = credentialOf(claims, issuer, identity)
  return {
    identity,
    credential,
    issuer,
    ...bindingOf(claims),
    expiresAtMs: expiryOf(claims, issuer) * 1000,
    answer: { atMs: nowMs, forMs: inquiry.countsForMs },
  }
}

/**
 * Threat: a refresh token, which introspection calls active as well. `token_type` is there for access tokens (RFC 7662 section
 * 2.2); Keycloak and Hydra say what it is in a word of their own.
 */
function checkAnsweredType(claims: Claims): void {
  const { token_type: type, typ, token_use: use } = claims
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') throw new TokenRefused('type')
  if (typ !== undefined && typ !== 'Bearer') throw new TokenRefused('type')
  if (use !== undefined && use !== 'access_token') throw new TokenRefused('type')
}
