/** Audit logs for the commands that ask what was used, and what such a log can and cannot say. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { type LogReading, readLogs } from '../../../app/kubernetes/audit/read-logs.ts'
import { createUsageCollector, type Usage } from '../../../rbac/reach/usage/usage.ts'
import { parseSince } from '../../policy/moments.ts'
import type { Terminal } from '../../terminal.ts'
import { addListen, type ListenChoice, listenHelp, listenPlan } from './listening/listen-options.ts'
import { type Received, receivedText, receiveEvents } from './listening/receive.ts'
import { wrapped } from './wrapped.ts'

export interface UsageChoice extends ListenChoice {
  readonly audit?: readonly string[]
  /** Milliseconds since the epoch. */
  readonly since?: number
  readonly days: number
}

export interface UsageReading {
  readonly usage: Usage
  readonly logs: readonly LogReading[]
  /** With `--listen`. */
  readonly received?: Received | undefined
}

/** Said in the help of each of these commands. */
export const usageHelp = `
--audit reads what API servers write (one event on each line, rotated and compressed files, folders of them), what CloudWatch,
Cloud Logging and Azure's diagnostic settings make of it, and - for standard input. The level Metadata is enough; stage
RequestReceived is not needed. Bodies of requests are never looked at. A call counts for whoever is impersonated, and what the
impersonator needed for it counts for the impersonator. Rights that are used more rarely than the log goes back look unused.
${listenHelp}`

export const addUsage = (command: Command): Command =>
  addListen(command)
    .option('--audit <path...>', 'audit logs: files, folders, - for standard input')
    .option('--since <time>', 'only calls since then: 30d, 12h or 2026-01-01T00:00:00Z', parseSince)
    .option('--days <number>', 'how many days of log are enough to call a right unused', readDays, 90)

function readDays(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a number of days, such as 90.')
  return Number(text)
}

/** Whether there is any log to read. Throws `UsageError` for a command line that nothing can be received with. */
export const hasLog = (choice: UsageChoice, terminal: Terminal): boolean =>
  listenPlan(choice, terminal) !== undefined || choice.audit !== undefined

/** Files first, then what comes. Rejects when a path cannot be opened, and where nothing can be received. */
export async function readUsage(choice: UsageChoice, terminal: Terminal): Promise<UsageReading> {
  const { audit = [], since } = choice
  const plan = listenPlan(choice, terminal)
  const collector = createUsageCollector(since === undefined ? undefined : since / 1000)
  const paths = audit.map(path => (path === '-' ? path : resolve(terminal.cwd, path)))
  // What was received before this start is of the same log.
  const kept = plan?.folder !== undefined && existsSync(plan.folder) ? [plan.folder] : []
  const all = [...new Set([...paths, ...kept])]
  const logs = await readLogs(all, collector, { stdin: process.stdin, onProgress: terminal.progress })
  const received = plan === undefined ? undefined : await receiveEvents(plan, collector, terminal)
  return { usage: collector.usage(), logs, ...(received !== undefined && { received }) }
}

const secondsOfDay = 86_400

/** Days between the first and the last call, at least one where there are any. */
export const daysCovered = ({ first, last }: Usage): number =>
  first === undefined || last === undefined ? 0 : Math.max(1, Math.round((last - first) / secondsOfDay))

export const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10)

/** What the log covers, and everything of it that was not read or not counted. */
export function usageText({ usage, logs, received }: UsageReading, days: number): string {
  const { first, last, counts, askers } = usage
  const covered = daysCovered(usage)
  const range = first === undefined || last === undefined ? 'no call' : `${dayOf(first)} to ${dayOf(last)}`
  const enough =
    covered >= days
      ? ''
      : `: ${covered} ${covered === 1 ? 'day' : 'days'} of the ${days} that are asked for, so what is used more rarely looks unused`
  const who = new Set(askers.map(({ asker }) => asker.id)).size
  const unread = Object.entries(counts.unreadable)
  const sentences = [
    `Audit log: ${range}${enough}. ${counts.calls} calls of ${who} subjects, ${counts.denied} of them refused.`,
    ...(unread.length > 0
      ? [`Events that could not be read: ${unread.map(([reason, count]) => `${count} (${reason})`).join(', ')}.`]
      : []),
    ...(counts.leftOut > 0
      ? [
          `${counts.leftOut} calls were left out, since there are too many different ones: rights may look unused that were used.`,
        ]
      : []),
    ...(counts.unauthenticated > 0 ? [`${counts.unauthenticated} calls of nobody (401) say nothing of rights.`] : []),
    ...(counts.tooOld > 0 ? [`${counts.tooOld} calls are older than --since.`] : []),
    ...logs.flatMap(({ source, brokenOff, events }) =>
      brokenOff === undefined ? [] : [`${source} breaks off (${brokenOff}): ${events} events of it were read.`],
    ),
  ]
  const log = sentences.map(sentence => wrapped(sentence, { first: '', rest: '  ' })).join('')
  return log + receivedOf({ received })
}

/** Of an output that has no room for the log. Empty without `--listen`. */
export const receivedOf = ({ received }: Pick<UsageReading, 'received'>): string =>
  received === undefined ? '' : receivedText(received)
