/**
 * The listeners. On the main one the check endpoints answer first, on the bare `node:http` server, and the questions of applications;
 * everything else is Express: login, log-out, keys, errors.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import { OperationalError } from '../errors.ts'
import { asPageError } from '../page-error.ts'
import type { PagesFor } from '../pages/pages.ts'
import { markSocketPeers, socketPeer } from '../peer.ts'
import { keepToLimits, maxHeaderBytes, type OnClientError, refuseHeaderLines } from './client-errors.ts'
import { makeWhole, requestClass } from './lean-request.ts'
import { createTurnQueue } from './turn-queue.ts'

/** Never throws. */
type Endpoint = (request: IncomingMessage, response: ServerResponse) => void

/** A request on its way to the endpoint that answers it. */
interface Arrived {
  readonly endpoint: Endpoint
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Paths that are answered before Express: each exactly, and those that begin so. */
export interface CheckRoutes {
  readonly exact: ReadonlyMap<string, Endpoint>
  readonly below: readonly { readonly prefix: string; readonly endpoint: Endpoint }[]
}

/**
 * Larger than what any proxy keeps idle by default (NGINX 60 s), so that the proxy, not we, ends a kept connection. Also
 * larger than the usual interval of what collects metrics: Node's own 5 s would meet a scrape every five seconds.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000

/**
 * On the admin listener: for what collects metrics, probes and a few people. Threat: somebody who holds connections until
 * no file descriptor is left for the checks.
 */
const MAX_ADMIN_CONNECTIONS = 256

export interface ListenerOptions {
  /** How long a client may take to send one request, headers included; a connection that sends none ends after it. */
  readonly requestTimeoutSeconds: number
  readonly onClientError: OnClientError
}

export interface MainServerOptions extends ListenerOptions {
  /** Whether each answer asks its client to come back on a new connection. Default: never. */
  readonly isLeaving?: () => boolean
  /** Endpoints for programs that are asked as often as checks are, of a request whose `headers` has Host alone. Default: none. */
  readonly findProgramEndpoint?: ((request: IncomingMessage) => Endpoint | undefined) | undefined
}

export function createMainServer(checks: CheckRoutes, pagesApp: Express, options: MainServerOptions): Server {
  const { isLeaving = () => false, findProgramEndpoint = () => undefined } = options
  const fallback = pagesApp as unknown as RequestListener
  const answerInTurn = createTurnQueue(({ endpoint, request, response }: Arrived) => {
    if (isLeaving()) response.shouldKeepAlive = false
    endpoint(request, response)
  })
  return createLimitedServer(options, (request, response) => {
    const endpoint = findEndpoint(request.url ?? '', checks)
    if (endpoint !== undefined) return answerInTurn({ endpoint, request, response })
    const ofPrograms = findProgramEndpoint(request)
    makeWhole(request)
    if (ofPrograms !== undefined) return answerInTurn({ endpoint: ofPrograms, request, response })
    if (isLeaving()) response.shouldKeepAlive = false
    fallback(request, response)
  })
}

/** The same limits on each listener. Requests come with their headers still to be made ({@link makeWhole}). */
function createLimitedServer({ requestTimeoutSeconds, onClientError }: ListenerOptions, answer: Endpoint): Server {
  const timeout = requestTimeoutSeconds * 1000
  const limits = {
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    headersTimeout: timeout,
    requestTimeout: timeout,
    connectionsCheckingInterval: 1000,
    IncomingMessage: requestClass,
  }
  const server = createServer(limits, (request, response) => {
    if (!refuseHeaderLines(request, response, onClientError)) answer(request, response)
  })
  keepToLimits(server, onClientError)
  markSocketPeers(server)
  return server
}

/** Of a request target; `undefined`: no check is asked there. */
export function findEndpoint(target: string, checks: CheckRoutes): Endpoint | undefined {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  return checks.exact.get(path) ?? checks.below.find(({ prefix }) => path.startsWith(prefix))?.endpoint
}

export interface PagesAppOptions {
  /** `host[:port]` of the public URL; requests for any other host are not for these pages. */
  readonly publicHost: string
  /** The public URL is https: browsers are told to stay there. */
  readonly isSecure: boolean
  readonly isTrustedProxy: (address: string) => boolean
  /** Whether they are served on a Unix socket, and on nothing else. */
  readonly isOnSocket: boolean
  readonly pages: PagesFor
  /** Answered on any host: applications fetch keys by whatever name they reach us. */
  readonly anyHost: RequestHandler
  /** Answered on the public host only, in this order. */
  readonly publicHostOnly: readonly RequestHandler[]
  readonly newRequestId: () => string
  readonly onError: (error: OperationalError, requestId: string) => void
}

export function createPagesApp(options: PagesAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  // Express asks about the peer by its address, which one on a Unix socket has not, and then about each hop that it reads.
  app.set('trust proxy', (address: string | undefined, hop: number) =>
    options.isTrustedProxy(hop === 0 && address === undefined && options.isOnSocket ? socketPeer : (address ?? '')),
  )
  // Repeated and nested query parameters stay what they are: strings or arrays of strings, never objects.
  app.set('query parser', 'simple')
  app.use(helmetOf(options))
  app.use(requirePath)
  app.use(options.anyHost)
  app.use(requireHost(options.publicHost))
  for (const handler of options.publicHostOnly) app.use(handler)
  app.use(() => {
    throw new OperationalError('ERR_ENDPOINT_UNKNOWN', 'no such page')
  })
  app.use(errorHandler(options))
  return app
}

const helmetOf = ({ isSecure }: Pick<PagesAppOptions, 'isSecure'>) =>
  helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: isSecure,
    xFrameOptions: { action: 'deny' },
  })

