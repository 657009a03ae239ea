/**
 * The reverse proxy of last resort, so that the demo needs nothing but Node. It speaks the forward-auth dialect exactly
 * as the files in deploy/ make Traefik and Caddy speak it: ask first, overwrite what a client could forge, then pass on.
 */
import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'httpxy'
import { keepToLimits, maxHeaderBytes, maxHeaderLines } from '../../../app/listener/client-errors.ts'
import { isDropped } from '../../client-headers/dropped-headers.ts'
import { RECHECK_EVERY_MS, watchStream } from '../watched-stream.ts'
import type { ProxyTargets } from './proxy-targets.ts'

const CHECK_TIMEOUT_MS = 10_000

/** Replaced on every allowed request by what the check answered, or removed. */
const copied = ['remote-user', 'remote-email', 'remote-name', 'remote-groups', 'x-sallyport-assertion', 'cookie']

/** Never believed from a client. Names with other characters are aliases of these to many applications. */
const forged = /^(remote-|x-sallyport-|x-original-|x-rewrite-|x-forwarded-|forwarded$|x-real-ip$)|[^a-z0-9-]/

/** Not to be repeated on another connection (RFC 9110 section 7.6.1). */
const hopByHop = /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|expect)$/

interface Site {
  readonly address: string
  readonly isProtected: boolean
  /** Prefix that is not served to clients. */
  readonly hidden?: string
}

/** The headers with which the check is asked; kept for as long as a stream is open. */
type Question = Readonly<Record<string, string | string[]>>

/** Where a request goes, and whether it still may. */
interface Way {
  readonly address: string
  readonly isStillAllowed: () => Promise<boolean>
}

interface Verdict {
  readonly isAllowed: boolean
  readonly status: number
  /** Names and values alternating. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/**
 * Rejects when the port is taken. The answer ends it.
 * @param recheckEveryMs how often the check is asked again about a WebSocket that is open
 */
export async function startBuiltInProxy(
  targets: ProxyTargets,
  recheckEveryMs = RECHECK_EVERY_MS,
): Promise<() => Promise<void>> {
  const agent = new Agent({ keepAlive: true })
  const proxy = createProxyServer({ agent, xfwd: false })
  proxy.on('error', (_error, _request, response) => failUpstream(response))
  const sites = sitesOf(targets)

  const route = async (request: IncomingMessage, isUpgrade: boolean): Promise<Way | Verdict> => {
    if (request.rawHeaders.length > 2 * maxHeaderLines) return tooManyHeaders
    // A target in absolute form names a host of its own, which nothing here would check.
    if (request.url?.startsWith('/') !== true || countHosts(request) !== 1 || !isPlain(request)) return malformed
    const site = sites.get(hostOf(request))
    if (site === undefined || (site.hidden !== undefined && (request.url ?? '').startsWith(site.hidden)))
      return notFound
    dropForged(request)
    const { address } = site
    if (!site.isProtected) {
      writeForwarded(request)
      return { address, isStillAllowed: async () => true }
    }
    // The check sees what the application would be asked to switch to.
    const question = { ...questionOf(request), ...(isUpgrade && { upgrade: 'websocket' }) }
    const verdict = await ask(question, targets.authAddress, agent)
    if (!verdict.isAllowed) return verdict
    applyVerdict(request, verdict)
    writeForwarded(request)
    const isStillAllowed = async () => (await ask(question, targets.authAddress, agent)).isAllowed
    return { address, isStillAllowed }
  }

  const server = createServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
    route(request, false).then(
      found => {
        if ('isAllowed' in found) return relay(response, found)
        proxy.web(request, response, { target: `http://${found.address}` }).catch(() => failUpstream(response))
      },
      () => relay(response, unavailable),
    )
  })
  keepToLimits(server, () => undefined)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    if (!isWebSocket(request) || !(socket instanceof Socket)) return refuseUpgrade(socket, 400)
    route(request, true).then(
      found => {
        if ('isAllowed' in found) return refuseUpgrade(socket, found.status)
        request.headers.connection = 'upgrade'
        request.headers.upgrade = 'websocket'
        // Both ends of a stream end together.
        socket.once('pipe', application => socket.once('close', () => application.destroy()))
        watchStream(socket, found.isStillAllowed, recheckEveryMs)
        proxy.ws(request, socket, { target: `http://${found.address}` }, head).catch(() => socket.destroy())
      },
      () => refuseUpgrade(socket, 503),
    )
  })
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    refuseUpgrade(socket, 400)
  })
  server.listen(targets.port, targets.bind)
  await once(server, 'listening')
  return async () => {
    server.close()
    server.closeAllConnections()
    agent.destroy()
  }
}

