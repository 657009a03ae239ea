/** Process entry: compose, listen, reload on SIGHUP, drain on SIGTERM and SIGINT. */
import type { Config } from '../config/config.ts'
import { compose, type Service } from './compose.ts'

export interface ServeOptions {
  /** Sentences about settings that are allowed but unwise; logged at start. */
  readonly warnings: readonly string[]
}

/** Resolves when the service has ended. Rejects when it cannot start: a broken policy, a port that is taken. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const service = compose(config)
  for (const warning of options.warnings) service.logger.warn({ warning }, 'configuration is unwise')
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  await untilStopped(service)
}

function untilStopped(service: Service): Promise<void> {
  return new Promise((resolve, reject) => {
    let isStopping = false
    const stop = (signal: NodeJS.Signals): void => {
      if (isStopping) return
      isStopping = true
      service.logger.info({ signal }, 'draining')
      service.close().then(resolve, reject)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.on('SIGHUP', () => service.reload())
  })
}
