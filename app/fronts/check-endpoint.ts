/**
 * The HTTP edge of a check, on the bare `node:http` server: a request becomes a subrequest, a reply becomes the answer. It
 * runs before Express and never through it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { peerOf } from '../peer.ts'
import type { Executor } from './executor.ts'
import type { Reply, Subrequest } from './front.ts'
import { requestIdOf } from './reply.ts'
import type { WriteReply } from './write-reply.ts'

/** Answers every request; never throws. */
export type Endpoint = (request: IncomingMessage, response: ServerResponse) => void

export interface EndpointOptions {
  readonly write: WriteReply
  /** A reply could not be written, and 500 without a field of it was sent. Must not throw. */
  readonly onUnwritten: (requestId: string, error: unknown) => void
}

export function createCheckEndpoint(execute: Executor, { write, onUnwritten }: EndpointOptions): Endpoint {
  function send(response: ServerResponse, reply: Reply): void {
    const error = tryToWrite(write, response, reply)
    if (error !== undefined) onUnwritten(requestIdOf(reply), error)
  }

  return (request, response) => {
    const reply = execute(subrequestOf(request))
    if (reply instanceof Promise) void reply.then(awaited => send(response, awaited))
    else send(response, reply)
  }
}

function subrequestOf(request: IncomingMessage): Subrequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peerAddress: peerOf(request.socket),
  }
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
