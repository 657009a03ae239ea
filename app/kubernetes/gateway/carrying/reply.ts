/** Writing answers: the same for HTTP/1.1, HTTP/2, and a connection that asked for an upgrade and does not get it. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { Duplex, Readable } from 'node:stream'
import type { Refusal } from '../gateway-call.ts'
import { byName, forStream } from '../passing/response-headers.ts'
import { textOf } from '../status.ts'
import type { StreamRequest, StreamResponse } from './stream-reply.ts'

export type Request = IncomingMessage | StreamRequest
export type Response = ServerResponse | StreamResponse

/** How long the other side may still send when it has been answered: to close at once would take the answer away. */
export const lingerMs = 1000

export interface Refused {
  readonly refusal: Refusal
  readonly requestId: string
  /** Behind the name of the cluster; empty where the call did not get that far. */
  readonly target: string
}

/** Answers with a `Status`. The head must not have been sent. */
export function refuse(response: Response, { refusal, requestId, target }: Refused): void {
  const { type, body } = textOf(refusal, requestId, target)
  const headers = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), 'Cache-Control', 'no-store']
  headers.push('X-Content-Type-Options', 'nosniff', 'Audit-Id', requestId)
  if (refusal.status === 401) headers.push('WWW-Authenticate', 'Bearer realm="sallyport"')
  sendHead(response, refusal.status, headers)
  response.end(body)
}

/**
 * `headers`: names and values in turn; `hasTrailers`: something may come behind the body. Throws for what cannot be sent, and has
 * sent nothing then.
 */
export function sendHead(response: Response, status: number, headers: string[], hasTrailers = false): void {
  if (response instanceof ServerResponse) {
    response.writeHead(status, headers)
    // A watch on what is quiet has no body for minutes.
    response.flushHeaders()
    return
  }
  response.sendHead(forStream(status, headers), hasTrailers)
}

/** Sends a part of a body. False: the client takes less than it is sent; `onDrained` is called when it has caught up. */
export function sendPart(response: Response, part: Buffer, onDrained: () => void): boolean {
  if (response.write(part)) return true
  if (response instanceof ServerResponse) response.once('drain', onDrained)
  else response.onceDrained(onDrained)
  return false
}

/** `trailers`: names and values in turn. */
export const addTrailers = (response: Response, trailers: readonly string[]): void =>
  response.addTrailers(byName(trailers) as Record<string, string>)

/** Calls `listener`, maybe more than once, when all has been sent (`true`), or the client has gone before that. */
export function whenOver(response: Response, listener: (isAllSent: boolean) => void): void {
  if (response instanceof ServerResponse) {
    response.once('finish', () => listener(response.writableEnded))
    response.once('close', () => listener(false))
    response.on('error', () => listener(false))
  } else response.stream.on('close', () => listener(response.isAllSent))
}

/** The other side has gone away. */
export const isGone = (request: Request): boolean =>
  'stream' in request ? request.stream.destroyed : request.socket.destroyed

/** Other side of the connection; `undefined` when there is none any more. */
export const peerOf = (request: Request): string | undefined =>
  'stream' in request ? request.peerAddress : request.socket?.remoteAddress

export const readableOf = (request: Request): Readable => ('stream' in request ? request.stream : request)

/** Ends an answer so that the client cannot take it for a whole one. */
export function breakOff(response: Response): void {
  if (response instanceof ServerResponse) response.destroy()
  else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
}

/** What was not read of the request would be read as the next one: its connection is not used again. */
export function closeIfUnread(request: Request, response: Response): void {
  if (!('stream' in request || request.complete)) closeAfterwards(response)
}

export function closeAfterwards(response: Response): void {
  if (response instanceof ServerResponse) response.shouldKeepAlive = false
}

/** For a connection that asked for an upgrade: an answer in place of one. Nothing else is read from it. */
export function answerInstead(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as never)
  response.once('finish', () => {
    socket.end()
    destroyLater(socket)
  })
  return response
}

export function destroyLater(socket: Duplex, afterMs = lingerMs): void {
  // What is still sent is taken from the wire: a reset would overtake what we have written.
  socket.on('error', () => socket.destroy())
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), afterMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

/** What a request says of its body: a length in bytes, `chunked`, or nothing where there is none. */
export function bodyOf(request: Request): string | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding !== undefined) return 'chunked'
  if (length !== undefined) return length
  return mayHaveTrailers(request) ? 'chunked' : undefined
}

/** In HTTP/2, where a length says nothing of it: something may follow the headers. */
export const mayHaveTrailers = (request: Request): boolean => 'stream' in request && !request.stream.endAfterHeaders

export const mayHaveBody = (method: string): boolean => method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
