/** What is said on standard error beside the text: what it leaves to the operator. Pure. */
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.ts'
import type { ProxyFormat } from './format.ts'
import type { ProxyQuestion } from './question.ts'

/** One sentence or two for each. */
export function notesOf(
  format: ProxyFormat,
  { server, hosts, sessions }: Config,
  question: ProxyQuestion,
): readonly string[] {
  const given = new Set(question.hosts.map(({ host }) => host))
  const absent = hosts.map(({ host }) => host).filter(host => !host.includes('*') && !given.has(host))
  const { balancers, sallyport } = question
  // With several replicas the checks pass over an address of the proxy's own.
  const hops = format.listsBalancers === true ? [...balancers, ...(sallyport.length > 1 ? ['127.0.0.1/32'] : [])] : []
  const unknown = hops.filter(range => !server.trustedProxies.some(trusted => isWithin(range, trusted)))
  return [
    ...(absent.length === 0 ? [] : [`left out, because no --host names them: ${absent.join(', ')}`]),
    ...(unknown.length === 0
      ? []
      : [
          `${format.name} tells Sallyport of ${unknown.join(', ')} as one more hop: add it to server.trustedProxies, or it is taken for the client`,
        ]),
    ...certificateNotes(server, sessions, question),
    ...(format.retired === undefined ? [] : [format.retired]),
  ]
}

function certificateNotes(
  { clientCertificateHeader: header }: Config['server'],
  { bindTo }: Config['sessions'],
  { clientCertificates: asked }: ProxyQuestion,
): readonly string[] {
  if (asked !== undefined)
    return header === undefined
      ? [
          'the proxy verifies certificates of clients, and Sallyport hears nothing of them: rows and sessions can ask for one where server.clientCertificateHeader is set',
        ]
      : []
  if (header === undefined) return []
  return [
    'server.clientCertificateHeader is set. What is printed drops what clients send in it and passes no certificate on: --client-ca has the proxy ask for one',
    ...(bindTo === 'client-certificate'
      ? ['sessions.bindTo is client-certificate: without --client-ca nobody can log in']
      : []),
  ]
}

/** Both are ranges as the configuration has them. */
function isWithin(range: string, trusted: string): boolean {
  const [address, length] = ipaddr.parseCIDR(range)
  const [network, prefix] = ipaddr.parseCIDR(trusted)
  return address.kind() === network.kind() && length >= prefix && address.match(network, prefix)
}
