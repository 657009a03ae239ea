/**
 * Which peers may ask, and which client address they vouch for.
 *
 * X-Forwarded-For is written by everyone on the way, first of all by the client. Only what a trusted hop appended is
 * known, so the list is read from its right end: the first address that is not a trusted proxy is the client.
 */
import ipaddr from 'ipaddr.js'
import { socketPeer } from '../peer.ts'

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Longer lists are not read: no real deployment has as many hops, and reading them is work for an attacker. */
const MAX_HOPS = 32

export interface TrustedProxies {
  /** May this peer send subrequests? An address, or `socketPeer`, whom the permissions of a file have let in. */
  readonly isTrusted: (address: string) => boolean
  /** `forwardedFor`: all X-Forwarded-For values, joined by commas. The client's address in canonical form, or `undefined` when no trusted hop vouches for one that parses. */
  readonly clientAddress: (forwardedFor: string) => string | undefined
}

/** Addresses whose verdict is remembered: all proxies, and the clients of the moment. */
const MOST_REMEMBERED = 4096
/** A list of two IPv6 addresses; longer ones are read anew each time. */
const LONGEST_REMEMBERED = 96

/** `networks`: CIDR blocks or single addresses. Throws `Error` for one that does not parse. */
export function createTrustedProxies(networks: readonly string[]): TrustedProxies {
  const ranges = networks.map(parseRange)
  const isTrusted = remembered((address: string): boolean => {
    if (address === socketPeer) return true
    const parsed = parseAddress(address)
    return parsed !== undefined && ranges.some(range => contains(range, parsed))
  })
  return { isTrusted, clientAddress: remembered(list => clientAddress(list, isTrusted)) }
}

/**
 * The answer hangs on the text and on the settings alone, so it may be given again. What is full is emptied: to keep the
 * order of use would cost as much as to read an address.
 */
function remembered<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, { readonly answer: T }>()
  return text => {
    const found = known.get(text)
    if (found !== undefined) return found.answer
    const answer = read(text)
    if (text.length > LONGEST_REMEMBERED) return answer
    if (known.size >= MOST_REMEMBERED) known.clear()
    known.set(text, { answer })
    return answer
  }
}

function clientAddress(forwardedFor: string, isTrusted: (address: string) => boolean): string | undefined {
  const hops = forwardedFor.split(',')
  if (hops.length > MAX_HOPS) return undefined
  let client: string | undefined
  for (const hop of hops.reverse()) {
    client = parseAddress(hop.trim())?.toString()
    if (client === undefined || !isTrusted(client)) return client
  }
  return client
}

function parseRange(text: string): Range {
  try {
    return text.includes('/')
      ? ipaddr.parseCIDR(text)
      : [ipaddr.parse(text), ipaddr.parse(text).kind() === 'ipv4' ? 32 : 128]
  } catch (cause) {
    throw new Error(`not a network: ${text}`, { cause })
  }
}

/** Dotted IPv4 or plain IPv6 only: no port, no brackets, no zone, no octal or hexadecimal IPv4. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return undefined
  return ipaddr.process(text)
}

function contains([network, bits]: Range, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return network.kind() === address.kind() && address.match(network as never, bits)
}
