/** Composition of the audit log, and of what is known by it of machines that came. */
import { createMachineSightings } from '../admin/machine-sightings.ts'
import { subjectName } from '../audit/access-event.ts'
import { type AuditLogFile, createAuditLog } from '../audit/audit-log.ts'
import { createFailureReport } from '../audit/failure-report.ts'
import type { Clock } from '../clock.ts'
import type { Base } from './kept.ts'

/** Whoever comes with something else than a session is noted as the event of his request is written. */
export function composeSightings({ now }: Clock, { hasRoom, writeAccess }: Base['auditFile']) {
  const { note, list } = createMachineSightings({ now, nameOf: subjectName })
  const audit: Base['auditFile'] = {
    hasRoom,
    writeAccess: access => {
      note(access)
      writeAccess(access)
    },
  }
  return { audit, list }
}

export function composeAudit(
  { config, clock, logger, metrics }: Pick<Base, 'config' | 'clock' | 'logger' | 'metrics'>,
  isShared: boolean,
): AuditLogFile {
  const { destination } = config.audit
  const report = createFailureReport(({ error, lost, pending }) =>
    logger.error({ err: error, lost, pending }, 'audit events could not be written'),
  )
  return createAuditLog({
    destination: destination.kind === 'file' ? destination.path : destination.kind,
    clock,
    isShared,
    onWritten: lines => metrics.auditWritten(lines),
    onFailure: failure => {
      metrics.auditFailed(failure.lost)
      report(failure)
    },
  })
}
