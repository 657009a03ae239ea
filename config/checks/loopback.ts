/** Which names and addresses never leave the machine (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3). */
import ipaddr from 'ipaddr.js'

/** `host` as in a URL or a listen address: a name, an IPv4 address, or an IPv6 address with or without brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return ipaddr.isValid(name) && !/^\d+$/.test(name) && ipaddr.process(name).range() === 'loopback'
}
