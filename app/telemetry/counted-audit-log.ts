/** An audit log that counts logins, handoffs, exchanged tokens, and sessions that were verified or have ended as they pass, so that their code has one thing to tell. */
import type { AuditLog } from '../audit/event.ts'
import type { Metrics } from './metrics.ts'

export function createCountedAuditLog(
  log: AuditLog,
  metrics: Pick<Metrics, 'login' | 'handedOff' | 'exchanged' | 'sessionEnded' | 'sessionVerified'>,
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
        case 'exchange.issued':
          metrics.exchanged('issued')
          break
        case 'exchange.refused':
          metrics.exchanged('refused')
          break
        case 'exchange.revoked':
          metrics.exchanged('revoked')
          break
        case 'session.verified':
          metrics.sessionVerified(event.provider, 'verified')
          break
        case 'session.verification-failed':
          // Of an outage there is one event for many attempts: those are counted where they are made.
          if (event.reason === 'refused') metrics.sessionVerified(event.provider, 'refused')
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
