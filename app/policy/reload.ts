/**
 * Keeps one compiled policy in force: loads at start, loads again on change, swaps whole snapshots.
 *
 * A broken policy at start stops the start. A broken policy later changes nothing: the last good one decides on, and
 * the reason is kept for readiness, metrics and the audit log. Every reader takes `current()` once per request, so that
 * no request ever sees half of two revisions.
 */
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import type { PolicySource, PolicyTexts } from './policy-source.ts'

export interface PolicyReloaderOptions<Snapshot extends { readonly revision: string }> {
  readonly source: PolicySource
  /** Rejects, usually with `PolicyError`, when the texts are no policy. */
  readonly compile: (texts: PolicyTexts) => Promise<Snapshot>
  /** Rejects, usually with `PolicyError`, when the snapshot must not come into force. `inForce`: absent at start. */
  readonly trial?: (
    snapshot: Snapshot,
    texts: PolicyTexts,
    inForce: Snapshot | undefined,
    isForced: boolean,
  ) => Promise<void>
  readonly clock: Clock
  /** Whether changes of the source are loaded by themselves. */
  readonly watch: boolean
  /** A new revision is in force, or the one in force is what the source holds again. */
  readonly onLoaded?: (snapshot: Snapshot) => void
  /** The source is broken; the last good revision stays in force. Not called for the load of `start`. */
  readonly onRejected?: (error: Error) => void
}

interface PolicyStatus {
  readonly revision: string
  /** When that revision came into force, milliseconds since the epoch. */
  readonly loadedAt: number
  /** Why the newest state of the source is not in force; absent when it is. */
  readonly lastError?: string
}

export type ReloadOutcome = 'loaded' | 'unchanged' | 'rejected'

export interface PolicyReloader<Snapshot extends { readonly revision: string }> {
  /** Loads for the first time and starts to watch. Rejects when there is no usable policy. */
  start(): Promise<void>
  /** The snapshot in force. Throws `ERR_POLICY_UNAVAILABLE` before `start` has resolved. */
  current(): Snapshot
  /** Throws like `current`. */
  status(): PolicyStatus
  /**
   * Loads a state of the source that is not older than this call. `force`: also one that `trial` refuses unless it is
   * forced. Rejects only before `start` has resolved.
   */
  reload(options?: { readonly force?: boolean }): Promise<ReloadOutcome>
  /** Stops watching; resolves when no load is under way. */
  close(): Promise<void>
}

interface InForce<Snapshot> {
  readonly snapshot: Snapshot
  readonly loadedAt: number
  readonly lastError?: string
}

export function createPolicyReloader<Snapshot extends { readonly revision: string }>(
  options: PolicyReloaderOptions<Snapshot>,
): PolicyReloader<Snapshot> {
  const { source, clock, onLoaded, onRejected } = options
  let inForce: InForce<Snapshot> | undefined
  let stopWatching: (() => void) | undefined
  let isClosed = false
  let isForced = false

  const required = (): InForce<Snapshot> => {
    if (inForce === undefined) throw new OperationalError('ERR_POLICY_UNAVAILABLE', 'no policy has been loaded')
    return inForce
  }
  async function compiled(): Promise<Snapshot> {
    const texts = await source.load()
    const snapshot = await options.compile(texts)
    await options.trial?.(snapshot, texts, inForce?.snapshot, isForced)
    return snapshot
  }

  function accept(snapshot: Snapshot): ReloadOutcome {
    const before = required()
    const isNew = snapshot.revision !== before.snapshot.revision
    if (!isNew && before.lastError === undefined) return 'unchanged'
    inForce = isNew ? { snapshot, loadedAt: clock.now() } : { snapshot: before.snapshot, loadedAt: before.loadedAt }
    onLoaded?.(inForce.snapshot)
    return isNew ? 'loaded' : 'unchanged'
  }
  function reject(cause: unknown): ReloadOutcome {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const { snapshot, loadedAt } = required()
    inForce = { snapshot, loadedAt, lastError: error.message }
    onRejected?.(error)
    return 'rejected'
  }
  const reload = createSerialiser(() => compiled().then(accept, reject))

  return {
    async start() {
      const snapshot = await compiled()
      if (isClosed) return
      inForce = { snapshot, loadedAt: clock.now() }
      onLoaded?.(snapshot)
      if (options.watch) stopWatching = source.watch(() => void reload.run())
    },
    current: () => required().snapshot,
    status() {
      const { snapshot, loadedAt, lastError } = required()
      return { revision: snapshot.revision, loadedAt, ...(lastError === undefined ? {} : { lastError }) }
    },
    reload(how) {
      if (how?.force === true) isForced = true
      return reload.run().finally(() => {
        isForced = false
      })
    },
    async close() {
      isClosed = true
      stopWatching?.()
      await reload.idle()
      await source.close?.()
    },
  }
}

/** One run at a time. Calls during a run share one further run, which begins after all of them. */
function createSerialiser<T>(run: () => Promise<T>): { run(): Promise<T>; idle(): Promise<void> } {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined

  function begin(): Promise<T> {
    const current = run().finally(() => {
      if (running === current) running = undefined
    })
    running = current
    return current
  }

  return {
    run() {
      if (next !== undefined) return next
      if (running === undefined) return begin()
      const again = () => {
        next = undefined
        return begin()
      }
      next = running.then(again, again)
      return next
    },
    async idle() {
      while (running !== undefined || next !== undefined) await Promise.allSettled([running, next])
    },
  }
}
