/**
 * Receives what an API server's audit webhook sends (`--audit-webhook-config-file`). A batch is answered with 200 when it is kept, and
 * with something else when it is not: the API server then sends it again, some times. What was not taken is counted, with why.
 */
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createConnections } from './connections.ts'
import { readEventList } from './event-list.ts'
import { FolderFull } from './kept-events.ts'
import { refusedSender, type Sender } from './sender.ts'

export interface ReceivedCounts {
  /** Taken, and answered with 200. */
  readonly batches: number
  /** In them, each once. */
  readonly events: number
  /** Events that had come before: of batches that were sent again. */
  readonly repeated: number
  /** Batches that were not taken, and never will be as they are, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** Batches that shall be sent again, by reason: what is not sent again is lost. */
  readonly putOff: Readonly<Record<string, number>>
}

export interface ReceiverOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** PEM. Absent: plain HTTP, which is for loopback alone. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  readonly sender: Sender
  /** Resolves when the events are where they survive. Called one at a time. */
  readonly keep: (lines: readonly string[]) => Promise<void>
  /** Of each event, once, after it was kept. */
  readonly onEvent: (event: unknown) => void
  /** Whether a key is new; asked before keeping, remembered after. */
  readonly seen: { readonly has: (key: string) => boolean; readonly add: (key: string) => boolean }
  /** Of what could not be kept. */
  readonly onError: (error: unknown) => void
  readonly limits?: Partial<ReceiverLimits>
}

export interface ReceiverLimits {
  /** Bytes of one batch: by default the API server sends at most 400 events. */
  readonly body: number
  /** Batches that are read and kept at once; the sender is asked to come back with further ones. */
  readonly atOnce: number
  /** Milliseconds for the whole of a batch. */
  readonly requestMs: number
  /** Milliseconds until who has connected has to have said what he sends; also until a connection that is kept says the next. */
  readonly idleMs: number
  /** Connections at once. Of more, one that has no batch under way is cut: see connections.ts. */
  readonly connections: number
}

export interface Receiver {
  /** `https://127.0.0.1:9443`. */
  readonly address: string
  readonly counts: () => ReceivedCounts
  /** Takes no more; resolves when what is under way is kept. */
  readonly close: () => Promise<void>
}

const defaults: ReceiverLimits = { body: 32 << 20, atOnce: 4, requestMs: 30_000, idleMs: 5000, connections: 64 }
const closingMs = 5000

interface Answer {
  readonly status: number
  readonly reason?: string
}

