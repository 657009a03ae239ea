/**
 * The audit log: one JSON line per event (docs/reference/audit-events.md), to a standard stream or a file.
 */

import type { Clock } from '../clock.ts'
import type { Access } from './access-event.ts'
import type { AuditLog } from './event.ts'
import { createAccessFormat } from './format-access.ts'
import { createLineFormat } from './format-line.ts'
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
  /** As `write` with the event of a decision; cheaper. */
  writeAccess(access: Access): void
  /** For SIGHUP, after a log rotation moved the file away. A standard stream stays as it is. */
  reopen(): Promise<void>
  /** Flushes and closes; what cannot be written now is reported as lost. */
  close(): Promise<void>
  /** False while so much waits that a further line would be lost. */
  hasRoom(): boolean
  /** For readiness: not ok while the last write failed. */
  status(): { readonly ok: boolean; readonly detail?: string }
}

/** More than the longest line of a check: its path, its groups and whatever else a provider asserts. */
const longestLine = 65_536

/** Throws when the path cannot be opened: a service that cannot audit must not start. */
export function createAuditLog(options: AuditLogOptions): AuditLogFile {
  const { clock, onFailure, maxPendingBytes = 16 * 1_024 * 1_024 } = options
  const formatLine = createLineFormat()
  const formatAccess = createAccessFormat()
  let isFailing = false
  const file = createLineFile({
    destination: options.destination,
    batchMs: options.batchMs ?? 20,
    maxPendingBytes,
    ...(options.isShared === undefined ? {} : { isShared: options.isShared }),
    onWritten(lines) {
      isFailing = false
      options.onWritten?.(lines)
    },
    onError: error => fail(error, 0),
  })

  function fail(error: unknown, lost: number): void {
    isFailing = true
    onFailure({ error, lost, pending: file.pendingLines() })
  }

  function append<T>(format: (item: T, nowMs: number) => string, item: T): void {
    try {
      if (!file.append(format(item, clock.now()))) fail(new Error('too many lines wait to be written'), 1)
    } catch (error) {
      fail(error, 1)
    }
  }

  return {
    write: event => append(formatLine, event),
    writeAccess: access => append(formatAccess, access),
    flush: () => file.flush(),
    reopen: () => file.reopen(),
    async close() {
      const lost = await file.close()
      if (lost > 0) fail(new Error('closed before everything was written'), lost)
    },
    hasRoom: () => file.pendingBytes() + longestLine <= maxPendingBytes,
    status: () =>
      isFailing ? { ok: false, detail: `${file.pendingLines()} audit lines wait to be written` } : { ok: true },
  }
}
