/**
 * On the admin listener `GET /workers`, which processes there are, and `POST /workers/restart`, a new one for each of
 * them without a dropped request.
 */
import { type RequestHandler, Router } from 'express'
import type { RestartOutcome } from '../workers/pool.ts'
import type { WorkerHandle } from '../workers/worker-handle.ts'

export interface WorkersRoutesOptions {
  /** How many there are to be. */
  readonly size: number
  /** All that there are, in whatever state. */
  readonly workers: () => readonly Pick<WorkerHandle, 'id' | 'pid' | 'state' | 'servingSince'>[]
  /** The restart, or the one that is under way. Never rejects. */
  readonly restart: () => Promise<RestartOutcome>
  /** What keeps web pages away. */
  readonly guard: RequestHandler
}

export function createWorkersRoutes({ size, workers, restart, guard }: WorkersRoutesOptions): Router {
  const router = Router()
  router.get('/workers', guard, (_request, response) => {
    const list = workers().map(({ id, pid, state, servingSince }) => ({
      worker: id,
      pid,
      state,
      ...(servingSince === undefined ? {} : { servingSince: new Date(servingSince).toISOString() }),
    }))
    response.set('Cache-Control', 'no-store').json({ size, workers: list })
  })
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
