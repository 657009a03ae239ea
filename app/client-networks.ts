/** Who counts as one client, and as one network, where something is counted or kept for strangers. */

export interface ClientNetworks {
  /** An IPv4 address; of IPv6 the /64 that a client has at least to choose from (RFC 6177). */
  readonly address: string
  /** What one owner may easily have: an IPv4 /24, an IPv6 /48. */
  readonly network: string
}

/** `address`: of the client; whoever has none that is known shares one name. */
export function networksOf(address: string | undefined): ClientNetworks {
  if (address === undefined || address === '') return { address: 'unknown', network: 'unknown' }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  if (!plain.includes(':')) return { address: plain, network: plain.split('.').slice(0, 3).join('.') }
  const groups = groupsOf(plain)
  return { address: groups.slice(0, 4).join(':'), network: groups.slice(0, 3).join(':') }
}

function groupsOf(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':').filter(group => group !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(group => group !== '').length
  return [...groups, ...Array<string>(Math.max(zeros, 0)).fill('0'), ...(tail ?? '').split(':')]
}
