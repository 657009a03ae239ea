/**
 * Keeps web pages away from the admin listener's calls.
 *
 * Threat: a page in a browser on this machine, or in a network that reaches the listener, posts to it, or reads it under
 * a name of its own that it has pointed at our address (DNS rebinding). So a call must come under a name that no
 * stranger can give us, without what a browser adds, and with a content type that no form can send.
 */
import { isIP } from 'node:net'
import type { Request, RequestHandler } from 'express'

/** `listenHost`: the host that the listener was configured with, which may be a name. */
export function createAdminGuard(listenHost: string): RequestHandler {
  return (request, response, next) => {
    const reason = refusalOf(request, listenHost.toLowerCase())
    if (reason === undefined) next()
    else response.status(reason.status).json({ error: reason.error })
  }
}

interface Refusal {
  readonly status: number
  readonly error: string
}

function refusalOf({ headers, method }: Pick<Request, 'headers' | 'method'>, listenHost: string): Refusal | undefined {
  const refused = (status: number, error: string): Refusal => ({ status, error })
  const host = hostOf(headers.host ?? '')
  if (!isOwnName(host, listenHost)) return refused(421, 'call the admin listener by an address or as localhost')
  // Any browser that still sends neither is kept out by the content type: another site's page needs leave to send it.
  const isFromPage = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
  if (isFromPage) return refused(403, 'web pages may not call the admin listener')
  if (method === 'GET' || method === 'HEAD') return undefined
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return type === 'application/json' ? undefined : refused(415, 'expected Content-Type: application/json')
}

const hostOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')

/** An address cannot be pointed elsewhere, and no stranger decides what localhost is (RFC 6761 section 6.3). */
const isOwnName = (host: string, listenHost: string): boolean =>
  isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || (host !== '' && host === listenHost)
