/** Asks the admin listener about the workers, or for new ones, and says what it answered. */
import { type AdminAnswer, callAdmin, strangeAnswer } from './admin/call.ts'
import type { AdminValues } from './admin/option.ts'
import { adminPlace } from './admin/place.ts'
import { reportError } from './report-error.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** A restart waits for one start after the other, and each compiles the policy. `fetch` itself waits for 300 s. */
const restartMs = 290_000

export interface WorkersChoice extends AdminValues {
  readonly json?: boolean
}

interface WorkerStatus {
  readonly worker: number
  readonly pid?: number
  readonly state: string
  /** ISO 8601; absent until it serves. */
  readonly servingSince?: string
}

interface Status {
  /** How many there are to be. */
  readonly size: number
  readonly workers: readonly WorkerStatus[]
}

/** Fails when fewer serve than there are to be. */
export async function showWorkers(values: WorkersChoice, terminal: Terminal): Promise<number> {
  const { json = false } = values
  try {
    const answer = await callAdmin(adminPlace(values, terminal), '/workers')
    if (!isStatus(answer.body)) throw unexpected(answer)
    const { size, workers } = answer.body
    terminal.write(json ? `${JSON.stringify(answer.body)}\n` : textOf(answer.body, terminal))
    return servingOf(workers) < size ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

export async function restartWorkers(values: WorkersChoice, terminal: Terminal): Promise<number> {
  const { json = false } = values
  const { colors, write, writeError } = terminal
  try {
    const admin = adminPlace(values, terminal)
    const answer = await callAdmin(admin, '/workers/restart', { method: 'POST', timeoutMs: restartMs })
    if (!isOutcome(answer.body)) throw unexpected(answer)
    const { outcome, error = '' } = answer.body
    if (json) write(`${JSON.stringify(answer.body)}\n`)
    else if (outcome === 'restarted') write(`${colors.green('restarted')}: every worker is a new process\n`)
    else writeError(`${colors.red('failed')}: workers that are not replaced yet go on\n${error}\n`)
    return outcome === 'failed' ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

/** A single process has no such endpoint. */
function unexpected(answer: AdminAnswer): Error {
  if (answer.status !== 404) return strangeAnswer(answer)
  return new Error(`${answer.href} answered 404: a single process has no workers (server.workers is 1)`)
}

const isObject = (body: unknown): body is object => typeof body === 'object' && body !== null

const isStatus = (body: unknown): body is Status => isObject(body) && 'workers' in body && Array.isArray(body.workers)

interface Outcome {
  readonly outcome: 'restarted' | 'failed'
  readonly error?: string
}

const isOutcome = (body: unknown): body is Outcome =>
  isObject(body) && 'outcome' in body && (body.outcome === 'restarted' || body.outcome === 'failed')

const servingOf = (workers: readonly WorkerStatus[]): number =>
  workers.filter(({ state }) => state === 'serving').length

function textOf({ size, workers }: Status, { colors }: Terminal): string {
  const lines = workers.map(({ worker, pid = '-', state, servingSince }) => {
    const since = servingSince === undefined ? '' : ` since ${servingSince}`
    return `worker ${worker}  pid ${pid}  ${state === 'serving' ? colors.green(state) : colors.yellow(state)}${since}\n`
  })
  return `${lines.join('')}${servingOf(workers)} of ${size} serve\n`
}
