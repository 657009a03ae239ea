/** Tells what became of sessions that their provider was asked about: audit, metrics, and the log once per outage. */
import type { AuditLog } from '../../audit/event.ts'
import type { SessionStore } from '../session-store.ts'
import type { Verdict, VerifySessionOptions } from './verify-session.ts'

export interface VerdictReportOptions {
  readonly audit: Pick<AuditLog, 'write'>
  readonly logger: Readonly<Record<'info' | 'warn', (fields: object, message: string) => void>>
  /** The provider gave no answer that counts; what it answered is counted with the events. */
  readonly onSilence: (provider: string) => void
  readonly digest: SessionStore['digest']
  readonly newRequestId: () => string
  /** Names of the configured providers. */
  readonly providers: readonly string[]
}

export function createVerdictReport(options: VerdictReportOptions): VerifySessionOptions['onVerdict'] {
  const { audit, onSilence, digest, newRequestId } = options
  const logOutage = createOutageLog(options)
  return (verdict, { identity }, sessionId) => {
    const { subject, email, provider } = identity
    if (verdict.kind === 'unavailable') onSilence(provider)
    logOutage(provider, verdict)
    const fields = { requestId: newRequestId(), subject, email, session: digest(sessionId) }
    if (verdict.kind === 'verified') return audit.write({ event: 'session.verified', ...fields, provider })
    const { kind: reason, code, isEnded, isFirst } = verdict
    // An outage is one event per session, not one per attempt.
    if (isFirst || isEnded) audit.write({ event: 'session.verification-failed', ...fields, provider, code, reason })
    if (!isEnded) return
    const cause = reason === 'refused' ? 'provider-refused' : 'verification-overdue'
    audit.write({ event: 'session.ended', ...fields, cause })
  }
}

function createOutageLog({ logger, providers }: VerdictReportOptions) {
  const silent = new Set<string>()
  return (provider: string, verdict: Verdict): void => {
    if (verdict.kind !== 'unavailable') {
      if (silent.delete(provider)) logger.info({ provider }, 'provider answers questions about sessions again')
      return
    }
    if (silent.has(provider) || !providers.includes(provider)) return
    silent.add(provider)
    const { code, detail: reason } = verdict
    logger.warn(
      { provider, code, reason },
      'provider gives no answer about sessions; they are kept for sessions.staleGrace',
    )
  }
}
