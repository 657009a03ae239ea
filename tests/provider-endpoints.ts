/** Counts what comes in at each endpoint of the tests' provider, and lets an endpoint be slow, fail or hang up. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'

const paths = {
  discovery: '/.well-known/openid-configuration',
  keys: '/jwks',
  authorization: '/auth',
  token: '/token',
  userinfo: '/me',
  revocation: '/token/revocation',
  logout: '/session/end',
} as const

export type ProviderEndpoint = keyof typeof paths

export interface EndpointFault {
  /** How long the answer, whichever, takes at least. */
  readonly delayMs?: number
  /** The answer waits for it. */
  readonly heldUntil?: Promise<unknown>
  /** Answered in place of the provider's own answer, which is then not even made. */
  readonly status?: number
  /** JSON beside `status`. Default `{}`. */
  readonly body?: Readonly<Record<string, unknown>>
  /** The connection is closed without an answer. */
  readonly isCut?: boolean
  /** How many requests meet the fault. Default: all until it is taken away. */
  readonly times?: number
}

export interface ProviderEndpoints {
  /** How many requests came in so far, those that met a fault included. */
  count(endpoint: ProviderEndpoint): number
  /** Replaces the fault of an endpoint; without one, the endpoint works again. */
  setFault(endpoint: ProviderEndpoint, fault?: EndpointFault): void
  /** True when the request has been answered, or cut off, here. */
  intercept(request: IncomingMessage, response: ServerResponse): Promise<boolean>
}

export function createEndpoints(): ProviderEndpoints {
  const counts = new Map<ProviderEndpoint, number>()
  const faults = new Map<ProviderEndpoint, { readonly fault: EndpointFault; left: number }>()
  const takeFault = (endpoint: ProviderEndpoint): EndpointFault | undefined => {
    const found = faults.get(endpoint)
    if (found === undefined || found.left <= 0) return undefined
    found.left -= 1
    return found.fault
  }
  return {
    count: endpoint => counts.get(endpoint) ?? 0,
    setFault: (endpoint, fault) => {
      if (fault === undefined) faults.delete(endpoint)
      else faults.set(endpoint, { fault, left: fault.times ?? Number.POSITIVE_INFINITY })
    },
    intercept: async (request, response) => {
      const endpoint = endpointOf(request.url?.split('?')[0] ?? '')
      if (endpoint === undefined) return false
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
      const fault = takeFault(endpoint)
      if (fault?.delayMs !== undefined) await setTimeout(fault.delayMs)
      await fault?.heldUntil
      return fault !== undefined && answer(fault, request, response)
    },
  }
}

const endpointOf = (path: string): ProviderEndpoint | undefined =>
  (Object.keys(paths) as ProviderEndpoint[]).find(endpoint => paths[endpoint] === path)

function answer(fault: EndpointFault, request: IncomingMessage, response: ServerResponse): boolean {
  if (fault.isCut === true) {
    request.socket.destroy()
    return true
  }
  if (fault.status === undefined) return false
  request.resume()
  response.writeHead(fault.status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(fault.body ?? {}))
  return true
}
