/** What verification promises on top of either RecordStore, over two processes; abuse cases by their ids. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createSessionDirectory } from '../../app/sessions/session-directory.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { createSessionTokens } from '../../app/sessions/session-tokens.ts'
import { createLeases } from '../../app/sessions/verification/lease.ts'
import { createVerification, overdueAfter } from '../../app/sessions/verification/verification.ts'
import { type AskProvider, createVerifySession, type Verdict } from '../../app/sessions/verification/verify-session.ts'
import { fc } from '../properties.ts'
import type { Backend } from './contract.ts'
import { loginOf, payloadOf, secrets } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

const limits = { lifetimeSeconds: 12 * 3600, idleSeconds: 12 * 3600 }
const ages = { verifyEverySeconds: 300, staleGraceSeconds: 3600 }
/** Renewed three times in it: a machine that is late by two thirds of it loses it. */
const leaseMs = 1_500
const newId = () => randomBytes(32).toString('base64url')

export function describeVerification(name: string, start: () => Promise<Backend>): void {
  describe(`verification in ${name}`, () => {
    let backend: Backend
    let records: RecordStore
    let elsewhere: RecordStore
    openTwice(start, opened => {
      ;({ backend, here: records, there: elsewhere } = opened)
    })

    /** The part of a replica that verifies. */
    function replicaOver(store: RecordStore, ask: AskProvider, longestWaitMs?: number) {
      const { clock } = backend
      const sessions = createSessionStore({ records: store, secrets, clock, ...limits })
      const verdicts: Verdict[] = []
      const verifySession = createVerifySession({
        sessions,
        tokens: createSessionTokens({ records: store, secrets }),
        leases: createLeases({ records: store, clock, ttlMs: leaseMs }),
        ask,
        clock,
        isOverdue: overdueAfter(ages, clock),
        onVerdict: verdict => verdicts.push(verdict),
      })
      const onError = (error: unknown) => expect.fail(String(error))
      const wait = longestWaitMs === undefined ? {} : { longestWaitMs }
      const verification = createVerification({ ...ages, ...wait, sessions, verifySession, clock, onError })
      const check = async (id: string) => {
        const login = await sessions.find(id)
        if (login === undefined) return undefined
        const asked = { headers: { only: () => undefined }, isInteractive: false }
        return verification.guard(login, { sessionId: id, sessionDigest: '' }, 'wiki.example.com', asked)
      }
      return { sessions, verdicts, verification, check }
    }

    const tokensOver = (store: RecordStore) => createSessionTokens({ records: store, secrets })
    const expressOver = (store: RecordStore) =>
      createExpressSessionStore({ records: store, secrets, clock: backend.clock, ...limits })

    async function logIn(refreshToken = 'first'): Promise<string> {
      const id = newId()
      const login: LoginSession = { ...loginOf('alice', backend.clock), verifyBy: 'refresh-token' }
      await expressOver(records).set(id, payloadOf(login) as never)
      await tokensOver(records).put(id, { refreshToken }, backend.clock.now() + limits.lifetimeSeconds * 1000)
      return id
    }

    const confirmed = async (login: LoginSession) =>
      ({ kind: 'confirmed', identity: { ...login.identity, groups: ['guests'] } }) as const

    /** Time passes for both processes as it does for this one. */
    async function whileTimePasses<T>(work: () => Promise<T>): Promise<T> {
      const timer = setInterval(() => backend.clock.advance(0.05), 50)
      return work().finally(() => clearInterval(timer))
    }

    test('F09 one call that takes longer than a lease lasts is still one call', async () => {
      const id = await logIn()
      let calls = 0
      const slow: AskProvider = async login => {
        calls += 1
        await delay(2.5 * leaseMs)
        return confirmed(login)
      }
      const [one, other] = [replicaOver(records, slow), replicaOver(elsewhere, slow)]
      backend.clock.advance(301)
      const answers = await whileTimePasses(() =>
        Promise.all([one, other, one, other].map(replica => replica.check(id))),
      )
      expect(calls).toBe(1)
      for (const answer of answers) expect(answer).toMatchObject({ identity: { groups: ['guests'] } })
      expect([...one.verdicts, ...other.verdicts]).toEqual([{ kind: 'verified' }])
    })

    test('F09 a lease whose holder is gone falls free', async () => {
      const id = await logIn()
      const key = digestOf('session', id)
      await elsewhere.add('lease', key, Buffer.from('somebody who is gone'), backend.clock.now() + 600)
      const replica = replicaOver(records, confirmed)
      backend.clock.advance(301)
      await elsewhere.add('lease', key, Buffer.from('somebody who is gone'), backend.clock.now() + 600)
      const started = performance.now()
      expect(await whileTimePasses(() => replica.check(id))).toMatchObject({ identity: { groups: ['guests'] } })
      expect(performance.now() - started).toBeGreaterThan(300)
    })

    test('F08 whoever gets the lease looks whether there is still something to ask', async () => {
      const id = await logIn()
      let calls = 0
      const counting: AskProvider = login => {
        calls += 1
        return confirmed(login)
      }
      const other = replicaOver(elsewhere, counting)
      const late: RecordStore = {
        ...records,
        name: records.name,
        async add(kind, ...rest) {
          // The other one is faster by a hair: done between the look at the session and the lease.
          if (kind === 'lease') await other.check(id)
          return records.add(kind, ...rest)
        },
      }
      backend.clock.advance(301)
      expect(await replicaOver(late, counting).check(id)).toMatchObject({ identity: { groups: ['guests'] } })
      expect(calls).toBe(1)
    })

    test('a check that waits in vain goes on within the grace, and is refused after it', async () => {
      const id = await logIn()
      const never: AskProvider = () => new Promise(() => {})
      const replica = replicaOver(records, never, 100)
      backend.clock.advance(301)
      expect(await replica.check(id)).toMatchObject({ identity: { groups: ['ops'] } })
      backend.clock.advance(3600)
      await expect(replica.check(id)).rejects.toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
    })

    test('K07 the end of a session ends its tokens, and what is written late stays away', async () => {
      const id = await logIn()
      const stored = await tokensOver(records).get(id)
      expect(stored?.tokens).toEqual({ refreshToken: 'first' })
      await replicaOver(elsewhere, confirmed).sessions.end(id)
      expect(await tokensOver(records).get(id)).toBeUndefined()
      if (stored === undefined) throw new Error('there were no tokens')
      await tokensOver(records).replace(id, stored, { refreshToken: 'second' })
      await tokensOver(records).put(id, { refreshToken: 'third' }, backend.clock.now() + 60_000)
      expect(await tokensOver(elsewhere).get(id)).toBeUndefined()
    })

    test('K07 the directory ends the tokens of a session that it knows by its key alone', async () => {
      const id = await logIn()
      const endOf = (login: LoginSession) => login.startedAt + limits.lifetimeSeconds
      const longest = { longestLifetimeSeconds: limits.lifetimeSeconds, endOf }
      const directory = createSessionDirectory({ records: elsewhere, secrets, clock: backend.clock, ...longest })
      await directory.end({ session: digestOf('session', id).slice(0, 16) }, () => {})
      expect(await tokensOver(records).get(id)).toBeUndefined()
      expect(await replicaOver(records, confirmed).check(id)).toBeUndefined()
    })

    test('tokens do not open without the session id, with the master secret neither', async () => {
      const id = await logIn('a refresh token')
      const record = await records.get('tokens', digestOf('session', id))
      expect(record?.value.length).toBeGreaterThan(0)
      expect(Buffer.from(record?.value ?? []).toString('latin1')).not.toContain('a refresh token')
      const other = newId()
      await records.put('tokens', digestOf('session', other), record?.value ?? new Uint8Array(), record?.expiresAt ?? 0)
      expect(await tokensOver(records).get(other)).toBeUndefined()
      expect((await tokensOver(records).get(id))?.tokens).toEqual({ refreshToken: 'a refresh token' })
    })

    test('a new refresh token survives a store that fails for a moment', async () => {
      const id = await logIn()
      let failures = 3
      const failing: RecordStore = {
        ...records,
        name: records.name,
        replace: (kind, ...rest) => {
          if (kind !== 'tokens' || failures === 0) return records.replace(kind, ...rest)
          failures -= 1
          return Promise.reject(new OperationalError('ERR_STORE_UNAVAILABLE', 'for a moment'))
        },
      }
      const used: (string | undefined)[] = []
      const rotating: AskProvider = async (login, tokens, keep) => {
        used.push(tokens.refreshToken)
        await keep({ refreshToken: 'second' })
        return confirmed(login)
      }
      backend.clock.advance(301)
      expect(await replicaOver(failing, rotating).check(id)).toMatchObject({ identity: { groups: ['guests'] } })
      expect([used, failures]).toEqual([['first'], 0])
      expect((await tokensOver(elsewhere).get(id))?.tokens).toEqual({ refreshToken: 'second' })
    })

    test('F10 a refusal of a token that somebody else has used up is no refusal of the login', async () => {
      const id = await logIn()
      const stolen: AskProvider = async (login, { refreshToken }) => {
        if (refreshToken !== 'first') return confirmed(login)
        const stored = await tokensOver(elsewhere).get(id)
        if (stored !== undefined) await tokensOver(elsewhere).replace(id, stored, { refreshToken: 'second' })
        return { kind: 'refused', code: 'ERR_LOGIN_REFUSED', detail: 'invalid_grant' }
      }
      const replica = replicaOver(records, stolen)
      backend.clock.advance(301)
      expect(await replica.check(id)).toMatchObject({ identity: { groups: ['guests'] } })
      expect(replica.verdicts).toEqual([{ kind: 'verified' }])
    })

    test('a clock that was set back asks again, and ends nothing', async () => {
      backend.clock.advance(10_000)
      const id = await logIn()
      backend.clock.advance(-5000)
      const replica = replicaOver(records, confirmed)
      expect(await replica.check(id)).toMatchObject({ identity: { groups: ['guests'] } })
      expect(replica.verdicts).toEqual([{ kind: 'verified' }])
      backend.clock.advance(5000)
    })

    test('no order of checks, page loads and a log-out resurrects a session or loses the newest token', async () => {
      const step = fc.record({
        what: fc.constantFrom('check', 'check', 'check elsewhere', 'check elsewhere', 'page', 'end'),
        afterMs: fc.nat(25),
      })
      const plan = fc.record({ steps: fc.array(step, { minLength: 4, maxLength: 12 }), callMs: fc.nat(30) })
      await fc.assert(
        fc.asyncProperty(plan, async ({ steps, callMs }) => {
          const id = await logIn('0')
          let newest = 0
          let reuses = 0
          let isEnded = false
          const rotating: AskProvider = async (login, { refreshToken }, keep) => {
            if (refreshToken !== String(newest)) reuses += 1
            newest += 1
            const mine = String(newest)
            await delay(callMs)
            await keep({ refreshToken: mine })
            return confirmed(login)
          }
          const [one, other] = [replicaOver(records, rotating), replicaOver(elsewhere, rotating)]
          const express = expressOver(records)
          const look = (replica: typeof one) => async () => {
            const wasEnded = isEnded
            const answer = await replica.check(id)
            if (wasEnded) expect(answer).toBeUndefined()
          }
          const doers = {
            check: look(one),
            'check elsewhere': look(other),
            page: () => loadPage(express, id),
            end: async () => {
              await one.sessions.end(id)
              isEnded = true
            },
          }
          backend.clock.advance(301)
          const run = ({ what, afterMs }: { what: keyof typeof doers; afterMs: number }) =>
            delay(afterMs).then(doers[what])
          await Promise.all(steps.map(run))
          await Promise.all([one.verification.whenIdle(10_000), other.verification.whenIdle(10_000)])
          expect(reuses).toBe(0)
          const stored = await tokensOver(elsewhere).get(id)
          expect(stored?.tokens.refreshToken).toBe(isEnded ? undefined : String(newest))
          if (isEnded) expect(await other.check(id)).toBeUndefined()
        }),
        { numRuns: 40 },
      )
    })
  })
}

/** Reads the session as a page of the auth host does, and saves what it has read a moment later. */
async function loadPage(express: ReturnType<typeof createExpressSessionStore>, id: string): Promise<void> {
  const page = await express.get(id)
  await delay(5)
  if (page !== undefined && page !== null) await express.set(id, page)
}
