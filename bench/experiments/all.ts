/** Which function runs which experiment. */
import type { SpecialCaseName } from '../catalogue.ts'
import { runDirectory } from './directory.ts'
import { runEndings } from './endings.ts'
import type { Experiment } from './experiment.ts'
import { runGateway } from './gateway.ts'
import { runGrpc } from './grpc.ts'
import { runNginx } from './nginx.ts'
import { runPolicy } from './policy.ts'
import { runProxies } from './proxies.ts'
import { runReach } from './reach.ts'
import { runReload } from './reload.ts'
import { runRevoke } from './revoke.ts'
import { runSessions } from './sessions.ts'
import { runStart } from './start.ts'
import { runTail } from './tail.ts'
import { runWorkers } from './workers.ts'

export const experiments: Readonly<Record<SpecialCaseName, Experiment>> = {
  tail: runTail,
  sessions: runSessions,
  directory: runDirectory,
  reload: runReload,
  revoke: runRevoke,
  endings: runEndings,
  workers: runWorkers,
  start: runStart,
  nginx: runNginx,
  proxies: runProxies,
  grpc: runGrpc,
  gateway: runGateway,
  policy: runPolicy,
  reach: runReach,
}
