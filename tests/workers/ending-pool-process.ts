/** A primary with two workers, of which one ends what the other watches; prints what that one was told. */
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../app/clock.ts'
import { createLogger } from '../../app/telemetry/logger.ts'
import { createLineOutput } from '../../app/workers/output.ts'
import { createWorkerPool } from '../../app/workers/pool.ts'
import type { Config } from '../../config/config.ts'

const [redisUrl = ''] = process.argv.slice(2)
const exec = fileURLToPath(new URL('./ending-worker-process.ts', import.meta.url))
const setupPrimary = cluster.setupPrimary.bind(cluster)
// The pool's own workers are whole services, of which nobody outside can watch an end.
cluster.setupPrimary = settings => setupPrimary({ ...settings, exec, execArgv: process.execArgv })

const nobody = (): void => undefined
const pool = createWorkerPool({
  size: 2,
  config: { server: { shutdownTimeoutSeconds: 1 }, redisUrl } as unknown as Config,
  clock: systemClock,
  logger: createLogger({ level: 'error' }),
  outputs: { stdout: createLineOutput(1), stderr: createLineOutput(2) },
  onRestart: nobody,
  onLastWords: nobody,
  onEnded: nobody,
  onJoined: nobody,
})
await pool.start()
const [watching, ending] = pool.serving()
if (watching === undefined || ending === undefined) throw new Error('two workers were to serve')
const ask = (worker: typeof watching, order: string): Promise<unknown> => worker.ask('explain', [order], 60_000)
await ask(ending, 'log in')
const told = ask(watching, 'watch')
await ask(watching, 'is watching')
await ask(ending, 'end')
process.stdout.write(`told: ${await told}\n`)
await pool.stop()
process.exit(0)
