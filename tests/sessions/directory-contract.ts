/** What finding and ending sessions without their ids promises, on top of either RecordStore. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createSessionDirectory, type SessionSummary } from '../../app/sessions/session-directory.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import type { Backend } from './contract.ts'
import { loginOf, payloadOf, secrets } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

const hour = 3600
const limits = { lifetimeSeconds: 12 * hour, idleSeconds: hour }
const newId = () => randomBytes(32).toString('base64url')

export function describeDirectory(name: string, start: () => Promise<Backend>): void {
  describe(`the directory of sessions in ${name}`, () => {
    let backend: Backend
    let records: RecordStore
    let elsewhere: RecordStore
    openTwice(start, opened => {
      ;({ backend, here: records, there: elsewhere } = opened)
    })

    const sessionsOver = (store: RecordStore) =>
      createSessionStore({ records: store, secrets, clock: backend.clock, ...limits })
    const expressOver = (store: RecordStore) =>
      createExpressSessionStore({ records: store, secrets, clock: backend.clock, ...limits })
    const directoryOver = (store: RecordStore) =>
      createSessionDirectory({
        records: store,
        secrets,
        clock: backend.clock,
        longestLifetimeSeconds: limits.lifetimeSeconds,
        endOf: login => login.startedAt + limits.lifetimeSeconds,
      })

    /** A person whom no other test knows. */
    function somebody(further: Partial<LoginSession> = {}): LoginSession {
      const login = loginOf('alice', backend.clock)
      const subject = `https://idp.example#${newId()}`
      return { ...login, ...further, identity: { ...login.identity, subject } }
    }
    async function logIn(login: LoginSession): Promise<string> {
      const id = newId()
      await expressOver(records).set(id, payloadOf(login) as never)
      return id
    }
    const handleOf = (id: string) => digestOf('session', id).slice(0, 16)
    async function listed(login: LoginSession, store = records): Promise<readonly string[]> {
      const page = await directoryOver(store).list({ subject: login.identity.subject }, { limit: 100 })
      return page.sessions.map(({ handle }) => handle).sort()
    }

    test('a login is on the list of its person at once and elsewhere, with what a person knows it by', async () => {
      const from = { clientAddress: '203.0.113.9', userAgent: 'Firefox' }
      const login = somebody({ startedFrom: from, providerSession: 'sid-1' })
      const [first, second] = [await logIn(login), await logIn(login)]
      expect(await listed(login, elsewhere)).toEqual([handleOf(first), handleOf(second)].sort())
      expect(await directoryOver(elsewhere).show(handleOf(first))).toEqual({
        handle: handleOf(first),
        subject: login.identity.subject,
        provider: 'corp',
        providerSession: 'sid-1',
        email: 'alice@example.com',
        startedAt: login.startedAt,
        endsAt: login.startedAt + limits.lifetimeSeconds,
        idleUntil: login.startedAt + limits.idleSeconds,
        ...from,
        hosts: [],
      })
    })

    test('nobody else is on the list of a person, of a host, or of a session of the provider', async () => {
      const [alice, bob] = [somebody({ providerSession: newId() }), somebody({ providerSession: newId() })]
      const [hers, his] = [await logIn(alice), await logIn(bob)]
      const [herHost, hisHost] = [`${newId()}.example.com`, `${newId()}.example.com`]
      await directoryOver(records).visited(hers, herHost)
      await directoryOver(records).visited(his, hisHost)
      const handles = async (filter: Parameters<ReturnType<typeof directoryOver>['list']>[0]) =>
        (await directoryOver(elsewhere).list(filter, { limit: 100 })).sessions.map(({ handle }) => handle)
      const providerSession = alice.providerSession ?? ''
      expect(await handles({ subject: alice.identity.subject })).toEqual([handleOf(hers)])
      expect(await handles({ host: herHost })).toEqual([handleOf(hers)])
      expect(await handles({ issuer: 'https://idp.example', providerSession })).toEqual([handleOf(hers)])
      expect(await handles({ issuer: 'https://other.example', providerSession })).toEqual([])
      const all = await handles({ all: true })
      expect(all).toEqual(expect.arrayContaining([handleOf(hers), handleOf(his)]))
    })

    test('what has ended, by whatever way, is on no list', async () => {
      const login = somebody()
      const ids = [await logIn(login), await logIn(login), await logIn(login)]
      await sessionsOver(elsewhere).end(ids[0] ?? '')
      await expressOver(elsewhere).destroy(ids[1] ?? '')
      expect(await listed(login)).toEqual([handleOf(ids[2] ?? '')])
      expect(await directoryOver(records).show(handleOf(ids[0] ?? ''))).toBeUndefined()
      expect(await directoryOver(records).show('unknown-0123456')).toBeUndefined()
    })

    test('ending a person ends each of their sessions everywhere, tells of each, and of nobody else', async () => {
      const [login, other] = [somebody(), somebody()]
      const ids = await Promise.all(Array.from({ length: 300 }, () => logIn(login)))
      const spared = await logIn(other)
      const sessions = sessionsOver(elsewhere)
      for (const id of ids) expect(await sessions.find(id)).toBeDefined()
      const told: SessionSummary[] = []
      const filter = { subject: login.identity.subject }
      expect(await directoryOver(records).end(filter, session => told.push(session))).toBe(300)
      expect(told.map(({ handle }) => handle).sort()).toEqual(ids.map(handleOf).sort())
      for (const id of ids) expect(await sessionsOver(records).find(id)).toBeUndefined()
      expect(await sessions.find(spared)).toBeDefined()
      expect(await directoryOver(records).end(filter, () => {})).toBe(0)
    })

    test('one session of a person may be spared', async () => {
      const login = somebody()
      const ids = [await logIn(login), await logIn(login), await logIn(login)]
      const except = handleOf(ids[1] ?? '')
      const told: string[] = []
      const tell = ({ handle }: SessionSummary) => void told.push(handle)
      expect(await directoryOver(elsewhere).end({ subject: login.identity.subject }, tell, { except })).toBe(2)
      expect(told).not.toContain(except)
      expect(await listed(login)).toEqual([except])
    })

    test('what has ended is told of, also when another one cannot be ended', async () => {
      const login = somebody()
      const ids = [await logIn(login), await logIn(login), await logIn(login)]
      const stuck = digestOf('session', ids[1] ?? '')
      const failing: RecordStore = {
        ...records,
        end: async (kind, key, until) => {
          if (key === stuck) throw new Error('the disk is full')
          await records.end(kind, key, until)
        },
      }
      const told: string[] = []
      const ending = directoryOver(failing).end({ subject: login.identity.subject }, ({ handle }) => told.push(handle))
      await expect(ending).rejects.toThrow('the disk is full')
      expect(told.sort()).toEqual([handleOf(ids[0] ?? ''), handleOf(ids[2] ?? '')].sort())
      expect(await listed(login)).toEqual([handleOf(ids[1] ?? '')])
    })

    test('a login that is under way when its person is ended does not come up afterwards', async () => {
      const login = somebody()
      const id = newId()
      await directoryOver(records).register(id, login)
      await directoryOver(elsewhere).end({ subject: login.identity.subject }, () => {})
      await expressOver(records).set(id, payloadOf(login) as never)
      expect(await sessionsOver(records).find(id)).toBeUndefined()
    })

    test('hosts that take the session over at the same time are all noted, and once', async () => {
      const login = somebody()
      const id = await logIn(login)
      const hosts = ['a', 'b', 'c', 'd'].map(label => `${label}.example.com`)
      await Promise.all(
        [...hosts, 'a.example.com'].map((host, at) =>
          directoryOver(at % 2 === 0 ? records : elsewhere).visited(id, host),
        ),
      )
      const found = await directoryOver(records).show(handleOf(id))
      expect(found?.hosts.map(({ host }) => host).sort()).toEqual(hosts)
    })

    test('of any number of hosts the last hundred are named, and each has the session on its list', async () => {
      const id = await logIn(somebody())
      const hosts = Array.from({ length: 103 }, (_, at) => `${at}.${newId().toLowerCase()}.example.com`)
      for (const host of hosts) await directoryOver(records).visited(id, host)
      const shown = await directoryOver(records).show(handleOf(id))
      expect(shown?.hosts.map(({ host }) => host)).toEqual(hosts.slice(3))
      const { sessions } = await directoryOver(records).list({ host: hosts[0] ?? '' }, { limit: 10 })
      expect(sessions.map(({ handle }) => handle)).toEqual([handleOf(id)])
    })

    test('a summary does not say what opens anything', async () => {
      const login = somebody({ idToken: 'the ID token', providerSession: 'sid' })
      const id = await logIn(login)
      const shown = JSON.stringify(await directoryOver(records).show(handleOf(id)))
      for (const secret of [id, 'the ID token', digestOf('session', id)]) expect(shown).not.toContain(secret)
    })

    describe('a login that was read anew', () => {
      const fewer = (login: LoginSession): LoginSession => ({
        ...login,
        verifiedAt: login.startedAt + 60,
        identity: { ...login.identity, groups: [] },
      })

      test('is what every process finds from then on', async () => {
        const login = somebody()
        const id = await logIn(login)
        const there = sessionsOver(elsewhere)
        expect(await there.find(id)).toEqual(login)
        expect(await sessionsOver(records).update(id, fewer)).toEqual(fewer(login))
        await expect.poll(async () => there.find(id)).toEqual(fewer(login))
      })

      test('stays when a page saves what it had read before', async () => {
        const login = somebody()
        const id = await logIn(login)
        const express = expressOver(records)
        const read = await express.get(id)
        await sessionsOver(records).update(id, fewer)
        await express.set(id, { ...(read as object), note: 'of the page' } as never)
        expect(await sessionsOver(records).find(id)).toEqual(fewer(login))
        expect(await express.get(id)).toMatchObject({ note: 'of the page' })
      })

      test('loses nothing of what others write at the same time', async () => {
        const login = somebody()
        const id = await logIn(login)
        const add = (group: string) => (known: LoginSession) => ({
          ...known,
          identity: { ...known.identity, groups: [...known.identity.groups, group] },
        })
        const groups = ['a', 'b', 'c', 'd', 'e', 'f']
        await Promise.all(
          groups.map((group, at) => sessionsOver(at % 2 === 0 ? records : elsewhere).update(id, add(group))),
        )
        const found = await sessionsOver(records).find(id)
        expect(found?.identity.groups.toSorted()).toEqual([...groups, 'ops'])
      })

      test('does not bring back a session that has ended', async () => {
        const id = await logIn(somebody())
        const sessions = sessionsOver(records)
        await sessions.end(id)
        expect(await sessions.update(id, fewer)).toBeUndefined()
        expect(await sessions.find(id)).toBeUndefined()
      })
    })
  })
}
