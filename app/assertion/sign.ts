/**
 * The identity assertion: a JWT (RFC 7519, RFC 7515) that tells one upstream who is asking, for a few seconds.
 *
 * `Remote-User` is only as good as the network between the proxy and the application; this is a signature, checked with
 * the keys at `/.well-known/jwks.json`. The application must check `iss`, `aud` and `exp`.
 *
 * - `aud` is the origin that the browser sees (`https://wiki.example.com`, with a port unless it is the default one):
 *   an assertion that one application got is worthless at any other.
 * - `sub` is `<issuer>#<sub>`: the only name that is unique and never reassigned.
 * - No `nbf`: it would equal `iat`, and an application whose clock is a second behind would refuse everybody. No `jti`:
 *   one assertion may accompany several requests of a page, so an application must not treat a second one as a replay.
 */
import { sign as signBytes } from 'node:crypto'
import type { Machine, User } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Clock } from '../clock.ts'
import type { ExtraClaims } from './extra-claims.ts'
import type { SigningKey, SigningKeys } from './signing-keys.ts'

/** What the assertion says beside the identity. */
export interface AssertionFacts {
  /** The upstream's origin, see `audienceOf`. */
  readonly audience: string
  /** Digest of the session id, for `sid`; never the id itself. */
  readonly session?: string
  /** The groups do not fit: say how many there are instead of a part of them. */
  readonly areGroupsOmitted?: boolean
  /** What this host has asked for beside the usual claims. */
  readonly extra?: ExtraClaims
}

/** Throws `ERR_SIGNING_UNAVAILABLE` when there is no key. */
export type AssertionSigner = (identity: User | Machine, facts: AssertionFacts) => string

export interface AssertionSignerOptions {
  readonly keys: Pick<SigningKeys, 'current'>
  /** The auth host's public URL; `iss`. */
  readonly issuer: string
  /** How long an assertion is good for, in seconds. */
  readonly lifetimeSeconds: number
  readonly clock: Clock
}

/** Longest `amr` and `acr` that are passed on, as JSON, in bytes. Without them an application refuses; that is safe. */
const longestMethods = 256

export function createAssertionSigner(options: AssertionSignerOptions): AssertionSigner {
  const { keys, issuer, lifetimeSeconds, clock } = options
  return (identity, facts) => {
    const key = keys.current()
    const issuedAt = Math.floor(clock.now() / 1_000)
    const claims = {
      // First: none of what follows can be replaced by a claim that a person may edit at the provider.
      ...facts.extra?.claims,
      ...(facts.extra === undefined || facts.extra.omitted.length === 0 ? {} : { claims_omitted: facts.extra.omitted }),
      iss: issuer,
      aud: facts.audience,
      iat: issuedAt,
      exp: issuedAt + lifetimeSeconds,
      sub: identity.subject,
      ...(identity.kind === 'user' ? userClaims(identity) : machineClaims(identity)),
      ...(facts.areGroupsOmitted ? { groups_omitted: identity.groups.length } : { groups: identity.groups }),
      ...(facts.session === undefined ? {} : { sid: facts.session }),
    }
    return signJwt(key, claims)
  }
}

/** Origin of the original request as the browser sees it. */
export function audienceOf(request: AccessRequest): string {
  const afterScheme = request.url.indexOf('://') + 3
  const path = request.url.indexOf('/', afterScheme)
  return path === -1 ? request.url : request.url.slice(0, path)
}

function userClaims(user: User): Record<string, unknown> {
  const methods = { amr: user.amr, acr: user.acr }
  return {
    email: user.email,
    // Present only with an address whose ownership the provider has verified.
    email_verified: user.email === undefined ? undefined : true,
    name: user.name,
    auth_time: user.authTime,
    ...(JSON.stringify(methods).length <= longestMethods ? methods : {}),
  }
}

function machineClaims(machine: Machine): Record<string, unknown> {
  return { service_account: machine.serviceAccount, client: machine.client, certificate: machine.certificate }
}

/** `typ`: what kind of token it is, so that none passes for another (RFC 8725 section 3.11). Default `JWT`. */
export function signJwt(key: SigningKey, claims: Readonly<Record<string, unknown>>, typ = 'JWT'): string {
  const header = { alg: key.algorithm, typ, kid: key.kid }
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`
  // RFC 7518 section 3.4: ES256 is the plain pair r || s, not its DER form.
  const signature =
    key.algorithm === 'ES256'
      ? signBytes('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
      : signBytes(null, Buffer.from(signed), key.privateKey)
  return `${signed}.${signature.toString('base64url')}`
}

const base64url = (text: string): string => Buffer.from(text, 'utf8').toString('base64url')
