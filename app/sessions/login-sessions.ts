/** Login sessions as the check path and log-out see them: found by id, moved along while used, ended for good. */
import type { Clock } from '../clock.ts'
import { digestOf } from './seal.ts'
import { createSealedRecords, type SealedRecords } from './sealed-records.ts'
import { expiryOf, isExpiryStale, parseLogin, type SessionLimits } from './session-payload.ts'
import type { RecordStore, SessionStore } from './session-store.ts'

export interface SessionStoreOptions extends SessionLimits {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
}

export function createSessionStore(options: SessionStoreOptions): SessionStore {
  const { clock } = options
  const sessions = createSealedRecords({ records: options.records, secrets: options.secrets, kind: 'session' })
  const moveExpiry = createExpiryMover(sessions, options)
  return {
    async find(sessionId) {
      const record = await sessions.get(sessionId)
      const login = record === undefined ? undefined : parseLogin(record.value)
      if (record === undefined || login === undefined) return undefined
      const wanted = expiryOf(login, clock.now(), options)
      // Threat: a session kept alive for ever by using it. The stored expiry may stem from longer limits.
      if (wanted <= clock.now()) return undefined
      // Ended since it was read: then it is not there.
      return (await moveExpiry(sessionId, record.expiresAt, wanted)) ? login : undefined
    },
    end: sessionId => endSession(sessions, sessionId, options),
    digest: sessionId => digestOf('session', sessionId).slice(0, 16),
  }
}

/** Ends with a tombstone that outlives any session that could be saved late under this id. */
export function endSession(
  sessions: SealedRecords,
  sessionId: string,
  options: SessionLimits & { readonly clock: Clock },
): Promise<void> {
  return sessions.end(sessionId, options.clock.now() + options.lifetimeSeconds * 1000)
}

/** Moves an expiry that is stale; false if the session has ended. Parallel checks of one session share one write. */
export function createExpiryMover(sessions: SealedRecords, limits: SessionLimits) {
  const underWay = new Map<string, Promise<boolean>>()
  return async (sessionId: string, stored: number, wanted: number): Promise<boolean> => {
    if (!isExpiryStale(stored, wanted, limits)) return true
    const moving =
      underWay.get(sessionId) ?? sessions.extend(sessionId, wanted).finally(() => underWay.delete(sessionId))
    underWay.set(sessionId, moving)
    return moving
  }
}
