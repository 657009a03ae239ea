/**
 * The listener: TLS, HTTP/2 and HTTP/1.1 on one port, limits that hold before anybody reads a call, and answers for what
 * never becomes one.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { closeAfterwards, destroyLater, peerOf, type Request, type Response, refuse } from '../carrying/reply.ts'
import { StreamRequest, StreamResponse } from '../carrying/stream-reply.ts'
import type { Refusal } from '../gateway-call.ts'
import { refusal, textOf } from '../status.ts'
import { mostHeaderBytes, mostHeaderLines } from './read-call.ts'
import type { TlsPair } from './tls-files.ts'

export interface TlsServerOptions {
  readonly pair: TlsPair
  readonly newRequestId: () => string
  readonly onRequest: (request: Request, response: Response, expectsContinue: boolean) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Of what was refused before it was a call. */
  readonly onRefused: (why: Refusal, requestId: string, peer: string | undefined) => void
}

/** For the head of a request, and for the handshake before the first. */
const headTimeoutMs = 20_000
/** Larger than what proxies keep idle by default, so that they, not we, end a kept connection. */
const idleMs = 75_000
/** Finds a client that is gone where nothing is sent for hours. */
const probeAfterMs = 30_000
/** As many as Go's servers allow: its clients open another connection for the next ones. */
const mostStreams = 250

export interface TlsServer {
  readonly server: Http2SecureServer
  /**
   * Takes no new connections, and asks clients to come back on another: HTTP/2 at once, HTTP/1.1 with the next answer.
   * Resolves when the last connection has ended, or has been idle for as long as any may.
   */
  handOver(): Promise<void>
  /** Takes no connections; those that are idle end now, the others after what is under way. */
  close(): void
  /** Ends every connection at once. */
  destroy(): void
}

export function createTlsServer(options: TlsServerOptions): TlsServer {
  const { pair, newRequestId, onRequest, onUpgrade, onRefused } = options
  const http1 = {
    maxHeaderSize: mostHeaderBytes,
    headersTimeout: headTimeoutMs,
    // A body may take as long as it is long: a copy into a pod, behind `/proxy/`.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: 1000,
    requireHostHeader: false,
  }
  const server = createSecureServer({
    ...pair,
    allowHTTP1: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: headTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: probeAfterMs,
    // More than is taken, so that what is too much is answered and not reset.
    maxHeaderListPairs: 4 * mostHeaderLines,
    settings: {
      maxConcurrentStreams: mostStreams,
      maxHeaderListSize: 4 * mostHeaderBytes,
      enableConnectProtocol: false,
    },
    ...http1,
    http1Options: http1,
    Http2ServerRequest: StreamRequest,
    Http2ServerResponse: StreamResponse,
  } as unknown as Parameters<typeof createSecureServer>[0])
  // Node's types know them of `http.Server` alone; the HTTP/1.1 side of this server reads the same ones.
  Object.assign(server, { maxHeadersCount: 0, ...http1 })

  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Map<Socket, number>()
  let isLeaving = false
  let isClosing = false

  server.on('secureConnection', (socket: Socket) => {
    sockets.set(socket, 0)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  server.on('session', session => {
    sessions.add(session)
    if (isLeaving) askToLeave(session)
    let open = 0
    const closed = (): void => {
      open -= 1
    }
    session.on('stream', stream => {
      open += 1
      stream.on('close', closed)
    })
    session.setTimeout(idleMs, () => open === 0 && session.close())
    session.once('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
  })

  const take = (request: Request, response: Response, expectsContinue: boolean): void => {
    if (response instanceof ServerResponse) busy(request as IncomingMessage, response)
    if (isLeaving) closeAfterwards(response)
    onRequest(request, response, expectsContinue)
  }
  function busy({ socket }: IncomingMessage, response: ServerResponse): void {
    sockets.set(socket, (sockets.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const left = (sockets.get(socket) ?? 1) - 1
      if (sockets.has(socket)) sockets.set(socket, left)
      if (isClosing && left <= 0) destroyLater(socket)
    })
  }
  const calls: NodeJS.EventEmitter = server
  calls.on('request', (request: Request, response: Response) => take(request, response, false))
  calls.on('checkContinue', (request: Request, response: Response) => take(request, response, true))
  calls.on('checkExpectation', (request: Request, response: Response) => {
    const requestId = newRequestId()
    const why: Refusal = {
      ...refusal(417, 'nothing else than 100-continue can be expected here'),
      reason: 'BadRequest',
    }
    refuse(response, { refusal: why, requestId, target: '' })
    onRefused(why, requestId, peerOf(request))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // It is no idle connection any more, whatever becomes of it.
    sockets.set(socket as Socket, 1)
    onUpgrade(request, socket, head)
  })

  const noTunnel = refusal(405, 'this is no tunnel: CONNECT is not answered')
  calls.on('connect', (request: Request, answerable: Duplex | StreamResponse) => {
    const requestId = newRequestId()
    if ('stream' in answerable) refuse(answerable, { refusal: noTunnel, requestId, target: '' })
    else answerRaw(answerable, noTunnel, requestId)
    onRefused(noTunnel, requestId, peerOf(request))
  })

  const answered = new WeakSet<Duplex>()
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (answered.has(socket)) return
    answered.add(socket)
    const why = refusalOfError(error)
    if (why === undefined || !socket.writable || hasBegunAnswer(socket)) return void socket.destroy()
    const requestId = newRequestId()
    answerRaw(socket, why, requestId)
    onRefused(why, requestId, (socket as Socket).remoteAddress)
  })

  return {
    server,
    handOver() {
      isLeaving = true
      for (const session of sessions) askToLeave(session)
      // Of the socket underneath: the other close would end idle connections, on one of which a call may be under way to us.
      const alone = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()))
      return Promise.race([alone, new Promise<void>(resolve => setTimeout(resolve, idleMs).unref())])
    },
    close() {
      isClosing = true
      server.close()
      for (const session of sessions) session.close()
      for (const [socket, busyWith] of sockets) if (busyWith === 0 && !isOfSession(socket)) socket.destroy()
    },
    destroy() {
      for (const session of sessions) session.destroy()
      for (const socket of sockets.keys()) socket.destroy()
    },
  }
  function isOfSession(socket: Socket): boolean {
    return (socket as { alpnProtocol?: string | false }).alpnProtocol === 'h2'
  }
}

/** RFC 9113 section 6.8: no new calls here; those that are under way to us are answered, whatever their number. */
const askToLeave = (session: ServerHttp2Session): void => session.goaway(constants.NGHTTP2_NO_ERROR, highestStream)
const highestStream = 2 ** 31 - 1

/** Codes of Node and of its parser; `undefined`: the connection broke, there is nobody to answer. */
function refusalOfError({ code = '' }: NodeJS.ErrnoException): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return refusal(431, 'the headers of the request are too large or too many')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refusal(408, 'the request took too long to arrive')
  return code.startsWith('HPE_') ? refusal(400, 'the request cannot be read') : undefined
}

/** What Node writes on this connection: a second head in the midst of an answer would be read as its body. */
interface Answering {
  readonly _httpMessage?: { readonly headersSent: boolean } | null
}

const hasBegunAnswer = (socket: Duplex): boolean => (socket as Answering)._httpMessage?.headersSent === true

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

function answerRaw(socket: Duplex, why: Refusal, requestId: string): void {
  const { type, body } = textOf(why, requestId, '')
  const head = [
    `HTTP/1.1 ${why.status} ${phrases[why.status] ?? ''}`,
    'Cache-Control: no-store',
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  destroyLater(socket)
}
