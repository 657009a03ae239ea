/**
 * Who may send audit events. Threat: whoever can feed the log makes rights look used that are not, or, by calls of others in
 * his own words, unused ones look needed; so nobody is taken for the API server without having shown it.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** `nobody`: whoever reaches the address, which must be a loopback one. */
export type Sender =
  | { readonly by: 'certificate'; readonly names: readonly string[] }
  | { readonly by: 'token'; readonly token: string }
  | { readonly by: 'nobody' }

export const isLoopback = (host: string): boolean =>
  host === '::1' || host === 'localhost' || (isIPv4(host) && host.startsWith('127.'))

/** @returns why it is not taken; undefined where it is */
export function refusedSender(request: IncomingMessage, sender: Sender): string | undefined {
  if (sender.by === 'certificate') return refusedCertificate(request.socket as TLSSocket, sender.names)
  if (sender.by === 'token') return hasToken(request, sender.token) ? undefined : 'without the token'
  // Threat: a page in a browser of this machine posts to it. The API server says neither where from, nor "not from here".
  const { origin, 'sec-fetch-site': site } = request.headers
  return origin === undefined && site === undefined ? undefined : 'from a browser'
}

/** An authority vouches for many: for nodes and people as well, where it is the cluster's own. */
function refusedCertificate(socket: TLSSocket, names: readonly string[]): string | undefined {
  if (!socket.authorized) return 'without a certificate of the authority'
  const name: unknown = socket.getPeerCertificate().subject?.CN
  return typeof name === 'string' && names.includes(name) ? undefined : 'with the certificate of somebody else'
}

/** Digests are compared: they are of one length, and take the same time whatever was sent. */
function hasToken({ headers }: IncomingMessage, token: string): boolean {
  const [, sent = ''] = /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '') ?? []
  const [one, other] = [sent, token].map(text => createHash('sha256').update(text).digest())
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}
