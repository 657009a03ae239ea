/** Finds what a host has of its own. Put together once at start, because every check may ask. */
import type { Config } from './config.ts'

/** Settings of `hosts` that are in force for one host; what no entry holds is absent. */
export type HostSettings = Omit<Config['hosts'][number], 'host'>

/** `domain` is canonical, as a check matched it. The same frozen object for the same entry; an empty one if none fits. */
export type HostSettingsFor = (domain: string) => HostSettings

/**
 * An exact host goes before a pattern, and a longer pattern before a shorter one. Each setting comes from the most exact
 * entry that holds it: an entry that adds a claim for one host must not lift the limit that holds for all of them.
 */
export function createHostSettings(hosts: Config['hosts']): HostSettingsFor {
  const none: HostSettings = Object.freeze({})
  const merged = new Map<string, HostSettings>()
  // Of two patterns that fit one host, the shorter one is the wider: each finds the wider ones already merged.
  for (const { host, ...own } of [...hosts].sort((a, b) => rank(a.host) - rank(b.host))) {
    merged.set(host, Object.freeze({ ...find(merged, host.replace(/^\*\./, '')), ...own }))
  }
  return domain => find(merged, domain) ?? none
}

const rank = (pattern: string): number => (pattern.startsWith('*.') ? pattern.length : Number.MAX_SAFE_INTEGER)

function find(merged: ReadonlyMap<string, HostSettings>, domain: string): HostSettings | undefined {
  if (merged.size === 0) return undefined
  const exact = merged.get(domain)
  if (exact !== undefined) return exact
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const below = merged.get(`*${domain.slice(dot)}`)
    if (below !== undefined) return below
  }
  return undefined
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
