/** An audit log that counts logins, handoffs and ended sessions as they pass, so that their code has one thing to tell. */
import type { AuditLog } from '../audit/event.ts'
import type { Metrics } from './metrics.ts'

export function createCountedAuditLog(
  log: AuditLog,
  metrics: Pick<Metrics, 'login' | 'handedOff' | 'sessionEnded'>,
): AuditLog {
  return {
    write(event) {
      switch (event.event) {
        case 'login.started':
          metrics.login(event.provider, 'started')
          break
        case 'login.succeeded':
          metrics.login(event.provider, 'succeeded')
          break
        case 'login.failed':
          metrics.login(event.provider, 'failed')
          break
        case 'session.handed-off':
          metrics.handedOff()
          break
        case 'session.ended':
          metrics.sessionEnded(event.cause)
          break
      }
      log.write(event)
    },
    flush: () => log.flush(),
  }
}
