/**
 * Sessions stay true: while one is used, its provider is asked about it again, every now and then.
 *
 * Three ages count, in seconds since the provider last stood by the login. Below the first, four fifths of the time
 * between two verifications, a check does one comparison and goes on. From there on the provider is asked beside the
 * checks, so that hardly any has to wait; and from the full time on they wait for its answer. A provider that gives none
 * keeps nobody out until the third age, the full time and the grace: then the session is worth nothing.
 */

import type { SessionChallenge } from '../../../rbac/decision.ts'
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { SessionGuard } from '../guards/session-guard.ts'
import type { LoginSession } from '../login-session.ts'
import type { SessionStore } from '../session-store.ts'
import { confirmed, unconfirmed, type VerifySession } from './verify-session.ts'

export interface VerificationAges {
  /** Time between two verifications, in seconds; above 0. */
  readonly verifyEverySeconds: number
  /** How much longer a provider that gives no answer may take, in seconds. */
  readonly staleGraceSeconds: number
}

export interface VerificationOptions extends VerificationAges {
  readonly sessions: Pick<SessionStore, 'update'>
  readonly verifySession: VerifySession
  readonly clock: Clock
  /** How long a check waits for the provider at most, in milliseconds. Default 15,000. */
  readonly longestWaitMs?: number
  /** A verification beside the checks failed; the next one tries again. */
  readonly onError: (error: unknown) => void
}

export interface Verification {
  /** Of a check. Rejects with `ERR_STORE_UNAVAILABLE`, and with `ERR_PROVIDER_UNAVAILABLE` when it waited in vain. */
  readonly guard: SessionGuard
  /** Of a page of the auth host, which a session opens that is confirmed, or whose provider gives no answer; as `guard`. */
  ofPage(sessionId: string, login: LoginSession): Promise<LoginSession | SessionChallenge | undefined>
  /** Whether the provider has been silent for too long. */
  isOverdue(login: LoginSession): boolean
  /** Whether the provider has to be asked in the person's browser. */
  needsBrowser(login: LoginSession): boolean
  /** The person's browser brought the provider's confirmation; `fresh` is the login that it made. `undefined`: ended. */
  confirm(sessionId: string, fresh: LoginSession): Promise<LoginSession | undefined>
  /** Resolves when no verification is under way, so that no refresh token is lost at a shutdown, or after this time. */
  whenIdle(timeoutMs: number): Promise<void>
}

/** The share of the time after which the provider is asked beside the checks. */
const earlyShare = 0.8
/** Verifications that run beside the checks; beyond, the checks have to wait for theirs. */
const mostBeside = 256
const longestWaitMs = 15_000

const silentLogin: SessionChallenge = Object.freeze({
  reason: 'session-unverified',
  login: Object.freeze({ prompt: 'none' }),
})

/** Whether the provider was silent for too long. */
export const overdueAfter =
  ({ verifyEverySeconds, staleGraceSeconds }: VerificationAges, clock: Clock) =>
  (login: LoginSession): boolean =>
    ageOf(login, clock) >= verifyEverySeconds + staleGraceSeconds

