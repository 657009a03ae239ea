/** The worker's end of the channel: does what the primary asks, and ends when there is no primary any more. */
import type { ChangedRecord } from '../sessions/record-store.ts'
import type { MetricValues } from '../telemetry/metrics.ts'
import {
  type Answer,
  type Duties,
  failureOf,
  isMessage,
  type LastWords,
  type Listening,
  type Question,
  type SessionEnded,
} from './duties.ts'

/** The signals of a terminal and of a service manager reach every process of the group; the primary passes them on. */
const primarysSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const

/** Answers questions until the process ends. `onOrphaned`: the primary has died. */
export function answerPrimary(duties: Duties, onOrphaned: () => void): void {
  for (const signal of primarysSignals) process.on(signal, () => {})
  process.on('message', message => {
    if (isMessage(message, 'question')) void answer(message as Question, duties)
  })
  process.on('disconnect', onOrphaned)
  const listening: Listening = { kind: 'listening' }
  process.send?.(listening)
}

async function answer({ id, name, args }: Question, duties: Duties): Promise<void> {
  const duty = duties[name] as (...args: readonly unknown[]) => Promise<unknown>
  const reply = await duty(...args).then(
    (value): Answer => ({ kind: 'answer', id, value }),
    (error: unknown): Answer => ({ kind: 'answer', id, failure: failureOf(error) }),
  )
  if (process.connected) process.send?.(reply)
}

/** For the other workers, which look at what they watch. */
export function tellPrimary(changed: ChangedRecord): void {
  const message: SessionEnded = { kind: 'session-ended', changed }
  if (process.connected) process.send?.(message)
}

/** A primary that does not answer for so long is as good as dead. */
const longestFarewellMs = 30_000

/**
 * Says what was counted, and ends the process when the primary has heard that.
 *
 * Threat: a connection that nobody answers. The primary deals one to this process before it has read that it takes none; when
 * the process is gone by then, neither has it and neither closes it. What is dealt until the primary has answered is read
 * here first, and goes back to it (`node:cluster` says so for a server that is closed).
 */
export async function endProcess(metrics: () => Promise<MetricValues>): Promise<void> {
  const values = await metrics().catch(() => undefined)
  const end = (): void => process.exit(0)
  if (!process.connected) return end()
  process.on('disconnect', end)
  process.on('message', message => {
    if (isMessage(message, 'heard')) setImmediate(end)
  })
  setTimeout(end, longestFarewellMs)
  const words: LastWords = { kind: 'last-words', ...(values !== undefined && { metrics: values }) }
  process.send?.(words)
}
