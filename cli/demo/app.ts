/**
 * A demo application: shows what it received. Programs (`Accept: application/json`) get it as JSON, and WebSockets are
 * opened and greeted, so that tests see exactly what comes through a proxy.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { applicationPage } from './app-page.ts'
import type { Echo } from './echo.ts'
import { framePolicy } from './html.ts'

export interface DemoAppOptions {
  readonly name: 'wiki' | 'payroll'
}

/** What an application sends for long, or much of. */
export const streamPaths = { events: '/stream/events', download: '/stream/download' } as const

/** Twenty million bytes, always the same. */
export const download = (): Buffer => Buffer.alloc(20_000_000, 'what an application has to say\n')

/** One event, and then nothing for as long as anybody listens. */
function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  response.write('data: the first\n\n')
}

/** A server that is not listening yet. */
export function createDemoApp({ name }: DemoAppOptions): Server {
  const server = createServer((request, response) => {
    answer(name, request, response).catch(() => response.destroy())
  })
  // It shows all that it received.
  server.maxHeadersCount = 0
  return server.on('upgrade', (request, socket) => greet(request, socket))
}

async function answer(app: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === streamPaths.events) return sendEvents(response)
  if (request.url === streamPaths.download) return void response.end(download())
  let bodyLength = 0
  const digest = createHash('sha256')
  for await (const chunk of request) {
    bodyLength += (chunk as Buffer).length
    digest.update(chunk as Buffer)
  }
  const echo: Echo = {
    app,
    method: request.method ?? '',
    url: request.url ?? '',
    headers: pairs(request.rawHeaders),
    bodyLength,
    trailers: pairs(request.rawTrailers),
    bodyDigest: digest.digest('hex'),
  }
  response.setHeader('Cache-Control', 'no-store')
  if (request.headers.accept?.includes('text/html') !== true) {
    response.setHeader('Content-Type', 'application/json')
    return void response.end(JSON.stringify(echo))
  }
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.setHeader('Content-Security-Policy', framePolicy)
  response.end(applicationPage(echo))
}

function pairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : []))
}

/** Opens the WebSocket (RFC 6455 section 4.2.2), sends one text frame with the user's name and closes. */
function greet(request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  const key = request.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const text = Buffer.from(`hello ${String(request.headers['remote-user'] ?? '')}`.slice(0, 125))
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]))
  socket.end(Buffer.from([0x88, 0]))
}
