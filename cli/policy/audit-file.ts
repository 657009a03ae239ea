/** Reads decisions from an audit file, line by line: a file of any size needs no memory. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Terminal } from '../terminal.ts'
import { type AuditEvent, parseDecision, parseEvent, type RecordedDecision } from './recorded-decision.ts'

export interface AuditReading {
  /** Decisions read, those before `sinceMs` left out. */
  decisions: number
  /** Lines that are no audit event. */
  unreadable: number
}

export interface AuditChoice {
  /** Path of the audit file. */
  readonly audit: string
  /** Only decisions since then, milliseconds since the epoch. */
  readonly sinceMs?: number
}

/** Calls back for each decision in the file. Rejects when the file cannot be read. */
export async function readAuditFile(
  { audit, sinceMs }: AuditChoice,
  terminal: Terminal,
  onDecision: (recorded: RecordedDecision) => void,
): Promise<AuditReading> {
  const reading: AuditReading = { decisions: 0, unreadable: 0 }
  for await (const event of readEvents(audit, terminal)) {
    if (event === undefined) reading.unreadable += 1
    const recorded = event === undefined ? undefined : parseDecision(event)
    if (recorded === undefined || recorded.context.now * 1000 < (sinceMs ?? Number.NEGATIVE_INFINITY)) continue
    reading.decisions += 1
    onDecision(recorded)
  }
  return reading
}

/** Each line of the file as an event, or `undefined` where it is none. Rejects when the file cannot be read. */
export async function* readEvents(audit: string, terminal: Terminal): AsyncGenerator<AuditEvent | undefined> {
  const path = resolve(terminal.cwd, audit)
  const { size } = await stat(path)
  const stream = createReadStream(path)
  const progress = (): string => `${Math.floor((stream.bytesRead / Math.max(size, 1)) * 100)} % of ${audit} read`
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    terminal.progress(progress)
    if (line !== '') yield parseEvent(line)
  }
}
