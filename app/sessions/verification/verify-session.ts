/**
 * Asks the provider about one session again: once, however many checks, processes and replicas want to know.
 *
 * Threat: a refresh token that works once (RFC 9700 section 4.14.2) and is used twice; the provider then takes it for
 * stolen and ends everything. So there is one call in this process, and one among all of them under a lease; whoever gets
 * the lease reads the session and its tokens anew; and a new refresh token is in the store before anything else happens.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { User } from '../../../rbac/identity.ts'
import type { Clock } from '../../clock.ts'
import { type ErrorCode, OperationalError } from '../../errors.ts'
import type { LoginSession, ProviderTokens } from '../login-session.ts'
import { digestOf } from '../records/seal.ts'
import type { SessionStore, SessionView } from '../session-store.ts'
import type { SessionTokens, StoredTokens } from '../session-tokens.ts'
import type { Leases } from './lease.ts'

/**
 * What the provider said about a login. `refused`: it no longer stands by it. `doubted`: it said no without saying that
 * it is about the person, which counts when it says so twice. `unavailable`: it gave no answer that counts. `unanswerable`: it cannot be asked without the person. `detail` is for the log and holds no token.
 */
export type ProviderAnswer =
  | { readonly kind: 'confirmed'; readonly identity: User }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string }
  | { readonly kind: 'doubted' | 'unavailable'; readonly code: ErrorCode; readonly detail: string }
  | { readonly kind: 'unanswerable' }

/**
 * `keep` puts tokens in the place of those that have been used; it is awaited before the answer is looked at any further.
 * Rejects only when `keep` does.
 */
export type AskProvider = (
  login: LoginSession,
  tokens: ProviderTokens,
  keep: (tokens: ProviderTokens) => Promise<void>,
) => Promise<ProviderAnswer>

/** What became of a session that its provider was asked about. */
export type Verdict =
  | { readonly kind: 'verified' }
  | {
      readonly kind: 'refused' | 'unavailable'
      readonly code: ErrorCode
      readonly detail: string
      /** The session is not usable any more. */
      readonly isEnded: boolean
      /** The first failure since the provider last stood by it. */
      readonly isFirst: boolean
    }

export interface VerifySessionOptions {
  readonly sessions: SessionView & Pick<SessionStore, 'update' | 'end'>
  readonly tokens: SessionTokens
  readonly leases: Leases
  readonly ask: AskProvider
  readonly clock: Clock
  /** The provider has been silent for so long that the session has to end. */
  readonly isOverdue: (login: LoginSession) => boolean
  /** The provider said no; before the session ends. Rejects with `ERR_STORE_UNAVAILABLE`: then it is asked again. */
  readonly onRefused?: (login: LoginSession) => Promise<void>
  readonly onVerdict: (verdict: Verdict, login: LoginSession, sessionId: string) => void
}

/**
 * Resolves with the session as it stands afterwards, by whoever has asked; `undefined` when it has ended. `isDue` tells
 * of a session that was read anew whether there is still something to ask. Rejects with `ERR_STORE_UNAVAILABLE`.
 */
export type VerifySession = (
  sessionId: string,
  seen: LoginSession,
  isDue: (login: LoginSession) => boolean,
) => Promise<LoginSession | undefined>

/** How long the provider is left alone after a failure, in seconds: half of the time that it has failed, within these. */
const leastPauseSeconds = 10
const mostPauseSeconds = 60

const firstPollMs = 25
const longestPollMs = 250
/** How long a refresh token that is nowhere but here is tried to be written. */
const longestKeepingMs = 60_000

