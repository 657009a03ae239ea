/**
 * What every dialect states beside method and URL, read the same way: cookie, client address, whether a person waits,
 * and whether it is a WebSocket handshake.
 */
import type { AccessRequest, CanonicalOptions, OriginalRequest } from '../../rbac/request/access-request.ts'
import { canonicalise, canonicaliseUrl, MalformedRequestError, originOf } from '../../rbac/request/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { FrontSettings, ParsedSubrequest, Subrequest } from './front.ts'
import { createHeaderReader, type HeaderReader, type SubrequestHeaders } from './raw-headers.ts'

/** What every dialect reads beside its own headers, in lower case. */
const everyDialect = [
  'accept',
  'authorization',
  'connection',
  'cookie',
  'origin',
  'sec-fetch-mode',
  'sec-websocket-extensions',
  'sec-websocket-key',
  // Drafts before RFC 6455.
  'sec-websocket-key1',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'upgrade',
  'x-forwarded-for',
  'x-requested-with',
] as const

type EveryDialect = (typeof everyDialect)[number]

/** Collects the headers of one dialect; those of another one cannot even be asked for. */
export const createDialectReader = <Name extends string>(dialect: readonly Name[]): HeaderReader<EveryDialect | Name> =>
  createHeaderReader<EveryDialect | Name>([...everyDialect, ...dialect])

/**
 * The headers of a subrequest whose peer may ask. A stranger could write any header: nothing of the subrequest is read
 * before the peer is known. Throws `ERR_PROXY_UNTRUSTED`, or `ERR_REQUEST_MALFORMED` for tricks with `Connection` and for
 * an upgrade to anything but a WebSocket.
 */
export function admit<Name extends string>(
  subrequest: Subrequest,
  read: HeaderReader<EveryDialect | Name>,
  settings: FrontSettings,
): SubrequestHeaders<EveryDialect | Name> {
  if (!settings.trustedProxies.isTrusted(subrequest.peerAddress)) {
    throw new OperationalError('ERR_PROXY_UNTRUSTED', `peer ${subrequest.peerAddress} is not a trusted proxy`)
  }
  const headers = read(subrequest.rawHeaders)
  refuseTricks(headers, settings)
  return headers
}

function refuseTricks(headers: SubrequestHeaders<EveryDialect>, settings: FrontSettings): void {
  if (!isHarmless(headers, settings)) {
    for (const value of headers.all('connection')) refuseConnectionTricks(value, settings)
  }
  if (headers.first('upgrade') !== undefined) refuseTunnels(headers.all('upgrade'))
}

/** What proxies send on the connections that they keep; unless somebody has called an identity header so. */
function isHarmless(headers: SubrequestHeaders<EveryDialect>, { identityHeaderNames }: FrontSettings): boolean {
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
  return /^(x-forwarded-|x-original-|cookie$|host$|origin$)/.test(name) || settings.identityHeaderNames.has(name)
}

/** The canonical form of what a proxy states. Throws as an answer to it what the canonicaliser refuses. */
export function readOriginal(original: OriginalRequest, options: CanonicalOptions): AccessRequest {
  try {
    return canonicalise(original, options)
  } catch (error) {
    throw asRefusal(error, `${original.scheme}://${original.host}${original.target}`)
  }
}

/** The same of `scheme://authority/target`. */
export function readOriginalUrl(method: string, url: string, options: CanonicalOptions): AccessRequest {
  try {
    return canonicaliseUrl(method, url, options)
  } catch (error) {
    throw asRefusal(error, url)
  }
}

/** Anything else than a refusal of the canonicaliser stays what it is. */
function asRefusal(error: unknown, url: string): unknown {
  if (!(error instanceof MalformedRequestError)) return error
  const code = error.part === 'length' ? 'ERR_REQUEST_TOO_LONG' : 'ERR_REQUEST_MALFORMED'
  return new OperationalError(code, error.message, { cause: error, askedFor: loggable(url) })
}

