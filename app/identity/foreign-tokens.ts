/** What issuers of the configuration made, as the token endpoints look at it. */
import { decodeJwt } from 'jose'
import type { Clock } from '../clock.ts'
import type { KnownBearer } from '../exchange/dependencies.ts'
import { verifyJwtAndAsk } from './token/ask-issuer.ts'
import { createOneObject } from './token/one-object.ts'
import type { TrustedIssuer } from './token/verify-token.ts'

/**
 * Rejects with `TokenRefused`, and with `ERR_ISSUER_UNAVAILABLE` when nobody can tell. A workload sends a new token each time and is one
 * object all the same: what the policy said of it is remembered by that.
 */
export function createForeignTokens(
  issuers: readonly TrustedIssuer[],
  clock: Clock,
): (token: string) => Promise<KnownBearer> {
  const acceptance = { issuers, looksAtCertificate: true }
  const oneObject = createOneObject()
  return async token => {
    const verified = await verifyJwtAndAsk(token, acceptance, clock.now())
    const { credential, expiresAtMs, issuer, certificate } = verified
    // Threat: what we forgive a clock is no life of the token.
    const expiresAt = expiresAtMs / 1000 - issuer.clockToleranceSeconds
    const bound = certificate !== undefined && { certificate }
    return { identity: oneObject(verified.identity), credential, expiresAt, claims: claimsOf(token), ...bound }
  }
}

/** Not verified; empty for what is no token. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJwt(token)
  } catch {
    return {}
  }
}
