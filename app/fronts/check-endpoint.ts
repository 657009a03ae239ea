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
  readonly clientAddress?: string | undefined
}

/** How a request on this endpoint is treated. Throws or rejects with what made it fail. */
type Treatment = (parsed: ParsedSubrequest, requestId: string) => Reply | Promise<Reply>

/** Answers every request; never throws. */
export type Endpoint = (request: IncomingMessage, response: ServerResponse) => void

/** `/verify/<dialect>`: judges the original request; the reserved paths are answered in place. */
export function createCheckEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, (parsed, requestId) => {
    const { request, cookie, isInteractive, clientAddress, headers } = parsed
    if (isReserved(request.resource)) return dependencies.handoff.answer(parsed, requestId)
    const header = (name: string): string | undefined => headers.any(name)
    const question = { front: front.name, requestId, request, cookie, clientAddress, header, isInteractive }
    const result = dependencies.verify(question)
    if (!(result instanceof Promise)) return front.render(result, parsed)
    return result.then(awaited => front.render(awaited, parsed))
  })
}

/** `/.sallyport/*` as a proxy routes it to us (NGINX), with the original request in the headers of its dialect. */
export function createReservedEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, (parsed, requestId) => dependencies.handoff.answer(parsed, requestId))
}

/** The denial page as NGINX fetches it after a 403, with the request id that the check had. */
export function createDeniedEndpoint(front: Front, dependencies: CheckDependencies): Endpoint {
  return createEndpoint(front, dependencies, (parsed, requestId) => {
    const given = parsed.headers.first('x-sallyport-request-id') ?? ''
    return dependencies.handoff.denied(parsed, /^[\w-]{1,64}$/.test(given) ? given : requestId)
  })
}

/**
 * Most checks are answered in the turn of the event loop in which they arrive; only what has to wait (a store across the
 * network, a page) costs promises.
 */
function createEndpoint(front: Front, dependencies: CheckDependencies, treat: Treatment): Endpoint {
  return (request, response) => {
    const requestId = dependencies.newRequestId()
    const subrequest = subrequestOf(request)
    let parsed: ParsedSubrequest | undefined
    const conclude = (reply: Reply): void =>
      send(response, reply, error =>
        dependencies.onRefused({ front: front.name, requestId, code: 'ERR_INTERNAL', error }),
      )
    const fail = (error: unknown): void => conclude(refuse(front.name, requestId, error, parsed, dependencies))
    try {
      parsed = front.parse(subrequest)
      const { aliasCount } = parsed.headers
      if (aliasCount > 0) dependencies.onAliases(front.name, aliasCount)
      const reply = treat(parsed, requestId)
      if (reply instanceof Promise) reply.then(conclude).catch(fail)
      else conclude(reply)
    } catch (error) {
      fail(error)
    }
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
  dependencies.onRefused({ front, requestId, code: expected.code, error, clientAddress: parsed?.clientAddress })
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
  try {
    const { status, headers, body } = reply
    response.writeHead(status, [...headers, 'Content-Length', body === '' ? '0' : String(Buffer.byteLength(body))])
    // A text, not bytes: Node then writes head and body at once.
    if (body === '') response.end()
    else response.end(body)
  } catch (error) {
    onFailure(error)
    if (!response.headersSent) response.writeHead(500, ['Cache-Control', 'no-store'])
    response.end()
  }
}
