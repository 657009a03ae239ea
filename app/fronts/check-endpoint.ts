/**
 * Answers subrequests on the bare `node:http` server: parse, verify, render. It runs before Express and never through it.
 *
 * Whatever goes wrong here ends in a status that no proxy takes for an allow.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, OperationalError } from '../errors.ts'
import type { Pages } from '../pages/pages.ts'
import type { FrontName, Verify } from '../verify.ts'
import type { Front, ParsedSubrequest, Reply, Subrequest } from './front.ts'
import { type Handoff, isReserved } from './handoff.ts'
import { countAliases } from './raw-headers.ts'
import { pageReply, requestIdHeader } from './reply.ts'

export interface CheckDependencies {
  readonly verify: Verify
  readonly handoff: Handoff
  readonly pages: Pages
  readonly newRequestId: () => string
  readonly onRefused: (refusal: Refusal) => void
  /** Headers with underscores that stand in for ours came along and were ignored. */
  readonly onAliases: (front: FrontName, count: number) => void
}

export interface Refusal {
  readonly front: FrontName
  readonly requestId: string
  readonly code: ErrorCode
  readonly error: unknown
  readonly clientAddress?: string
}

/** How a request on this endpoint is treated. */
type Treatment = (parsed: ParsedSubrequest, requestId: string) => Promise<Reply>

export type Endpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** `/verify/<dialect>`: judges the original request; the reserved paths are answered in place. */
export function createCheckEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, async (parsed, requestId) => {
    if (isReserved(parsed.request.resource)) return dependencies.handoff.answer(parsed, requestId)
    const { request, cookie, header, isInteractive, clientAddress } = parsed
    const address = clientAddress === undefined ? {} : { clientAddress }
    const question = { front: front.name, requestId, request, cookie, header, isInteractive, ...address }
    return front.render(await dependencies.verify(question), parsed)
  })
}

/** `/.sallyport/*` as a proxy routes it to us (NGINX), with the original request in the headers of its dialect. */
export function createReservedEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, (parsed, requestId) => dependencies.handoff.answer(parsed, requestId))
}

/** The denial page as NGINX fetches it after a 403, with the request id that the check had. */
export function createDeniedEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, (parsed, requestId) => {
    const given = parsed.header('x-sallyport-request-id') ?? ''
    return dependencies.handoff.denied(parsed, /^[\w-]{1,64}$/.test(given) ? given : requestId)
  })
}

function createEndpoint(front: Front, dependencies: CheckDependencies, treat: Treatment): Endpoint {
  return async (request, response) => {
    const requestId = dependencies.newRequestId()
    const subrequest = subrequestOf(request)
    let parsed: ParsedSubrequest | undefined
    let reply: Reply
    try {
      parsed = front.parse(subrequest)
      const aliases = countAliases(subrequest.rawHeaders)
      if (aliases > 0) dependencies.onAliases(front.name, aliases)
      reply = await treat(parsed, requestId)
    } catch (error) {
      reply = refuse(front.name, requestId, error, parsed, dependencies)
    }
    send(response, reply, error =>
      dependencies.onRefused({ front: front.name, requestId, code: 'ERR_INTERNAL', error }),
    )
  }
}

function subrequestOf(request: IncomingMessage): Subrequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peerAddress: request.socket.remoteAddress ?? '',
  }
}

function refuse(
  front: FrontName,
  requestId: string,
  error: unknown,
  parsed: ParsedSubrequest | undefined,
  dependencies: CheckDependencies,
): Reply {
  const expected =
    error instanceof OperationalError
      ? error
      : new OperationalError('ERR_INTERNAL', 'unexpected failure', { cause: error })
  const address = parsed?.clientAddress === undefined ? {} : { clientAddress: parsed.clientAddress }
  dependencies.onRefused({ front, requestId, code: expected.code, error, ...address })
  const { status, sentence } = expected
  if (parsed?.isInteractive === true) {
    return pageReply(status, dependencies.pages.error({ status, sentence, requestId }), requestIdHeader(requestId))
  }
  return {
    status,
    headers: ['Cache-Control', 'no-store', 'Content-Type', 'application/json', ...requestIdHeader(requestId)],
    body: `${JSON.stringify({ error: expected.code, message: sentence, requestId })}\n`,
  }
}

/** A header that Node refuses to write must end this one answer, not the process. */
function send(response: ServerResponse, reply: Reply, onFailure: (error: unknown) => void): void {
  const body = Buffer.from(reply.body)
  try {
    response.writeHead(reply.status, [...reply.headers, 'Content-Length', String(body.length)])
    response.end(body)
  } catch (error) {
    onFailure(error)
    if (!response.headersSent) response.writeHead(500, ['Cache-Control', 'no-store'])
    response.end()
  }
}
