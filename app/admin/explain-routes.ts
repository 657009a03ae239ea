/**
 * `GET /explain/<request id>` on the admin listener: a decision of the last ones, explained as it was made. The answer
 * says who somebody is and which rows there are: for this machine only.
 */
import { type Response, Router } from 'express'
import { callOfRequest, recordedCall } from '../../rbac/asking/calls/call.ts'
import { explainCall } from '../../rbac/asking/calls/explain-call.ts'
import type { DecisionRecorder } from './decision-recorder.ts'
import { isFromThisMachine } from './this-machine.ts'

/** What is answered for one request id. */
export interface Explanation {
  readonly status: number
  readonly body: object
}

export interface ExplainRoutesOptions {
  readonly explain: (requestId: string) => Explanation | Promise<Explanation>
  readonly onError: (error: unknown) => void
}

export function createExplainRoutes({ explain, onError }: ExplainRoutesOptions): Router {
  const router = Router()
  router.get('/explain/:requestId', async (request, response) => {
    response.set('Cache-Control', 'no-store')
    if (!isFromThisMachine(request)) {
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
  const { domain, resource, action, identity, actors, context, policy, sessionChallenge, kubernetes } = recorded
  const request = { domain, resource, action, url: `https://${domain}${resource}` }
  const facts = { identity, context, actors }
  const call = kubernetes === undefined ? undefined : recordedCall(domain, kubernetes)
  const whole = call === undefined ? undefined : explainCall(call, facts, policy)
  // With `--as` a decision is about a name, or about what the person is denied: not about the call as a whole.
  const isThis = whole?.request.action === action && whole.request.resource === resource
  const document = isThis ? whole : explainCall(callOfRequest(request), facts, policy)
  const decision = { ...document.decision, ...sessionChallenge }
  return { status: 200, body: { requestId, ...document, decision } }
}

function answer(response: Response, status: number, body: object): void {
  response
    .status(status)
    .type('application/json')
    .send(`${JSON.stringify(body)}\n`)
}
