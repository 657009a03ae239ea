/**
 * ID token and userinfo claims -> the identity that policy sees (OpenID Connect Core 1.0 sections 2 and 5.1).
 *
 * Everything here was chosen by somebody else: a provider, or a person who edits a profile there. So each field has one
 * type and one bound, a value of another shape is refused or left out, and nothing is converted until it fits.
 */

import { clockSkewSeconds } from '../../../rbac/clock-skew.ts'
import type { User } from '../../../rbac/identity.ts'
import { OperationalError } from '../../errors.ts'
import { parseEmail } from './email.ts'
import { parseGroups } from './groups.ts'
import { shapeOf } from './shape.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Names of claims; nested ones joined by `/`. */
export interface ClaimMapping {
  /** Default `groups`. */
  readonly groups?: string
  /** Default `email`. */
  readonly email?: string
  /** Default `name`. */
  readonly name?: string
  /** See `GroupsShape`. */
  readonly groupsSeparator?: string
}

export interface ClaimPolicy {
  /** Name of the provider in the configuration. */
  readonly provider: string
  readonly claims?: ClaimMapping
  /** `always`: the people of this provider cannot choose their address. Default `claim`: `email_verified` decides. */
  readonly emailVerified?: 'claim' | 'always'
  /** Put in front of every group, so that groups of several providers do not meet. Default none. */
  readonly groupPrefix?: string
}

/** What the provider said, both checked: the ID token by signature, userinfo by an equal `sub`. */
export interface ClaimSources {
  readonly idToken: Claims
  readonly userinfo?: Claims
}

export interface ParsedUser {
  readonly user: User
  /** Names of claims that were left out because there was no room. */
  readonly dropped: readonly string[]
}

/** Room for claims in a session and in an assertion; the largest ones give way. */
const MAX_CLAIMS_BYTES = 16 * 1024

/** About this token, not about the person; of no use to a condition, and some are only meant for us. */
const protocolClaims = new Set([
  'nonce',
  'at_hash',
  'c_hash',
  's_hash',
  'exp',
  'iat',
  'nbf',
  'jti',
  'aud',
  'azp',
  '_claim_names',
  '_claim_sources',
])

/**
 * Throws `ERR_LOGIN_CLAIMS_INVALID` when a claim that decisions rest on cannot be read.
 * @param nowSeconds seconds since the epoch
 */
export function parseUser(sources: ClaimSources, policy: ClaimPolicy, nowSeconds: number): ParsedUser {
  const { idToken, userinfo = {} } = sources
  const mapping = { groups: 'groups', email: 'email', name: 'name', ...policy.claims }
  // Reading that as "no groups" would lift every deny rule for a group.
  const overage = overageOf(sources, mapping.groups)
  if (overage !== undefined) throw invalid(overage)
  const email = readEmail(sources, mapping.email, policy.emailVerified ?? 'claim')
  const merged = mergeClaims(idToken, userinfo)
  const name = parseName(findClaim(merged, mapping.name)) ?? parseName(merged.preferred_username)
  const authTime = parseAuthTime(idToken.auth_time, nowSeconds)
  const amr = parseMethods(idToken.amr)
  const acr = parseName(idToken.acr)
  const plain = mapping.email === 'email' ? email : readEmail(sources, 'email', 'claim')
  const unverified = [...(email === undefined ? [mapping.email] : []), ...(plain === undefined ? ['email'] : [])]
  const { kept, dropped } = boundClaims(merged, unverified)
  const user: User = {
    kind: 'user',
    subject: parseSubject(idToken),
    provider: policy.provider,
    groups: groupsOf(sources, policy),
    claims: kept,
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...(authTime !== undefined && { authTime }),
    ...(amr !== undefined && { amr }),
    ...(acr !== undefined && { acr }),
  }
  return { user, dropped }
}

function groupsOf(sources: ClaimSources, { claims = {}, groupPrefix }: ClaimPolicy): readonly string[] {
  const { groups: claim = 'groups', groupsSeparator } = claims
  requireWay(sources, claim)
  return parseGroups(statedClaim(sources, claim), {
    claim,
    ...(groupPrefix !== undefined && { prefix: groupPrefix }),
    ...(groupsSeparator !== undefined && { separator: groupsSeparator }),
  })
}

/** Threat: `access/roles` of a claim `access` that is a text leads nowhere, and nowhere is no group. */
function requireWay(sources: ClaimSources, name: string): void {
  if (statedClaim(sources, name) !== undefined) return
  const steps = name.split('/')
  for (let length = 1; length < steps.length; length += 1) {
    const way = steps.slice(0, length).join('/')
    for (const claims of [sources.idToken, sources.userinfo ?? {}]) {
      const value = findClaim(claims, way)
      if (value === undefined || isObject(value)) continue
      throw invalid(
        `the claim ${way}: expected an object, because claims.groups is ${name}, received ${shapeOf(value)}`,
      )
    }
  }
}

