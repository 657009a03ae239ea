/**
 * The listeners. On the main one the check endpoints answer first, on the bare `node:http` server; everything else is
 * Express: login, log-out, keys, errors.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import { OperationalError } from './errors.ts'
import { makeWhole, requestClass } from './lean-request.ts'
import type { Pages } from './pages/pages.ts'
import { createTurnQueue } from './turn-queue.ts'

/** Never throws. */
type Endpoint = (request: IncomingMessage, response: ServerResponse) => void

/** A request on its way to the endpoint that answers it. */
interface Arrived {
  readonly endpoint: Endpoint
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Paths that are answered before Express, each exactly, and one prefix for the reserved paths. */
export interface CheckRoutes {
  readonly exact: ReadonlyMap<string, Endpoint>
  readonly reserved: { readonly prefix: string; readonly endpoint: Endpoint }
}

/**
 * Larger than what any proxy keeps idle by default (NGINX 60 s), so that the proxy, not we, ends a kept connection. Also
 * larger than the usual interval of what collects metrics: Node's own 5 s would meet a scrape every five seconds.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000

/** Room for a URL of 8 KB, an equally long Cookie header and a browser's other headers. */
const MAX_HEADER_BYTES = 32 * 1024

export interface MainServerOptions {
  /** How long a client may take to send one request, headers included. */
  readonly requestTimeoutSeconds: number
  /** Whether each answer asks its client to come back on a new connection. Default: never. */
  readonly isLeaving?: () => boolean
}

export function createMainServer(checks: CheckRoutes, pagesApp: Express, options: MainServerOptions): Server {
  const { requestTimeoutSeconds, isLeaving = () => false } = options
  const fallback = pagesApp as unknown as RequestListener
  const timeout = requestTimeoutSeconds * 1000
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    headersTimeout: timeout,
    requestTimeout: timeout,
    connectionsCheckingInterval: 1000,
    IncomingMessage: requestClass,
  }
  const answerInTurn = createTurnQueue(({ endpoint, request, response }: Arrived) => {
    if (isLeaving()) response.shouldKeepAlive = false
    endpoint(request, response)
  })
  return createServer(limits, (request, response) => {
    const endpoint = findEndpoint(request.url ?? '', checks)
    if (endpoint !== undefined) return answerInTurn({ endpoint, request, response })
    if (isLeaving()) response.shouldKeepAlive = false
    makeWhole(request)
    fallback(request, response)
  })
}

function findEndpoint(target: string, checks: CheckRoutes): Endpoint | undefined {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  return checks.exact.get(path) ?? (path.startsWith(checks.reserved.prefix) ? checks.reserved.endpoint : undefined)
}

export interface PagesAppOptions {
  /** `host[:port]` of the public URL; requests for any other host are not for these pages. */
  readonly publicHost: string
  /** The public URL is https: browsers are told to stay there. */
  readonly isSecure: boolean
  readonly isTrustedProxy: (address: string) => boolean
  readonly pages: Pages
  /** Answered on any host: applications fetch keys by whatever name they reach us. */
  readonly anyHost: RequestHandler
  /** Answered on the public host only, in this order. */
  readonly publicHostOnly: readonly RequestHandler[]
  readonly newRequestId: () => string
  readonly onError: (error: unknown, requestId: string) => void
}

export function createPagesApp(options: PagesAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', options.isTrustedProxy)
  // Repeated and nested query parameters stay what they are: strings or arrays of strings, never objects.
  app.set('query parser', 'simple')
  app.use(
    helmet({
      contentSecurityPolicy: false,
      strictTransportSecurity: options.isSecure,
      xFrameOptions: { action: 'deny' },
    }),
  )
  app.use(options.anyHost)
  app.use(requireHost(options.publicHost))
  for (const handler of options.publicHostOnly) app.use(handler)
  app.use(() => {
    throw new OperationalError('ERR_ENDPOINT_UNKNOWN', 'no such page')
  })
  app.use(errorHandler(options))
  return app
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
    const expected = asOperational(error)
    const requestId = options.newRequestId()
    options.onError(error, requestId)
    const { status, sentence } = expected
    const page = options.pages.error({ status, sentence, requestId, retryUrl: '/' })
    response.status(status).set('Cache-Control', 'no-store').set('Content-Security-Policy', page.contentSecurityPolicy)
    response.type('html').send(page.html)
  }
}

/** body-parser and Express mark a client's own mistakes with a status below 500; their texts stay in the log. */
function asOperational(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error
  const status = (error as { readonly status?: unknown } | null)?.status
  const isClientError = typeof status === 'number' && status >= 400 && status < 500
  return new OperationalError(isClientError ? 'ERR_REQUEST_MALFORMED' : 'ERR_INTERNAL', 'a page failed', {
    cause: error,
  })
}

/** Health, readiness, metrics, the policy and explanations, on a listener of their own that no proxy publishes. */
export function createAdminServer(routes: readonly RequestHandler[], onError: (error: unknown) => void): Server {
  const app = express()
  app.disable('x-powered-by')
  app.use(helmet())
  for (const handler of routes) app.use(handler)
  app.use(adminErrorHandler(onError))
  return createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, app as unknown as RequestListener)
}

/** Express would answer with a stack. */
function adminErrorHandler(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const { status } = asOperational(error)
    if (status >= 500) onError(error)
    response.status(status).set('Cache-Control', 'no-store')
    response.json({ error: status >= 500 ? 'it failed; the log says why' : 'the request cannot be read' })
  }
}
