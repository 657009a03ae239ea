/**
 * The identity headers of an allowed request (docs/wire-contract.md section 2, rules 8 and 9).
 *
 * A client could send any of these itself, and some proxies keep the client's value when the answer has none
 * (CVE-2026-30851): so every one of them is in every answer, empty when unknown.
 *
 * What `Remote-User` holds. Applications take it for the account's name, so it must be unique and never reassigned,
 * which an e-mail address is not (a mailbox moves on to the next employee) and a `preferred_username` is not either.
 * Only issuer and subject together are (OpenID Connect Core 1.0 section 5.7), but an account called
 * `https://idp.example.com#alice` is of little use to most applications. Hence:
 * - a person of `bareIssuer` (the only provider, or the one that the operator named): the bare `sub`, `alice`;
 * - any other person: `<issuer>#<sub>`, so nobody at a second provider can become the first one's `alice`;
 * - a machine: `client:<provider>/<client id>` or `service-account:<cluster>/<namespace>/<name>`, so a client that was
 *   registered as `alice` cannot become her (RFC 9700 section 4.15).
 * A bare `sub` that could be read as one of the other forms keeps its issuer. A host may ask for a name of its own
 * (`hosts[].userName`, see host-headers.ts).
 *
 * What does not fit. All identity headers together stay under 3.5 KB, as an answer has to fit NGINX's smallest buffer:
 * - `Remote-Name` is for people to read: it is cut after 64 characters and ends in `…`;
 * - an address of more than 254 bytes is none (RFC 5321 section 4.5.3.1.3): it is left out, since a part of it may be
 *   somebody else's;
 * - groups are all there or none: with a part of them an application could miss the one that forbids. All are those that
 *   the host asks for (`hosts[].groups`). Then
 *   `Remote-Groups` is empty, the assertion says `groups_omitted` with their number in place of `groups`, and
 *   `onGroupsOmitted` is told;
 * - further claims of a host, in the assertion and in headers of their own, give way before the groups do, and the assertion
 *   names its own in `claims_omitted`;
 * - a subject is never cut: what still does not fit is refused with `ERR_LOGIN_CLAIMS_INVALID`.
 */

import type { Identity, Machine, User } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { ExtraClaims, ExtraClaimsFor } from './extra-claims.ts'
import { encodeFieldValue } from './field-value.ts'
import type { GroupsFor } from './host-groups.ts'
import type { HostHeaders, HostHeadersFor, Room, UsualValues } from './host-headers.ts'
import { type AssertionFacts, type AssertionSigner, audienceOf } from './sign.ts'

/** Names of the headers, as the proxies' configurations list them. */
export interface IdentityHeaderNames {
  readonly user: string
  readonly email: string
  readonly name: string
  readonly groups: string
  readonly assertion: string
}

export const defaultIdentityHeaderNames: IdentityHeaderNames = Object.freeze({
  user: 'Remote-User',
  email: 'Remote-Email',
  name: 'Remote-Name',
  groups: 'Remote-Groups',
  assertion: 'X-Sallyport-Assertion',
})

export interface IdentityHeadersOptions {
  readonly names: IdentityHeaderNames
  /** One of `,` `;` `|` or a space. */
  readonly groupSeparator: string
  readonly sign: AssertionSigner
  /** Issuer whose people are known to upstreams by their bare `sub`. */
  readonly bareIssuer?: string
  /** `domain` is that of the host, `count` how many it should have got. */
  readonly onGroupsOmitted: (subject: string, count: number, domain: string) => void
  /** Default: every host gets all groups. */
  readonly groupsFor?: GroupsFor
  /** Default: no host asks for further claims. */
  readonly extraClaims?: ExtraClaimsFor
  /** Default: no host has headers of its own. */
  readonly hostHeaders?: HostHeadersFor
  /** Told of the names of further claims, or of headers of claims, that did not fit or that no header can hold. */
  readonly onClaimsOmitted?: (subject: string, names: readonly string[], domain: string) => void
  /** Bytes that the answer for a host needs beside these headers. Default: none. */
  readonly roomBeside?: (domain: string, assertion: string) => number
}

/** Names and values alternating. `session` is the digest for the assertion's `sid`. */
export type IdentityHeaders = (identity: Identity, request: AccessRequest, session?: string) => readonly string[]

const longestAddress = 254
const longestName = 64
const longestHeaders = 3_584
/** `: ` and CR LF around each field. */
const fieldOverhead = 4

