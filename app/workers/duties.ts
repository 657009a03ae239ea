/** What the primary asks of a worker: the protocol between the two, as an interface. */
import type { Config } from '../../config/config.ts'
import type { Explanation } from '../admin/explain-routes.ts'
import type { Sightings } from '../admin/machine-sightings.ts'
import type { PolicyState } from '../admin/policy-routes.ts'
import type { SessionsAnswer, SessionsCall } from '../admin/session-answers.ts'
import type { ReloadOutcome } from '../policy/reload.ts'
import type { ChangedRecord } from '../sessions/record-store.ts'
import type { MetricValues } from '../telemetry/metrics.ts'
import type { ReadinessReport } from '../telemetry/readiness.ts'

/** Arguments and results are copied from process to process (structured clone): data only. */
export interface Duties {
  /** Starts to serve. Rejects with what keeps it from it: a broken policy, a port that is taken. */
  start(config: Config): Promise<void>
  readiness(): Promise<ReadinessReport>
  metrics(): Promise<MetricValues>
  explain(requestId: string): Promise<Explanation>
  sessions(call: SessionsCall): Promise<SessionsAnswer>
  machines(): Promise<Sightings>
  policy(): Promise<PolicyState>
  reloadPolicy(options: { readonly force: boolean }): Promise<ReloadOutcome>
  /** What SIGHUP means: loads the policy again and opens the audit file again. */
  reload(): Promise<void>
  /** Another worker has ended a session, or cut many. */
  sessionChanged(changed: ChangedRecord): Promise<void>
  /** Takes no new connections; the process ends when the last one has ended by itself. */
  handOver(): Promise<void>
  /** Ends the process, with the time for running requests that the configuration gives. */
  stop(): Promise<void>
}

export type DutyName = keyof Duties

export interface Question {
  readonly kind: 'question'
  readonly id: number
  readonly name: DutyName
  readonly args: readonly unknown[]
}

export interface Answer {
  readonly kind: 'answer'
  readonly id: number
  readonly value?: unknown
  readonly failure?: Failure
}

/** The first that a worker says: what it was sent before, nobody heard. */
export interface Listening {
  readonly kind: 'listening'
}

/** A worker has ended a session, or cut many: for the others. */
export interface SessionEnded {
  readonly kind: 'session-ended'
  readonly changed: ChangedRecord
}

/** The last that a worker says, when it takes no connections any more; what it counted is not to be lost with it. */
export interface LastWords {
  readonly kind: 'last-words'
  /** Absent where they could not be told. */
  readonly metrics?: MetricValues
}

/** What the primary says to that: it deals nothing to this worker any more, and what it had dealt has arrived before. */
export interface Heard {
  readonly kind: 'heard'
}

/** An error on its way between processes: with what the command line shows of it. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly problems?: readonly unknown[]
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const problems = 'problems' in error && Array.isArray(error.problems) ? { problems: error.problems } : {}
  return { name: error.name, message: error.message, ...problems }
}

export function errorOf({ name, message, problems }: Failure): Error {
  return Object.assign(new Error(message), { name }, problems === undefined ? {} : { problems })
}

/** Other parts of the process use the same channel; their messages are none of ours. */
export function isMessage<Kind extends string>(message: unknown, kind: Kind): message is { readonly kind: Kind } {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === kind
}
