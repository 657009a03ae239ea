/**
 * The audit log: one JSON line per event (docs/reference/audit-events.md), to a standard stream or a file.
 *
 * A line can be forged by whoever gets a line feed into it, and hidden by whoever gets a terminal to obey it: every
 * control and direction character of a value is escaped. Only the listed fields of an event are written, so that a
 * credential cannot come along in an object that was passed on whole.
 */
import type { Clock } from '../clock.ts'
import type { AuditEvent, AuditEventName, AuditLog, WithoutStamp } from './event.ts'
import { auditEvents, fieldsOf } from './event-fields.ts'
import { createLineFile } from './line-file.ts'

/** Something that should have been written was not (yet). */
export interface AuditFailure {
  readonly error: unknown
  /** Lines that are lost for good. 0: they wait, and are tried again. */
  readonly lost: number
  /** Lines that wait. */
  readonly pending: number
}

export interface AuditLogOptions {
  /** A standard stream, or the path of a file that is appended to. */
  readonly destination: 'stdout' | 'stderr' | (string & {})
  readonly clock: Clock
  /** Told of every failure, for log and metric. Must not throw. */
  readonly onFailure: (failure: AuditFailure) => void
  /** Told how many lines arrived, for the metric. */
  readonly onWritten?: (lines: number) => void
  /** How long a line waits for company, in milliseconds. Default 20. */
  readonly batchMs?: number
  /** How much may wait for a sink that fails, in bytes; beyond it lines are lost, and reported. Default 16 MiB. */
  readonly maxPendingBytes?: number
  /** Whether other processes append to the same file. Default false. */
  readonly isShared?: boolean
}

export interface AuditLogFile extends AuditLog {
  /** For SIGHUP, after a log rotation moved the file away. A standard stream stays as it is. */
  reopen(): Promise<void>
  /** Flushes and closes; what cannot be written now is reported as lost. */
  close(): Promise<void>
  /** For readiness: not ok while the last write failed. */
  status(): { readonly ok: boolean; readonly detail?: string }
}

/** Throws when the path cannot be opened: a service that cannot audit must not start. */
export function createAuditLog(options: AuditLogOptions): AuditLogFile {
  const { clock, onFailure } = options
  let isFailing = false
  const file = createLineFile({
    destination: options.destination,
    batchMs: options.batchMs ?? 20,
    maxPendingBytes: options.maxPendingBytes ?? 16 * 1_024 * 1_024,
    ...(options.isShared === undefined ? {} : { isShared: options.isShared }),
    onWritten(lines) {
      isFailing = false
      options.onWritten?.(lines)
    },
    onError: error => fail(error, 0),
  })

  function fail(error: unknown, lost: number): void {
    isFailing = true
    onFailure({ error, lost, pending: file.pending().lines })
  }

  return {
    write(event) {
      try {
        if (!file.append(formatLine(event, clock.now()))) fail(new Error('too many lines wait to be written'), 1)
      } catch (error) {
        fail(error, 1)
      }
    },
    flush: () => file.flush(),
    reopen: () => file.reopen(),
    async close() {
      const lost = await file.close()
      if (lost > 0) fail(new Error('closed before everything was written'), lost)
    },
    status: () =>
      isFailing ? { ok: false, detail: `${file.pending().lines} audit lines wait to be written` } : { ok: true },
  }
}

const writtenFields = new Map<string, readonly string[]>(
  Object.keys(auditEvents).map(name => [name, fieldsOf(name as AuditEventName)]),
)

/** Control characters, DEL, C1 controls, line and paragraph separators, and what turns the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const invisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function formatLine(event: WithoutStamp<AuditEvent>, nowMs: number): string {
  const names = writtenFields.get(event.event)
  if (names === undefined) throw new TypeError('an audit event of an unknown kind')
  const values = event as unknown as Readonly<Record<string, unknown>>
  const line: Record<string, unknown> = { v: 1, time: new Date(nowMs).toISOString(), event: event.event }
  for (const name of names) if (values[name] !== undefined) line[name] = values[name]
  return `${JSON.stringify(line).replace(invisible, escapeCharacter)}\n`
}

const escapeCharacter = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
