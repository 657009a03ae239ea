/**
 * The store of express-session: connect-redis' RedisStore over a client that is no Redis client but the sealed session
 * records of either backend.
 *
 * Only the pages of the auth host go through here, never a check. The store never emits `disconnect`: express-session
 * would then go on without any session, where a failing store has to be an error.
 */
import { RedisStore } from 'connect-redis'
import { createExpiryMover, endSession, type SessionStoreOptions } from './login-sessions.ts'
import { createSealedRecords } from './sealed-records.ts'
import { expiryOf, isExpiryStale, parsePayload } from './session-payload.ts'

/** Listing and clearing (`all`, `ids`, `length`, `clear`) fail: records cannot be listed without their ids. */
export function createExpressSessionStore(options: SessionStoreOptions): RedisStore {
  // The expiry is computed from the session itself; connect-redis only must not take it for expired.
  return new RedisStore({ client: createClientFacade(options), prefix: '', ttl: () => options.lifetimeSeconds })
}

/** The part of node-redis that connect-redis calls. */
function createClientFacade(options: SessionStoreOptions) {
  const { clock } = options
  const sessions = createSealedRecords({ records: options.records, secrets: options.secrets, kind: 'session' })
  const moveExpiry = createExpiryMover(sessions)

  async function find(sessionId: string) {
    const record = await sessions.get(sessionId)
    if (record === undefined) return undefined
    const wanted = expiryOf(parsePayload(record.value), clock.now(), options)
    return wanted <= clock.now() ? undefined : { ...record, wanted }
  }

  return {
    async get(sessionId: string): Promise<string | null> {
      const session = await find(sessionId)
      return session === undefined ? null : JSON.stringify(session.value)
    },
    /**
     * Threat: a response that is still under way saves its session after log-out. The tombstone refuses it, and nobody
     * is told: for the late response nothing is wrong, its session is over.
     */
    async set(sessionId: string, text: string): Promise<void> {
      const payload: unknown = JSON.parse(text)
      const expiresAt = expiryOf(parsePayload(payload), clock.now(), options)
      if (expiresAt <= clock.now()) await endSession(sessions, sessionId, options)
      else await sessions.put(sessionId, payload, expiresAt)
    },
    async expire(sessionId: string): Promise<void> {
      const session = await find(sessionId)
      if (session === undefined || !isExpiryStale(session.expiresAt, session.wanted, options)) return
      await moveExpiry(sessionId, session.wanted)
    },
    async del(sessionIds: readonly string[]): Promise<void> {
      await Promise.all(sessionIds.map(id => endSession(sessions, id, options)))
    },
    scanIterator(): never {
      throw new Error('sessions cannot be listed: the store knows them by digest only')
    },
  }
}