/** Of the ID token, else of userinfo; `undefined` when neither states it. */
export const statedClaim = ({ idToken, userinfo = {} }: ClaimSources, name: string): unknown =>
  findClaim(idToken, name) ?? findClaim(userinfo, name)

/** The ID token is signed, userinfo is not: where both speak the token counts, and on the login only the token may. */
function mergeClaims(idToken: Claims, userinfo: Claims): Claims {
  const { auth_time: _time, amr: _methods, acr: _class, ...person } = userinfo
  return { ...person, ...idToken }
}

/** The claim of exactly this name, else the one at this path of nested objects. */
export function findClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name] ?? undefined
  let value: unknown = claims
  for (const step of name.split('/')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value ?? undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** OpenID Connect Core 1.0 section 2: at most 255 ASCII characters, never reassigned within the issuer. */
function parseSubject(idToken: Claims): string {
  const { iss, sub } = idToken
  if (typeof iss !== 'string' || typeof sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(sub)) {
    throw invalid('the claims iss and sub: expected a text, and one of 1 to 255 printable ASCII characters')
  }
  return `${iss}#${sub}`
}

/**
 * Why the groups of a person are not among the claims: there are too many, and they are somewhere else (OpenID Connect
 * Core 1.0 section 5.6.2; Entra ID does so above 200). `undefined` when they are.
 */
export function overageOf(sources: ClaimSources, groups: string): string | undefined {
  const [root = groups] = groups.split('/')
  for (const claims of [sources.idToken, sources.userinfo]) {
    const elsewhere = claims?._claim_names
    if (isObject(elsewhere) && (Object.hasOwn(elsewhere, groups) || Object.hasOwn(elsewhere, root))) {
      return 'the provider keeps the groups of this person elsewhere (_claim_names): too many groups'
    }
    if (claims?.hasgroups === true) return 'the provider left out the groups of this person (hasgroups)'
  }
  return undefined
}

/** A verified flag says nothing about another address, which the other document may hold. */
function readEmail({ idToken, userinfo = {} }: ClaimSources, name: string, policy: 'claim' | 'always') {
  const source = [idToken, userinfo].find(claims => findClaim(claims, name) !== undefined)
  if (source === undefined) return undefined
  const address = findClaim(source, name)
  const isVerified = source.email_verified === true || isVerifiedBeside(address, source, userinfo, name)
  return policy === 'always' || isVerified ? parseEmail(address) : undefined
}

/** Some providers say in userinfo alone that the address of the ID token is verified. */
function isVerifiedBeside(address: unknown, source: Claims, userinfo: Claims, name: string): boolean {
  if (source === userinfo || source.email_verified !== undefined) return false
  return userinfo.email_verified === true && (findClaim(userinfo, name) ?? address) === address
}

/** Threat: a name that turns the direction of text, and reads as that of somebody else where it is shown. */
const unreadable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

function parseName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > 256) return undefined
  return unreadable.test(value) ? undefined : value
}

function parseAuthTime(value: unknown, nowSeconds: number): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw invalid(`the claim auth_time: expected seconds since the epoch, received ${shapeOf(value)}`)
  // A login of the future would never grow old.
  const aheadSeconds = Math.floor(value - nowSeconds)
  if (aheadSeconds > clockSkewSeconds) {
    throw invalid(`the claim auth_time is ${aheadSeconds} s ahead of our clock; ${clockSkewSeconds} s are allowed`)
  }
  return Math.floor(value)
}

function parseMethods(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > 32) return undefined
  const methods = value.filter(method => typeof method === 'string' && /^[\x21-\x7e]{1,64}$/.test(method))
  return methods.length === value.length ? methods : undefined
}

/** The smallest claims first, so that one picture does not push everything else out. */
function boundClaims(claims: Claims, unverified: readonly string[]): { kept: Claims; dropped: readonly string[] } {
  const sized = Object.entries(claims)
    .filter(([name]) => !protocolClaims.has(name) && !unverified.some(path => isBelow(path, name)))
    .map(entry => ({ entry, bytes: Buffer.byteLength(JSON.stringify(entry)) }))
    .sort((left, right) => left.bytes - right.bytes)
  let total = 0
  const fits = sized.map(({ bytes }) => {
    total += bytes
    return total <= MAX_CLAIMS_BYTES
  })
  return {
    kept: Object.fromEntries(sized.filter((_, index) => fits[index]).map(({ entry }) => entry)),
    dropped: sized.filter((_, index) => !fits[index]).map(({ entry }) => entry[0]),
  }
}

/** An address that nobody verified must not come in through a condition on claims either. */
const isBelow = (path: string, name: string) => path === name || path.startsWith(`${name}/`)

const invalid = (detail: string) => new OperationalError('ERR_LOGIN_CLAIMS_INVALID', detail)
