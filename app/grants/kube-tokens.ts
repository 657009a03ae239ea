/**
 * Access tokens of kubectl: JWTs (RFC 9068) that live minutes, each for one cluster, each hanging on one login session.
 *
 * - `iss` is `<server.url>/kube`, not that of the assertions, which the same keys sign: neither passes for the other.
 * - `aud` is the cluster's address, and is compared whole: a token for one cluster is worthless at any other.
 * - `sallyport_session` seals the session's id, so that whoever judges a call finds the session without a search. It opens
 *   with the master secret alone, in the token that it was made for.
 * - The token is no proof that the session stands. Whoever lets somebody in by it looks at the session each time.
 */
import { randomBytes } from 'node:crypto'
import { createLocalJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { User } from '../../rbac/identity.ts'
import type { SigningKey, SigningKeys } from '../assertion/signing-keys.ts'
import type { Clock } from '../clock.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import { clientId } from './parameters.ts'

export interface KubeTokenClaims {
  readonly iss: string
  readonly aud: string
  /** `<issuer>#<sub>` */
  readonly sub: string
  readonly jti: string
  readonly client_id: string
  /** Seconds since the epoch, as `exp` and `auth_time`. */
  readonly iat: number
  readonly exp: number
  /** Digest of the session id. */
  readonly sid: string
  readonly email?: string
  readonly email_verified?: true
  readonly name?: string
  /** What the person is called in the cluster, as its `userClaim` says. */
  readonly username?: string
  /** With a prefix where the cluster believes them. Absent where they do not fit; `groups_omitted` then says how many there are. */
  readonly groups?: readonly string[]
  readonly groups_omitted?: number
  readonly auth_time?: number
  readonly amr?: readonly string[]
  readonly acr?: string
  readonly sallyport_session: string
}

/** Why a token counts for nothing. */
export type KubeTokenRefusal = 'malformed' | 'signature' | 'type' | 'issuer' | 'audience' | 'expired' | 'session'

export type KubeTokenVerdict =
  | {
      readonly isValid: true
      /** The secret in the session's cookie: for `SessionStore.find`, and for nothing that is written down. */
      readonly sessionId: string
      readonly claims: KubeTokenClaims
      /** Milliseconds since the epoch. */
      readonly expiresAt: number
    }
  | { readonly isValid: false; readonly reason: KubeTokenRefusal }

/** Whom a token is for, and until when its session can last. */
export interface KubeTokenRequest {
  readonly sessionId: string
  readonly login: LoginSession
  readonly audience: string
  /** A claim of the provider, `email` or `sub`. */
  readonly userClaim: string
  /** Seconds since the epoch. */
  readonly sessionEndsAt: number
  /** For a cluster that believes them; default: the person's own, which nobody believes. */
  readonly names?: NamesInToken
  /**
   * Origin of the application that gets it with each request, in place of kubectl. Such a token says nothing of the person
   * that the session does not say, as it has to fit into a header beside others.
   */
  readonly application?: string
}

/** What an API server that trusts our tokens is to call somebody. */
export interface NamesInToken {
  readonly user: string
  /** With the cluster's prefix. */
  readonly groups: readonly string[]
}

export interface KubeTokens {
  /** Throws `ERR_SIGNING_UNAVAILABLE` when there is no key. `expiresAt` in seconds since the epoch. */
  issue(request: KubeTokenRequest): { readonly token: string; readonly expiresAt: number }
  /**
   * Signature, kind, issuer, audience and time; an answer at hand for a token that was seen before. Never throws and never
   * rejects, whatever comes. Says nothing about the session, which has to be looked at.
   */
  verify(token: string, audience: string): ValueOrPromise<KubeTokenVerdict>
}

export interface KubeTokensOptions {
  readonly keys: Pick<SigningKeys, 'current' | 'jwks'>
  readonly sign: (key: SigningKey, claims: Readonly<Record<string, unknown>>, typ: string) => string
  /** `<server.url>/kube` */
  readonly issuer: string
  readonly lifetimeSeconds: number
  readonly clock: Clock
  readonly sealSession: SessionSeal
  readonly sessionDigest: (sessionId: string) => string
  readonly findClaim: (claims: Readonly<Record<string, unknown>>, path: string) => unknown
}

/** Text in, text out; `id` is what the sealed text belongs to. */
export interface SessionSeal {
  seal(id: string, sessionId: string): string
  /** `undefined` for anything else; never throws. */
  unseal(id: string, sealed: string): string | undefined
}

const type = 'at+jwt'
/** Of a token, in bytes: what a header line of any proxy takes with the rest of the request. */
const longestToken = 8_192
/** Of all groups as JSON, in bytes. */
const longestGroups = 4_096
const longestMethods = 256
/** Some 4,000 tokens: ten minutes of many people. */
const rememberedBytes = 8 * 1024 * 1024

export function createKubeTokens(options: KubeTokensOptions): KubeTokens {
  const { keys, sign, issuer, lifetimeSeconds, clock, sealSession, sessionDigest, findClaim } = options
  const remembered = new LRUCache<string, Valid>({
    maxSize: rememberedBytes,
    sizeCalculation: (_verdict, token) => token.length * 2 + 512,
  })

  /** Of one that has not expired, and whatever it is for. */
  async function read(token: string): Promise<Valid | Refused> {
    if (token.length > longestToken) return refused('malformed')
    const keySet = keys.jwks()
    const algorithms = [...new Set(keySet.keys.map(({ alg }) => alg))]
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: keySet.keys.map(key => ({ ...key })) }), {
        // Threat: `none`, or a public key taken for a shared secret. Each key is for its own algorithm alone.
        algorithms,
        issuer,
        typ: type,
        requiredClaims: ['aud', 'exp', 'iat', 'jti', 'sub', 'sid', 'sallyport_session'],
        currentDate: new Date(clock.now()),
      })
      return open(payload)
    } catch (error) {
      return refused(reasonOf(error))
    }
  }

  function open(payload: JWTPayload): Valid | Refused {
    if (!areOurs(payload)) return refused('malformed')
    const sessionId = sealSession.unseal(sealIdOf(payload.aud, payload.jti), payload.sallyport_session)
    if (sessionId === undefined) return refused('session')
    return Object.freeze({ isValid: true, sessionId, claims: payload, expiresAt: payload.exp * 1000 })
  }

  function judge(found: Valid | Refused, audience: string): KubeTokenVerdict {
    if (!found.isValid) return found
    if (found.expiresAt <= clock.now()) return refused('expired')
    return found.claims.aud === audience ? found : refused('audience')
  }

  const namedPerson = ({ login, userClaim, names }: KubeTokenRequest) => ({
    ...personClaims(login.identity),
    username: names?.user ?? usernameOf(login.identity, userClaim, findClaim),
    ...(names !== undefined && { groups: [...names.groups] }),
  })

  return {
    issue(request) {
      const { sessionId, login, audience, sessionEndsAt, application } = request
      const issuedAt = Math.floor(clock.now() / 1000)
      const expiresAt = Math.min(issuedAt + lifetimeSeconds, Math.floor(sessionEndsAt))
      const jti = randomBytes(16).toString('base64url')
      const claims = {
        iss: issuer,
        aud: audience,
        client_id: application ?? clientId,
        iat: issuedAt,
        exp: expiresAt,
        jti,
        ...(application === undefined ? namedPerson(request) : { sub: login.identity.subject }),
        sid: sessionDigest(sessionId),
        sallyport_session: sealSession.seal(sealIdOf(audience, jti), sessionId),
      }
      return { token: sign(keys.current(), claims, type), expiresAt }
    },
    verify(token, audience) {
      const known = remembered.get(token)
      if (known !== undefined) return judge(known, audience)
      return read(token).then(found => {
        if (found.isValid) remembered.set(token, found)
        return judge(found, audience)
      })
    },
  }
}

