/** Finds what a host has of its own. Put together once at start, because every check may ask. */
import type { Config } from './config.ts'
import { type HostHeadersSettings, headerPresets, namesOfHost } from './schema/header-presets.ts'

/** Settings of `hosts` that are in force for one host; what no entry holds is absent. */
export type HostSettings = Omit<Config['hosts'][number], 'host'>

/** `domain` is canonical, as a check matched it. The same frozen object for the same entry; an empty one if none fits. */
export type HostSettingsFor = (domain: string) => HostSettings

/**
 * An exact host goes before a pattern, and a longer pattern before a shorter one. Each setting comes from the most exact
 * entry that holds it: an entry that adds a claim for one host must not lift the limit that holds for all of them.
 */
export function createHostSettings(hosts: Config['hosts']): HostSettingsFor
/** The same of entries of any kind. */
export function createHostSettings<Entry extends { readonly host: string }>(
  hosts: readonly Entry[],
): (domain: string) => Partial<Omit<Entry, 'host'>>
export function createHostSettings(hosts: readonly { readonly host: string }[]): (domain: string) => object {
  const none = Object.freeze({})
  const merged = new Map<string, object>()
  // Of two patterns that fit one host, the shorter one is the wider: each finds the wider ones already merged.
  for (const { host, ...own } of [...hosts].sort((a, b) => rank(a.host) - rank(b.host))) {
    merged.set(host, Object.freeze({ ...find(merged, host.replace(/^\*\./, '')), ...own }))
  }
  return domain => find(merged, domain) ?? none
}

const rank = (pattern: string): number => (pattern.startsWith('*.') ? pattern.length : Number.MAX_SAFE_INTEGER)

function find(merged: ReadonlyMap<string, object>, domain: string): object | undefined {
  if (merged.size === 0) return undefined
  const exact = merged.get(domain)
  if (exact !== undefined) return exact
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const below = merged.get(`*${domain.slice(dot)}`)
    if (below !== undefined) return below
  }
  return undefined
}

/** Whether any host has headers of its own. Where none has, nobody need ask for a host. */
export const haveOwnHeaders = ({ hosts }: Pick<Config, 'hosts'>): boolean =>
  hosts.some(({ identityHeaders, claimHeaders }) => identityHeaders !== undefined || claimHeaders !== undefined)

/** What a host's application hears under other names than the usual ones; the same object for the same settings. */
export function createHostHeaderSettings(
  { headers, providers }: Pick<Config, 'headers' | 'providers'>,
  settingsOf: HostSettingsFor,
): (domain: string) => HostHeadersSettings | undefined {
  const known = new WeakMap<HostSettings, HostHeadersSettings>()
  return domain => {
    const settings = settingsOf(domain)
    if (settings.identityHeaders === undefined && settings.claimHeaders === undefined) return undefined
    const found = known.get(settings) ?? hostHeadersOf(settings, { headers, providers })
    known.set(settings, found)
    return found
  }
}

function hostHeadersOf(
  settings: HostSettings,
  { headers, providers }: Pick<Config, 'headers' | 'providers'>,
): HostHeadersSettings {
  const { identityHeaders = [], claimHeaders = [], userName } = settings
  const [only = ''] = settings.providers ?? providers.map(({ name }) => name)
  const { user, email, name, groups } = headers
  const isRemote = identityHeaders.includes('remote')
  const names = [...namesOfHost(settings), ...(isRemote ? [user, email, name, groups] : [])]
  return {
    presets: identityHeaders.map(preset => headerPresets[preset]),
    claimHeaders,
    // config/checks/host-headers-checks.ts has made sure that there is one provider where none is named.
    ...(userName !== undefined && { userName: { ...userName, provider: userName.provider ?? only } }),
    isRemoteNamed: isRemote && userName !== undefined,
    names: names.map(one => one.toLowerCase()),
  }
}

/** Which hosts take what others refuse in an address: as whoever reads addresses asks for it. */
export function canonicalHosts({ canonical }: Pick<Config, 'canonical'>) {
  const { allowEncodedSlash, allowSemicolon, allowUnderscore } = canonical
  const listed = (hosts: readonly string[]) => (domain: string) => hosts.includes(domain)
  return {
    allowEncodedSlash: listed(allowEncodedSlash),
    allowSemicolon: listed(allowSemicolon),
    allowUnderscore: listed(allowUnderscore),
  }
}
