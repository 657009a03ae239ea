/**
 * Bearer token -> whoever its issuer says that it stands for.
 *
 * What costs nothing is looked at first: form, issuer, audience, times, type. So a token that nobody could use makes no call
 * to an issuer, and a forged one costs one signature check. What it says counts for nothing before that.
 */
import { errors } from 'jose'
import type { Machine, User } from '../../../rbac/identity.ts'
import type { CredentialFacts } from '../../audit/access-event.ts'
import { boundCertificateIn } from '../proof/bound-certificate.ts'
import { type AccessTokenIssuer, bearerOf, checkAccessTokenType } from './access-token.ts'
import { checkAudience, expiryOf, type Limits, timeDemands } from './check-claims.ts'
import { verifyCompact } from './check-signature.ts'
import type { Inquiry } from './inquiry.ts'
import type { IssuerKeys, KeySet } from './issuer-keys.ts'
import { checkOwnType } from './own-type.ts'
import { type Claims, type ReadToken, readToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'
import { adviceForWorkloads, checkServiceAccountType, legacyIssuer, serviceAccountOf } from './service-account.ts'
import { checkWorkloadType, type WorkloadKind, workloadOf } from './workload.ts'

/** One entry of `machines.issuers`, with its keys. */
export interface TrustedIssuer extends Limits, AccessTokenIssuer {
  readonly kind: 'kubernetes' | 'openid' | 'sallyport' | WorkloadKind
  /** `iss`, compared character by character. */
  readonly issuer: string
  readonly audience: string
  readonly otherAudiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly cluster: string
  readonly clientClaim?: string | undefined
  readonly keys: IssuerKeys
  /** Present where the issuer itself is asked as well. */
  readonly inquiry?: Inquiry
}

/** What a host takes. */
export interface Acceptance {
  readonly issuers: readonly TrustedIssuer[]
  /** In place of those of the issuers. */
  readonly audience?: string | undefined
  /**
   * Whether whoever asks looks at `VerifiedToken.certificate`, with each use. Threat: somebody who does not know of it, to whom a
   * bound token is as any other; so without this they are refused.
   */
  readonly looksAtCertificate?: boolean
}

export interface VerifiedToken {
  readonly identity: Machine | User
  readonly credential: CredentialFacts
  /** Thumbprint of the client certificate without which it counts for nothing; absent where it is bound to none. */
  readonly certificate?: string
  /** Until when it counts, in milliseconds since the epoch. */
  readonly expiresAtMs: number
  /** It counts as long as its issuer believes in this set; absent where the issuer was asked in place of its keys. */
  readonly keySet?: KeySet
  /** When the issuer itself was asked, and for how many milliseconds its answer counts. */
  readonly answer?: { readonly atMs: number; readonly forMs: number }
  readonly issuer: TrustedIssuer
}

/** Rejects with `TokenRefused`, or with `ERR_ISSUER_UNAVAILABLE` when it cannot tell. */
export async function verifyToken(token: string, acceptance: Acceptance, nowMs: number): Promise<VerifiedToken> {
  const { read, issuer, ...standing } = await verifySigned(token, acceptance, nowMs)
  const identity = freeze(identityOf(read, issuer))
  const credential = credentialOf(read.claims, issuer, identity)
  return { identity, credential, issuer, ...bindingOf(read.claims), ...standing }
}

/** Throws `TokenRefused` for a binding that nobody looks at here. */
export function bindingOf(claims: Claims): Pick<VerifiedToken, 'certificate'> {
  const certificate = boundCertificateIn(claims)
  return certificate === undefined ? {} : { certificate }
}

/** Everything but who it stands for. */
export interface SignedToken extends Pick<VerifiedToken, 'expiresAtMs' | 'issuer'> {
  readonly keySet: KeySet
  readonly read: ReadToken
}

/** Rejects as `verifyToken`. */
export async function verifySigned(token: string, acceptance: Acceptance, nowMs: number): Promise<SignedToken> {
  const read = readToken(token)
  const candidates = candidatesFor(read, acceptance, Math.floor(nowMs / 1000))
  const { issuer, expiresAt, keySet } = await holderOf(candidates, read.keyId)
  await checkSignature(token, read, issuer, keySet)
  return { read, issuer, expiresAtMs: expiresAt * 1000, keySet }
}

interface Candidate {
  readonly issuer: TrustedIssuer
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

/**
 * Threat: `https://idp.example/` is another issuer than `https://idp.example`. Nothing is kept of an unknown one, so ten
 * thousand of them take no room. Several clusters may call their issuer alike; then their keys tell them apart.
 */
function candidatesFor(read: ReadToken, acceptance: Acceptance, nowSeconds: number): readonly Candidate[] {
  const { iss } = read.claims
  const named = acceptance.issuers.filter(({ issuer }) => issuer === iss)
  if (named.length === 0) {
    throw iss === legacyIssuer ? new TokenRefused('legacy', 'use a projected one') : new TokenRefused('issuer')
  }
  const refusals: unknown[] = []
  const fitting = named.flatMap(issuer => {
    try {
      return [{ issuer, expiresAt: check(read, issuer, acceptance, nowSeconds) }]
    } catch (error) {
      refusals.push(error)
      return []
    }
  })
  if (fitting.length === 0) throw refusals[0]
  return fitting
}

/** Until when the token counts, in seconds since the epoch, if everything holds that can be looked at without a key. */
function check(read: ReadToken, issuer: TrustedIssuer, acceptance: Acceptance, nowSeconds: number): number {
  for (const demand of demandsOn(read, issuer, acceptance, nowSeconds)) demand()
  return expiryOf(read.claims, issuer)
}

/** All that can be looked at without a key, one question each, in this order; each throws `TokenRefused`. */
export function demandsOn(
  read: ReadToken,
  issuer: TrustedIssuer,
  acceptance: Acceptance,
  nowSeconds: number,
): readonly (() => void)[] {
  const { kind, otherAudiences, algorithms } = issuer
  const audience = acceptance.audience ?? issuer.audience
  const advice = kind === 'kubernetes' ? adviceForWorkloads(audience) : `ask for one with audience ${audience}`
  return [
    () => checkAudience(read.claims, { audience, otherAudiences, advice }),
    ...timeDemands(read.claims, issuer, nowSeconds),
    () => typeChecks[kind](read),
    // Threat: a token that was made for the holder of a key (RFC 7800 `cnf`; RFC 9449, RFC 8705), stolen and sent without it.
    () => {
      if (issuer.kind !== 'sallyport') checkBinding(read.claims, acceptance)
    },
    // Threat: `none`, and a public key that is taken for a shared secret: only what the configuration lists is tried.
    () => {
      if (!algorithms.includes(read.algorithm)) throw new TokenRefused('algorithm')
    },
  ]
}

/** Throws `TokenRefused` for a token that is bound to something at which whoever asks does not look. */
export function checkBinding(claims: Claims, { looksAtCertificate }: Acceptance): void {
  if (boundCertificateIn(claims) !== undefined && looksAtCertificate !== true) throw new TokenRefused('bound')
}

const typeChecks: Readonly<Record<TrustedIssuer['kind'], (read: ReadToken) => void>> = {
  kubernetes: checkServiceAccountType,
  openid: checkAccessTokenType,
  sallyport: checkOwnType,
  'github-actions': checkWorkloadType,
  'gitlab-ci': checkWorkloadType,
  generic: checkWorkloadType,
}

type Holder = Candidate & { readonly keySet: KeySet }

/** An issuer whose keys cannot be read keeps nobody waiting whose key another one has. */
export async function holderOf(candidates: readonly Candidate[], keyId: string | undefined): Promise<Holder> {
  const known = candidates.flatMap(candidate => {
    const keySet = candidate.issuer.keys.current()
    return keySet?.has(keyId) === true ? [{ ...candidate, keySet }] : []
  })
  if (known.length > 0) return onlyOne(known)
  const asked = await Promise.allSettled(candidates.map(({ issuer }) => issuer.keys.holding(keyId)))
  const found = candidates.flatMap((candidate, index) => {
    const answer = asked[index]
    return answer?.status === 'fulfilled' && answer.value !== undefined ? [{ ...candidate, keySet: answer.value }] : []
  })
  const silent = asked.find(answer => answer.status === 'rejected')
  if (found.length === 0 && silent !== undefined) throw silent.reason
  return onlyOne(found)
}

/** Threat: one name for the keys of two clusters, and a service account of the one taken for that of the other. */
function onlyOne(holders: readonly Holder[]): Holder {
  const [holder, ...others] = holders
  if (holder === undefined || others.length > 0) throw new TokenRefused('key')
  return holder
}

/** `read` is what `readToken` made of `token`. Rejects with `TokenRefused`. */
export async function checkSignature(
  token: string,
  read: ReadToken,
  { algorithms }: TrustedIssuer,
  { getKey }: KeySet,
): Promise<void> {
  try {
    await verifyCompact(token, read, algorithms, getKey)
  } catch (error) {
    throw new TokenRefused(reasonOf(error), undefined, { cause: error })
  }
}

function reasonOf(error: unknown) {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  // The key of that name is for another algorithm.
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed) return 'algorithm'
  return error instanceof errors.JWKSMultipleMatchingKeys ? 'key' : 'form'
}

export function identityOf(read: ReadToken, issuer: TrustedIssuer): Machine | User {
  const { kind, name, clientClaim } = issuer
  if (kind === 'kubernetes') return serviceAccountOf(read.claims, issuer)
  // Who stands behind one of our own is kept elsewhere.
  if (kind === 'sallyport') throw new TokenRefused('issuer')
  return kind === 'openid' ? bearerOf(read, issuer) : workloadOf(read.claims, { name, kind, clientClaim })
}

/** Who is known by reference has to stay as he is. */
export function freeze<T extends Machine | User>(identity: T): T {
  for (const value of Object.values(identity)) if (Array.isArray(value)) Object.freeze(value)
  return Object.freeze(identity)
}

const plainId = /^[\x21-\x7e]{1,128}$/

export function credentialOf({ jti }: Claims, { name }: TrustedIssuer, identity: Machine | User): CredentialFacts {
  const credential =
    identity.kind === 'user' ? 'user-token' : identity.client === undefined ? 'service-account-token' : 'client-token'
  const credentialId = typeof jti === 'string' && plainId.test(jti) ? { credentialId: jti } : {}
  return Object.freeze({ credential, credentialIssuer: name, ...credentialId })
}
