/** Composition of the primary of several workers: it owns the admin listener, and no part of a check. */
import type { Config } from '../../config/config.ts'
import { createAdminGuard } from '../admin/guard.ts'
import { mergedSightings } from '../admin/machine-sightings.ts'
import type { PolicyState } from '../admin/policy-routes.ts'
import { createWorkersRoutes } from '../admin/worker-routes.ts'
import { systemClock } from '../clock.ts'
import { drain, listen, portOf } from '../listener/listen.ts'
import { createPlaces, type Places } from '../listener/places.ts'
import { countForWorkers } from '../login/rate-limit.ts'
import { createAggregatedMetrics } from '../telemetry/aggregated-metrics.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { readableLine } from '../telemetry/readable-lines.ts'
import { version } from '../version.ts'
import { createWorkersMachines } from '../workers/machines-view.ts'
import { createLineOutput } from '../workers/output.ts'
import { createWorkerPool, type RestartOutcome } from '../workers/pool.ts'
import { createWorkersSessions } from '../workers/sessions-view.ts'
import { followWorkers } from '../workers/socket-files.ts'
import {
  createWorkersExplain,
  createWorkersMetrics,
  createWorkersPolicy,
  createWorkersReadiness,
  spreadPolicy,
} from '../workers/views.ts'
import { adminNames, composeAdmin } from './admin.ts'

export interface Primary {
  readonly logger: Logger
  /** Rejects with a worker's reason when one cannot start, and when the admin port is taken. */
  start(): Promise<void>
  /** For SIGHUP: every worker reads the policy again, and opens the audit file again. */
  reload(): void
  /** Reads the configuration again and replaces each worker. A configuration that cannot be used changes nothing. */
  restart(): Promise<RestartOutcome>
  /** What the workers decide by. Rejects when none answers. */
  policy(): Promise<PolicyState>
  close(): Promise<void>
  /** Rejects when no worker serves any more and none can be started. */
  readonly failed: Promise<never>
}

export interface PrimaryOptions {
  /** How many workers; at least 1. */
  readonly size: number
  /** The configuration as it is by now. Throws when it cannot be used. */
  readonly loadConfig: () => Config
}

/** The configuration of workers: they listen where the primary makes the files of sockets. Rejects with `ERR_LISTEN_FAILED`. */
async function stagedFor(config: Config, places: Places): Promise<Config> {
  const { server, envoy } = config
  const stage = async <T extends Config['server']['listen']>(place: T): Promise<T> => ({
    ...place,
    ...('socket' in place && (await places.claim(place))),
  })
  return {
    ...config,
    server: { ...server, listen: await stage(server.listen) },
    ...(envoy !== undefined && { envoy: { ...envoy, listen: await stage(envoy.listen) } }),
  }
}

/** Long enough for the command that opens a file; a worker that is busy for longer does it later all the same. */
const reloadMs = 5_000

export function composePrimary(config: Config, { size, loadConfig }: PrimaryOptions): Primary {
  const logger = createLogger({ level: config.log.level })
  const metrics = createAggregatedMetrics()
  countForWorkers()
  const pool = createWorkerPool({
    size,
    config,
    clock: systemClock,
    logger,
    outputs: { stdout: createLineOutput(1), stderr: createLineOutput(2, line => readableLine(line)) },
    onRestart: metrics.restarted,
    onLastWords: metrics.reported,
    onEnded: metrics.ended,
    onJoined: () => {
      spreadPolicy(pool).catch((error: unknown) => logger.warn({ err: error }, 'workers hold different policies'))
    },
  })
  const restart = async (): Promise<RestartOutcome> => {
    try {
      return await pool.restart(await staged(loadConfig()))
    } catch (error) {
      return { outcome: 'failed', error: error instanceof Error ? error.message : String(error) }
    }
  }
  const places = createPlaces()
  let stopFollowing = (): void => undefined
  const staged = (wanted: Config): Promise<Config> => stagedFor(wanted, places)
  const policy = createWorkersPolicy(pool)
  const admin = composeAdmin(
    { config, logger, onClientError: metrics.clientError },
    {
      readiness: createWorkersReadiness(pool, size),
      metrics: createWorkersMetrics(pool, metrics),
      explain: createWorkersExplain(pool),
      sessions: createWorkersSessions(pool),
      machines: createWorkersMachines(pool, mergedSightings),
      policy,
    },
    [createWorkersRoutes({ size, workers: pool.all, restart, guard: createAdminGuard(adminNames(config)) })],
  )
  return {
    logger,
    async start() {
      stopFollowing = followWorkers(places, error =>
        logger.error({ err: error }, 'the file of a socket cannot be made'),
      )
      await pool.start(await staged(config))
      await listen(admin, await places.claim(config.admin.listen))
      places.publish()
      logger.info({ version, workers: size, admin: portOf(admin), url: config.server.url }, 'all workers serve')
    },
    reload() {
      for (const worker of pool.answering()) {
        worker.ask('reload', [], reloadMs).catch((error: unknown) => {
          logger.error({ err: error, worker: worker.id }, 'a worker was not told to load the policy again')
        })
      }
    },
    restart,
    policy: async () => policy.state(),
    async close() {
      stopFollowing()
      places.remove()
      await Promise.all([pool.stop(), drain(admin, config.server.shutdownTimeoutSeconds)])
      logger.info({}, 'stopped')
    },
    failed: pool.failed,
  }
}
