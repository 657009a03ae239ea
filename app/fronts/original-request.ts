/**
 * What every dialect states beside method and URL, read the same way: cookie, client address, whether a person waits,
 * and whether it is a WebSocket handshake.
 */
import type { AccessRequest } from '../../rbac/access-request.ts'
import { MalformedRequestError } from '../../rbac/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { ParsedSubrequest, Subrequest } from './front.ts'
import { firstHeader, headerValues, refuseConnectionTricks } from './raw-headers.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

export interface FrontSettings {
  readonly trustedProxies: TrustedProxies
  /** Lower-case names of the identity headers, which no client may name in `Connection`. */
  readonly identityHeaderNames: ReadonlySet<string>
  /** Origins that may open a WebSocket on a host other than their own. */
  readonly webSocketOrigins: ReadonlySet<string>
}

/** Refuses peers that may not ask. A stranger could write any header; nothing of the subrequest is read before this. */
export function refuseStrangers(subrequest: Subrequest, settings: FrontSettings): void {
  if (!settings.trustedProxies.isTrusted(subrequest.peerAddress)) {
    throw new OperationalError('ERR_PROXY_UNTRUSTED', `peer ${subrequest.peerAddress} is not a trusted proxy`)
  }
  refuseConnectionTricks(subrequest.rawHeaders, name => isOurs(name, settings))
}

function isOurs(name: string, settings: FrontSettings): boolean {
  return /^(x-forwarded-|x-original-|cookie$|origin$)/.test(name) || settings.identityHeaderNames.has(name)
}

/** Runs the canonicaliser and turns its refusal into the answer that the proxy gets. */
export function canonical(build: () => AccessRequest): AccessRequest {
  try {
    return build()
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    const code = error.part === 'length' ? 'ERR_REQUEST_TOO_LONG' : 'ERR_REQUEST_MALFORMED'
    throw new OperationalError(code, error.message, { cause: error })
  }
}

export function describeSubrequest(
  subrequest: Subrequest,
  request: AccessRequest,
  settings: FrontSettings,
): ParsedSubrequest {
  const { rawHeaders } = subrequest
  const header = (name: string): string | undefined => firstHeader(rawHeaders, name)
  const isWebSocket = isWebSocketHandshake(header)
  if (isWebSocket) refuseForeignOrigin(rawHeaders, request, settings)
  const clientAddress = settings.trustedProxies.clientAddress(headerValues(rawHeaders, 'x-forwarded-for'))
  return {
    request,
    cookie: headerValues(rawHeaders, 'cookie').join('; '),
    isInteractive: !isWebSocket && isNavigation(request.action, header),
    header,
    ...(clientAddress === undefined ? {} : { clientAddress }),
  }
}

/** A redirect to a login page is only of use to a browser that navigates; a script would follow it into a CORS error. */
function isNavigation(method: string, header: (name: string) => string | undefined): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  if (header('x-requested-with') !== undefined) return false
  const mode = header('sec-fetch-mode')
  if (mode !== undefined && mode !== 'navigate') return false
  return header('accept')?.includes('text/html') ?? false
}

/** Proxies drop the hop-by-hop `Upgrade` from a subrequest, so the handshake's own headers tell as well (RFC 6455 section 4.1). */
function isWebSocketHandshake(header: (name: string) => string | undefined): boolean {
  return (
    header('sec-websocket-key') !== undefined ||
    header('sec-websocket-version') !== undefined ||
    header('sec-fetch-mode') === 'websocket' ||
    (header('upgrade')?.toLowerCase().includes('websocket') ?? false)
  )
}

/**
 * Any page may open a WebSocket to any host, and the browser sends the cookies along: only the Origin tells them apart
 * (RFC 6455 section 10.2). A program that is no browser sends none.
 */
function refuseForeignOrigin(rawHeaders: readonly string[], request: AccessRequest, settings: FrontSettings): void {
  const own = request.url.slice(0, request.url.indexOf('/', request.url.indexOf('//') + 2))
  for (const origin of headerValues(rawHeaders, 'origin')) {
    if (origin.toLowerCase() !== own && !settings.webSocketOrigins.has(origin.toLowerCase())) {
      throw new OperationalError('ERR_ORIGIN_FOREIGN', 'a page of another origin opens a websocket')
    }
  }
}