/** In characters. */
const longestStated = 500

/**
 * As it was written, for an operator who has to find out who writes like that. Threat: a secret in it. A query may hold one,
 * and so may what stands before the host, which is where a link carries a password.
 */
function loggable(url: string): string {
  const path = url.replace(/[?#].*$/s, '').replace(/^([^/]*:\/\/)?[^/]*@/, '$1…@')
  return path.length <= longestStated ? path : `${path.slice(0, longestStated)}…`
}

export function describeSubrequest(
  headers: SubrequestHeaders<EveryDialect>,
  request: AccessRequest,
  settings: FrontSettings,
): ParsedSubrequest {
  const isWebSocket = isWebSocketHandshake(headers)
  const { action } = request
  const isPage = !isWebSocket && isNavigation(headers)
  if (isWebSocket) refuseForeignOrigin(headers.all('origin'), request, settings)
  return {
    request,
    clientAddress: settings.trustedProxies.clientAddress(headers.joined('x-forwarded-for', ',')),
    cookie: headers.joined('cookie', '; '),
    isInteractive: isPage && (action === 'GET' || action === 'HEAD'),
    isForm: isPage && action === 'POST',
    isUpgrade: isWebSocket || asksForUpgrade(headers),
    headers,
  }
}

/** A redirect to a login page is only of use to a browser that navigates; a script would follow it into a CORS error. */
function isNavigation(headers: SubrequestHeaders<EveryDialect>): boolean {
  if (isScript(headers.first('x-requested-with'))) return false
  const mode = headers.first('sec-fetch-mode')
  if (mode !== undefined && mode !== 'navigate') return false
  return headers.first('accept')?.includes('text/html') ?? false
}

/**
 * Android's WebView writes the name of the app that it stands in, which any text may be, into every request, and a person in it
 * waits for a page. A script that says something else is known by `Sec-Fetch-Mode` and `Accept`.
 */
const isScript = (requestedWith: string | undefined): boolean => requestedWith?.toLowerCase() === 'xmlhttprequest'

/** Proxies drop the hop-by-hop `Upgrade` from a subrequest, so the handshake's own headers tell as well (RFC 6455 section 4.1). */
function isWebSocketHandshake(headers: SubrequestHeaders<EveryDialect>): boolean {
  return (
    headers.first('sec-websocket-key') !== undefined ||
    headers.first('sec-websocket-version') !== undefined ||
    headers.first('sec-fetch-mode') === 'websocket' ||
    // What else it could be has been refused.
    headers.first('upgrade') !== undefined
  )
}

const onlyUpgrades = ['sec-websocket-key1', 'sec-websocket-protocol', 'sec-websocket-extensions'] as const

/**
 * Threat: a handshake that lacks what the standard wants, to an application that opens it all the same. Each single sign
 * is enough where a token is for reading alone: more is refused then than has to be, and a stream never begins.
 */
function asksForUpgrade(headers: SubrequestHeaders<EveryDialect>): boolean {
  if (onlyUpgrades.some(name => headers.first(name) !== undefined)) return true
  if (headers.isOnly('connection', 'keep-alive')) return false
  return headers.all('connection').some(value => /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i.test(value))
}

/**
 * Any page may open a WebSocket to any host, and the browser sends the cookies along: only the Origin tells them apart
 * (RFC 6455 section 10.2). A program that is no browser sends none.
 */
function refuseForeignOrigin(origins: readonly string[], request: AccessRequest, settings: FrontSettings): void {
  const own = originOf(request.url)
  for (const origin of origins) {
    if (origin.toLowerCase() !== own && !settings.webSocketOrigins.has(origin.toLowerCase())) {
      const askedFor = loggable(request.url)
      throw new OperationalError('ERR_ORIGIN_FOREIGN', 'a page of another origin opens a websocket', { askedFor })
    }
  }
}
