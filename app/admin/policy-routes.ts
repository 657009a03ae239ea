/** `GET /policy` and `POST /policy/reload` on the admin listener: what is in force, and load it again now. */
import { json, Router } from 'express'
import type { PolicyReloader, ReloadOutcome } from '../policy/reload.ts'
import { createAdminGuard } from './guard.ts'

/** What is in force. */
export interface PolicyState {
  readonly revision: string
  readonly rows: number
  /** Milliseconds since the epoch. */
  readonly loadedAt: number
  /** Why the newest state of the source is not in force; absent when it is. */
  readonly lastError?: string
}

/** The policy of this process, or of all workers. */
export interface AdminPolicy {
  readonly state: () => PolicyState | Promise<PolicyState>
  readonly reload: (options: { readonly force: boolean }) => Promise<ReloadOutcome>
}

export interface PolicyRoutesOptions {
  readonly policy: AdminPolicy
  /** Where rows come from, in order of load; for people. */
  readonly sources: readonly string[]
  /** Names under which the admin listener answers, beside addresses and localhost. */
  readonly names: readonly string[]
}

export function createPolicyRoutes({ policy, sources, names }: PolicyRoutesOptions): Router {
  const router = Router()
  const guard = createAdminGuard(names)
  const state = async () => {
    const { revision, rows, loadedAt, lastError } = await policy.state()
    return {
      revision,
      rows,
      loadedAt: new Date(loadedAt).toISOString(),
      sources,
      ...(lastError === undefined ? {} : { lastError }),
    }
  }
  router.get('/policy', guard, async (_request, response) => {
    response.set('Cache-Control', 'no-store').json(await state())
  })
  // A refused policy is the caller's to mend: 422. The last good one stays in force, and the answer says which.
  router.post('/policy/reload', guard, json({ limit: '1kb' }), async (request, response) => {
    const body: unknown = request.body
    const force = typeof body === 'object' && body !== null && 'force' in body && body.force === true
    const outcome = await policy.reload({ force })
    response.status(outcome === 'rejected' ? 422 : 200).set('Cache-Control', 'no-store')
    response.json({ outcome, ...(await state()) })
  })
  return router
}

type Reloader = Pick<
  PolicyReloader<{ readonly revision: string; readonly rowCount: number }>,
  'current' | 'status' | 'reload'
>

/** The policy of this process. Throws `ERR_POLICY_UNAVAILABLE` before the first load. */
export function adminPolicyOf(policy: Reloader) {
  return {
    state: (): PolicyState => ({ ...policy.status(), rows: policy.current().rowCount }),
    reload: policy.reload,
  }
}
