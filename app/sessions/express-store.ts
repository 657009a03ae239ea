/**
 * The store of express-session: connect-redis' RedisStore over a client that is no Redis client but the sealed session
 * records of either backend.
 *
 * Only the pages of the auth host go through here, never a check. The store never emits `disconnect`: express-session
 * would then go on without any session, where a failing store has to be an error.
 */
import { RedisStore } from 'connect-redis'
import { createCutoffReader, isCut } from './cutoffs.ts'
import { createSealedRecords } from './records/sealed-records.ts'
import { untilWritten } from './records/until-written.ts'
import { createSessionDirectory, type SessionDirectoryOptions } from './session-directory.ts'
import { endOf, expiryOf, isExpiryStale, limitsOf, longestLifetimeOf, parsePayload } from './session-payload.ts'
import { createExpiryMover, endSession, type SessionStoreOptions } from './session-store.ts'

export type ExpressSessionStoreOptions = SessionStoreOptions & Pick<SessionDirectoryOptions, 'inClusters' | 'person'>

/** Listing and clearing (`all`, `ids`, `length`, `clear`) fail: records cannot be listed without their ids. */
export function createExpressSessionStore(options: ExpressSessionStoreOptions): RedisStore {
  // The expiry is computed from the session itself; connect-redis only must not take it for expired.
  return new RedisStore({ client: createClientFacade(options), prefix: '', ttl: () => longestLifetimeOf(options) })
}

/** The part of node-redis that connect-redis calls. */
function createClientFacade(options: ExpressSessionStoreOptions) {
  const { clock, inClusters, person } = options
  const { records, secrets } = options
  const sessions = createSealedRecords({ records, secrets, kind: 'session' })
  const directory = createSessionDirectory({
    records,
    secrets,
    clock,
    longestLifetimeSeconds: longestLifetimeOf(options),
    endOf: login => endOf(login, options),
    ...(inClusters !== undefined && { inClusters }),
    ...(person !== undefined && { person }),
  })
  const readCut = createCutoffReader({ records, secrets })
  const moveExpiry = createExpiryMover(sessions)

  async function find(sessionId: string) {
    const [record, cut] = await Promise.all([sessions.get(sessionId), readCut()])
    if (record === undefined) return undefined
    const login = parsePayload(record.value)
    if (login !== undefined && isCut(cut, login, login.identity.provider)) return undefined
    const wanted = expiryOf(login, clock.now(), options)
    return wanted <= clock.now() ? undefined : { ...record, wanted, limits: limitsOf(login, options) }
  }

  /** False if another process has written meanwhile. */
  async function write(sessionId: string, payload: unknown): Promise<boolean> {
    const current = await sessions.get(sessionId)
    const merged = keepStoredLogin(payload, current?.value)
    const login = parsePayload(merged)
    const expiresAt = expiryOf(login, clock.now(), options)
    if (expiresAt <= clock.now()) {
      await endSession(sessions, sessionId, options)
      return true
    }
    if (current !== undefined) return sessions.replace(sessionId, current.version, merged, expiresAt)
    if (login !== undefined) await directory.register(sessionId, login)
    await sessions.put(sessionId, merged, expiresAt)
    return true
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
      await untilWritten('a session', async () => ((await write(sessionId, payload)) ? { outcome: true } : undefined))
    },
    async expire(sessionId: string): Promise<void> {
      const session = await find(sessionId)
      if (session === undefined || !isExpiryStale(session.expiresAt, session.wanted, session.limits)) return
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

/**
 * Threat: a page that read the session before the provider confirmed the login anew, and saves it afterwards: groups that
 * were taken away would be back. A page never changes a login that stands; each login has a session of its own.
 */
function keepStoredLogin(payload: unknown, stored: unknown): unknown {
  const kept = parsePayload(stored)
  if (kept === undefined || parsePayload(payload) === undefined) return payload
  return { ...(payload as object), passport: { user: kept } }
}
