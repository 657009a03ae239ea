/**
 * What every dialect states beside method and URL, read the same way: cookie, client address, whether a person waits,
 * and whether it is a WebSocket handshake.
 */
import type { AccessRequest } from '../../rbac/access-request.ts'
import { MalformedRequestError } from '../../rbac/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { ParsedSubrequest, Subrequest } from './front.ts'
import { readHeaders, type SubrequestHeaders } from './raw-headers.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

export interface FrontSettings {
  readonly trustedProxies: TrustedProxies
  /** Lower-case names of the identity headers, which no client may name in `Connection`. */
  readonly identityHeaderNames: ReadonlySet<string>
  /** Origins that may open a WebSocket on a host other than their own. */
  readonly webSocketOrigins: ReadonlySet<string>
}

/**
 * The headers of a subrequest whose peer may ask. A stranger could write any header: nothing of the subrequest is read
 * before the peer is known. Throws `ERR_PROXY_UNTRUSTED`, or `ERR_REQUEST_MALFORMED` for tricks with `Connection` and for
 * an upgrade to anything but a WebSocket.
 */
export function admit(subrequest: Subrequest, settings: FrontSettings): SubrequestHeaders {
  if (!settings.trustedProxies.isTrusted(subrequest.peerAddress)) {
    throw new OperationalError('ERR_PROXY_UNTRUSTED', `peer ${subrequest.peerAddress} is not a trusted proxy`)
  }
  const headers = readHeaders(subrequest.rawHeaders)
  if (!isHarmless(headers, settings)) {
    for (const value of headers.all('connection')) refuseConnectionTricks(value, settings)
  }
  if (headers.first('upgrade') !== undefined) refuseTunnels(headers.all('upgrade'))
  return headers
}

/** What proxies send on the connections that they keep; unless somebody has called an identity header so. */
function isHarmless(headers: SubrequestHeaders, { identityHeaderNames }: FrontSettings): boolean {
  return headers.isOnly('connection', 'keep-alive') && !identityHeaderNames.has('keep-alive')
}

/**
 * A client could name our headers in `Connection`, so that a proxy drops what it has just written (RFC 9110 section
 * 7.6.1 asks it to). A subrequest that still carries such a list is refused.
 */
function refuseConnectionTricks(value: string, settings: FrontSettings): void {
  for (const token of value.split(',')) {
    if (isOurs(token.trim().toLowerCase(), settings)) {
      throw new OperationalError('ERR_REQUEST_MALFORMED', 'connection names a header of the subrequest')
    }
  }
}

/**
 * A proxy that passes `Upgrade: h2c` on gives the client a tunnel: after `101 Switching Protocols` the same connection asks
 * for any path, and nobody is asked about it (RFC 9110 section 7.8). A WebSocket stays what it was allowed as.
 */
function refuseTunnels(upgrades: readonly string[]): void {
  if (upgrades.length === 1 && upgrades[0]?.trim().toLowerCase() === 'websocket') return
  throw new OperationalError('ERR_REQUEST_MALFORMED', 'upgrade names another protocol than websocket')
}

function isOurs(name: string, settings: FrontSettings): boolean {
  return /^(x-forwarded-|x-original-|cookie$|origin$)/.test(name) || settings.identityHeaderNames.has(name)
}

/** Turns a refusal of the canonicaliser into the answer that the proxy gets; anything else stays what it is. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof MalformedRequestError)) return error
  const code = error.part === 'length' ? 'ERR_REQUEST_TOO_LONG' : 'ERR_REQUEST_MALFORMED'
  return new OperationalError(code, error.message, { cause: error })
}

export function describeSubrequest(
  headers: SubrequestHeaders,
  request: AccessRequest,
  settings: FrontSettings,
): ParsedSubrequest {
  const isWebSocket = isWebSocketHandshake(headers)
  if (isWebSocket) refuseForeignOrigin(headers.all('origin'), request, settings)
  return {
    request,
    clientAddress: settings.trustedProxies.clientAddress(headers.joined('x-forwarded-for', ',')),
    cookie: headers.joined('cookie', '; '),
    isInteractive: !isWebSocket && isNavigation(request.action, headers),
    headers,
  }
}

/** A redirect to a login page is only of use to a browser that navigates; a script would follow it into a CORS error. */
function isNavigation(method: string, headers: SubrequestHeaders): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  if (headers.first('x-requested-with') !== undefined) return false
  const mode = headers.first('sec-fetch-mode')
  if (mode !== undefined && mode !== 'navigate') return false
  return headers.first('accept')?.includes('text/html') ?? false
}

/** Proxies drop the hop-by-hop `Upgrade` from a subrequest, so the handshake's own headers tell as well (RFC 6455 section 4.1). */
function isWebSocketHandshake(headers: SubrequestHeaders): boolean {
  return (
    headers.first('sec-websocket-key') !== undefined ||
    headers.first('sec-websocket-version') !== undefined ||
    headers.first('sec-fetch-mode') === 'websocket' ||
    // What else it could be has been refused.
    headers.first('upgrade') !== undefined
  )
}

/**
 * Any page may open a WebSocket to any host, and the browser sends the cookies along: only the Origin tells them apart
 * (RFC 6455 section 10.2). A program that is no browser sends none.
 */
function refuseForeignOrigin(origins: readonly string[], request: AccessRequest, settings: FrontSettings): void {
  const own = request.url.slice(0, request.url.indexOf('/', request.url.indexOf('//') + 2))
  for (const origin of origins) {
    if (origin.toLowerCase() !== own && !settings.webSocketOrigins.has(origin.toLowerCase())) {
      throw new OperationalError('ERR_ORIGIN_FOREIGN', 'a page of another origin opens a websocket')
    }
  }
}
