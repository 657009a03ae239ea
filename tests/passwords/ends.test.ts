/** What ends an application password or puts it to sleep, on every store and over two replicas; nothing is waited for. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { logoutToken, startLogoutWorld } from '../attacks/logout-world.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header, TestBrowser, type TestService } from '../service.ts'
import {
  conditions,
  type Given,
  git,
  makeWith,
  type PasswordsWorld,
  policy,
  post,
  startPasswords,
  visit,
} from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const day = 86_400
/** Just above `sessions.verifyEvery`. */
const aWhile = 301

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('an application password', () => {
    let redis: RunningRedis | undefined
    let world: PasswordsWorld
    let moved = 0
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      world = await startPasswords({
        replicas: 2,
        settings: {
          sessions: { lifetime: '12h', idle: '12h', ...(redis !== undefined && { store, url: redis.url }) },
          passwords: { confirmWithin: '10d', failuresPerMinute: 100_000 },
        },
      })
    })
    afterEach(() => {
      world.moveClock(-moved)
      moved = 0
      for (const person of ['alice', 'bob'] as const) world.provider.people.enable(person)
      world.provider.people.setGroups('alice', ['ops'])
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    const move = (seconds: number): void => {
      moved += seconds
      world.moveClock(seconds)
    }
    /** As both replicas see it. */
    const statuses = async (given: Given): Promise<readonly number[]> => [
      (await world.use(given)).status,
      (await world.use(given, undefined, world.replica(1))).status,
    ]
    const admin = async (path: string, body: object) => {
      const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      const response = await fetch(`http://127.0.0.1:${world.replica(1).adminPort}${path}`, call)
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    const subjectOf = (person: string): string => `${world.provider.issuer}#${person}`
    const endings = (handle: string) =>
      [...world.auditEvents(), ...world.replica(1).auditEvents()].filter(
        event => event.event === 'password.revoked' && event.handle === handle,
      )

    it('J40 is refused by every replica from the moment on in which its owner revokes it', async () => {
      const [one, other] = [await world.make('alice', { name: 'one' }), await world.make('alice', { name: 'other' })]
      expect(await statuses(one)).toEqual([200, 200])
      const answer = await post(world, one.browser, '/session/passwords/revoke', [['password', one.handle]])
      expect([answer.status, answer.location]).toEqual([303, '/session'])
      expect([await statuses(one), await statuses(other)]).toEqual([
        [401, 401],
        [200, 200],
      ])
      await expect.poll(() => endings(one.handle)).toMatchObject([{ cause: 'owner', subject: subjectOf('alice') }])
      expect((await visit(world, one.browser)).text).not.toContain(one.handle)
      await post(world, one.browser, '/session/passwords/revoke-all', [])
      expect(await statuses(other)).toEqual([401, 401])
    })

    it('J40 of somebody else is not theirs to revoke', async () => {
      const [alice, bob] = [await world.make('alice'), await world.make('bob')]
      const answer = await post(world, bob.browser, '/session/passwords/revoke', [['password', alice.handle]])
      expect(answer.status).toBe(404)
      await post(world, bob.browser, '/session/passwords/revoke-all', [])
      expect([await statuses(alice), await statuses(bob)]).toEqual([
        [200, 200],
        [401, 401],
      ])
      expect((await visit(world, bob.browser)).text).not.toContain(alice.handle)
    })

    it('J40 ends with all other sessions of its owner, and not with a log-out', async () => {
      const { browser, ...alice } = await world.make('alice')
      const other = new TestBrowser()
      await world.logIn('alice', `${git}/pages/`, other)
      await post(world, browser, '/logout', [])
      expect(await statuses(alice)).toEqual([200, 200])
      await post(world, other, '/session/end-others', [])
      expect(await statuses(alice)).toEqual([401, 401])
      await expect.poll(() => endings(alice.handle)).toMatchObject([{ cause: 'other-sessions' }])
    })

    it('J40 ends when an operator revokes it, or ends all sessions of its owner', async () => {
      const [one, other] = [await world.make('alice'), await world.make('alice')]
      const revoked = await admin('/passwords/revoke', { password: one.handle, by: 'root' })
      expect(revoked).toMatchObject({ status: 200, body: { revoked: 1 } })
      expect([await statuses(one), await statuses(other)]).toEqual([
        [401, 401],
        [200, 200],
      ])
      const bob = await world.make('bob')
      const ended = await admin('/sessions/end', { subject: subjectOf('alice'), by: 'root' })
      expect(ended.body.passwords).toBe(1)
      expect([await statuses(other), await statuses(bob)]).toEqual([
        [401, 401],
        [200, 200],
      ])
      await expect.poll(() => endings(other.handle)).toMatchObject([{ cause: 'admin', by: 'root' }])
      // And their next login brings none of them back.
      await world.logIn('alice', `${git}/pages/`)
      expect(await statuses(other)).toEqual([401, 401])
      expect((await admin('/passwords/revoke', { password: one.handle })).status).toBe(404)
      expect((await admin('/passwords/revoke', {})).status).toBe(400)
    })

    it('ends on its day', async () => {
      const alice = await world.make('alice', { days: '3' })
      move(3 * day - 60)
      expect(await statuses(alice)).toEqual([200, 200])
      move(61)
      expect(await statuses(alice)).toEqual([401, 401])
    })

    it('J40 sleeps when nothing has confirmed its owner for too long, until they log in', async () => {
      const alice = await world.make('alice', { days: '90' })
      move(10 * day - 60)
      expect(await statuses(alice)).toEqual([200, 200])
      move(70)
      expect(await statuses(alice)).toEqual([403, 403])
      const answer = await world.use(alice)
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'ERR_PASSWORD_ASLEEP' })
      move(-10 * day - 10)
      move(60)
      await world.logIn('alice', `${git}/pages/`)
      move(10 * day - 30)
      expect(await statuses(alice)).toEqual([200, 200])
      move(-20 * day)
      // A clock that was set back: nobody can tell when that was.
      expect(await statuses(alice)).toEqual([403, 403])
    })

    it('J40 has the groups that the provider told last', async () => {
      const alice = await world.make('alice')
      const cookie = await world.logIn('alice', `${git}/pages/`)
      const groups = async () => header(await world.use(alice), 'remote-groups')
      expect(await groups()).toBe('ops')
      world.provider.people.setGroups('alice', ['guests'])
      move(aWhile)
      expect(await groups()).toBe('ops')
      // A session of theirs is verified.
      await world.ask('auth-request', { url: `${git}/pages/a`, cookie })
      expect(await groups()).toBe('guests')
      expect((await world.use(alice, `${git}/admin/`)).status).toBe(403)
    })

    it('J40 sleeps when the provider says no to a session of its owner, until it stands by one again', async () => {
      const bob = await world.make('bob')
      const cookie = await world.logIn('bob', `${git}/pages/`)
      const other = await world.logIn('bob', `${git}/pages/`)
      world.provider.people.disable('bob')
      move(aWhile)
      await world.ask('auth-request', { url: `${git}/pages/a`, cookie })
      expect(await statuses(bob)).toEqual([403, 403])
      world.provider.people.enable('bob')
      // Another one made before is no answer to that.
      expect((await world.ask('auth-request', { url: `${git}/pages/a`, cookie: other })).status).toBe(200)
      move(2 * aWhile)
      expect((await world.ask('auth-request', { url: `${git}/pages/a`, cookie: other })).status).toBe(200)
      expect(await statuses(bob)).toEqual([200, 200])
    })

    it.each([
      ['its provider', { provider: 'corp' }],
      ['everybody', { all: true }],
    ])('J40 ends for good when the sessions of %s are cut', async (_whose, scope) => {
      const alice = await world.make('alice')
      // Not taken back: whatever logs in later is later.
      world.moveClock(1)
      expect((await admin('/sessions/end', scope)).status).toBe(200)
      await expect.poll(() => statuses(alice)).toEqual([401, 401])
      world.moveClock(2)
      const later = await world.make('alice')
      expect([await statuses(alice), await statuses(later)]).toEqual([
        [401, 401],
        [200, 200],
      ])
      // A cut is remembered for as long as a password can live, and not only as long as a session can.
      move(2 * day)
      expect([await statuses(alice), await statuses(later)]).toEqual([
        [401, 401],
        [200, 200],
      ])
    })
  })

  describe.runIf(store === 'lmdb' || hasRedis)('a log-out that the provider tells of', () => {
    let world: Awaited<ReturnType<typeof startLogoutWorld>>
    beforeAll(async () => {
      world = await startLogoutWorld(store, {
        policy,
        conditions,
        hosts: [{ host: 'git.example.com', passwords: true }],
      })
    })
    afterAll(() => world?.close())

    const url = `${git}/pages/`
    const statusOf = async ({ user, text }: Given, replica = 1) => {
      const authorization = `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`
      return (await world.replica(replica).ask('auth-request', { url, headers: [['Authorization', authorization]] }))
        .status
    }
    const said = (sub: string, sid: string) => {
      const claims = { sub, email: `${sub}@example.com`, email_verified: true }
      return { claims: { ...claims, sid }, userinfo: claims }
    }
    async function owner(sub: string, sid: string) {
      const browser = new TestBrowser()
      await world.logIn(world.odd, said(sub, sid), { url, browser })
      return makeWith(world as unknown as TestService, browser)
    }

    it.each(['of the person', 'of their session there'])('J40 puts it to sleep until they log in: %s', async whose => {
      const sub = `dora-${whose.length}`
      const [mine, theirs] = [await owner(sub, `${sub}-1`), await owner(`${sub}-other`, `${sub}-2`)]
      expect([await statusOf(mine), await statusOf(theirs)]).toEqual([200, 200])
      const claims = whose === 'of the person' ? { sub } : { sid: `${sub}-1` }
      expect((await world.send('odd', await logoutToken(world.odd, claims))).status).toBe(200)
      expect([await statusOf(mine, 0), await statusOf(mine), await statusOf(theirs)]).toEqual([403, 403, 200])
      // Long after the mark would be gone that a login looks for.
      world.moveClock(2 * day)
      expect(await statusOf(mine)).toBe(403)
      world.moveClock(-2 * day + 2)
      await world.logIn(world.odd, said(sub, `${sub}-3`), { url })
      expect(await statusOf(mine)).toBe(200)
      world.moveClock(-2)
    })
  })
})
