/**
 * The HTTP edge of the questions, on the bare `node:http` server: they are asked as often as checks are, and Express would be most of
 * what an answer costs.
 *
 * What is no question, by its method, address or host, is left to Express.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Fields as HeaderFields, Reply } from '../fronts/front.ts'
import { asPageError } from '../page-error.ts'
import { peerOf } from '../peer.ts'
import { askedIdIn, askingOf, clientIn, messageOf, requireProgram } from './arrival.ts'
import { readBody } from './body.ts'
import type { Arrival, QuestionDependencies, Route } from './dependencies.ts'
import { QuestionFault } from './fault.ts'
import { routes } from './routes.ts'

/** Never throws. */
type Endpoint = (request: IncomingMessage, response: ServerResponse) => void

/** The endpoint of a request; `undefined`: it is no question. */
export type FindEndpoint = (request: IncomingMessage) => Endpoint | undefined

/** A hundred questions of two kilobytes each. */
const longestBodyBytes = 256 * 1024

export function createQuestionEndpoints(dependencies: QuestionDependencies): FindEndpoint {
  const publicHost = new URL(dependencies.publicUrl).host
  const endpoints = new Map([...routes].map(([path, route]) => [path, createEndpoint(route, dependencies)]))
  return ({ method, url = '', headers }) => {
    const query = url.indexOf('?')
    const endpoint = endpoints.get(query === -1 ? url : url.slice(0, query))
    if (endpoint === undefined || method !== 'POST') return undefined
    return headers.host?.toLowerCase() === publicHost ? endpoint : undefined
  }
}

function createEndpoint(route: Route, dependencies: QuestionDependencies): Endpoint {
  const { newRequestId, pageHeaders, write, onError } = dependencies
  // Every answer is for one asker.
  const every: HeaderFields = Object.freeze([
    ...pageHeaders,
    ...['Cache-Control', 'no-store', 'Pragma', 'no-cache', 'Content-Type', 'application/json; charset=utf-8'],
  ])

  function send(response: ServerResponse, { status, headers, body }: Reply, requestId: string): void {
    try {
      write(response, { status, headers: [every, ...headers], body })
    } catch (error) {
      onError(error, requestId)
      if (!response.headersSent) response.writeHead(500, ['Cache-Control', 'no-store'])
      response.end()
    }
  }

  return (request, response) => {
    const requestId = newRequestId()
    const named: string[] = []
    const answer = async (): Promise<Reply> => {
      const askedId = askedIdIn(request.headers)
      named.push('X-Request-ID', askedId ?? requestId)
      const body = JSON.stringify(await ask(route, request, { requestId, askedId }, dependencies))
      return { status: 200, headers: [named], body }
    }
    answer()
      .catch((error: unknown) => faultReply(error, named, failure => onError(failure, requestId)))
      .then(reply => send(response, reply, requestId))
  }
}

/** Rejects with `QuestionFault` and operational errors. */
async function ask(
  route: Route,
  request: IncomingMessage,
  { requestId, askedId }: Pick<Arrival, 'requestId' | 'askedId'>,
  dependencies: QuestionDependencies,
): Promise<object> {
  const { headers, rawHeaders, url = '' } = request
  const peerAddress = peerOf(request.socket)
  const clientAddress = clientIn(
    headers['x-forwarded-for'] as string | undefined,
    peerAddress,
    dependencies.isTrustedProxy,
  )
  await dependencies.limit(clientAddress)
  requireProgram(url, headers)
  const body = await readBody(request, longestBodyBytes)
  const asking = await askingOf({ requestId, askedId, clientAddress, rawHeaders, peerAddress }, dependencies)
  return route(messageOf(body, headers, dependencies), asking, dependencies)
}

/** A text as JSON, whatever has happened, with a sentence of ours and nothing else. */
function faultReply(error: unknown, named: HeaderFields, onFailure: (error: unknown) => void): Reply {
  if (error instanceof QuestionFault) {
    const challenge = error.status === 401 ? ['WWW-Authenticate', 'Bearer'] : []
    return { status: error.status, headers: [named, challenge], body: JSON.stringify(error.message) }
  }
  const failure = asPageError(error)
  const { code, sentence, challenge = 'Bearer', status } = failure
  if (status >= 500) onFailure(error)
  const extra: string[] = []
  if (status === 503) extra.push('Retry-After', '5')
  if (status === 429) extra.push('Retry-After', '60')
  if (status === 401) extra.push('WWW-Authenticate', challenge)
  // Why its own token counts for nothing is what whoever asks can act on.
  const isOfCaller = code === 'ERR_BEARER_INVALID' || code === 'ERR_CERTIFICATE_REFUSED'
  return { status, headers: [named, extra], body: JSON.stringify(isOfCaller ? failure.message : sentence) }
}
