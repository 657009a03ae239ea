/**
 * Outbound HTTP: bounded in time and size, and `localhost` names resolve to loopback (RFC 6761 section 6.3).
 *
 * Resolvers differ on names below `.localhost`; answering them here keeps the demo free of a hosts file, and keeps
 * such a name from ever being asked of a name server that somebody else runs.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import type { Agent, RequestInit } from 'undici'

export interface OutboundOptions {
  /** For connecting, for the headers and between two pieces of a body. Default 5,000 ms. */
  readonly timeoutMs?: number
  /** A longer body is an error. Default 1 MiB. */
  readonly maxResponseBytes?: number
  /** PEM; who signs the certificates of servers. Default: whom Node trusts, NODE_EXTRA_CA_CERTS included. */
  readonly certificateAuthority?: string
}

/** Shown to a server that asks for it (RFC 8705 section 2); both PEM. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** The part of `fetch` that the OpenID client uses. */
export type OutboundFetch = (url: string, init: object) => Promise<Response>

export interface Outbound {
  readonly fetch: OutboundFetch
  /** The same over connections of its own, on which this certificate is shown. One call for each certificate. */
  withCertificate(certificate: ClientCertificate): OutboundFetch
  /** Ends idle and running connections. */
  close(): Promise<void>
}

export function createOutbound(options: OutboundOptions = {}): Outbound {
  const way = createWay(options)
  const ways = [way]
  return {
    fetch: way.fetch,
    withCertificate: certificate => {
      const own = createWay(options, certificate)
      ways.push(own)
      return own.fetch
    },
    close: async () => {
      await Promise.all(ways.map(each => each.close()))
    },
  }
}

/** Ways out to the providers: one for those that Node's authorities vouch for, and one for each authority of a provider's own. */
export interface ProviderWays {
  /** `ca`: PEM. The authority of one provider vouches for no other. */
  to(ca: string | undefined): Outbound
  close(): Promise<void>
}

export function createProviderWays(): ProviderWays {
  const ways = new Map<string | undefined, Outbound>()
  return {
    to(ca) {
      const way = ways.get(ca) ?? createOutbound(ca === undefined ? {} : { certificateAuthority: ca })
      ways.set(ca, way)
      return way
    },
    close: async () => {
      await Promise.all([...ways.values()].map(way => way.close()))
    },
  }
}

interface Way {
  readonly fetch: OutboundFetch
  close(): Promise<void>
}

const loadUndici = () => import('undici')

/** Its library, a hundred files, is loaded with the first call. After `close` there is none. */
function createWay(options: OutboundOptions, client?: ClientCertificate): Way {
  let agent: Agent | undefined
  let isClosed = false
  return {
    async fetch(url, init) {
      const undici = await loadUndici()
      if (isClosed) throw new Error('this service is ending')
      agent ??= createAgent(undici, options, client)
      const response = await undici.fetch(url, { ...(init as RequestInit), dispatcher: agent })
      // The same class of object as the global one, from a copy of undici with types of its own.
      return response as unknown as Response
    },
    async close() {
      isClosed = true
      await agent?.destroy()
    },
  }
}

function createAgent(
  undici: Awaited<ReturnType<typeof loadUndici>>,
  options: OutboundOptions,
  client?: ClientCertificate,
): Agent {
  const timeoutMs = options.timeoutMs ?? 5000
  const { certificateAuthority: ca } = options
  return new undici.Agent({
    connect: {
      lookup: lookupLoopbackNames,
      timeout: timeoutMs,
      // Node gives an address of several 250 ms, and where all are slow it has then tried none for long enough.
      autoSelectFamilyAttemptTimeout: timeoutMs / 2,
      ...(ca !== undefined && { ca }),
      ...(client !== undefined && { cert: client.certificate, key: client.key }),
    },
    // Threat: over HTTP/2 the bound below does not hold, and a body that was cut off passes for a whole one (ADR 0038).
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: options.maxResponseBytes ?? 1024 * 1024,
  })
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

const loopback: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** `dns.lookup`, but for names that are loopback by definition. */
export function lookupLoopbackNames(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  if (isLoopbackName(hostname)) answerLoopback(options, callback)
  else systemLookup(hostname, options, callback)
}

function answerLoopback(options: LookupOptions, callback: LookupCallback): void {
  const addresses = loopback.filter(({ family }) => isFamily(options.family, family))
  const [first = { address: '127.0.0.1', family: 4 }] = addresses
  if (options.all === true) callback(null, addresses)
  else callback(null, first.address, first.family)
}

const isFamily = (wanted: LookupOptions['family'], family: number) =>
  wanted === undefined || wanted === 0 || wanted === family || wanted === `IPv${family}`

function isLoopbackName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}
