/** `GET /policy` and `POST /policy/reload` on the admin listener: what is in force, and load it again now. */
import { json, Router } from 'express'
import { createAdminGuard } from './admin-guard.ts'
import type { PolicyReloader } from './reload.ts'

export interface PolicyRoutesOptions {
  readonly policy: Pick<
    PolicyReloader<{ readonly revision: string; readonly rowCount: number }>,
    'current' | 'status' | 'reload'
  >
  /** Where rows come from, in order of load; for people. */
  readonly sources: readonly string[]
  /** Host of the admin listener's address. */
  readonly listenHost: string
}

export function createPolicyRoutes({ policy, sources, listenHost }: PolicyRoutesOptions): Router {
  const router = Router()
  const guard = createAdminGuard(listenHost)
  const state = () => {
    const { revision, loadedAt, lastError } = policy.status()
    return {
      revision,
      rows: policy.current().rowCount,
      loadedAt: new Date(loadedAt).toISOString(),
      sources,
      ...(lastError === undefined ? {} : { lastError }),
    }
  }
  router.get('/policy', guard, (_request, response) => {
    response.set('Cache-Control', 'no-store').json(state())
  })
  // A refused policy is the caller's to mend: 422. The last good one stays in force, and the answer says which.
  router.post('/policy/reload', guard, json({ limit: '1kb' }), async (request, response) => {
    const body: unknown = request.body
    const force = typeof body === 'object' && body !== null && 'force' in body && body.force === true
    const outcome = await policy.reload({ force })
    response.status(outcome === 'rejected' ? 422 : 200).set('Cache-Control', 'no-store')
    response.json({ outcome, ...state() })
  })
  return router
}