function sitesOf(targets: ProxyTargets): ReadonlyMap<string, Site> {
  return new Map<string, Site>([
    [targets.authHost, { address: targets.authAddress, isProtected: false, hidden: '/verify' }],
    ['wiki.localhost', { address: targets.wikiAddress, isProtected: true }],
    ['payroll.localhost', { address: targets.payrollAddress, isProtected: true }],
    ['idp.localhost', { address: targets.providerAddress, isProtected: false }],
  ])
}

function hostOf(request: IncomingMessage): string {
  return (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
}

/** Node takes the first of several Host headers; the application may take another one. */
function countHosts(request: IncomingMessage): number {
  return request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
}

/** Node reads `identity, chunked` as chunks as well; an application may find another end, and a request behind it. */
const isPlain = ({ headers: { 'transfer-encoding': encoding = 'chunked' } }: IncomingMessage): boolean =>
  encoding.toLowerCase() === 'chunked'

/**
 * Any other protocol than a WebSocket is a tunnel: after `101 Switching Protocols` for `h2c`, the same connection asks for
 * any path, and nobody is asked about it. Several values arrive here as one, which is none.
 */
function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

function questionOf(request: IncomingMessage): Question {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !hopByHop.test(name) && name !== 'host') headers[name] = value
  }
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? ''
  headers['x-forwarded-method'] = request.method ?? ''
  headers['x-forwarded-proto'] = 'http'
  headers['x-forwarded-host'] = request.headers.host ?? ''
  headers['x-forwarded-uri'] = request.url ?? ''
  return headers
}

/** Asks Sallyport about a request. Rejects when there is no answer; nothing is passed on then. */
async function ask(headers: Question, address: string, agent: Agent): Promise<Verdict> {
  const outgoing = httpRequest(`http://${address}/verify/forward-auth`, { agent, headers, timeout: CHECK_TIMEOUT_MS })
  outgoing.on('timeout', () => outgoing.destroy(new Error('the check took too long')))
  // `once` hears errors until the answer begins. One that comes later (the other side refused in mid-request and hung up)
  // shows in the body, and must not end the process.
  outgoing.on('error', () => undefined)
  outgoing.end()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const status = answer.statusCode ?? 500
  return {
    isAllowed: status >= 200 && status < 300,
    status,
    rawHeaders: answer.rawHeaders,
    body: Buffer.concat(chunks),
  }
}

function dropForged(request: IncomingMessage): void {
  for (const name of Object.keys(request.headers)) {
    if (forged.test(name) || isDropped(name)) delete request.headers[name]
  }
  // `Connection` could name the headers that are about to be written; a WebSocket writes its own.
  for (const name of ['connection', 'upgrade', 'http2-settings']) delete request.headers[name]
}

function applyVerdict(request: IncomingMessage, verdict: Verdict): void {
  for (const name of copied) delete request.headers[name]
  for (let index = 0; index < verdict.rawHeaders.length; index += 2) {
    const name = (verdict.rawHeaders[index] ?? '').toLowerCase()
    const value = verdict.rawHeaders[index + 1] ?? ''
    if (copied.includes(name) && value !== '') request.headers[name] = value
  }
}

function writeForwarded(request: IncomingMessage): void {
  request.headers['x-forwarded-for'] = request.socket.remoteAddress ?? ''
  request.headers['x-forwarded-proto'] = 'http'
  request.headers['x-forwarded-host'] = request.headers.host ?? ''
}

const plain = (status: number, text: string): Verdict => ({
  isAllowed: false,
  status,
  rawHeaders: ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store'],
  body: Buffer.from(`${text}\n`),
})
const malformed = plain(400, 'The request cannot be read.')
const tooManyHeaders = plain(431, 'The request has too many headers.')
const notFound = plain(404, 'There is nothing here.')
const unavailable = plain(503, 'Access cannot be checked at the moment. Please try again.')

/** Every answer that is not an allow goes to the client as it is. */
function relay(response: ServerResponse, verdict: Verdict): void {
  const headers = verdict.rawHeaders.filter(
    (_item, index) => !hopByHop.test((verdict.rawHeaders[index & ~1] ?? '').toLowerCase()),
  )
  response.writeHead(verdict.status, [...headers, 'Content-Length', String(verdict.body.length)])
  response.end(verdict.body)
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function failUpstream(response: unknown): void {
  if (response instanceof Socket) response.destroy()
  else if (isResponse(response) && !response.headersSent)
    relay(response, plain(502, 'The application does not answer.'))
}

function isResponse(value: unknown): value is ServerResponse {
  return typeof value === 'object' && value !== null && 'writeHead' in value
}
