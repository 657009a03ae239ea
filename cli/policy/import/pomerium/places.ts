/**
 * Where Pomerium's routes are: `from`, and what of a wildcard can be kept.
 *
 * Pomerium asks the routes of a host that is written out first, or the first route of the file, by its version; and it serves hosts
 * of its own. Rows of a host and of every pattern above it apply together here. So a wildcard is kept where no other route is
 * about a host of it, and its rows hold nowhere that it did not decide.
 */
import { covers } from '../first-match.ts'
import { canonicalHost } from '../host-pattern.ts'
import type { Located } from '../located.ts'

/** `hasPort`: it decides at a port of its own alone, so that rows may take from it, and nothing may be allowed by it. */
export interface Place {
  readonly host: string
  readonly hasPort: boolean
}

export function placeOf(from: Located | undefined): Place | 'tunnel' | 'unknown' {
  const text = String(from?.scalar)
  if (/^(?:(?:tcp|udp)\+https|ssh):\/\//.test(text)) return 'tunnel'
  const [, name = '', port = '443'] = /^https:\/\/((?:\*\.)?[^/:*]+)(?::(\d+))?\/?$/.exec(text) ?? []
  const host = name === '' ? undefined : canonicalHost(name)
  return host === undefined ? 'unknown' : { host, hasPort: port !== '443' }
}

export const isWildcard = (host: string): boolean => host.startsWith('*.')

/** What else may decide about a host of the wildcard, in words; `undefined`: nothing does. */
export function rivalOf(wildcard: string, routes: readonly Located[]): string | undefined {
  for (const { fields, line } of routes) {
    const place = placeOf(fields?.get('from'))
    if (place === 'unknown') return `the route of line ${line}, whose place is not understood`
    if (place === 'tunnel' || (place.host === wildcard && !place.hasPort)) continue
    if (covers(wildcard, place.host) || covers(place.host, wildcard)) return `the route of line ${line}, ${place.host}`
  }
  return undefined
}

export interface OwnHost {
  readonly line: number
  readonly host: string
}

const services = /^(?:authenticate|authorize|cache|databroker|forward_auth)(?:_internal)?(?:_service)?_urls?$/

/** Those at which Pomerium answers itself; `undefined` where one of them cannot be read. */
export function ownHosts({ fields }: Located): readonly OwnHost[] | undefined {
  const urls = [...(fields ?? [])].filter(([key]) => services.test(key)).flatMap(([, value]) => value.items ?? [value])
  const found = urls.map(({ line, scalar }) => {
    const [, name = ''] = /^https?:\/\/([^/:]+)(?::\d+)?(?:\/|$)/.exec(String(scalar)) ?? []
    return { line, host: name === '' ? undefined : canonicalHost(name) }
  })
  const read = found.flatMap(({ line, host }) => (host === undefined ? [] : [{ line, host }]))
  return read.length === found.length ? read : undefined
}
