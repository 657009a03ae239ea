/** Composition of who somebody is: the session cookie, and what looks at a session before anybody is let in by it. */

import type { SessionChallenge } from '../../rbac/decision.ts'
import { createAuthenticate } from '../identity/authenticators.ts'
import { createCertificateReader, thumbprintOf } from '../identity/client-certificate.ts'
import { createSessionCookieAuthenticator, sessionCookieKind } from '../identity/session-cookie.ts'
import { createSessionEndings, type SessionEndings } from '../sessions/endings/session-endings.ts'
import { createLooks } from '../sessions/endings/watched.ts'
import { createBindingGuard, createIsBound, type IsBound } from '../sessions/guards/binding-guard.ts'
import { createClockGuard } from '../sessions/guards/clock-guard.ts'
import { createHostLimitsGuard } from '../sessions/guards/host-limits.ts'
import { createHostProviderGuard } from '../sessions/guards/host-providers.ts'
import type { OnlyHeaders, SessionGuard } from '../sessions/guards/session-guard.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { RecordStore, ValueOrPromise } from '../sessions/record-store.ts'
import { createVerdictReport } from '../sessions/verification/report-verdicts.ts'
import { createVerification, overdueAfter, type Verification } from '../sessions/verification/verification.ts'
import { type AskProvider, createVerifySession } from '../sessions/verification/verify-session.ts'
import type { VerifyDependencies } from '../verify.ts'
import type * as certificatesPart from './certificates.ts'
import { type Base, type Kept, newRequestId, secretsOf } from './kept.ts'
import type * as machinesPart from './machines.ts'
import { type WithPasswords, withConfirmations } from './passwords.ts'

/** What looks at sessions, and what is loaded of credentials that only some configurations take. */
interface IdentityParts {
  readonly verification: Verification
  readonly machines: typeof machinesPart | undefined
  readonly certificates: typeof certificatesPart | undefined
}

/** Of a configuration that takes no tokens: there is no authenticator, and checks do not even ask. */
const noMachines: machinesPart.Machines = {
  authenticators: [],
  issuers: [],
  takesTokens: () => false,
  close: async () => undefined,
}
const noCertificates: certificatesPart.MachineCertificates = { authenticators: [], close: () => undefined }

/** Who is asked about credentials, in this order: a new kind is a file of `identity/` and a line here. */
export function composeIdentity(base: Base, kept: Kept & WithPasswords, { verification, ...parts }: IdentityParts) {
  const sessionCookie = composeSessionCookie(base, kept, verification)
  const ofSessions = { ...kept, ofSession: sessionCookie.ofSession }
  const machines = parts.machines?.composeMachines(base, ofSessions) ?? noMachines
  const certificates = parts.certificates?.composeCertificateMachines(base) ?? noCertificates
  const kinds = [
    sessionCookieKind(kept.cookies, sessionCookie),
    ...machines.authenticators,
    ...(kept.passwords?.authenticators ?? []),
    ...certificates.authenticators,
  ]
  const close = async (): Promise<void> => {
    certificates.close()
    await machines.close()
  }
  const ofMachines = createAuthenticate([...machines.authenticators, ...certificates.authenticators])
  return { sessionCookie, machines: { ...machines, close }, authenticate: createAuthenticate(kinds), ofMachines }
}

export type Identification = ReturnType<typeof composeIdentity>

function composeSessionCookie(base: Base, kept: Kept, verification: Verification) {
  const { cookies, sessions } = kept
  const guards: readonly SessionGuard[] = [
    createClockGuard(base.clock),
    ...composeBinding(base),
    ...composeHostProviders(base),
    ...composeVerificationGuard(base, verification),
    ...composeHostLimits(base, kept),
  ]
  return createSessionCookieAuthenticator({ cookies, sessions, guards })
}

/** Where sessions are bound to nothing there is no guard, and checks do not even ask. */
function composeBinding(base: Base): readonly SessionGuard[] {
  const isBound = composeIsBound(base)
  return isBound === undefined ? [] : [createBindingGuard(isBound)]
}

/** Present where sessions are bound. */
export function composeIsBound(base: Base): IsBound | undefined {
  const thumbprintIn = composeThumbprint(base)
  return thumbprintIn === undefined ? undefined : createIsBound(thumbprintIn)
}

