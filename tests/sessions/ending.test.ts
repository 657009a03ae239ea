/** Many sessions ended at once, and log-outs that race logins: on either store, with one that remembers, in two clients. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCutoffs } from '../../app/sessions/cutoffs.ts'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { createLogoutMarks } from '../../app/sessions/logout-marks.ts'
import { createProviderLogout } from '../../app/sessions/provider-logout.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { createSessionDirectory } from '../../app/sessions/session-directory.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { stretched, withLateness } from '../pace.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, patience, payloadOf, secrets } from './fixtures.ts'
import { untilVerified } from './waiting.ts'

const hour = 3600
const limits = { lifetimeSeconds: 12 * hour, idleSeconds: hour }
const hasRedis = requirePeer('redis-server') !== undefined
const newId = () => randomBytes(32).toString('base64url')

describe.each(['lmdb', 'redis', 'redis with a memory'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('sessions', () => {
    const clock = createMovableClock()
    let redis: RunningRedis | undefined
    let directory: string
    let here: Replica
    let there: Replica
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'sallyport-ending-'))
      if (store !== 'lmdb') redis = await startRedis()
      here = over(await open())
      there = over(await open())
    })
    afterAll(async () => {
      await here.records.close()
      await there.records.close()
      await redis?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    async function open(): Promise<RecordStore> {
      const cache = store === 'redis with a memory' ? { cache: { maxBytes: 8 * 1024 * 1024 } } : {}
      if (redis === undefined) return createLmdbRecords({ path: join(directory, 'data'), clock })
      const records = createRedisRecords({ url: redis.url, clock, ...patience, ...cache })
      await untilVerified(records)
      return records
    }
    type Replica = ReturnType<typeof over>
    function over(records: RecordStore) {
      const kept = { records, secrets, clock, ...limits }
      const longestLifetimeSeconds = limits.lifetimeSeconds
      const endOf = (login: LoginSession) => login.startedAt + limits.lifetimeSeconds
      const sessionDirectory = createSessionDirectory({ ...kept, longestLifetimeSeconds, endOf })
      const marks = createLogoutMarks({ records, secrets, clock, attemptLifetimeSeconds: 600 })
      return {
        records,
        sessions: createSessionStore(kept),
        express: createExpressSessionStore(kept),
        directory: sessionDirectory,
        cutoffs: createCutoffs({ records, secrets, clock, longestLifetimeSeconds }),
        marks,
        logout: createProviderLogout({
          directory: sessionDirectory,
          marks,
          confirmedBy: async () => undefined,
          onLogout: async () => undefined,
        }),
      }
    }

    function somebody(further: Partial<LoginSession> = {}, provider = 'corp'): LoginSession {
      const login = loginOf('alice', clock)
      return {
        ...login,
        ...further,
        identity: { ...login.identity, provider, subject: `https://idp.example#${newId()}` },
      }
    }
    async function logIn(login: LoginSession, replica = here): Promise<string> {
      const id = newId()
      await replica.express.set(id, payloadOf(login) as never)
      return id
    }
    const isFound = async (id: string) =>
      (await Promise.all([here, there].map(async ({ sessions }) => (await sessions.find(id)) !== undefined))).includes(
        true,
      )
    /** What another replica does is told a moment later. */
    const expectGone = (id: string) => expect.poll(() => isFound(id), { interval: 1 }).toBe(false)

    describe('that are cut', () => {
      test('are gone everywhere for every reader, those that begin afterwards are not', async () => {
        const login = somebody()
        const [first, second] = [await logIn(login), await logIn(login, there)]
        expect([await isFound(first), await isFound(second)]).toEqual([true, true])
        await here.cutoffs.cut({ all: true })
        for (const id of [first, second]) await expectGone(id)
        for (const { directory: found, express, sessions } of [here, there]) {
          expect(await express.get(first)).toBeNull()
          expect(await sessions.update(first, changed => ({ ...changed, verifiedAt: 1 }))).toBeUndefined()
          expect((await found.list({ subject: login.identity.subject }, { limit: 10 })).sessions).toEqual([])
        }
        clock.advance(1)
        const third = await logIn(somebody())
        expect(await isFound(third)).toBe(true)
        expect(await here.express.get(third)).not.toBeNull()
      })

      test('of one provider are gone, those of another are not, also one with a name of every object', async () => {
        const [corp, partner, odd] = [
          await logIn(somebody()),
          await logIn(somebody({}, 'partner')),
          await logIn(somebody({}, 'constructor')),
        ]
        await there.cutoffs.cut({ provider: 'corp' })
        await expectGone(corp)
        expect([await isFound(partner), await isFound(odd)]).toEqual([true, true])
        await here.cutoffs.cut({ provider: 'constructor' })
        await expectGone(odd)
        expect([await isFound(corp), await isFound(partner)]).toEqual([false, true])
        clock.advance(1)
      })

      test('in the same second as they began are gone too', async () => {
        const id = await logIn(somebody({ startedAt: Math.floor(clock.now() / 1000) }))
        await here.cutoffs.cut({ all: true })
        await expectGone(id)
        clock.advance(1)
      })

      test('J129 are not those that begin a millisecond later, in the same second', async () => {
        clock.advance(1 - (clock.now() % 1000) / 1000)
        const begun = (): LoginSession =>
          somebody({ startedAt: Math.floor(clock.now() / 1000), startedAtMs: clock.now() })
        const before = begun()
        const id = await logIn(before)
        await here.cutoffs.cut({ all: true })
        await expectGone(id)
        expect(await here.marks.isLoggedOut(before, clock.now() / 1000)).toBe(true)
        clock.advance(0.001)
        const login = begun()
        expect(login.startedAt).toBe(before.startedAt)
        const after = await logIn(login)
        for (const { express, marks, sessions } of [here, there]) {
          expect(await sessions.find(after)).toEqual(login)
          expect(await express.get(after)).not.toBeNull()
          expect(await marks.isLoggedOut(login, clock.now() / 1000)).toBe(false)
        }
        expect(await isFound(id)).toBe(false)
        clock.advance(1)
      })

      test('by several at the same moment are all gone', async () => {
        const providers = Array.from({ length: 8 }, (_, index) => `provider-${index}`)
        const ids = await Promise.all(providers.map(provider => logIn(somebody({}, provider))))
        await Promise.all(
          providers.map((provider, index) => (index % 2 === 0 ? here : there).cutoffs.cut({ provider })),
        )
        for (const id of ids) await expectGone(id)
        clock.advance(1)
      })

      test('are not prolonged by those who ask, and stay gone for as long as they could have lived', async () => {
        const long = { lifetimeSeconds: limits.lifetimeSeconds, idleSeconds: limits.lifetimeSeconds }
        const kept = { records: here.records, secrets, clock, ...long }
        const id = newId()
        await createExpressSessionStore(kept).set(id, payloadOf(somebody()) as never)
        await here.cutoffs.cut({ all: true })
        const sessions = createSessionStore(kept)
        for (let step = 0; step < 13; step += 1) {
          expect(await sessions.find(id)).toBeUndefined()
          clock.advance(hour)
        }
      })

      test('are those, too, whose login was begun before and is finished afterwards', async () => {
        const attemptStartedAt = Math.floor(clock.now() / 1000)
        clock.advance(2)
        await here.cutoffs.cut({ provider: 'corp' })
        clock.advance(2)
        await expect.poll(() => there.marks.isLoggedOut(somebody(), attemptStartedAt)).toBe(true)
        expect(await there.marks.isLoggedOut(somebody({}, 'partner'), attemptStartedAt)).toBe(false)
        expect(await there.marks.isLoggedOut(somebody(), Math.floor(clock.now() / 1000))).toBe(false)
      })

      test('are refused by others within 10 ms in the median and 250 ms at most, while they are asked for', async () => {
        const { result: times, late } = await withLateness(async () => {
          const moments: number[] = []
          for (let round = 0; round < 200; round += 1) {
            const id = await logIn(somebody())
            expect(await there.sessions.find(id)).toBeDefined()
            await here.cutoffs.cut({ all: true })
            const from = performance.now()
            while ((await there.sessions.find(id)) !== undefined) await nextTurn()
            moments.push(performance.now() - from)
            clock.advance(1)
          }
          return moments
        })
        const sorted = times.toSorted((one, other) => one - other)
        const [median = 0, most = 0] = [sorted[100], sorted[199]]
        process.stdout.write(`cut on ${store}: median ${median.toFixed(2)} ms, max ${most.toFixed(2)} ms of 200\n`)
        expect(median).toBeLessThan(stretched(10, late.oftenMs))
        expect(most).toBeLessThan(stretched(250, late.mostMs))
      })
    })

    describe('of a person who logs in while the provider tells of a log-out', () => {
      test.each(['session', 'subject', 'both'] as const)(
        'never stand afterwards, whoever is faster: by %s',
        async by => {
          let wereFaster = 0
          for (let round = 0; round < 200; round += 1) {
            const attemptStartedAt = Math.floor(clock.now() / 1000)
            const login = somebody(by === 'both' ? {} : { providerSession: randomUUID() })
            const { subject } = login.identity
            const loggedOut = {
              issuer: 'https://idp.example',
              ...(by !== 'session' && { subject }),
              ...(by !== 'subject' && { providerSession: login.providerSession ?? randomUUID() }),
            }
            const id = newId()
            const logInHere = async () => {
              for (let turn = round % 7; turn > 0; turn -= 1) await nextTurn()
              await here.express.set(id, payloadOf(login) as never)
              if (!(await here.marks.isLoggedOut(login, attemptStartedAt))) return
              wereFaster += 1
              await here.sessions.end(id)
            }
            const logOutThere = async () => {
              for (let turn = round % 5; turn > 0; turn -= 1) await nextTurn()
              await there.logout.end(loggedOut, () => undefined)
            }
            await Promise.all([logInHere(), logOutThere()])
            await expectGone(id)
            clock.advance(1)
          }
          // Both ways have to have happened, or this has shown nothing.
          expect(wereFaster).toBeGreaterThan(0)
        },
      )

      test('stand when the attempt began afterwards, and when the mark has expired', async () => {
        const before = Math.floor(clock.now() / 1000)
        const login = somebody({ providerSession: randomUUID() })
        await there.logout.end({ issuer: 'https://idp.example', subject: login.identity.subject }, () => undefined)
        expect(await here.marks.isLoggedOut(login, before)).toBe(true)
        expect(await here.marks.isLoggedOut(login, before + 1)).toBe(false)
        clock.advance(1201)
        expect(await here.marks.isLoggedOut(login, before)).toBe(false)
      })
    })
  })
})
