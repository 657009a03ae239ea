/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */
import { type Base, type Kept, newRequestId } from './compose-kept.ts'
import { createSessionCookieAuthenticator, type SessionGuard } from './identity/session-cookie.ts'
import { createVerdictReport } from './sessions/report-verdicts.ts'
import { createVerification, overdueAfter, type Verification } from './sessions/verification.ts'
import { type AskProvider, createVerifySession } from './sessions/verify-session.ts'

export function composeAuthenticator({ config }: Base, { cookies, sessions }: Kept, verification: Verification) {
  const guards: readonly SessionGuard[] = config.sessions.verifyEverySeconds > 0 ? [verification.guard] : []
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}

export function composeVerification(
  { config, clock, logger, metrics, audit }: Base,
  { sessions, tokens, leases }: Kept,
  ask: AskProvider,
): Verification {
  const { verifyEverySeconds, staleGraceSeconds } = config.sessions
  const ages = {
    verifyEverySeconds: verifyEverySeconds > 0 ? verifyEverySeconds : Number.POSITIVE_INFINITY,
    staleGraceSeconds,
  }
  const log = logger.child('sessions')
  const verifySession = createVerifySession({
    sessions,
    tokens,
    leases,
    ask,
    clock,
    isOverdue: overdueAfter(ages, clock),
    onVerdict: createVerdictReport({
      audit,
      logger: log,
      onSilence: provider => metrics.sessionVerified(provider, 'unavailable'),
      digest: sessions.digest,
      newRequestId,
      providers: config.providers.map(({ name }) => name),
    }),
  })
  return createVerification({
    ...ages,
    sessions,
    verifySession,
    clock,
    onError: error => log.warn({ err: error }, 'a session could not be verified beside its checks'),
  })
}
