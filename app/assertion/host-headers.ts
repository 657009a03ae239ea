/**
 * What one host hears of a person under names of other products (`hosts[].identityHeaders`), under a name that its application
 * knows (`userName`), and of single claims (`claimHeaders`). Put together once for a host; one without such a setting has no plan.
 *
 * Threat: a name that is somebody else's. `userName` comes of one provider, or the operator has said that a name is one person at
 * all of them. Of an address it is what stands before the `@` of exactly the domain that was named, and only of an address that
 * the provider has verified: `alice@evil.example` is not `alice`. Nobody gets a name that reads as a machine's, and who has no
 * name gets an empty header, never the subject in its place.
 */
import type {
  ClaimHeader,
  HeaderFact,
  HeaderPreset,
  HostHeadersSettings,
  UserNameSettings,
} from '../../config/schema/header-presets.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { encodeFieldValue } from './field-value.ts'

/** As they stand in the usual headers, encoded. */
export interface UsualValues {
  readonly user: string
  readonly email: string
  readonly name: string
}

/** What is left out where there is no room: claims before groups, and all of them or none. */
export interface Room {
  readonly hasClaims: boolean
  readonly hasGroups: boolean
}

export interface HostHeaders {
  readonly names: readonly string[]
  /** Of a request of nobody, names and values alternating. */
  readonly nobody: readonly string[]
  /** Names of the headers that hold claims. */
  readonly claimNames: readonly string[]
  /** Of those, the ones whose claim this person has and no header tells: too long, or an object. */
  readonly leftOut: (person: User | Machine) => readonly string[]
  /** What the usual header of the subject holds; `undefined` where that stays the subject. */
  readonly userOf: (person: User | Machine, usual: UsualValues) => string | undefined
  /** Names and values alternating; the same names in every answer. */
  readonly fieldsOf: (person: User | Machine, usual: UsualValues, room: Room) => readonly string[]
}

/** `undefined` where a host has none of its own. `domain` is canonical. */
export type HostHeadersFor = (domain: string) => HostHeaders | undefined

type FindClaim = (claims: Readonly<Record<string, unknown>>, path: string) => unknown

/** `settingsOf` gives the same object for the same host. */
export function createHostHeaders(
  settingsOf: (domain: string) => HostHeadersSettings | undefined,
  find: FindClaim,
): HostHeadersFor {
  const plans = new WeakMap<HostHeadersSettings, HostHeaders>()
  return domain => {
    const settings = settingsOf(domain)
    if (settings === undefined) return undefined
    const plan = plans.get(settings) ?? planOf(settings, find)
    plans.set(settings, plan)
    return plan
  }
}

function planOf(settings: HostHeadersSettings, find: FindClaim): HostHeaders {
  const { presets, claimHeaders, userName, isRemoteNamed, names } = settings
  const claimNames = claimHeaders.map(({ name }) => name)
  const all = [...presets.flatMap(preset => Object.values(preset.names)), ...claimNames]
  const nameOf = (person: User | Machine, usual: UsualValues): string =>
    userName === undefined || person.kind === 'machine'
      ? usual.user
      : encodeFieldValue(nameFrom(person, userName, find))
  return Object.freeze({
    names,
    nobody: Object.freeze(all.flatMap(name => [name, ''])),
    claimNames,
    leftOut: person => claimsOf(person, claimHeaders, find).flatMap(({ name, isLeftOut }) => (isLeftOut ? [name] : [])),
    userOf: (person, usual) => (isRemoteNamed ? nameOf(person, usual) : undefined),
    fieldsOf(person, usual, room) {
      const user = nameOf(person, usual)
      const values = { ...usual, user, preferredName: userName === undefined ? '' : user }
      const fields = presets.flatMap(preset =>
        presetFields(preset, { ...values, groups: groupsFor(person, preset, room) }),
      )
      const claims = claimsOf(person, claimHeaders, room.hasClaims ? find : () => undefined)
      return [...fields, ...claims.flatMap(({ name, text }) => [name, text])]
    },
  } satisfies HostHeaders)
}

const presetFields = ({ names }: HeaderPreset, values: Readonly<Record<HeaderFact, string>>): string[] =>
  (Object.entries(names) as [HeaderFact, string][]).flatMap(([fact, name]) => [name, values[fact]])

const groupsFor = ({ groups }: User | Machine, { separator }: HeaderPreset, { hasGroups }: Room): string =>
  hasGroups ? joined(groups, separator) : ''

/** What holds the separator is encoded, so that no name is two. */
const joined = (names: readonly string[], separator: string): string =>
  names.map(name => encodeFieldValue(name, separator)).join(separator)

/** In bytes, as of an address; a part of a longer one may be somebody else's. */
const longestName = 254

/** Threat: a person who is called like a machine, or like the subject of somebody. */
const isOfOthers = /^(?:client|service-account|certificate):|:\/\//i

function nameFrom(person: User, { claim, emailDomain, provider }: UserNameSettings, find: FindClaim): string {
  if (provider !== '*' && person.provider !== provider) return ''
  const name = claim === undefined ? localPart(person.email, emailDomain) : find(person.claims, claim)
  if (typeof name !== 'string' || Buffer.byteLength(name) > longestName || isOfOthers.test(name)) return ''
  return name
}

/** Of a verified address of this domain. One in quotes means what its server makes of it. */
function localPart(email: string | undefined, domain: string | undefined): string | undefined {
  const at = email?.lastIndexOf('@') ?? -1
  if (email === undefined || at < 1 || email.slice(at + 1).toLowerCase() !== domain) return undefined
  const local = email.slice(0, at)
  return /^[^\s"@]+$/.test(local) ? local : undefined
}

/** Of all values together, in bytes. What is left of the room is for the groups. */
const longestClaims = 1_024

/** The first ones of the list go first, each as a whole or not at all. */
function claimsOf({ claims }: User | Machine, wanted: readonly ClaimHeader[], find: FindClaim) {
  let total = 0
  return wanted.map(({ name, path }) => {
    const value = find(claims, path)
    const text = textOf(value)
    const fits = text !== undefined && total + text.length <= longestClaims
    if (fits) total += text.length
    return { name, text: fits ? text : '', isLeftOut: !fits && value !== undefined && value !== null }
  })
}

/** Lists like groups; what is neither text nor number nor truth value is nothing that a header could hold. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return encodeFieldValue(value)
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return String(value)
  const isList = Array.isArray(value) && value.every(item => typeof item === 'string' && item !== '')
  return isList ? joined(value, ',') : undefined
}
