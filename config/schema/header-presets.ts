/**
 * Under which names an application hears who is asking, where it knows other names than ours (`hosts[].identityHeaders`), and
 * the headers of single claims (`hosts[].claimHeaders`).
 *
 * Threat: an application that believes `X-WEBAUTH-USER` is open to everybody once a client's own gets there. So whatever stands
 * here is what the proxies drop and overwrite on every host, and what a check refuses where it sees it.
 */
import { parseBearerHeader } from './values.ts'

/** `preferredName`: the name of `userName` alone, and empty without it. */
export type HeaderFact = 'user' | 'preferredName' | 'email' | 'name' | 'groups'

export interface HeaderPreset {
  /** As the products write them; none where it is about the names of `headers`. */
  readonly names: Readonly<Partial<Record<HeaderFact, string>>>
  /** Between two groups, as the product reads it. */
  readonly separator: string
}

const comma = (names: HeaderPreset['names']): HeaderPreset => ({ names, separator: ',' })

/** In the order in which they are written. */
export const headerPresets = {
  /** Of the names of `headers`, which every host gets: that of the subject holds the name of `userName`. */
  remote: comma({}),
  'x-forwarded-user': comma({
    user: 'X-Forwarded-User',
    email: 'X-Forwarded-Email',
    groups: 'X-Forwarded-Groups',
    preferredName: 'X-Forwarded-Preferred-Username',
  }),
  'x-auth-request': comma({
    user: 'X-Auth-Request-User',
    email: 'X-Auth-Request-Email',
    groups: 'X-Auth-Request-Groups',
    preferredName: 'X-Auth-Request-Preferred-Username',
  }),
  webauth: comma({
    user: 'X-WEBAUTH-USER',
    name: 'X-WEBAUTH-NAME',
    email: 'X-WEBAUTH-EMAIL',
    groups: 'X-WEBAUTH-GROUPS',
  }),
  gitea: comma({ user: 'X-WEBAUTH-USER', email: 'X-WEBAUTH-EMAIL', name: 'X-WEBAUTH-FULLNAME' }),
  jenkins: { names: { user: 'X-Forwarded-User', groups: 'X-Forwarded-Groups' }, separator: '|' },
} as const satisfies Readonly<Record<string, HeaderPreset>>

export type HeaderPresetName = keyof typeof headerPresets

export const headerPresetNames = Object.keys(headerPresets) as [HeaderPresetName, ...HeaderPresetName[]]

/** One claim of the provider as a header of its own. */
export interface ClaimHeader {
  readonly name: string
  /** Where the provider's claims hold it; nested names joined by `/`. A name that is a web address is one name. */
  readonly path: string
}

// A server, a proxy or an application acts on these by itself, or reads another person's certificate in them.
const neverClaims =
  /^(?:access-control-.+|cookie2|dpop|from|http2-settings|if-.+|link|max-forwards|pragma|priority|range|server|via|warning|www-authenticate|x-envoy-.+|x-http-method.*|x-method-override|x-real-ip|x-rewrite-.+|.*client-?cert.*)$/

// Threat: the name of a person by another way than userName, which asks whose people have it: a machine has claims too.
const namesPeople: ReadonlySet<string> = new Set([
  'remote-user',
  ...Object.values(headerPresets).flatMap(({ names }: HeaderPreset) =>
    [names.user, names.preferredName].flatMap(name => name?.toLowerCase() ?? []),
  ),
])

/** `X-Department=department`. Throws a `RangeError` for another form and for a name that has a meaning of its own. */
export function parseClaimHeader(text: string): ClaimHeader {
  const [, name, path] = /^([^=]*)=((?:https?:\/\/)?[^/]+(?:\/[^/]+)*)$/.exec(text) ?? []
  if (name === undefined || path === undefined) throw new RangeError('it has to be a header name, = and a path')
  const lower = name.replace(/^remote-/i, 'x-').toLowerCase()
  // The same as for tokens, but Remote-Department is ours to write.
  parseBearerHeader(lower)
  if (neverClaims.test(lower)) throw new RangeError('this header already has a meaning of its own')
  if (namesPeople.has(name.toLowerCase()))
    throw new RangeError('this header says who is asking: take identityHeaders and userName')
  return { name, path }
}

export interface UserNameSettings {
  /** Exactly one of this and `emailDomain` is there. */
  readonly claim?: string
  readonly emailDomain?: string
  /** Whose people have such a name; `*`: those of all. */
  readonly provider: string
}

/** What one host asks for, with everything that follows from it. */
export interface HostHeadersSettings {
  /** In the order in which they are written. */
  readonly presets: readonly HeaderPreset[]
  readonly claimHeaders: readonly ClaimHeader[]
  readonly userName?: UserNameSettings
  /** Whether the usual header of the subject holds the name as well. */
  readonly isRemoteNamed: boolean
  /** Lower-case names of all that the host may be told under; of clients none is taken. */
  readonly names: readonly string[]
}

interface OwnHeaders {
  readonly identityHeaders?: readonly HeaderPresetName[]
  readonly claimHeaders?: readonly ClaimHeader[]
}

/** Names of what a host has of its own, as they are written; with a repeat where two are one. */
export const namesOfHost = ({ identityHeaders = [], claimHeaders = [] }: OwnHeaders): readonly string[] => [
  ...identityHeaders.flatMap(preset => Object.values(headerPresets[preset].names)),
  ...claimHeaders.map(({ name }) => name),
]

/** Of all hosts together, each once: what a proxy drops and overwrites everywhere. */
export function hostHeaderNames({ hosts }: { readonly hosts: readonly OwnHeaders[] }): readonly string[] {
  const names = new Map(hosts.flatMap(namesOfHost).map(name => [name.toLowerCase(), name]))
  return [...names.values()]
}
