/**
 * Process entry: compose one process or a primary with workers, listen, reload on SIGHUP, replace the workers on
 * SIGUSR2, drain on SIGTERM and SIGINT.
 */
import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'
import type { PrimaryOptions } from './compose/primary.ts'
import { type PolicyInForce, settingsText } from './compose/terminal/settings-text.ts'
import type { HeldSignals } from './signals.ts'
import type { Logger } from './telemetry/logger.ts'

export interface ServeOptions {
  /** Sentences about settings that are allowed but unwise; logged at start. */
  readonly warnings: readonly string[]
  /** What has been asked for since the process began to read its configuration. */
  readonly signals: HeldSignals
  /** Reads the configuration again, for new workers. Throws when it cannot be used. */
  readonly loadConfig: () => Config
  /** To a person at a terminal; absent where nobody sits there. */
  readonly say?: ((text: string) => void) | undefined
}

/** Resolves when the service has ended. Rejects when it cannot start: a broken policy, a port that is taken. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const size = config.server.workers === 'auto' ? availableParallelism() : config.server.workers
  const service = size === 1 ? await single(config) : await several(config, { ...options, size })
  for (const warning of options.warnings) service.logger.warn({ warning }, 'configuration is unwise')
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  options.signals.release({ SIGHUP: service.reload, SIGUSR2: service.restart })
  await Promise.all([untilStopped(service), tellSettings(config, service, options)])
}

async function tellSettings(config: Config, service: Served, { say }: ServeOptions): Promise<void> {
  if (say === undefined) return
  say(settingsText(config, await service.policy().catch(() => undefined)))
}

interface Served {
  readonly logger: Logger
  /** What is in force. Rejects when no worker answers. */
  readonly policy: () => Promise<PolicyInForce>
  readonly start: () => Promise<void>
  readonly reload: () => void
  readonly restart: () => void
  readonly close: () => Promise<void>
  /** Rejects when there is nothing left that could serve. */
  readonly failed?: Promise<never>
}

async function single(config: Config): Promise<Served> {
  const { compose } = await import('./compose/service.ts')
  const service = await compose(config)
  return {
    ...service,
    policy: async () => service.answers.policy.state(),
    restart: () => service.logger.warn({}, 'a single process has no workers to restart'),
  }
}

/** The primary answers no check: it loads nothing of what does. */
async function several(config: Config, options: PrimaryOptions): Promise<Served> {
  const { composePrimary } = await import('./compose/primary.ts')
  const primary = composePrimary(config, options)
  const restart = (): void => {
    void primary.restart().then(({ outcome, error }) => {
      if (outcome === 'failed') primary.logger.error({ detail: error }, 'workers not restarted')
      else primary.logger.info({}, 'workers restarted')
    })
  }
  return { ...primary, restart }
}

function untilStopped(service: Served): Promise<void> {
  return new Promise((resolve, reject) => {
    let isStopping = false
    const end = (): Promise<void> => {
      isStopping = true
      return service.close()
    }
    const stop = (signal: NodeJS.Signals): void => {
      if (isStopping) return
      service.logger.info({ signal }, 'draining')
      end().then(resolve, reject)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    service.failed?.catch((error: unknown) => {
      if (!isStopping) void end().finally(() => reject(error))
    })
  })
}