/** Present where sessions are bound to the client certificate: its thumbprint, out of headers of a trusted proxy. */
export function composeThumbprint({ config }: Base): ((headers: OnlyHeaders) => string | undefined) | undefined {
  const { clientCertificateHeader: name } = config.server
  if (config.sessions.bindTo === 'none' || name === undefined) return undefined
  return headers => thumbprintOf(headers.only(name))
}

/** Present where the proxies pass the client's certificate: what conditions of the policy see of it. */
export function composeCertificates({ config }: Base): Pick<VerifyDependencies, 'clientCertificate'> {
  const { clientCertificateHeader: name } = config.server
  if (name === undefined) return {}
  const read = createCertificateReader(name)
  return { clientCertificate: ({ headers }) => read(headers) }
}

/** Without a limit there is no guard, and checks do not even ask. */
function composeHostLimits(
  { config, clock, hostSettings: limitsFor }: Base,
  { visits, endOf }: Kept,
): readonly SessionGuard[] {
  const isLimited = config.hosts.some(host => host.maxAgeSeconds !== undefined || host.maxIdleSeconds !== undefined)
  return isLimited ? [createHostLimitsGuard({ limitsFor, visits, endOf, clock })] : []
}

/** Where no host has a list there is no guard, and checks do not even ask. */
function composeHostProviders({ config, hostSettings }: Base): readonly SessionGuard[] {
  if (config.hosts.every(({ providers }) => providers === undefined)) return []
  return [createHostProviderGuard(host => hostSettings(host).providers)]
}

const composeVerificationGuard = ({ config }: Base, { guard }: Verification): readonly SessionGuard[] =>
  config.sessions.verifyEverySeconds > 0 ? [guard] : []

export function composeVerification(
  { config, clock, logger, metrics, audit }: Base,
  kept: Kept & WithPasswords,
  ask: AskProvider,
): Verification {
  const { tokens, leases, directory, ofPasswords } = kept
  const { verifyEverySeconds, staleGraceSeconds } = config.sessions
  const ages = {
    verifyEverySeconds: verifyEverySeconds > 0 ? verifyEverySeconds : Number.POSITIVE_INFINITY,
    staleGraceSeconds,
  }
  const log = logger.child('sessions')
  const sessions = withConfirmations(kept.sessions, kept, error =>
    log.warn({ err: error }, 'a confirmation could not be noted for application passwords'),
  )
  const verifySession = createVerifySession({
    sessions: {
      ...sessions,
      // What the provider says by now is what a list says, and the role of the gateway in a cluster.
      async update(sessionId, change) {
        const login = await sessions.update(sessionId, change)
        if (login !== undefined) await directory.described(sessionId, login)
        return login
      },
    },
    tokens,
    leases,
    ask,
    clock,
    isOverdue: overdueAfter(ages, clock),
    onRefused: ({ identity }: LoginSession) => ofPasswords.confirmations.refuse(identity.subject),
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

export function composeEndings(
  base: Base,
  { sessions, directory }: Kept,
  records: RecordStore,
  verification: Verification,
): SessionEndings {
  const { config, clock, logger } = base
  const secrets = secretsOf(config)
  const log = logger.child('sessions')
  const holdsNow = composeHolds(base, verification)
  // A guard that throws is a doubt about this one session there, as one that rejects is.
  const holds = async (sessionId: string, login: LoginSession): Promise<boolean> => holdsNow(sessionId, login)
  return createSessionEndings({
    records,
    lookAt: createLooks({ records, secrets, clock, sessions, directory, holds }),
    clock,
    onError: error => log.error({ err: error }, 'what was to end with its session has failed to'),
  })
}

/**
 * What each check asks of a session whatever the host, for what stays open without a check. A value where nobody had to be
 * waited for: then its provider has not been asked just now.
 */
export function composeHolds(base: Base, verification: Verification) {
  const guards = [createClockGuard(base.clock), ...composeVerificationGuard(base, verification)]
  return (sessionId: string, login: LoginSession): ValueOrPromise<boolean> => holdsBefore(guards, sessionId, login)
}

function holdsBefore(
  [guard, ...further]: readonly SessionGuard[],
  sessionId: string,
  login: LoginSession,
): ValueOrPromise<boolean> {
  if (guard === undefined) return true
  const goOn = (passed: LoginSession | SessionChallenge | undefined): ValueOrPromise<boolean> =>
    passed !== undefined && !('reason' in passed) && holdsBefore(further, sessionId, login)
  const verdict = guard(login, { sessionId, sessionDigest: '' }, '', undefined)
  return verdict instanceof Promise ? verdict.then(goOn) : goOn(verdict)
}