export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { host, port, tls, sender, onError } = options
  const limits = { ...defaults, ...options.limits }
  const counts = { batches: 0, events: 0, repeated: 0 }
  const refused: Record<string, number> = {}
  const putOff: Record<string, number> = {}
  const busy = new WeakSet<Duplex>()
  const secured = new WeakSet<Duplex>()
  const connections = createConnections(limits.connections)
  let underWay = 0
  let isClosing = false
  let queue: Promise<unknown> = Promise.resolve()

  const server = listener(options, limits, (request, response) => {
    busy.add(request.socket)
    answerTo(request)
      .catch((error: unknown): Answer => {
        onError(error)
        return { status: 500, reason: error instanceof FolderFull ? 'the folder is full' : 'it could not be kept' }
      })
      .then(answer => reply(request, response, answer))
      .finally(() => busy.delete(request.socket))
  })
  server.on('connection', connections.add)
  if (tls !== undefined) server.on('secureConnection', connections.secure)
  server.on('tlsClientError', () => count(refused, 'without a handshake that is accepted'))
  server.on('secureConnection', socket => void secured.add(socket))
  // What breaks off in the middle of a batch is counted with the batch, and a handshake above.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isMet = tls === undefined || secured.has(socket)
    if (isMet && !busy.has(socket) && error.code !== 'ECONNRESET' && error.code !== 'EPIPE')
      count(refused, error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'that said nothing in time' : 'that was no HTTP')
    socket.destroy()
  })

  async function answerTo(request: IncomingMessage): Promise<Answer> {
    const why = refusedSender(request, sender)
    if (why !== undefined) return { status: sender.by === 'nobody' ? 403 : 401, reason: why }
    connections.show(request.socket)
    if (request.method !== 'POST') return { status: 405, reason: 'that was no POST' }
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
      return { status: 415, reason: 'that was no JSON' }
    if (isClosing) return { status: 503, reason: 'it was about to end' }
    if (underWay >= limits.atOnce) return { status: 429, reason: 'others were under way' }
    underWay += 1
    const end = connections.begin(request.socket)
    try {
      return await answerToBody(request)
    } finally {
      underWay -= 1
      end()
    }
  }

  async function answerToBody(request: IncomingMessage): Promise<Answer> {
    const body = await bodyOf(request, limits.body)
    if (body === 'too long') return { status: 413, reason: 'that was too long' }
    if (body === 'broken off') return { status: 400, reason: 'that broke off' }
    const done = queue.then(() => take(body))
    queue = done.catch(() => undefined)
    return await done
  }

  async function take(body: string): Promise<Answer> {
    const list = readEventList(body)
    if (list === undefined) return { status: 400, reason: 'that was no EventList of audit.k8s.io/v1' }
    const fresh = [...new Map(list.map(one => [one.key, one])).values()].filter(({ key }) => !options.seen.has(key))
    // Remembered only when they are kept: what failed has to be new when it comes again.
    if (fresh.length > 0) await options.keep(fresh.map(({ line }) => line))
    for (const { event, key } of fresh) {
      options.seen.add(key)
      options.onEvent(event)
    }
    counts.batches += 1
    counts.events += fresh.length
    counts.repeated += list.length - fresh.length
    return { status: 200 }
  }

  function reply(request: IncomingMessage, response: ServerResponse, { status, reason }: Answer): void {
    if (reason !== undefined) count(status === 429 || status >= 500 ? putOff : refused, reason)
    const isLast = isClosing || (status !== 200 && status !== 429)
    const headers = {
      'content-type': 'application/json',
      ...(isLast && { connection: 'close' }),
      ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    }
    response.writeHead(status, headers).end('{}')
    // Of a connection that stays the rest of the body is read and dropped; it may be cut for others meanwhile.
    if (!request.complete) request.resume()
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const bound = server.address() as AddressInfo
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address

  return {
    address: `${tls === undefined ? 'http' : 'https'}://${shownHost}:${bound.port}`,
    counts: () => ({ ...counts, refused: { ...refused }, putOff: { ...putOff } }),
    close: async () => {
      isClosing = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), closingMs)
      await closed
      clearTimeout(late)
      await queue
    },
  }
}

function listener({ tls, sender }: ReceiverOptions, limits: ReceiverLimits, onRequest: RequestListener) {
  const { requestMs, idleMs } = limits
  // Node looks for connections that are late every 30 seconds unless it is told otherwise.
  const timeouts = {
    requestTimeout: requestMs,
    headersTimeout: Math.min(idleMs, requestMs),
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(1000, idleMs),
  }
  if (tls === undefined) return createPlainServer(timeouts, onRequest)
  const { cert, key, clientCa } = tls
  const asked = { ca: clientCa, requestCert: true, rejectUnauthorized: true }
  const secured = { cert, key, minVersion: 'TLSv1.2', handshakeTimeout: idleMs } as const
  return createServer({ ...timeouts, ...secured, ...(sender.by === 'certificate' && asked) }, onRequest)
}

function count(into: Record<string, number>, reason: string): void {
  into[reason] = (into[reason] ?? 0) + 1
}

async function bodyOf(request: IncomingMessage, most: number): Promise<string | 'too long' | 'broken off'> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of request) {
      length += (part as Buffer).length
      if (length > most) return 'too long'
      parts.push(part as Buffer)
    }
  } catch {
    return 'broken off'
  }
  return Buffer.concat(parts).toString('utf8')
}
