/**
 * Failures of the audit log for the operational log: the first at once, the others of a second in one report.
 *
 * A full disk loses an event with every check. A log line for each of them would fill the next disk.
 */
import type { AuditFailure } from './audit-log.ts'

const everyMs = 1_000

/** `report` gets the latest error, and how many lines were lost since the report before. */
export function createFailureReport(report: (failure: AuditFailure) => void): (failure: AuditFailure) => void {
  let waiting: AuditFailure | undefined
  let timer: NodeJS.Timeout | undefined

  function reportWaiting(): void {
    timer = undefined
    if (waiting === undefined) return
    report(waiting)
    waiting = undefined
    pause()
  }

  function pause(): void {
    timer = setTimeout(reportWaiting, everyMs).unref()
  }

  return failure => {
    if (timer === undefined) {
      report(failure)
      pause()
    } else waiting = { ...failure, lost: failure.lost + (waiting?.lost ?? 0) }
  }
}
