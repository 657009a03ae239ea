/** Login sessions as the check path and log-out see them: found by id, moved along while used, ended for good. */
import type { Clock } from '../clock.ts'
import { type Cut, createCutoffReader, isCut } from './cutoffs.ts'
import type { LoginSession } from './login-session.ts'
import { createOpenedLogins, type OpenedLogin } from './opened-logins.ts'
import type { RecordStore, ValueOrPromise } from './record-store.ts'
import { digestOf, sessionDigestOf } from './records/seal.ts'
import { createSealedRecords, type SealedRecords } from './records/sealed-records.ts'
import { untilWritten } from './records/until-written.ts'
import {
  endOf,
  expiryOf,
  isExpiryStale,
  limitsOf,
  longestLifetimeOf,
  parsePayload,
  type SessionLimits,
} from './session-payload.ts'
import { endTokens } from './session-tokens.ts'

/** Login sessions as the check path and log-out see them; `sessionId` is the secret in the cookie. */
export interface SessionStore {
  /**
   * The session, or `undefined` when it is unknown, ended, tampered with, idle for too long or past its lifetime.
   * Moves the idle expiry at most once a minute. Deeply frozen, and the same object for as long as the stored bytes are
   * the same (and memory lasts): its `identity` may key what is derived from it.
   */
  find(sessionId: string): ValueOrPromise<LoginSession | undefined>
  /** Ends the session everywhere; a save that is already under way cannot bring it back. */
  end(sessionId: string): Promise<void>
  /**
   * Puts `change(login)` in the place of the login, whatever else writes the session meanwhile: `change` may run several
   * times and must not do anything else. The login that stands then; `undefined` when the session has ended.
   */
  update(sessionId: string, change: (login: LoginSession) => LoginSession): Promise<LoginSession | undefined>
  /** First 16 characters of the session key's digest: joins audit events, opens nothing. */
  digest(sessionId: string): string
}

/** Sessions looked at without being used. */
export interface SessionView {
  /** As `find`, and nothing is moved: looking keeps no session alive. */
  look(sessionId: string): ValueOrPromise<StandingSession | undefined>
}

export interface StandingSession {
  readonly login: LoginSession
  /** When it ends unless it is used again, milliseconds since the epoch. */
  readonly endsAt: number
}

export interface SessionStoreOptions extends SessionLimits {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** How much opened sessions may take in memory, in bytes; default 16 MiB. */
  readonly memoryBytes?: number
}

/** How much memory opened sessions take where nothing else is said: 16 MiB. */
const defaultMemoryBytes = 16 * 1024 * 1024

export function createSessionStore(options: SessionStoreOptions): SessionStore & SessionView {
  const { clock, records, secrets, memoryBytes = defaultMemoryBytes } = options
  const sessions = createSealedRecords({ records, secrets, kind: 'session' })
  const logins = createOpenedLogins({ records, secrets, memoryBytes })
  const readCut = createCutoffReader({ records, secrets })
  const moveExpiry = createExpiryMover(sessions)

  function judge(
    sessionId: string,
    opened: OpenedLogin | undefined,
    cut: Cut | undefined,
  ): ValueOrPromise<LoginSession | undefined> {
    if (opened === undefined) return undefined
    const { login, expiresAt } = opened
    if (isCut(cut, login, login.identity.provider)) return undefined
    const now = clock.now()
    const wanted = expiryOf(login, now, options)
    // Threat: a session kept alive for ever by using it. The stored expiry may stem from longer limits.
    if (wanted <= now) return undefined
    if (!isExpiryStale(expiresAt, wanted, limitsOf(login, options))) return login
    // Ended since it was read: then it is not there.
    return moveExpiry(sessionId, wanted).then(isThere => (isThere ? login : undefined))
  }

  function standing(opened: OpenedLogin | undefined, cut: Cut | undefined): StandingSession | undefined {
    if (opened === undefined || isCut(cut, opened.login, opened.login.identity.provider)) return undefined
    const endsAt = Math.min(opened.expiresAt, endOf(opened.login, options) * 1000)
    return endsAt <= clock.now() ? undefined : { login: opened.login, endsAt }
  }

  return {
    find(sessionId) {
      const opened = logins.get(sessionId)
      const cut = readCut()
      if (!(opened instanceof Promise) && !(cut instanceof Promise)) return judge(sessionId, opened, cut)
      return Promise.all([opened, cut]).then(([found, read]) => judge(sessionId, found, read))
    },
    look(sessionId) {
      const opened = logins.get(sessionId)
      const cut = readCut()
      if (!(opened instanceof Promise) && !(cut instanceof Promise)) return standing(opened, cut)
      return Promise.all([opened, cut]).then(([found, read]) => standing(found, read))
    },
    end: sessionId => endSession(sessions, sessionId, options),
    async update(sessionId, change) {
      const login = await updateLogin(sessions, sessionId, change)
      // Read afterwards: whoever waited for this is let in by it.
      return login === undefined || isCut(await readCut(), login, login.identity.provider) ? undefined : login
    },
    digest: sessionDigestOf,
  }
}

function updateLogin(
  sessions: SealedRecords,
  sessionId: string,
  change: (login: LoginSession) => LoginSession,
): Promise<LoginSession | undefined> {
  return untilWritten('a session', async () => {
    const record = await sessions.get(sessionId)
    const login = parsePayload(record?.value)
    if (record === undefined || login === undefined) return { outcome: undefined }
    const changed = change(login)
    if (changed === login) return { outcome: login }
    const payload = { ...(record.value as object), passport: { user: changed } }
    const isWritten = await sessions.replace(sessionId, record.version, payload, record.expiresAt)
    return isWritten ? { outcome: changed } : undefined
  })
}

/**
 * Ends with a tombstone that outlives any session that could be saved late under this id, and its tokens with it: a
 * refresh that is under way must not leave the next refresh token behind.
 */
export async function endSession(
  sessions: SealedRecords,
  sessionId: string,
  options: SessionLimits & Pick<SessionStoreOptions, 'clock' | 'records'>,
): Promise<void> {
  const until = options.clock.now() + longestLifetimeOf(options) * 1000
  await Promise.all([sessions.end(sessionId, until), endTokens(options.records, digestOf('session', sessionId), until)])
}

/** Moves an expiry; false if the session has ended. Parallel checks of one session share one write. */
export function createExpiryMover(sessions: SealedRecords) {
  const underWay = new Map<string, Promise<boolean>>()
  return (sessionId: string, wanted: number): Promise<boolean> => {
    const moving =
      underWay.get(sessionId) ?? sessions.extend(sessionId, wanted).finally(() => underWay.delete(sessionId))
    underWay.set(sessionId, moving)
    return moving
  }
}
