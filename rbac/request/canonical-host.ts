/**
 * The canonical form of a host with its port (docs/wire-contract.md section 3; RFC 3986 section 3.2, RFC 1123 section 2.1).
 *
 * Written by hand: `new URL` folds full-width letters, reads `0x7f.1` as an address and keeps a trailing dot, so it
 * would match a policy row with a name that the client never sent.
 */
import ipaddr from 'ipaddr.js'
import { MalformedRequestError } from './malformed-request.ts'

export type Scheme = 'http' | 'https'

export interface CanonicalHost {
  readonly domain: string
  /** Absent when it is the scheme's default. */
  readonly port?: number
}

const maxHostLength = 253
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** At least two plain labels in lower case, the last one with a letter first: what most requests name, canonical as it came. */
const plainHost = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const looksNumeric = /(?:^|\.)(?:\d+|0[xX][0-9a-fA-F]*)$/
const portNumber = /^[1-9]\d{0,4}$/

function refuse(message: string): never {
  throw new MalformedRequestError('host', message)
}

/** `authority` without userinfo. Throws `MalformedRequestError` with part `host`. */
export function canonicaliseAuthority(
  authority: string,
  scheme: Scheme,
  allowUnderscore?: (domain: string) => boolean,
): CanonicalHost {
  const { host, port } = splitPort(authority)
  const domain = canonicaliseHost(host, allowUnderscore)
  const isDefault = port === undefined || port === (scheme === 'https' ? 443 : 80)
  return isDefault ? { domain } : { domain, port }
}

function splitPort(authority: string): { host: string; port?: number } {
  const colon = authority.lastIndexOf(':')
  // The colons of an IPv6 literal stand inside its brackets.
  if (colon === -1 || colon < authority.lastIndexOf(']')) return { host: authority }
  const digits = authority.slice(colon + 1)
  const port = Number(digits)
  if (!portNumber.test(digits) || port > 65_535) refuse('the port is not a number from 1 to 65535')
  return { host: authority.slice(0, colon), port }
}

/** A host without port. Throws `MalformedRequestError` with part `host`. */
export function canonicaliseHost(host: string, allowUnderscore?: (domain: string) => boolean): string {
  if (host.length > maxHostLength + 1) refuse('the host is longer than 253 characters')
  if (host.length <= maxHostLength && plainHost.test(host)) return host
  if (host.startsWith('[')) return canonicaliseIpv6(host)
  // ASCII only: toLowerCase maps the Kelvin sign to `k`, and that must not become a host that somebody else owns.
  const lower = host.replace(/[A-Z]+/g, letters => letters.toLowerCase())
  const domain = lower.endsWith('.') ? lower.slice(0, -1) : lower
  if (domain.length > maxHostLength) refuse('the host is longer than 253 characters')
  if (looksNumeric.test(domain)) {
    // 127.1, 0x7f.1 and 2130706433 are one address to a resolver and three hosts to a policy.
    if (!ipv4.test(domain)) refuse('the host is an IPv4 address in an unusual form')
    return domain
  }
  if (!domain.split('.').every(part => label.test(part))) refuse('the host is not a DNS name')
  if (domain.includes('_') && !allowUnderscore?.(domain)) refuse('the host holds an underscore')
  // Both are domains of the product's own: an application on a host of that name would share their rows.
  if (domain === 'console' || domain === 'tokens' || domain === 'authzen') refuse(`the host name ${domain} is reserved`)
  return domain
}

/** Only the form that RFC 5952 recommends: any other spelling is a second name for the same host. */
function canonicaliseIpv6(host: string): string {
  const address = host.slice(1, -1).toLowerCase()
  const isLiteral = host.endsWith(']') && /^[0-9a-f:]+$/.test(address) && ipaddr.IPv6.isValid(address)
  if (!isLiteral) refuse('the host is not an IPv6 address')
  const parsed = ipaddr.IPv6.parse(address)
  if (parsed.isIPv4MappedAddress()) refuse('the host is an IPv4 address in an unusual form')
  if (parsed.toRFC5952String() !== address) refuse('the host is an IPv6 address in an unusual form')
  return `[${address}]`
}
