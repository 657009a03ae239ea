/**
 * Tokens that count together with one client certificate alone (RFC 8705 section 3): the thumbprint stands in the token, and
 * the proxy says which certificate the connection has.
 *
 * Threat: a token that was read out of a log or a memory, used by somebody else. Who has no such connection has nothing of it.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Claims } from '../token/read-token.ts'
import { TokenRefused } from '../token/refusal.ts'

/** Member of `cnf`: base64url SHA-256 of the certificate in its DER form. */
export const thumbprintMember = 'x5t#S256'

const sha256 = /^[\w-]{43}$/

/**
 * The thumbprint to which a token of another issuer is bound; `undefined` for one that is bound to nothing.
 *
 * Threat: a binding that is not looked at here, and so does not hold. What `cnf` says beside the thumbprint (RFC 7800, RFC 9449)
 * is a second one: of two both would have to hold. Throws `TokenRefused`.
 */
export function boundCertificateIn(claims: Claims): string | undefined {
  if (!Object.hasOwn(claims, 'cnf')) return undefined
  const { cnf } = claims
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) throw new TokenRefused('bound')
  const [[member, thumbprint] = [], ...others] = Object.entries(cnf)
  if (member !== thumbprintMember || others.length > 0) throw new TokenRefused('bound')
  if (typeof thumbprint !== 'string' || !sha256.test(thumbprint)) throw new TokenRefused('bound')
  return thumbprint
}

/** `presented`: that of the connection; `undefined` where none is known. */
export function isCertificate(bound: string, presented: string | undefined): boolean {
  if (presented === undefined) return false
  const [one, other] = [Buffer.from(bound), Buffer.from(presented)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Throws `TokenRefused`. */
export function requireCertificate(bound: string, presented: string | undefined): void {
  if (!isCertificate(bound, presented)) throw new TokenRefused('certificate')
}
