/**
 * Fifty thousand sessions, and a Redis user who may not look through the keys: a list of a person's sessions is read from
 * an index, however many others there are.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { createSessionDirectory, handleOf } from '../../app/sessions/session-directory.ts'
import { indexOf } from '../../app/sessions/session-index.ts'
import { requirePeer, startRedis } from '../peers.ts'
import { createMovableClock, loginOf, secrets } from './fixtures.ts'
import { untilVerified } from './waiting.ts'

const hour = 3600
const sessionCount = 50_000
const sessionsOfEach = 5
/** Under way at once: few enough for a busy machine to have them on the disk within the patience of a write. */
const batch = 250
const clock = createMovableClock()
const personAt = (index: number) => `https://idp.example#${Math.floor(index / sessionsOfEach)}`

const directoryOver = (records: RecordStore) =>
  createSessionDirectory({
    records,
    secrets,
    clock,
    longestLifetimeSeconds: 12 * hour,
    endOf: login => login.startedAt + 12 * hour,
  })

/** As a login does it; what stands in the session's own record does not matter to a list, only that there is one. */
async function plantOne(records: RecordStore, subject: string): Promise<string> {
  const id = randomBytes(32).toString('base64url')
  const login = loginOf('alice', clock)
  await directoryOver(records).register(id, { ...login, identity: { ...login.identity, subject } })
  await records.put('session', digestOf('session', id), Buffer.alloc(64), clock.now() + hour * 1000)
  return id
}

async function plant(records: RecordStore): Promise<readonly string[]> {
  const ids: string[] = []
  for (let first = 0; first < sessionCount; first += batch) {
    await Promise.all(
      Array.from({ length: batch }, async (_, at) => {
        ids[first + at] = await plantOne(records, personAt(first + at))
      }),
    )
  }
  return ids
}

/** How long a list takes while the store holds nobody else: what this machine needs for it now. */
async function listOfFew(records: RecordStore): Promise<number> {
  const directory = directoryOver(records)
  const subject = 'https://idp.example#alone'
  for (let count = 0; count < sessionsOfEach; count += 1) await plantOne(records, subject)
  const times: number[] = []
  for (let count = 0; count < 40; count += 1) {
    const started = performance.now()
    await directory.list({ subject }, { limit: 100 })
    times.push(performance.now() - started)
  }
  // The first ones compile.
  const median = times.slice(20).sort((a, b) => a - b)[10] ?? 0
  return median
}

async function expectQuickLists(records: RecordStore): Promise<void> {
  const yardstickMs = await listOfFew(records)
  const ids = await plant(records)
  const directory = directoryOver(records)
  const times: number[] = []
  for (let count = 0; count < 20; count += 1) {
    const at = count * 2_345
    const started = performance.now()
    const { sessions } = await directory.list({ subject: personAt(at) }, { limit: 100 })
    times.push(performance.now() - started)
    const first = at - (at % sessionsOfEach)
    const wanted = ids.slice(first, first + sessionsOfEach).map(id => handleOf(digestOf('session', id)))
    expect(sessions.map(({ handle }) => handle).sort()).toEqual(wanted.sort())
  }
  // To look through all of them would take ten thousand times as long.
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(50 + 50 * yardstickMs)
  // The index of all has each of them once, and those of the yardstick.
  const members = new Set<string>()
  let after: string | undefined
  do {
    const page = await records.page(indexOf({ all: true }), { limit: 1000, ...(after === undefined ? {} : { after }) })
    for (const member of page.members) members.add(member)
    after = page.next
  } while (after !== undefined)
  expect(members.size).toBe(sessionCount + sessionsOfEach)
  const { sessions } = await directory.list({ all: true }, { limit: 1000 })
  expect(sessions).toHaveLength(1000)
  expect(await directory.end({ subject: personAt(0) }, () => {})).toBe(sessionsOfEach)
}

describe('among 50,000 sessions', () => {
  test("a person's are found at once in LMDB", async () => {
    const path = mkdtempSync(join(tmpdir(), 'sallyport-many-'))
    const records = createLmdbRecords({ path, clock })
    try {
      await expectQuickLists(records)
    } finally {
      await records.close()
      rmSync(path, { recursive: true, force: true })
    }
  })

  test.runIf(requirePeer('redis-server') !== undefined)(
    "a person's are found at once in Redis, with none of the commands that look through all keys",
    async () => {
      // Those of docs/reference/store-keys.md, and no other.
      const commands = 'get getex set setrange pexpire pttl del zadd zrem zrange eval evalsha ping quit hello'
      const allowed = commands.split(' ').map(name => `+${name}`)
      const server = await startRedis({ args: ['--user', 'app', 'on', '>secret', '~sallyport:*', ...allowed] })
      const records = createRedisRecords({
        url: `redis://app:secret@127.0.0.1:${server.port}`,
        clock,
        commandTimeoutMs: 30_000,
      })
      try {
        await untilVerified(records)
        for (const command of ['SCAN 0', 'KEYS *', 'ZSCAN sallyport:index:{x} 0', 'RANDOMKEY']) {
          expect(await askAs(server.port, command), command).toContain('NOPERM')
        }
        await expectQuickLists(records)
      } finally {
        await records.close()
        await server.stop()
      }
    },
  )
})

/** One command of the same user. */
async function askAs(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`AUTH app secret\r\n${command}\r\nQUIT\r\n`)
  return text(socket)
}
