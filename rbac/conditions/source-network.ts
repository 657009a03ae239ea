/** `source-network: [10.0.0.0/8, 2001:db8::/32]`: the client's address is in one of the networks. */
import ipaddr from 'ipaddr.js'
import { ValueError } from '../policy-error.ts'
import { parseTexts } from './arguments.ts'
import type { Criterion, Truth } from './condition.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = readonly [address: Address, prefixLength: number]

export function sourceNetwork(value: unknown): Criterion {
  const networks = parseTexts(value, 'networks such as 10.0.0.0/8').map(parseNetwork)
  return { type: 'source-network', test: ({ context }) => contains(networks, context.clientAddress) }
}

/** Unknown without an address that parses. */
function contains(networks: readonly Network[], text: string | undefined): Truth {
  const address = text === undefined ? undefined : parseAddress(text)
  if (address === undefined) return undefined
  return networks.some(([network, length]) => network.kind() === address.kind() && address.match(network, length))
}

/** Four decimal numbers or IPv6: `0x7f.1` is an address to a resolver, and to nobody who writes a policy. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return undefined
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function parseNetwork(text: string): Network {
  const [base = '', suffix, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address === undefined || rest.length > 0) throw new ValueError(`not a network: "${text}"`)
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const length = suffix === undefined ? bits : /^\d{1,3}$/.test(suffix) ? Number(suffix) : Number.NaN
  if (!(length <= bits)) throw new ValueError(`not a network: "${text}"; the prefix is a number from 0 to ${bits}`)
  if (base.includes(':') && address.kind() === 'ipv4') throw new ValueError(`write the IPv4 form of "${text}"`)
  const first = firstAddress(address, length)
  if (first !== address.toString()) {
    throw new ValueError(`"${text}" has bits beyond its prefix; did you mean "${first}/${length}"?`)
  }
  return [address, length]
}

function firstAddress(address: Address, length: number): string {
  const cidr = `${address.toString()}/${length}`
  const kind = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return kind.networkAddressFromCIDR(cidr).toString()
}
