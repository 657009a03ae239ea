/** The headers of a call as the API server gets them. Pure: the same call gives the same lines. */
import type { Refusal, Subject, UpgradeProtocol } from '../gateway-call.ts'
import { isOfThisHop, isOurs, nameAs, namedByConnection } from './header-names.ts'
import { impersonationHeaders } from './impersonation.ts'
import { withoutBearer } from './web-socket-bearer.ts'

/** What is said in place of what was removed. */
export interface Told {
  /** Of the API server. */
  readonly host: string
  readonly impersonate: Subject
  readonly requestId: string
  readonly clientAddress: string
  /** The gateway's own, where it has a token: `Bearer …`. */
  readonly authorization?: string
  readonly upgrade?: UpgradeProtocol
  /** Its length in bytes, or `chunked` where nobody said; absent where there is none. */
  readonly body?: string
}

const protocols: Readonly<Record<UpgradeProtocol, string>> = { websocket: 'websocket', spdy: 'SPDY/3.1' }

/** The one name that upgrades to it. */
export const upgradeName = (upgrade: UpgradeProtocol): string => protocols[upgrade]

/**
 * Names and values in turn, in the client's order and ours behind, one line for each: servers do not split all lists.
 * Client values are kept as bytes (`latin1`), as Node reads and writes them.
 */
export function requestHeaders(rawHeaders: readonly string[], told: Told): string[] | Refusal {
  const who = impersonationHeaders(told.impersonate)
  if ('status' in who) return who
  const headers = ['Host', told.host]
  // Threat: `Connection: Impersonate-User` would have the next proxy remove ours; what it names is removed here, and it
  // is not passed on.
  const named = namedByConnection(rawHeaders)
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = nameAs(rawHeaders[index] as string)
    // Threat: a length that `Connection` names is gone, and the body is read as the next request.
    if (name.startsWith(':') || name === 'content-length' || isOurs(name) || isOfThisHop(name, named)) continue
    const value = passedValue(name, rawHeaders[index + 1] as string)
    if (value !== undefined) headers.push(rawHeaders[index] as string, value)
  }
  if (told.authorization !== undefined) headers.push('Authorization', told.authorization)
  headers.push(...who, 'Audit-ID', told.requestId, 'X-Forwarded-For', told.clientAddress)
  if (told.body === 'chunked') headers.push('Transfer-Encoding', 'chunked')
  else if (told.body !== undefined) headers.push('Content-Length', told.body)
  if (told.upgrade !== undefined) headers.push('Connection', 'Upgrade', 'Upgrade', protocols[told.upgrade])
  return headers
}

/** `undefined`: nothing is left of it. */
const passedValue = (name: string, value: string): string | undefined =>
  name === 'sec-websocket-protocol' ? withoutBearer(value) : value
