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
import { pageReply, problemReply, requestIdHeader } from './reply.ts'
import type { WriteReply } from './write-reply.ts'

export interface CheckDependencies {
  readonly verify: Verify
  readonly handoff: Handoff
  readonly pages: Pages
  readonly newRequestId: () => string
  readonly write: WriteReply
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
    const question = { front: front.name, requestId, request, cookie, clientAddress, header, headers, isInteractive }
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

/** One request on its way to its answer. */
interface Exchange {
  readonly response: ServerResponse
  readonly requestId: string
  readonly parsed: ParsedSubrequest | undefined
}

/**
 * Most checks are answered in the turn of the event loop in which they arrive; only what has to wait (a store across the
 * network, a page) costs promises.
 */
function createEndpoint(front: Front, dependencies: CheckDependencies, treat: Treatment): Endpoint {
  function fail(error: unknown, exchange: Exchange): void {
    send(refuse(front.name, error, exchange, dependencies), exchange)
  }

  function send(reply: Reply, { response, requestId }: Exchange): void {
    const error = tryToWrite(dependencies.write, response, reply)
    if (error !== undefined) dependencies.onRefused({ front: front.name, requestId, code: 'ERR_INTERNAL', error })
  }

  async function sendLater(reply: Promise<Reply>, exchange: Exchange): Promise<void> {
    try {
      send(await reply, exchange)
    } catch (error) {
      fail(error, exchange)
    }
  }

  return (request, response) => {
    const requestId = dependencies.newRequestId()
    let parsed: ParsedSubrequest | undefined
    try {
      parsed = front.parse(subrequestOf(request))
      const { aliasCount } = parsed.headers
      if (aliasCount > 0) dependencies.onAliases(front.name, aliasCount)
      const reply = treat(parsed, requestId)
      if (reply instanceof Promise) void sendLater(reply, { response, requestId, parsed })
      else send(reply, { response, requestId, parsed })
    } catch (error) {
      fail(error, { response, requestId, parsed })
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
  error: unknown,
  { requestId, parsed }: Exchange,
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
  return problemReply(status, { error: expected.code, message: sentence, requestId }, [requestIdHeader(requestId)])
}

/** A header that must not be written ends this one answer, not the process; what was wrong with it comes back. */
function tryToWrite(write: WriteReply, response: ServerResponse, reply: Reply): unknown {
  try {
    write(response, reply)
    return undefined
  } catch (error) {
    if (!response.headersSent) response.writeHead(500, ['Cache-Control', 'no-store'])
    response.end()
    return error
  }
}