export function createVerifySession(options: VerifySessionOptions): VerifySession {
  const { sessions, tokens, leases, ask, clock, isOverdue, onVerdict } = options
  const nowSeconds = () => Math.floor(clock.now() / 1000)
  // Threat: a stream or a script, for which the provider is asked, and which would keep the session of somebody who has left.
  const loginOf = async (sessionId: string) => (await sessions.look(sessionId))?.login

  async function underLease(sessionId: string, isDue: (login: LoginSession) => boolean) {
    const login = await loginOf(sessionId)
    if (login === undefined || !isDue(login)) return login
    await conclude(sessionId, login, await question(sessionId, login))
    return loginOf(sessionId)
  }

  async function question(sessionId: string, login: LoginSession): Promise<ProviderAnswer> {
    const stored = await tokens.get(sessionId)
    if (stored === undefined) return { kind: 'unanswerable' }
    const answer = await askWith(sessionId, login, stored)
    if (answer.kind !== 'refused') return answer
    // A process that was stopped for longer than a lease lasts may have been faster, and what it has got stands here now.
    const newer = await tokens.get(sessionId)
    const isSame = newer === undefined || Buffer.compare(newer.version, stored.version) === 0
    return isSame ? answer : askWith(sessionId, login, newer)
  }

  const askWith = (sessionId: string, login: LoginSession, stored: StoredTokens) =>
    ask(login, stored.tokens, fresh => keepTrying(() => tokens.replace(sessionId, stored, fresh)))

  async function conclude(sessionId: string, login: LoginSession, answer: ProviderAnswer): Promise<void> {
    switch (answer.kind) {
      case 'confirmed': {
        const change = (current: LoginSession) => confirmed(current, answer.identity, nowSeconds())
        // Ended meanwhile: what the provider says does not bring it back.
        if ((await sessions.update(sessionId, change)) !== undefined) onVerdict({ kind: 'verified' }, login, sessionId)
        return
      }
      case 'unanswerable':
        await sessions.update(sessionId, ({ verifyBy: _by, ...rest }) => rest)
        return
      default:
        return concludeFailure(sessionId, login, answer)
    }
  }

  async function concludeFailure(
    sessionId: string,
    login: LoginSession,
    { kind, code, detail }: Extract<ProviderAnswer, { readonly code: ErrorCode }>,
  ): Promise<void> {
    const isDoubted = kind === 'doubted'
    const isRefused = kind === 'refused' || (isDoubted && login.unverified?.isDoubted === true)
    const isEnded = isRefused || isOverdue(login)
    if (isRefused) await options.onRefused?.(login)
    if (isEnded) await sessions.end(sessionId)
    else await sessions.update(sessionId, current => unconfirmed(current, nowSeconds(), isDoubted))
    const isFirst = login.unverified === undefined
    onVerdict({ kind: isRefused ? 'refused' : 'unavailable', code, detail, isEnded, isFirst }, login, sessionId)
  }

  return async (sessionId, seen, isDue) => {
    const key = digestOf('session', sessionId)
    for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 2, longestPollMs)) {
      const lease = await leases.take(key)
      if (lease !== undefined) return underLease(sessionId, isDue).finally(lease.release)
      await delay(pauseMs)
      const login = await loginOf(sessionId)
      if (login === undefined || !isDue(login) || hasConcluded(seen, login)) return login
    }
  }
}

/** The provider stands by the login, as the person that it now describes. */
export function confirmed(current: LoginSession, identity: User, nowSeconds: number): LoginSession {
  const { unverified: _since, ...login } = current
  return { ...login, identity, verifiedAt: nowSeconds }
}

/** Nobody asks again for a while, so that a provider in trouble is not asked by every check. */
export function unconfirmed(current: LoginSession, nowSeconds: number, isDoubted = false): LoginSession {
  const since = current.unverified?.since ?? nowSeconds
  const pause = Math.min(Math.max((nowSeconds - since) / 2, leastPauseSeconds), mostPauseSeconds)
  const retryAt = nowSeconds + Math.ceil(pause)
  return { ...current, unverified: { since, retryAt, ...(isDoubted && { isDoubted }) } }
}

/** Somebody else has asked, and this is what came of it. */
const hasConcluded = (seen: LoginSession, now: LoginSession): boolean =>
  seen.verifiedAt !== now.verifiedAt ||
  seen.unverified?.retryAt !== now.unverified?.retryAt ||
  seen.verifyBy !== now.verifyBy

/** Threat: the only refresh token there is, lost because the store did not answer for a moment. */
async function keepTrying(write: () => Promise<void>): Promise<void> {
  const giveUpAt = performance.now() + longestKeepingMs
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await write()
    } catch (error) {
      const isWorthIt = error instanceof OperationalError && performance.now() < giveUpAt
      if (!isWorthIt) throw error
    }
    await delay(pauseMs)
  }
}