type Valid = Extract<KubeTokenVerdict, { readonly isValid: true }>
type Refused = Extract<KubeTokenVerdict, { readonly isValid: false }>

const refused = (reason: KubeTokenRefusal): Refused => ({ isValid: false, reason })

// No address holds a NUL.
const sealIdOf = (audience: string, jti: string): string => `${audience}\0${jti}`

function reasonOf(error: unknown): KubeTokenRefusal {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'typ') return 'type'
    return error.claim === 'iss' ? 'issuer' : 'malformed'
  }
  const isOfSignature =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JOSEAlgNotAllowed
  return isOfSignature ? 'signature' : 'malformed'
}

/** The signature vouches for who wrote it; what the code relies on is looked at all the same. */
function areOurs(payload: JWTPayload): payload is JWTPayload & KubeTokenClaims {
  const texts = [payload.aud, payload.sub, payload.jti, payload.sid, payload.sallyport_session]
  return texts.every(text => typeof text === 'string') && typeof payload.exp === 'number'
}

function personClaims(user: User) {
  const methods = { amr: user.amr, acr: user.acr }
  const groups = [...user.groups]
  return {
    sub: user.subject,
    email: user.email,
    // Present only with an address whose ownership the provider has verified.
    email_verified: user.email === undefined ? undefined : true,
    name: user.name,
    auth_time: user.authTime,
    ...(JSON.stringify(methods).length <= longestMethods ? methods : {}),
    // With a part of them somebody could be let in whom one of the others forbids.
    ...(fitInToken(groups) ? { groups } : { groups_omitted: groups.length }),
  }
}

export const fitInToken = (groups: readonly string[]): boolean => JSON.stringify(groups).length <= longestGroups

/** `undefined` where the person has no such claim: no name is made up. */
export function usernameOf(user: User, claim: string, find: KubeTokensOptions['findClaim']): string | undefined {
  if (claim === 'email') return user.email
  if (claim === 'sub') return user.subject
  const value = find(user.claims, claim)
  return typeof value === 'string' && value !== '' ? value : undefined
}
