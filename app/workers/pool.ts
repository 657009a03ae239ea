/**
 * The workers: as many as are wanted, replaced when they end, restarted one after the other on request.
 *
 * At start the first failure of any of them is the failure of the service, as with a single process. Later one that
 * cannot start (a policy that is broken by now) is tried again and again while others serve, which still have the last
 * good policy; when nobody serves, and `startAttempts` in a row have failed, there is nothing left to wait for.
 */
import type { Config } from '../../config/config.ts'
import type { Clock } from '../clock.ts'
import type { ChangedRecord } from '../sessions/record-store.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MetricValues } from '../telemetry/metrics.ts'
import { createBackoff } from './backoff.ts'
import { forkWorker, prepareCluster, startWorker, type WorkerHandle, type WorkerOutputs } from './worker-handle.ts'

export interface WorkerPoolOptions {
  /** How many; at least 1. */
  readonly size: number
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  readonly outputs: WorkerOutputs
  /** A worker that ended unasked is being replaced. */
  readonly onRestart: () => void
  readonly onLastWords: (id: number, metrics: MetricValues) => void
  readonly onEnded: (id: number) => void
  /** A worker came up later than others: its policy may be newer than theirs. */
  readonly onJoined: (worker: WorkerHandle) => void
}

export interface RestartOutcome {
  readonly outcome: 'restarted' | 'failed'
  /** Why the new worker did not come up; those that are not replaced yet go on. */
  readonly error?: string
}

export interface WorkerPool {
  /** Resolves when all of them serve. Rejects with the first worker's error. `config`: what they run with. */
  start(config?: Config): Promise<void>
  /** Those that take new connections. */
  serving(): readonly WorkerHandle[]
  /** Also those that only finish what they have. */
  answering(): readonly WorkerHandle[]
  /** All that there are, in whatever state. */
  all(): readonly WorkerHandle[]
  /** A new worker for each, up before the old one leaves. `config`: what the new ones run with, from now on. */
  restart(config: Config): Promise<RestartOutcome>
  /** Resolves when all have ended. */
  stop(): Promise<void>
  /** Rejects when no worker serves and none can be started. */
  readonly failed: Promise<never>
}

const startAttempts = 5
/** How long a worker may take to say that it takes no new connections. One that is killed loses what it was answering. */
const handOverMs = 30_000
/** How long a worker may take to say that it has heard of an end. */
const tellMs = 5_000
/** Beyond the time that running requests get: for the store and the audit log. */
const stopMarginMs = 3_000

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { size, clock, logger } = options
  let { config } = options
  const workers = new Set<WorkerHandle>()
  const backoff = createBackoff(clock)
  let isUp = false
  let isStopping = false
  let failedStarts = 0
  let restarting: Promise<RestartOutcome> | undefined
  let giveUp: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    giveUp = reject
  })
  failed.catch(() => undefined)

  const inState = (...states: WorkerHandle['state'][]) => [...workers].filter(({ state }) => states.includes(state))

  /** One that does not hear it looks at what it watches every two seconds. */
  function tellOthers(teller: number, changed: ChangedRecord): void {
    for (const worker of inState('serving', 'leaving')) {
      if (worker.id !== teller) worker.ask('sessionChanged', [changed], tellMs).catch(() => undefined)
    }
  }

  /** Rejects when it does not come up; then it has ended. */
  async function bringUp(): Promise<WorkerHandle> {
    const worker = forkWorker({ ...options, onSessionEnded: tellOthers })
    workers.add(worker)
    const ended = worker.ended.then(how => gone(worker, how))
    try {
      await startWorker(worker, config, clock.now)
      logger.info({ worker: worker.id, pid: worker.pid }, 'a worker serves')
      return worker
    } catch (error) {
      worker.kill()
      await ended
      throw error
    }
  }

  function gone(worker: WorkerHandle, how: string): void {
    workers.delete(worker)
    options.onEnded(worker.id)
    if (isStopping || worker.state !== 'serving') return
    logger.error({ worker: worker.id, how }, 'a worker has ended and is replaced')
    options.onRestart()
    void refill(backoff.next(worker.servingSince))
  }

  /** After a pause, brings up one that is missing. */
  async function refill(pauseMs: number): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    if (isStopping || !isUp || inState('starting', 'serving').length >= size) return
    try {
      options.onJoined(await bringUp())
      failedStarts = 0
    } catch (error) {
      if (isStopping) return
      failedStarts += 1
      logger.error({ err: error }, 'a worker cannot be started')
      if (failedStarts >= startAttempts && inState('serving').length === 0) giveUp(error)
      else void refill(backoff.next(undefined))
    }
  }

  async function replaceEach(old: readonly WorkerHandle[], next: Config): Promise<RestartOutcome> {
    const before = config
    config = next
    let replaced = 0
    for (const worker of inState('leaving')) void worker.ask('stop', [], stopMs()).catch(() => undefined)
    for (const worker of old) {
      if (isStopping) break
      try {
        options.onJoined(await bringUp())
      } catch (error) {
        logger.error({ err: error }, 'a new worker cannot be started, the restart ends here')
        // Settings that not one worker could start with must not wait for the next one that is replaced.
        if (replaced === 0) config = before
        return { outcome: 'failed', error: error instanceof Error ? error.message : String(error) }
      }
      replaced += 1
      worker.state = 'leaving'
      await worker.ask('handOver', [], handOverMs).catch(() => worker.kill())
    }
    return { outcome: 'restarted' }
  }

  const stopMs = (): number => config.server.shutdownTimeoutSeconds * 1000 + stopMarginMs

  async function stopOne(worker: WorkerHandle): Promise<void> {
    const isStarting = worker.state === 'starting'
    worker.state = 'leaving'
    const late = setTimeout(worker.kill, stopMs())
    if (isStarting) worker.kill()
    else worker.ask('stop', [], stopMs()).catch(() => undefined)
    await worker.ended
    clearTimeout(late)
  }

  return {
    async start(first = config) {
      config = first
      prepareCluster()
      // One alone first: what keeps it from starting is said once, and it makes the store and the keys for the others.
      await bringUp()
      await Promise.all(Array.from({ length: size - 1 }, bringUp))
      isUp = true
      void refill(0)
    },
    serving: () => inState('serving'),
    answering: () => inState('serving', 'leaving'),
    all: () => [...workers],
    restart(next) {
      if (restarting !== undefined) return restarting
      restarting = replaceEach(inState('serving'), next).finally(() => {
        restarting = undefined
        void refill(0)
      })
      return restarting
    },
    async stop() {
      isStopping = true
      await Promise.all([...workers].map(stopOne))
    },
    failed,
  }
}
