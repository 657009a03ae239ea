/** Makes a call of what arrived, in HTTP/1.1 or HTTP/2. What can be read in two ways is refused. Pure. */
import type { Credentials, GatewayCall, Refusal, UpgradeProtocol } from '../gateway-call.ts'
import { nameAs } from '../passing/header-names.ts'
import { bearersIn } from '../passing/web-socket-bearer.ts'
import { refusal } from '../status.ts'
import { readImpersonation } from './asked-impersonation.ts'
import { readTarget } from './target.ts'

/** What both versions of HTTP have in common. */
export interface Arrived {
  readonly method: string
  readonly url: string
  /** Names and values in turn; in HTTP/2 with pseudo-headers. */
  readonly rawHeaders: readonly string[]
  /** The connection asks to become something else, with this `Upgrade`. */
  readonly isUpgrade: boolean
}

export interface ReadOptions {
  readonly requestId: string
  readonly peerAddress: string
  /** Of the peer, or what trusted proxies say of it; `forwardedFor`: all X-Forwarded-For, joined by commas. */
  readonly clientAddress: (forwardedFor: string) => string
}

/** Of names and values together, as many as HTTP/1.1's parser lets through. */
export const mostHeaderBytes = 32 * 1024
export const mostHeaderLines = 1000

/** kubectl sends none. To drop them in silence would lose what somebody says, and to some servers they are headers. */
export const trailersRefused = refusal(400, 'the request has trailers, which are not passed on')

const methods: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])

export function readCall(
  arrived: Arrived,
  { requestId, peerAddress, clientAddress }: ReadOptions,
): GatewayCall | Refusal {
  const { method, rawHeaders } = arrived
  if (areTooLarge(rawHeaders)) return refusal(431, 'the headers of the request are too large or too many')
  const valuesOf = valuesByName(rawHeaders)
  if (valuesOf('trailer').length > 0) return trailersRefused
  if (!methods.has(method)) return refusal(405, 'the API server knows no such method')
  const host = readHost(valuesOf)
  if (typeof host !== 'string') return host
  const target = readTarget(arrived.url)
  if ('status' in target) return target
  const credentials = readCredentials(valuesOf)
  if ('status' in credentials) return credentials
  const impersonate = readImpersonation(rawHeaders)
  if (impersonate !== undefined && 'status' in impersonate) return impersonate
  const upgrade = arrived.isUpgrade ? readUpgrade(method, valuesOf) : undefined
  if (typeof upgrade === 'object') return upgrade
  return {
    requestId,
    peerAddress,
    ...target,
    method,
    host,
    credentials,
    clientAddress: clientAddress(valuesOf('x-forwarded-for').join(',')),
    rawHeaders: withoutPseudo(rawHeaders),
    ...(impersonate !== undefined && { impersonate }),
    ...(upgrade !== undefined && { upgrade }),
  }
}

function areTooLarge(rawHeaders: readonly string[]): boolean {
  if (rawHeaders.length > 2 * mostHeaderLines) return true
  let bytes = 0
  for (const text of rawHeaders) bytes += text.length + 2
  return bytes > mostHeaderBytes
}

/** Threat: two names for one host, of which a proxy in front believes one and we the other. */
function readHost(valuesOf: ValuesOf): string | Refusal {
  const hosts = [...valuesOf(':authority'), ...valuesOf('host')]
  const [host] = hosts
  if (host === undefined || host === '') return refusal(400, 'the request names no host')
  if (valuesOf('host').length > 1 || hosts.some(other => other !== host))
    return refusal(400, 'the request names more than one host')
  return host
}

function readCredentials(valuesOf: ValuesOf): Credentials | Refusal {
  const bearers = bearersIn(valuesOf('sec-websocket-protocol')).map(token => `Bearer ${token}`)
  const all = [...valuesOf('authorization'), ...bearers]
  if (all.length > 1) return refusal(400, 'the request says in two ways who is asking')
  const [authorization] = all
  // HTTP/2 may send each cookie in a line of its own (RFC 9113 section 8.2.3).
  const cookies = valuesOf('cookie')
  return {
    ...(authorization !== undefined && { authorization }),
    ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
  }
}

/**
 * Threat: a connection that both sides believe to speak something else. Two protocols pass, each alone, with no body
 * in front of what follows.
 */
function readUpgrade(method: string, valuesOf: ValuesOf): UpgradeProtocol | Refusal {
  const [name = '', ...others] = valuesOf('upgrade')
  const upgrade = others.length > 0 ? undefined : upgradeOf(name)
  if (upgrade === undefined) return refusal(400, 'the connection can become websocket or SPDY/3.1, and nothing else')
  if (method !== 'GET' && !(upgrade === 'spdy' && method === 'POST'))
    return refusal(405, `a request with this method cannot become ${name}`)
  const lengths = valuesOf('content-length')
  if (lengths.some(length => length !== '0') || valuesOf('transfer-encoding').length > 0)
    return refusal(400, 'a request that upgrades its connection can have no body')
  return upgrade
}

function upgradeOf(name: string): UpgradeProtocol | undefined {
  const lower = name.trim().toLowerCase()
  return lower === 'websocket' ? 'websocket' : lower === 'spdy/3.1' ? 'spdy' : undefined
}

type ValuesOf = (name: string) => readonly string[]

/** Names as the servers behind would read them, so that no twin of a header passes beside it. */
function valuesByName(rawHeaders: readonly string[]): ValuesOf {
  const byName = new Map<string, string[]>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = nameAs(rawHeaders[index] as string)
    const value = rawHeaders[index + 1] as string
    const before = byName.get(name)
    if (before === undefined) byName.set(name, [value])
    else before.push(value)
  }
  return name => byName.get(name) ?? none
}

const none: readonly string[] = []

function withoutPseudo(rawHeaders: readonly string[]): readonly string[] {
  // Pseudo-headers come first (RFC 9113 section 8.3).
  let start = 0
  while (rawHeaders[start]?.startsWith(':')) start += 2
  return start === 0 ? rawHeaders : rawHeaders.slice(start)
}
