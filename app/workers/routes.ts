/** `POST /workers/restart` on the admin listener: a new process for each worker, without a dropped request. */
import { type RequestHandler, Router } from 'express'
import type { RestartOutcome } from './pool.ts'

export interface WorkersRoutesOptions {
  /** The restart, or the one that is under way. Never rejects. */
  readonly restart: () => Promise<RestartOutcome>
  /** What keeps web pages away. */
  readonly guard: RequestHandler
}

export function createWorkersRoutes({ restart, guard }: WorkersRoutesOptions): Router {
  const router = Router()
  // What the new workers do not start with is the caller's to mend, as with a policy: 422.
  router.post('/workers/restart', guard, async (_request, response) => {
    const outcome = await restart()
    response
      .status(outcome.outcome === 'failed' ? 422 : 200)
      .set('Cache-Control', 'no-store')
      .json(outcome)
  })
  return router
}
