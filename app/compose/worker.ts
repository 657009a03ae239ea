/** Composition of one worker: the service without its admin listener, doing what the primary asks. */
import cluster from 'node:cluster'
import type { Config } from '../../config/config.ts'
import { createLogger } from '../telemetry/logger.ts'
import type { Duties } from '../workers/duties.ts'
import { answerPrimary, endProcess, tellPrimary } from '../workers/worker-side.ts'
import { compose, type Service } from './service.ts'

/** For a process that the primary has forked; composes when the primary has sent the configuration. */
export function serveAsWorker(): void {
  let service: Service | undefined
  const started = (): Service => {
    if (service === undefined) throw new Error('this worker has not been started')
    return service
  }
  let ending: Promise<void> | undefined
  const end = (): Promise<void> => {
    ending ??= Promise.resolve(service?.close()).then(() => endProcess(async () => started().answers.metrics.values()))
    return ending
  }
  // Node would end this process at once when the primary dies; what runs and the audit log get the usual time.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
  answerPrimary(
    {
      async start(config) {
        service = await composeWorker(config)
        await service.start()
      },
      ...answersOf(started),
      reload: async () => started().reload(),
      sessionChanged: async changed => started().endings.hint(changed),
      async handOver() {
        // `stop` may come first and end the process; otherwise it ends when the last connection has.
        void started().handOver().isAlone.then(end)
      },
      stop: async () => void end(),
    },
    () => void end(),
  )
}

function composeWorker(config: Config): Promise<Service> {
  const number = cluster.worker?.id
  const logger = createLogger({ level: config.log.level, ...(number === undefined ? {} : { worker: number }) })
  return compose(config, { logger, isWorker: true, onSessionEnded: tellPrimary })
}

type Answers = Pick<Duties, 'readiness' | 'metrics' | 'explain' | 'sessions' | 'machines' | 'policy' | 'reloadPolicy'>

function answersOf(started: () => Service): Answers {
  return {
    readiness: async () => started().answers.readiness(),
    metrics: async () => started().answers.metrics.values(),
    explain: async requestId => started().answers.explain(requestId),
    sessions: async call => started().answers.sessions(call),
    machines: async () => started().answers.machines(),
    policy: async () => started().answers.policy.state(),
    reloadPolicy: async options => started().answers.policy.reload(options),
  }
}
