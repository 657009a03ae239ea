/**
 * `GET /explain/<request id>` on the admin listener: a decision of the last ones, explained as it was made.
 *
 * Threat: the answer says who somebody is and which rows there are, and this listener may be open to whatever collects
 * metrics. So it answers this machine only, by a name of this machine: not a neighbour, and not a page in a browser
 * here whose own name was pointed at the loopback address.
 */
import { type Response, Router } from 'express'
import { explainAsDocument } from '../../rbac/explain.ts'
import type { DecisionRecorder } from './decision-recorder.ts'

/** What is answered for one request id. */
export interface Explanation {
  readonly status: number
  readonly body: object
}

export interface ExplainRoutesOptions {
  readonly explain: (requestId: string) => Explanation | Promise<Explanation>
  readonly onError: (error: unknown) => void
}

const loopback = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/
const loopbackHost = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i

export function createExplainRoutes({ explain, onError }: ExplainRoutesOptions): Router {
  const router = Router()
  router.get('/explain/:requestId', async (request, response) => {
    response.set('Cache-Control', 'no-store')
    const isFromHere = loopback.test(request.socket.remoteAddress ?? '')
    if (!isFromHere || !loopbackHost.test(request.headers.host ?? '')) {
      answer(response, 403, { error: 'explanations are for this machine only' })
      return
    }
    const { requestId } = request.params
    try {
      const { status, body } = await explain(requestId)
      answer(response, status, body)
    } catch (error) {
      onError(error)
      answer(response, 500, { error: 'the decision could not be explained; the log says why' })
    }
  })
  return router
}

/** Throws when the decision cannot be made again. */
export function explanationOf(requestId: string, find: DecisionRecorder['find']): Explanation {
  const recorded = find(requestId)
  if (recorded === 'unknown') {
    return { status: 404, body: { error: 'no decision with this request id is kept', requestId } }
  }
  if (recorded === 'revision-gone') {
    return { status: 410, body: { error: 'the policy that made this decision is no longer kept', requestId } }
  }
  const { domain, resource, action, identity, context, policy, sessionChallenge } = recorded
  const request = { domain, resource, action, url: `https://${domain}${resource}` }
  const document = explainAsDocument({ request, identity, context }, policy)
  const decision = { ...document.decision, ...sessionChallenge }
  return { status: 200, body: { requestId, ...document, decision } }
}

function answer(response: Response, status: number, body: object): void {
  response
    .status(status)
    .type('application/json')
    .send(`${JSON.stringify(body)}\n`)
}
