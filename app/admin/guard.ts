/**
 * Keeps web pages away from the admin listener's calls.
 *
 * Threat: a page in a browser on this machine, or in a network that reaches the listener, posts to it, or reads it under
 * a name of its own that it has pointed at our address (DNS rebinding). So a call must come under a name that no
 * stranger can give us, without what a browser adds, and with a content type that no form can send.
 */
import { isIP } from 'node:net'
import type { Request, RequestHandler } from 'express'

/** `names`: under which the listener answers, beside addresses and localhost. */
export function createAdminGuard(names: readonly string[]): RequestHandler {
  return guardedBy(request => misdirected(request, names) ?? fromPage(request))
}

/** For what collects metrics and for probes: under a name of ours, or under none, which no browser can do. */
export function createNameGuard(names: readonly string[]): RequestHandler {
  return guardedBy(request => (request.headers.host === undefined ? undefined : misdirected(request, names)))
}

interface Refusal {
  readonly status: number
  readonly error: string
}

type Call = Pick<Request, 'headers' | 'method'>

function guardedBy(refusalOf: (call: Call) => Refusal | undefined): RequestHandler {
  return (request, response, next) => {
    const refusal = refusalOf(request)
    if (refusal === undefined) next()
    else response.status(refusal.status).set('Cache-Control', 'no-store').json({ error: refusal.error })
  }
}

function misdirected({ headers }: Call, names: readonly string[]): Refusal | undefined {
  if (isOwnName(hostOf(headers.host ?? ''), names)) return undefined
  return {
    status: 421,
    error: 'call the admin listener by an address, as localhost, or by a name that admin.hosts lists',
  }
}

function fromPage({ headers, method }: Call): Refusal | undefined {
  // Any browser that still sends neither is kept out by the content type: another site's page needs leave to send it.
  const isFromPage = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
  if (isFromPage) return { status: 403, error: 'web pages may not call the admin listener' }
  if (method === 'GET' || method === 'HEAD') return undefined
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return type === 'application/json' ? undefined : { status: 415, error: 'expected Content-Type: application/json' }
}

const hostOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')

/** An address cannot be pointed elsewhere, and no stranger decides what localhost is (RFC 6761 section 6.3). */
const isOwnName = (host: string, names: readonly string[]): boolean =>
  isIP(host) !== 0 ||
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  (host !== '' && names.some(name => name.toLowerCase() === host))
