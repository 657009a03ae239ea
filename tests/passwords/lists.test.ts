/** Which application passwords a person and an operator see, and that what ended takes no room in their lists. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import { createAppPasswords } from '../../app/sessions/passwords/app-passwords.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, patience, secrets } from '../sessions/fixtures.ts'

const clock = createMovableClock()
const day = 86_400
const directory = mkdtempSync(join(tmpdir(), 'sallyport-passwords-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe.each(['lmdb', 'redis'] as const)('passwords in lists, on %s', kind => {
  describe.runIf(kind === 'lmdb' || requirePeer('redis-server') !== undefined)('', () => {
    let redis: RunningRedis | undefined
    let records: RecordStore
    let members: string[] = []
    beforeAll(async () => {
      if (kind === 'redis') redis = await startRedis()
      records =
        redis === undefined
          ? createLmdbRecords({ path: directory, clock })
          : createRedisRecords({ url: redis.url, clock, ...patience })
      await vi.waitFor(() => records.probe(), 10_000)
    })
    afterEach(async () => {
      await passwords().revokeAll(alice.identity.subject)
      members = []
    })
    afterAll(async () => {
      await records.close()
      await redis?.stop()
    })

    const alice = loginOf('alice', clock)
    const passwords = (mostPages = 50) => {
      const link: RecordStore['link'] = (index, member, expiresAt) => {
        members.push(index)
        return records.link(index, member, expiresAt)
      }
      const options = { secrets, clock, maxLifetimeSeconds: 365 * day, mostPages }
      return createAppPasswords({ ...options, records: { ...records, link } })
    }
    const add = (handle: string, days: number) => {
      const expiresAt = Math.floor(clock.now() / 1000) + days * day
      return passwords().add({ handle, name: handle, hosts: ['git.example.com'], hash: 'h', expiresAt, login: alice })
    }
    /** All that the store has noted in the lists of the person and of everybody. */
    const noted = async () => {
      const pages = await Promise.all([...new Set(members)].map(index => records.page(index, { limit: 1000 })))
      return pages.flatMap(page => page.members)
    }
    const handlesOf = async (mostPages?: number) => {
      const { passwords: found, hasMore } = await passwords(mostPages).ofPerson(alice.identity.subject)
      return { handles: found.map(({ handle }) => handle), hasMore }
    }

    it('J76 leaves nothing of what was revoked, be it one, all, or one that was being made', async () => {
      for (const handle of ['one', 'two', 'three']) await add(handle, 10)
      expect(await noted()).toHaveLength(6)
      expect((await passwords().revoke('one', alice.identity.subject))?.handle).toBe('one')
      expect((await noted()).sort()).toEqual(['three', 'three', 'two', 'two'])
      expect((await passwords().revokeAll(alice.identity.subject)).map(({ handle }) => handle).sort()).toEqual([
        'three',
        'two',
      ])
      await passwords().revoke('late')
      await records.end('password', digestOf('password', 'late'), clock.now() + day * 1000)
      expect(await add('late', 10)).toBe(false)
      expect(await noted()).toEqual([])
    })

    it('J76 finds what stands behind several pages of what is gone, and says when it has not looked at all', async () => {
      const gone = Array.from({ length: 450 }, (_, count) => `gone${count}`)
      await Promise.all(gone.map(handle => add(handle, 10)))
      // As if each had been revoked by a process that then died.
      await Promise.all(gone.map(handle => records.end('password', digestOf('password', handle), clock.now() + 1000)))
      await add('hidden', 20)
      expect(await handlesOf()).toEqual({ handles: ['hidden'], hasMore: false })
      expect(await handlesOf(2)).toEqual({ handles: [], hasMore: true })
      expect((await passwords(2).revokeAll(alice.identity.subject)).map(({ handle }) => handle)).toEqual(['hidden'])
      expect(await passwords().find('hidden')).toBeUndefined()
    })
  })
})
