/** Sessions in a store before a service starts, written by the store's own code, as many as wanted. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../app/clock.ts'
import { createHostCookies } from '../app/sessions/cookies/host-cookie.ts'
import { createExpressSessionStore } from '../app/sessions/express-store.ts'
import { createLmdbRecords } from '../app/sessions/lmdb/lmdb-records.ts'
import type { LoginSession } from '../app/sessions/login-session.ts'
import type { RecordStore } from '../app/sessions/record-store.ts'
import { createRedisRecords } from '../app/sessions/redis/redis-records.ts'
import { createSessionStore } from '../app/sessions/session-store.ts'
import { wikiHost } from './browser-request.ts'

/** Where the sessions of a service are. */
export interface SessionPlace {
  /** Of the embedded store; the service's `data` is below it. */
  readonly folder: string
  /** Absent: the embedded store. */
  readonly redisUrl?: string
  readonly redisPrefix: string
  readonly secret: string
}

export interface PlantedSession {
  readonly sessionId: string
  /** `name=value` on the wiki. */
  readonly cookie: string
}

export interface Planter {
  /** `loginAt` gives the login of each session by its number; by default all are Alice's. */
  readonly plant: (count: number, loginAt?: (index: number) => LoginSession) => Promise<readonly PlantedSession[]>
  /** As a log-out does it. */
  readonly end: (sessionId: string) => Promise<void>
  readonly close: () => Promise<void>
}

export const limits = { lifetimeSeconds: 12 * 3_600, idleSeconds: 3_600 }
/** Under way at once: enough for one transaction of LMDB, and below the queue limit of the Redis client. */
const batch = 1_000

export const openRecords = async ({ folder, redisUrl, redisPrefix }: SessionPlace): Promise<RecordStore> =>
  redisUrl === undefined ? embedded(folder) : connected(redisUrl, redisPrefix)

/** With the memory that a service has, where the store is Redis. */
export const openCachedRecords = async (place: SessionPlace): Promise<RecordStore> =>
  place.redisUrl === undefined ? embedded(place.folder) : connected(place.redisUrl, place.redisPrefix, cacheOptions)

export async function createPlanter(place: SessionPlace): Promise<Planter> {
  const { secret } = place
  const records = await openRecords(place)
  const options = { records, secrets: [secret], clock: systemClock, ...limits }
  const store = createExpressSessionStore(options)
  const sessions = createSessionStore(options)
  const cookies = createHostCookies({ secrets: [secret], isSecure: true })
  const set = promisify((id: string, session: unknown, done: (error?: unknown) => void) =>
    store.set(id, session as never, done),
  )
  const plantOne = async (login: LoginSession): Promise<string> => {
    const sessionId = randomBytes(32).toString('base64url')
    await set(sessionId, { cookie: { originalMaxAge: null }, passport: { user: login } })
    return sessionId
  }
  const withCookie = (sessionId: string): PlantedSession => ({
    sessionId,
    cookie: cookies.issueSession(sessionId, wikiHost).split(';')[0] ?? '',
  })
  return {
    async plant(count, loginAt = aliceLogin) {
      const kept: string[] = []
      for (let done = 0; done < count; done += batch) {
        const length = Math.min(batch, count - done)
        const ids = await Promise.all(Array.from({ length }, (_, at) => plantOne(loginAt(done + at))))
        // A million ids with their cookies would be half a gigabyte here; whoever asks samples anyway.
        kept.push(...ids.slice(0, sampleOf(count, ids.length)))
      }
      return kept.map(withCookie)
    },
    end: sessionId => sessions.end(sessionId),
    close: () => records.close(),
  }
}

/** How many of a batch are given back: at most ten thousand of all, from every part of the store. */
const sampleOf = (count: number, batchLength: number): number =>
  Math.ceil(batchLength * Math.min(1, mostSampled / count))
const mostSampled = 10_000

export function aliceLogin(): LoginSession {
  const now = Math.floor(Date.now() / 1_000)
  return {
    identity: {
      kind: 'user',
      subject: 'https://idp.example.com#alice',
      provider: 'corp',
      groups: ['ops', 'wiki-editors'],
      email: 'alice@example.com',
      name: 'Alice Archer',
      authTime: now,
      amr: ['pwd', 'otp'],
      claims: { department: 'engineering', locale: 'en-GB' },
    },
    startedAt: now,
    // As long as the ID tokens of real providers.
    idToken: 'a'.repeat(900),
  }
}

const embedded = (folder: string): RecordStore => createLmdbRecords({ path: join(folder, 'data'), clock: systemClock })

const cacheOptions = { cache: { maxBytes: 8 * 1024 * 1024 } } as const

function connected(url: string, prefix: string, further: Partial<typeof cacheOptions> = {}): Promise<RecordStore> {
  return new Promise(resolve => {
    const records = createRedisRecords({
      url,
      prefix,
      // A million sessions are planted at once; nobody waits for a check.
      commandTimeoutMs: 30_000,
      clock: systemClock,
      ...further,
      onStateChange: ({ isReady }) => isReady && resolve(records),
    })
  })
}
