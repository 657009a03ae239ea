/** What sessions, tickets and keys promise on top of either RecordStore; abuse cases by their ids. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { HandoffTicket } from '../../app/sessions/handoff-ticket.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import {
  createOneTimeStore,
  createSealedRecords,
  createSharedStore,
} from '../../app/sessions/records/sealed-records.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import type { Backend } from './contract.ts'
import { loginOf, payloadOf, secrets } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

const hour = 3600
const day = 24 * hour
const limits = { lifetimeSeconds: 12 * hour, idleSeconds: hour }
const newId = () => randomBytes(32).toString('base64url')

export function describeSessions(name: string, start: () => Promise<Backend>): void {
  describe(`sessions in ${name}`, () => {
    let backend: Backend
    let records: RecordStore
    let elsewhere: RecordStore
    openTwice(start, opened => {
      ;({ backend, here: records, there: elsewhere } = opened)
    })

    const sessionsOver = (store: RecordStore, further = {}) =>
      createSessionStore({ records: store, secrets, clock: backend.clock, ...limits, ...further })

    /** Logs somebody in, the way the auth host does. */
    async function logIn(login: LoginSession, id = newId()): Promise<string> {
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
      await express.set(id, payloadOf(login) as never)
      return id
    }

    test('a login is found with its identity, its start and its ID token, and elsewhere too', async () => {
      const login = loginOf('alice', backend.clock)
      const id = await logIn(login)
      expect(await sessionsOver(records).find(id)).toEqual(login)
      expect(await sessionsOver(elsewhere).find(id)).toEqual(login)
    })

    test('an unknown, an empty and a huge id find nothing', async () => {
      const sessions = sessionsOver(records)
      for (const id of [newId(), '', 'x'.repeat(20_000), '\uD800', 'a\0b'])
        expect(await sessions.find(id)).toBeUndefined()
    })

    test('a session in which nobody is logged in is no login', async () => {
      const id = newId()
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
      await express.set(id, { cookie: {} } as never)
      expect(await express.get(id)).toEqual({ cookie: {} })
      expect(await sessionsOver(records).find(id)).toBeUndefined()
    })

    test('a session whose shape is not ours is no login', async () => {
      const good = loginOf('alice', backend.clock)
      const broken = [
        { ...good, identity: { ...good.identity, kind: 'anonymous' } },
        { ...good, identity: { ...good.identity, subject: 7 } },
        { ...good, identity: { ...good.identity, groups: 'ops' } },
        { ...good, identity: { ...good.identity, groups: ['ops', 7] } },
        { ...good, identity: { ...good.identity, claims: [] } },
        { ...good, identity: { ...good.identity, authTime: 'today' } },
        { ...good, startedAt: 'today' },
        { identity: good.identity },
        null,
        'alice',
      ]
      const sealed = createSealedRecords({ records, secrets, kind: 'session' })
      for (const login of broken) {
        const id = newId()
        await sealed.put(id, { passport: { user: login } }, backend.clock.now() + 60_000)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
      }
    })

    test('an ended session is gone here and elsewhere, at once', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      expect(await sessionsOver(records).find(id)).toBeDefined()
      await sessionsOver(elsewhere).end(id)
      expect(await sessionsOver(records).find(id)).toBeUndefined()
      expect(await sessionsOver(elsewhere).find(id)).toBeUndefined()
    })

    test('a login is one frozen object as long as what is stored is the same', async () => {
      const login = loginOf('alice', backend.clock)
      const id = await logIn(login)
      const sessions = sessionsOver(records)
      const first = await sessions.find(id)
      expect(first).toEqual(login)
      const parts = [first, first?.identity, first?.identity.groups, first?.identity.claims]
      for (const part of parts) expect(Object.isFrozen(part)).toBe(true)
      expect(await sessions.find(id)).toBe(first)
      backend.clock.advance(120)
      await sessions.find(id)
      // Only its expiry has moved.
      expect(await sessions.find(id)).toBe(first)
      await sessionsOver(records).update(id, known => ({
        ...known,
        identity: { ...known.identity, groups: ['other'] },
      }))
      expect((await sessions.find(id))?.identity.groups).toEqual(['other'])
    })

    test('a session that others use up, end or save late is not kept alive by what is remembered of it (F02, F07)', async () => {
      const login = loginOf('alice', backend.clock)
      const [ended, idle] = [await logIn(login), await logIn(login)]
      const sessions = sessionsOver(records)
      for (const id of [ended, idle, ended, idle]) expect(await sessions.find(id)).toBeDefined()
      await sessionsOver(elsewhere).end(ended)
      expect(await sessions.find(ended)).toBeUndefined()
      await logIn(login, ended)
      expect(await sessions.find(ended)).toBeUndefined()
      backend.clock.advance(hour)
      expect(await sessions.find(idle)).toBeUndefined()
    })

    test('the memory of opened sessions is bounded, and what is pushed out is read again', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, () => logIn(loginOf('alice', backend.clock))))
      const sessions = sessionsOver(records, { memoryBytes: 8 * 1024 })
      const first = await Promise.all(ids.map(id => sessions.find(id)))
      const second = await Promise.all(ids.map(id => sessions.find(id)))
      expect(second).toEqual(first)
      expect(second.filter((login, index) => login === first[index]).length).toBeLessThan(10)
    })

    test('idle time ends a session, and checks alone keep it alive (F13)', async () => {
      const login = loginOf('alice', backend.clock)
      const [used, idle] = [await logIn(login), await logIn(login)]
      const sessions = sessionsOver(records)
      for (let minutes = 0; minutes < 90; minutes += 15) {
        expect(await sessions.find(used)).toBeDefined()
        backend.clock.advance(15 * 60)
      }
      expect(await sessions.find(used)).toBeDefined()
      expect(await sessions.find(idle)).toBeUndefined()
      backend.clock.advance(hour)
      expect(await sessions.find(used)).toBeUndefined()
    })

    test('the idle expiry is written at most once a minute, however many checks arrive', async () => {
      const { counting, writes } = countExtends(records)
      const id = await logIn(loginOf('alice', backend.clock))
      const sessions = sessionsOver(counting)
      for (let second = 0; second < 59; second += 1) {
        await sessions.find(id)
        backend.clock.advance(1)
      }
      expect(writes()).toBe(0)
      backend.clock.advance(1)
      await Promise.all(Array.from({ length: 50 }, () => sessions.find(id)))
      await sessions.find(id)
      expect(writes()).toBe(1)
    })

    test('an idle time shorter than a minute still counts from the last use', async () => {
      const login = loginOf('alice', backend.clock)
      const id = await logIn(login)
      const sessions = sessionsOver(records, { idleSeconds: 20 })
      for (let check = 0; check < 6; check += 1) {
        expect(await sessions.find(id)).toBeDefined()
        backend.clock.advance(10)
      }
      backend.clock.advance(10)
      expect(await sessions.find(id)).toBeUndefined()
    })

    test('F16 the absolute lifetime wins over rolling use', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      const sessions = sessionsOver(records)
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
      for (let minutes = 0; minutes < 12 * 60; minutes += 30) {
        expect(await sessions.find(id)).toBeDefined()
        await express.touch(id, {} as never)
        backend.clock.advance(30 * 60)
      }
      expect(await sessions.find(id)).toBeUndefined()
      expect(await express.get(id)).toBeNull()
    })

    test('F16 a save cannot start the lifetime anew, and a lifetime that was shortened holds for old sessions', async () => {
      const login = loginOf('alice', backend.clock)
      const id = await logIn(login)
      backend.clock.advance(50 * 60)
      await logIn(login, id)
      expect(await sessionsOver(records, { lifetimeSeconds: 50 * 60 }).find(id)).toBeUndefined()
      for (let hours = 0; hours < 11; hours += 0.5) {
        await logIn(login, id)
        backend.clock.advance(hour / 2)
      }
      expect(await sessionsOver(records).find(id)).toBeDefined()
      backend.clock.advance(10 * 60)
      await logIn(login, id)
      expect(await sessionsOver(records).find(id)).toBeUndefined()
    })

    test('F16 a lifetime that was shortened also ends what the pages see', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      const shortened = { ...limits, lifetimeSeconds: 60 }
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...shortened })
      expect(await express.get(id)).not.toBeNull()
      backend.clock.advance(60)
      expect(await express.get(id)).toBeNull()
    })

    test('F16 who chose to stay logged in has limits of their own, for as long as anybody may', async () => {
      const remembered = { lifetimeSeconds: 30 * day, idleSeconds: 14 * day }
      const login = { ...loginOf('alice', backend.clock), isRemembered: true as const }
      const id = newId()
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits, remembered })
      await express.set(id, payloadOf(login) as never)
      for (const days of [13, 13]) {
        backend.clock.advance(days * day)
        expect(await sessionsOver(records, { remembered }).find(id)).toBeDefined()
        expect(await express.get(id)).not.toBeNull()
      }
      expect(await sessionsOver(records).find(id)).toBeUndefined()
      backend.clock.advance(4 * day)
      expect(await sessionsOver(records, { remembered }).find(id)).toBeUndefined()
      expect(await express.get(id)).toBeNull()
    })

    test('F07 a session that was ended stays so for as long as anybody may stay logged in', async () => {
      const remembered = { lifetimeSeconds: 30 * day, idleSeconds: 14 * day }
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits, remembered })
      const sessions = sessionsOver(records, { remembered })
      const login = { ...loginOf('alice', backend.clock), isRemembered: true as const }
      for (const end of [(id: string) => sessions.end(id), (id: string) => express.destroy(id)]) {
        const id = newId()
        await express.set(id, payloadOf(login) as never)
        await end(id)
        backend.clock.advance(10 * day)
        await express.set(id, payloadOf(login) as never)
        expect(await sessions.find(id)).toBeUndefined()
      }
    })

    test('F07 a session that was ended is not resurrected by a late save, a touch or a check', async () => {
      const login = loginOf('alice', backend.clock)
      const id = await logIn(login)
      const express = createExpressSessionStore({ records: elsewhere, secrets, clock: backend.clock, ...limits })
      await sessionsOver(records).end(id)
      await express.set(id, payloadOf(login) as never)
      await express.touch(id, payloadOf(login) as never)
      expect(await express.get(id)).toBeNull()
      expect(await sessionsOver(records).find(id)).toBeUndefined()
      backend.clock.advance(11 * hour)
      await express.set(id, payloadOf(login) as never)
      expect(await sessionsOver(records).find(id)).toBeUndefined()
    })

    test('F07 a check that races the end never returns the session after it', async () => {
      for (let round = 0; round < 20; round += 1) {
        const id = await logIn(loginOf('alice', backend.clock))
        backend.clock.advance(120)
        const checks = Array.from({ length: 10 }, (_, index) => sessionsOver(index % 2 ? records : elsewhere).find(id))
        await sessionsOver(elsewhere).end(id)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
        await Promise.all(checks)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
      }
    })

    test('F07 a check that has read the session before it ended, and moves its expiry after, does not return it', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      backend.clock.advance(120)
      const get: RecordStore['get'] = async (kind, key) => {
        const record = await records.get(kind, key)
        await sessionsOver(elsewhere).end(id)
        return record
      }
      expect(await sessionsOver({ ...records, get }).find(id)).toBeUndefined()
    })

    test('F12 a value that was changed in the store opens nothing', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      const key = digestOf('session', id)
      const stored = await records.get('session', key)
      const sealed = Buffer.from(stored?.value ?? [])
      expect(sealed.length).toBeGreaterThan(100)
      const put = (value: Uint8Array) => records.put('session', key, value, backend.clock.now() + 60_000)
      for (const position of [0, 1, 12, 13, 40, sealed.length - 17, sealed.length - 16, sealed.length - 1]) {
        const changed = Buffer.from(sealed)
        changed[position] = (changed[position] ?? 0) ^ 1
        await put(changed)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
      }
      for (const value of [
        sealed.subarray(0, -1),
        Buffer.concat([sealed, sealed]),
        Buffer.alloc(0),
        Buffer.alloc(29, 1),
      ]) {
        await put(value)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
      }
      await put(sealed)
      expect(await sessionsOver(records).find(id)).toBeDefined()
    })

    test('F12 a value that was moved to another key or kind opens nothing', async () => {
      const [alice, bob] = [await logIn(loginOf('alice', backend.clock)), await logIn(loginOf('bob', backend.clock))]
      const stored = await records.get('session', digestOf('session', alice))
      const value = stored?.value ?? Buffer.alloc(0)
      const expiresAt = backend.clock.now() + 60_000
      await records.put('session', digestOf('session', bob), value, expiresAt)
      expect(await sessionsOver(records).find(bob)).toBeUndefined()
      await records.put('ticket', digestOf('ticket', alice), value, expiresAt)
      const tickets = createOneTimeStore<HandoffTicket>({ records, secrets, kind: 'ticket', clock: backend.clock })
      expect(await tickets.take(alice)).toBeUndefined()
    })

    test('F12 what is stored holds neither the id nor anything of the login', async () => {
      const id = await logIn(loginOf('alice', backend.clock))
      const stored = await records.get('session', digestOf('session', id))
      const raw = Buffer.from(stored?.value ?? []).toString('latin1')
      for (const secret of [id, 'alice', 'idp.example', 'ID token']) expect(raw).not.toContain(secret)
      expect(digestOf('session', id)).not.toContain(id)
    })

    test('a secret can be replaced: what the old one sealed still opens, until it is dropped', async () => {
      const [old, current] = [['the old secret, long enough to be one'], ['the new secret, long enough to be one']]
      const id = newId()
      const express = createExpressSessionStore({ records, secrets: old, clock: backend.clock, ...limits })
      await express.set(id, payloadOf(loginOf('alice', backend.clock)) as never)
      expect(await sessionsOver(records, { secrets: [...current, ...old] }).find(id)).toBeDefined()
      expect(await sessionsOver(records, { secrets: current }).find(id)).toBeUndefined()
    })

    test('a ticket works once, of many at the same time, here or elsewhere', async () => {
      const options = { secrets, kind: 'ticket', clock: backend.clock } as const
      const here = createOneTimeStore<HandoffTicket>({ records, ...options })
      const there = createOneTimeStore<HandoffTicket>({ records: elsewhere, ...options })
      const id = newId()
      const ticket = {
        sessionId: newId(),
        domain: 'wiki.example.com',
        returnTo: 'https://wiki.example.com/',
        nonceHash: 'h',
      }
      await here.put(id, ticket, 60)
      const taken = await Promise.all(Array.from({ length: 10 }, (_, index) => (index % 2 ? here : there).take(id)))
      expect(taken.filter(Boolean)).toEqual([ticket])
      expect(await here.take(id)).toBeUndefined()
    })

    test('a ticket expires, and an id is not used twice while it stands', async () => {
      const tickets = createOneTimeStore<string>({ records, secrets, kind: 'ticket', clock: backend.clock })
      const id = newId()
      await tickets.put(id, 'first', 60)
      await expect(tickets.put(id, 'second', 60)).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
      backend.clock.advance(60)
      expect(await tickets.take(id)).toBeUndefined()
    })

    test('replicas that add the same key agree on the first', async () => {
      const here = createSharedStore<string>({ records, secrets, kind: 'signing-key' })
      const there = createSharedStore<string>({ records: elsewhere, secrets, kind: 'signing-key' })
      const id = `epoch ${newId()}`
      const expiresAt = backend.clock.now() + 60_000
      const added = await Promise.all([
        here.add(id, 'key of here', expiresAt),
        there.add(id, 'key of there', expiresAt),
      ])
      expect(added.filter(Boolean)).toHaveLength(1)
      expect(await here.get(id)).toBe(added[0] ? 'key of here' : 'key of there')
      expect(await there.get(id)).toBe(await here.get(id))
    })
  })
}

function countExtends(records: RecordStore) {
  let count = 0
  const extend: RecordStore['extend'] = (kind, key, expiresAt) => {
    count += 1
    return records.extend(kind, key, expiresAt)
  }
  return { counting: { ...records, extend }, writes: () => count }
}
