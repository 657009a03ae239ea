/** One worker process, as the primary sees it. */
import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/config.ts'
import type { ChangedRecord } from '../sessions/record-store.ts'
import type { MetricValues } from '../telemetry/metrics.ts'
import { type Ask, createAsker } from './asker.ts'
import { watchDealtConnections } from './dealt-connections.ts'
import { type Answer, type Heard, isMessage, type LastWords, type SessionEnded } from './duties.ts'
import type { LineOutput } from './output.ts'

/** `leaving`: takes no new connections, and ends with the last that it has. */
export type WorkerState = 'starting' | 'serving' | 'leaving'

export interface WorkerHandle {
  readonly id: number
  readonly pid: number | undefined
  readonly ask: Ask
  /** Resolves when it can be asked, or has ended. */
  readonly hears: Promise<void>
  /** How the process ended; resolves when its output has been passed on as well. Never rejects. */
  readonly ended: Promise<string>
  readonly kill: () => void
  state: WorkerState
  /** Milliseconds since the epoch; absent until it serves. */
  servingSince?: number
}

export interface WorkerOutputs {
  readonly stdout: LineOutput
  readonly stderr: LineOutput
}

/** Run from its sources, Node 20 could not read the worker's TypeScript: there the built one is taken. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/app/worker-main.js' : '../worker-main.js',
  import.meta.url,
)

/** Once, before the first fork. Connections are dealt out in turn: left to the kernel, few workers get most of them. */
export function prepareCluster(): void {
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({
    exec: fileURLToPath(entry),
    args: [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

export interface ForkOptions {
  readonly outputs: WorkerOutputs
  readonly onLastWords: (id: number, metrics: MetricValues) => void
  readonly onSessionEnded: (id: number, changed: ChangedRecord) => void
}

export function forkWorker({ outputs, onLastWords, onSessionEnded }: ForkOptions): WorkerHandle {
  const worker = cluster.fork()
  const closeNotTaken = watchDealtConnections(worker)
  const asker = createAsker(question => worker.send(question))
  let heard = (): void => {}
  const hears = new Promise<void>(resolve => {
    heard = resolve
  })
  const farewell = ({ metrics }: LastWords): void => {
    if (metrics !== undefined) onLastWords(worker.id, metrics)
    const heard: Heard = { kind: 'heard' }
    worker.send(heard)
  }
  worker.on('message', message => {
    if (isMessage(message, 'listening')) heard()
    if (isMessage(message, 'answer')) asker.answered(message as Answer)
    if (isMessage(message, 'session-ended')) onSessionEnded(worker.id, (message as SessionEnded).changed)
    if (isMessage(message, 'last-words')) farewell(message as LastWords)
  })
  // A message to a worker that is just ending fails; that it has ended is heard below.
  worker.on('error', () => {})
  const { stdout, stderr } = worker.process
  const passed = Promise.all([
    stdout === null ? undefined : outputs.stdout.pass(stdout),
    stderr === null ? undefined : outputs.stderr.pass(stderr),
  ])
  const ended = endOf(worker).then(async how => {
    closeNotTaken()
    asker.close(new Error(`worker ${worker.id} has ended: ${how}`))
    heard()
    await passed
    return how
  })
  const { pid } = worker.process
  const kill = (): void => void worker.process.kill('SIGKILL')
  return { id: worker.id, pid, ask: asker.ask, hears, ended, kill, state: 'starting' }
}

/**
 * Resolves when the process and its channel are gone: what it said last has then been heard. The channel of one that was
 * killed in the middle of a message waits for the rest of it, so it is not waited for long.
 */
async function endOf(worker: Worker): Promise<string> {
  const disconnected = new Promise(resolve => worker.once('disconnect', resolve))
  const how = await new Promise<string>(resolve => {
    worker.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    // A process that the system refused never exits.
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall?.startsWith('spawn') === true) resolve(error.message)
    })
  })
  let timer: NodeJS.Timeout | undefined
  await Promise.race([
    disconnected,
    new Promise(resolve => {
      timer = setTimeout(resolve, lastMessageMs)
    }),
  ])
  clearTimeout(timer)
  return how
}

const lastMessageMs = 500

/** Starts to serve; rejects with the worker's own reason. */
export async function startWorker(worker: WorkerHandle, config: Config, now: () => number): Promise<void> {
  await worker.hears
  // As long as it takes: loads of a policy have time limits of their own, and one that is large is compiled slowly.
  await worker.ask('start', [config], longestStartMs)
  worker.state = 'serving'
  worker.servingSince = now()
}

const longestStartMs = 30 * 60_000