export function createVerification(options: VerificationOptions): Verification {
  const { clock, sessions, verifySession, verifyEverySeconds, onError } = options
  const earlySeconds = verifyEverySeconds * earlyShare
  const isOverdue = overdueAfter(options, clock)
  // A confirmation from the future tells that the clock was set back: there is no telling how old it is.
  const isEarly = (login: LoginSession) => Math.abs(ageOf(login, clock)) < earlySeconds
  const isDue = (login: LoginSession) => Math.abs(ageOf(login, clock)) >= verifyEverySeconds
  const needsBrowser = (login: LoginSession) => login.verifyBy === undefined && isDue(login)
  const isResting = ({ unverified }: LoginSession) =>
    unverified !== undefined && clock.now() < unverified.retryAt * 1000
  /** Still to be asked, once it was read under the lease: another process may just have asked in vain. */
  const isOpen = (isStale: (login: LoginSession) => boolean) => (login: LoginSession) =>
    login.verifyBy !== undefined && isStale(login) && (isOverdue(login) || !isResting(login))
  const awaited = new Map<string, Promise<LoginSession | undefined>>()
  const beside = new Map<string, Promise<void>>()

  function verifyBeside(sessionId: string, login: LoginSession): void {
    if (isResting(login) || beside.has(sessionId) || awaited.has(sessionId) || beside.size >= mostBeside) return
    const work = verifySession(
      sessionId,
      login,
      isOpen(stale => !isEarly(stale)),
    )
      .then(() => undefined, onError)
      .finally(() => beside.delete(sessionId))
    beside.set(sessionId, work)
  }

  /** Checks of one session share one promise. */
  function verified(sessionId: string, login: LoginSession): Promise<LoginSession | undefined> {
    const known = awaited.get(sessionId)
    if (known !== undefined) return known
    const work = verifySession(sessionId, login, isOpen(isDue)).finally(() => awaited.delete(sessionId))
    awaited.set(sessionId, work)
    return work
  }

  async function waitFor(sessionId: string, login: LoginSession): Promise<LoginSession | undefined> {
    const outcome = await within(options.longestWaitMs ?? longestWaitMs, verified(sessionId, login))
    if (outcome !== inVain) return outcome
    if (isOverdue(login)) throw new OperationalError('ERR_PROVIDER_UNAVAILABLE', 'the provider was waited for in vain')
    return login
  }

  /** Only the person's browser can ask, and only a request that can be sent away and come back. */
  function inBrowser(sessionId: string, login: LoginSession, isInteractive: boolean) {
    if (!isDue(login)) return login
    if (isOverdue(login)) return silentLogin
    if (!isInteractive || isResting(login)) return login
    // Noted first: a provider that leaves the browser standing does not get it back with every click.
    const noted = sessions.update(sessionId, current => unconfirmed(current, Math.floor(clock.now() / 1000)))
    return noted.then(current => (current === undefined ? undefined : silentLogin))
  }

  function judge(sessionId: string, login: LoginSession, isInteractive: boolean) {
    if (login.verifyBy === undefined) return inBrowser(sessionId, login, isInteractive)
    const mayGoOn = !isDue(login) || (login.unverified !== undefined && !isOverdue(login))
    if (mayGoOn) {
      verifyBeside(sessionId, login)
      return login
    }
    return waitFor(sessionId, login).then(now =>
      now === undefined || now.verifyBy !== undefined ? now : inBrowser(sessionId, now, isInteractive),
    )
  }

  return {
    guard: (login, { sessionId }, _domain, asked) =>
      isEarly(login) ? login : judge(sessionId, login, asked?.isInteractive === true),
    async ofPage(sessionId, login) {
      if (!isDue(login)) return login
      const now = login.verifyBy === undefined ? login : await waitFor(sessionId, login)
      return now !== undefined && needsBrowser(now) ? silentLogin : now
    },
    isOverdue,
    needsBrowser,
    confirm: (sessionId, fresh) =>
      sessions.update(sessionId, current => {
        const { verifyBy: _by, ...rest } = confirmed(current, fresh.identity, fresh.startedAt)
        return fresh.verifyBy === undefined ? rest : { ...rest, verifyBy: fresh.verifyBy }
      }),
    async whenIdle(timeoutMs) {
      await within(timeoutMs, Promise.allSettled([...beside.values(), ...awaited.values()]))
    },
  }
}

const ageOf = ({ verifiedAt, startedAt }: LoginSession, clock: Clock): number =>
  clock.now() / 1000 - (verifiedAt ?? startedAt)

const inVain = Symbol('in vain')

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | typeof inVain> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<typeof inVain>(resolve => {
    timer = setTimeout(resolve, timeoutMs, inVain)
  })
  return Promise.race([work, timeUp]).finally(() => clearTimeout(timer))
}
