/**
 * Limits that every listener keeps to, and what becomes of a request that never got as far as anybody who answers.
 *
 * Threat: past a number of header lines `node:http` drops the others without a word, so that a condition which denies by
 * a header does not see it, while the application behind the proxy does. So it may drop none: bytes are the bound, and
 * more lines than any browser and any row of proxies send are refused.
 */
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ClientError, clientErrors } from '../client-error.ts'
import { type ErrorCode, operationalErrors } from '../errors.ts'

/** Room for a URL of 8 KB, an equally long Cookie header and a browser's other headers. */
export const maxHeaderBytes = 32 * 1024

/** Lines of headers that one request may have. */
export const maxHeaderLines = 1000

/** What is answered on its connection. */
type Answered = Exclude<ClientError, 'connections-too-many'>

/** The one that happened, and the other side of its connection: mostly the proxy. */
export type OnClientError = (error: ClientError, peer: string | undefined) => void

/** Codes of Node and of its parser. What is not here and does not come from the parser is a connection that broke. */
const byCode: ReadonlyMap<string, Answered> = new Map<string, Answered>([
  ['HPE_HEADER_OVERFLOW', 'headers-too-large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'body-malformed'],
  ['HPE_INVALID_CHUNK_SIZE', 'body-malformed'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'timed-out'],
])

/**
 * How long the other side may still send once it has been answered. To close at once would reset the connection, and the
 * answer with it: a proxy that is still sending would report us as broken.
 */
const LINGER_MS = 1_000

/** Keeps a server to the limits. What it refuses is answered, and `onClientError` hears of it. */
export function keepToLimits(server: Server, onClientError: OnClientError): void {
  server.maxHeadersCount = 0
  const answered = new WeakSet<Duplex>()
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // The rest of what was sent is no request either.
    if (answered.has(socket)) return
    answered.add(socket)
    const kind = kindOf(error)
    if (kind === undefined || !socket.writable || hasBegunAnswer(socket)) socket.destroy()
    else answerAndClose(socket, clientErrors[kind])
    if (kind !== undefined) onClientError(kind, socket instanceof Socket ? socket.remoteAddress : undefined)
  })
}

/** Refuses a request that has too many lines of headers; whether it did. */
export function refuseHeaderLines(
  request: Pick<IncomingMessage, 'rawHeaders' | 'socket'>,
  response: ServerResponse,
  onClientError: OnClientError,
): boolean {
  if (request.rawHeaders.length <= 2 * maxHeaderLines) return false
  const { status, sentence } = operationalErrors[clientErrors['headers-too-many']]
  response.shouldKeepAlive = false
  response.writeHead(status, { 'Cache-Control': 'no-store', 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${sentence}\n`)
  onClientError('headers-too-many', request.socket.remoteAddress)
  return true
}

function kindOf({ code = '' }: NodeJS.ErrnoException): Answered | undefined {
  return byCode.get(code) ?? (code.startsWith('HPE_') ? 'malformed' : undefined)
}

/** What Node writes on this connection: a second head in the midst of an answer would be read as its body. */
interface Answering {
  readonly _httpMessage?: { readonly headersSent: boolean } | null
}

const hasBegunAnswer = (socket: Duplex): boolean => (socket as Answering)._httpMessage?.headersSent === true

function answerAndClose(socket: Duplex, code: ErrorCode): void {
  const { status, sentence } = operationalErrors[code]
  const body = `${sentence}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Cache-Control: no-store',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  socket.on('error', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once('close', () => clearTimeout(timer))
}
