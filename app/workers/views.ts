/** What the admin listener says of all workers together: the worst of their states, and the same answers as one has. */
import type { Explanation } from '../admin/explain-routes.ts'
import type { AdminPolicy, PolicyState } from '../admin/policy-routes.ts'
import type { ReloadOutcome } from '../policy/reload.ts'
import type { AggregatedMetrics } from '../telemetry/aggregated-metrics.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Readiness, ReadinessCheck, ReadinessReport } from '../telemetry/readiness.ts'
import type { WorkerPool } from './pool.ts'
import type { WorkerHandle } from './worker-handle.ts'

/** A part of a worker may take two seconds for its readiness; a worker that takes longer is stuck. */
const askMs = 3_000
/** An adapter may take ten minutes for one load, and a load may have to wait for the one before. */
const reloadMs = 25 * 60_000

interface Answered<T> {
  readonly id: number
  readonly value?: T
  readonly error?: string
}

async function askAll<T>(
  workers: readonly WorkerHandle[],
  ask: (worker: WorkerHandle) => Promise<T>,
): Promise<Answered<T>[]> {
  return Promise.all(
    workers.map(worker =>
      ask(worker).then(
        value => ({ id: worker.id, value }),
        (error: unknown) => ({ id: worker.id, error: error instanceof Error ? error.message : String(error) }),
      ),
    ),
  )
}

/**
 * `unready` as soon as one worker is, or does not answer: it still gets its share of the connections. One that is
 * missing gets none: `degraded`. `size`: how many there should be.
 */
export function createWorkersReadiness(pool: Pick<WorkerPool, 'serving'>, size: number): Readiness {
  return async () => {
    const serving = pool.serving()
    const answers = await askAll(serving, async worker => ({
      report: await worker.ask('readiness', [], askMs),
      policy: await worker.ask('policy', [], askMs),
    }))
    const reports = answers.map(({ id, value }) => ({ id, report: value?.report ?? silent }))
    const checks = [
      countCheck(answers, size),
      agreementCheck(answers.map(({ id, value }) => ({ id, revision: value?.policy.revision }))),
      ...mergeChecks(reports),
    ]
    return { status: worst(reports, checks), checks }
  }
}

const silent: ReadinessReport = { status: 'unready', checks: [] }

type Reported = readonly { readonly id: number; readonly report: ReadinessReport }[]

function worst(reports: Reported, checks: readonly ReadinessCheck[]): ReadinessReport['status'] {
  if (reports.length === 0 || reports.some(({ report }) => report.status === 'unready')) return 'unready'
  return checks.every(({ ok }) => ok) ? 'ready' : 'degraded'
}

function countCheck(answers: readonly Answered<unknown>[], size: number): ReadinessCheck {
  const failures = answers.flatMap(({ id, error }) => (error === undefined ? [] : [`worker ${id}: ${error}`]))
  const missing = answers.length < size ? [`${answers.length} of ${size} serve`] : []
  const detail = [...missing, ...failures].join('; ')
  return detail === '' ? { name: 'workers', ok: true } : { name: 'workers', ok: false, detail }
}

function agreementCheck(states: readonly { readonly id: number; readonly revision: string | undefined }[]) {
  const revisions = new Set(states.map(({ revision }) => revision))
  if (revisions.size <= 1) return { name: 'policy-agreement', ok: true }
  const detail = states.map(({ id, revision }) => `worker ${id}: ${revision ?? 'unknown'}`).join('; ')
  return { name: 'policy-agreement', ok: false, detail }
}

/** Each check once: ok when it is in every worker, else with the number of each worker where it is not. */
function mergeChecks(reports: Reported): ReadinessCheck[] {
  const names = new Set(reports.flatMap(({ report }) => report.checks.map(({ name }) => name)))
  return [...names].map(name => {
    const failed = reports.flatMap(({ id, report }) =>
      report.checks.filter(check => check.name === name && !check.ok).map(check => ({ id, ...check })),
    )
    if (failed.length === 0) return { name, ok: true }
    return { name, ok: false, detail: failed.map(({ id, detail }) => `worker ${id}: ${detail ?? 'not ok'}`).join('; ') }
  })
}

/** Asks all for their counts first; who does not answer counts as before. */
export function createWorkersMetrics(
  pool: Pick<WorkerPool, 'answering'>,
  metrics: AggregatedMetrics,
): Pick<Metrics, 'render' | 'contentType'> {
  return {
    contentType: metrics.contentType,
    async render() {
      await askAll(pool.answering(), async worker => {
        const values = await worker.ask('metrics', [], askMs)
        // Its last words, if it has ended meanwhile, are newer.
        if (pool.answering().includes(worker)) metrics.reported(worker.id, values)
      })
      return metrics.render()
    },
  }
}

/** A decision is known to the worker that made it. */
export function createWorkersExplain(pool: Pick<WorkerPool, 'answering'>) {
  return async (requestId: string): Promise<Explanation> => {
    const answers = await askAll(pool.answering(), worker => worker.ask('explain', [requestId], askMs))
    const known = answers.flatMap(({ value }) => (value === undefined ? [] : [value]))
    const found = known.find(({ status }) => status === 200) ?? known.find(({ status }) => status !== 404)
    if (found !== undefined) return found
    const silentOnes = answers.flatMap(({ id, error }) => (error === undefined ? [] : [`worker ${id}: ${error}`]))
    // Not "unknown": the one that did not answer may know it.
    if (silentOnes.length > 0 || known[0] === undefined) {
      throw new Error(`not every worker could be asked: ${silentOnes.join('; ') || 'none serves'}`)
    }
    return known[0]
  }
}

const gravity: readonly ReloadOutcome[] = ['unchanged', 'loaded', 'rejected']

export function createWorkersPolicy(pool: Pick<WorkerPool, 'answering'>): AdminPolicy {
  /** Of the worker that has something to complain about, else of the one that loaded last. */
  async function state(): Promise<PolicyState> {
    const states = await Promise.all(pool.answering().map(worker => worker.ask('policy', [], askMs)))
    const newestFirst = states.sort((a, b) => b.loadedAt - a.loadedAt)
    const shown = newestFirst.find(({ lastError }) => lastError !== undefined) ?? newestFirst[0]
    if (shown === undefined) throw new Error('no worker serves')
    return shown
  }
  async function reloadAll(force: boolean): Promise<ReloadOutcome> {
    const outcomes = await Promise.all(
      pool.answering().map(worker => worker.ask('reloadPolicy', [{ force }], reloadMs)),
    )
    if (outcomes.length === 0) throw new Error('no worker serves')
    return gravity[Math.max(...outcomes.map(outcome => gravity.indexOf(outcome)))] ?? 'rejected'
  }
  return {
    state,
    async reload({ force }) {
      const outcome = await reloadAll(force)
      if (outcome === 'rejected' || (await isAgreed(pool))) return outcome
      // The source changed while they read it, one after the other.
      const again = await reloadAll(force)
      return again === 'unchanged' ? outcome : again
    },
  }
}

async function isAgreed(pool: Pick<WorkerPool, 'answering'>): Promise<boolean> {
  const states = await Promise.all(pool.answering().map(worker => worker.ask('policy', [], askMs)))
  return new Set(states.map(({ revision }) => revision)).size <= 1
}

/** A worker that came up later reads the policy as it is by now: the others are to have the same. */
export async function spreadPolicy(pool: Pick<WorkerPool, 'answering'>): Promise<void> {
  if (await isAgreed(pool)) return
  await askAll(pool.answering(), worker => worker.ask('reloadPolicy', [{ force: false }], reloadMs))
}