/** What every page says to browsers: names and values alternating, frozen. */
export function pageHeadersOf(options: Pick<PagesAppOptions, 'isSecure'>): readonly string[] {
  const fields: string[] = []
  const collector = {
    setHeader: (name: string, value: string) => fields.push(name, value),
    removeHeader: () => undefined,
  }
  helmetOf(options)({} as IncomingMessage, collector as unknown as ServerResponse, error => {
    if (error !== undefined) throw error
  })
  return Object.freeze(fields)
}

/**
 * Threat: Caddy sends a check to the client's own target when that is none (`x:http://y/.well-known/jwks.json`), and would
 * take a page's 200 for an allow. Whatever asks here asks for a path.
 */
const requirePath: RequestHandler = (request, _response, next) => {
  next(request.url.startsWith('/') ? undefined : new OperationalError('ERR_REQUEST_MALFORMED', 'the target is no path'))
}

/** A page served under another name would set cookies and take logins there. */
function requireHost(publicHost: string): RequestHandler {
  return (request, _response, next) => {
    if (request.headers.host?.toLowerCase() === publicHost) next()
    else
      next(
        new OperationalError(
          'ERR_HOST_MISDIRECTED',
          `only ${publicHost} is served here; the proxy must pass the Host header on`,
        ),
      )
  }
}

function errorHandler(options: PagesAppOptions): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const expected = asPageError(error)
    const requestId = options.newRequestId()
    options.onError(expected, requestId)
    const { status, sentence } = expected
    const page = options.pages(response.req).error({ status, sentence, requestId, retryUrl: '/' })
    response.status(status).set('Cache-Control', 'no-store').set('Content-Security-Policy', page.contentSecurityPolicy)
    if (page.isOfReader === true) response.vary('Accept-Language')
    response.type('html').send(page.html)
  }
}

export interface AdminServerOptions extends ListenerOptions {
  /** In this order. */
  readonly routes: readonly RequestHandler[]
  readonly onError: (error: OperationalError) => void
}

/** Health, readiness, metrics, the policy and explanations, on a listener of their own that no proxy publishes. */
export function createAdminServer(options: AdminServerOptions): Server {
  const { routes, onError, onClientError } = options
  const app = express()
  app.disable('x-powered-by')
  app.use(helmet())
  for (const handler of routes) app.use(handler)
  app.use(adminErrorHandler(onError))
  const answer = app as unknown as RequestListener
  const server = createLimitedServer(options, (request, response) => {
    makeWhole(request)
    answer(request, response)
  })
  server.maxConnections = MAX_ADMIN_CONNECTIONS
  server.on('drop', data => {
    // Room for the next one: those that wait for another request have had an answer.
    server.closeIdleConnections()
    onClientError('connections-too-many', data?.remoteAddress)
  })
  return server
}

/** Express would answer with a stack. */
function adminErrorHandler(onError: (error: OperationalError) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const expected = asPageError(error)
    onError(expected)
    const { status, sentence } = expected
    response.status(status).set('Cache-Control', 'no-store')
    response.json({ error: status >= 500 ? 'it failed; the log says why' : sentence })
  }
}