export function createIdentityHeaders(options: IdentityHeadersOptions): IdentityHeaders {
  const { names, groupSeparator, sign, bareIssuer, onGroupsOmitted } = options
  const { extraClaims = () => undefined, onClaimsOmitted = () => undefined, roomBeside = () => 0 } = options
  const { groupsFor = () => undefined, hostHeaders = () => undefined } = options
  checkNames(names)
  if (!/^[,;| ]$/.test(groupSeparator)) throw new RangeError("groupSeparator must be one of ',', ';', '|' and ' '")
  const nobody: readonly string[] = Object.freeze(fields(names, ['', '', '', '', '']))

  function tellOmitted(omitted: readonly string[] | undefined, { subject }: User | Machine, domain: string): void {
    if (omitted !== undefined && omitted.length > 0) onClaimsOmitted(subject, omitted, domain)
  }

  const ofNobody = new WeakMap<HostHeaders, readonly string[]>([[usualAlone, nobody]])
  function nobodyOn(own: HostHeaders): readonly string[] {
    const known = ofNobody.get(own) ?? Object.freeze([...own.nobody, ...nobody])
    ofNobody.set(own, known)
    return known
  }

  return (identity, request, session) => {
    const own = hostHeaders(request.domain) ?? usualAlone
    if (identity.kind === 'anonymous') return nobodyOn(own)
    const person = presentable(identity, groupsFor(request.domain))
    const facts = { audience: audienceOf(request), ...(session === undefined ? {} : { session }) }
    const fits = (headers: readonly string[]): boolean =>
      lengthOf(headers) + roomBeside(request.domain, headers.at(-1) ?? '') <= longestHeaders
    const extra = extraClaims(person, request.domain)
    const usual = usualOf(person, bareIssuer)
    const groups = joinGroups(person.groups, groupSeparator)
    const head = [own.userOf(person, usual) ?? usual.user, usual.email, usual.name]
    const whole = (room: Room, signed: string): string[] => [
      ...own.fieldsOf(person, usual, room),
      ...fields(names, [...head, room.hasGroups ? groups : '', signed]),
    ]
    const tried = attempts(extra, own)
    // Thousands of groups are not signed only to be found too long.
    for (const { more, hasClaims } of groups.length < longestHeaders ? tried : []) {
      const answer = whole({ hasClaims, hasGroups: true }, sign(person, withExtra(facts, more)))
      if (!fits(answer)) continue
      tellOmitted(more?.omitted, person, request.domain)
      tellOmitted(hasClaims ? own.leftOut(person) : own.claimNames, person, request.domain)
      return answer
    }
    const last = tried.at(-1)?.more
    const signed = sign(person, { ...withExtra(facts, last), areGroupsOmitted: true })
    const reduced = whole({ hasClaims: false, hasGroups: false }, signed)
    if (person.groups.length === 0 || !fits(reduced)) {
      throw new OperationalError('ERR_LOGIN_CLAIMS_INVALID', 'the subject is too long for the identity headers')
    }
    tellOmitted(last?.omitted, person, request.domain)
    tellOmitted(own.claimNames, person, request.domain)
    onGroupsOmitted(person.subject, person.groups.length, request.domain)
    return reduced
  }
}

/** Of a host that has no headers of its own. */
const usualAlone: HostHeaders = Object.freeze({
  names: [],
  nobody: [],
  claimNames: [],
  leftOut: () => [],
  userOf: () => undefined,
  fieldsOf: () => [],
})

/** With everything; and without the further claims, where there are some. */
function attempts(extra: ExtraClaims | undefined, { claimNames }: HostHeaders) {
  const whole = { more: extra, hasClaims: true }
  if (extra === undefined && claimNames.length === 0) return [whole]
  return [whole, { more: extra && withoutClaims(extra), hasClaims: claimNames.length === 0 }]
}

const withExtra = (facts: AssertionFacts, extra: ExtraClaims | undefined): AssertionFacts =>
  extra === undefined ? facts : { ...facts, extra }

/** Only the names of what the person has. */
const withoutClaims = ({ claims, omitted }: ExtraClaims): ExtraClaims => ({
  claims: {},
  omitted: [...Object.keys(claims), ...omitted],
})

/** The identity with what is meant for people cut, and without an address that cannot be one. */
function presentable(identity: User | Machine, wanted: ReturnType<GroupsFor>): User | Machine {
  const named = identity.groups.filter(group => group !== '')
  const groups = wanted === undefined ? named : wanted(named)
  if (identity.kind === 'machine') return { ...identity, groups }
  const { email, name, ...rest } = identity
  return {
    ...rest,
    groups,
    ...(email !== undefined && Buffer.byteLength(email) <= longestAddress ? { email } : {}),
    ...(name === undefined ? {} : { name: cutName(name) }),
  }
}

function cutName(name: string): string {
  if (name.length <= longestName) return name
  const characters = [...name.slice(0, (longestName + 1) * 2)]
  return characters.length <= longestName ? name : `${characters.slice(0, longestName - 1).join('')}…`
}

const usualOf = (person: User | Machine, bareIssuer: string | undefined): UsualValues => ({
  user: encodeFieldValue(remoteUser(person, bareIssuer)),
  email: encodeFieldValue((person.kind === 'user' && person.email) || ''),
  name: encodeFieldValue((person.kind === 'user' && person.name) || ''),
})

function remoteUser(identity: User | Machine, bareIssuer: string | undefined): string {
  if (identity.kind === 'machine') {
    if (identity.client !== undefined) return `client:${identity.client}`
    if (identity.certificate !== undefined) return `certificate:${identity.certificate}`
    if (identity.serviceAccount !== undefined) return `service-account:${identity.serviceAccount}`
    return identity.subject
  }
  const prefix = `${bareIssuer}#`
  if (bareIssuer === undefined || !identity.subject.startsWith(prefix)) return identity.subject
  const sub = identity.subject.slice(prefix.length)
  return sub === '' || sub.includes('#') || /^(client|service-account|certificate):/.test(sub) ? identity.subject : sub
}

/** An empty name cannot be told from no group at all, so `presentable` has dropped it. */
const joinGroups = (groups: readonly string[], separator: string): string =>
  groups.map(group => encodeFieldValue(group, separator)).join(separator)

function fields(names: IdentityHeaderNames, values: readonly string[]): string[] {
  const order = [names.user, names.email, names.name, names.groups, names.assertion]
  return order.flatMap((name, at) => [name, values[at] ?? ''])
}

const lengthOf = (headers: readonly string[]): number =>
  headers.reduce((sum, text) => sum + text.length, (headers.length / 2) * fieldOverhead)

function checkNames(names: IdentityHeaderNames): void {
  const seen = new Set<string>()
  for (const name of [names.user, names.email, names.name, names.groups, names.assertion]) {
    if (!/^[A-Za-z0-9-]+$/.test(name))
      throw new RangeError(`${JSON.stringify(name)} cannot be an identity header's name`)
    seen.add(name.toLowerCase())
  }
  if (seen.size !== 5) throw new RangeError('two identity headers have one name')
}
