/** Uses of a session on a host: how often they are written, and what a clock does to them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createVisits, type Visits } from '../../app/sessions/guards/visits.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createMovableClock, type MovableClock, secrets } from './fixtures.ts'

const host = 'payments.example.com'
const sessionId = 'session-of-alice-0123'

describe('a visit', () => {
  let directory: string
  let clock: MovableClock
  let records: RecordStore
  let visits: Visits
  let writes: number
  let reads: number
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-visits-'))
    clock = createMovableClock()
    const stored = createLmdbRecords({ path: directory, clock })
    writes = 0
    reads = 0
    records = {
      ...stored,
      add: (...record) => counted(() => stored.add(...record)),
      replace: (...record) => counted(() => stored.replace(...record)),
      get: (...asked) => {
        reads += 1
        return stored.get(...asked)
      },
    }
    visits = createVisits({ records, secrets, clock })
  })
  afterEach(async () => {
    await records.close()
    rmSync(directory, { recursive: true, force: true })
  })

  function counted<T>(write: () => Promise<T>): Promise<T> {
    writes += 1
    return write()
  }
  const use = (by = visits, idleSeconds = 600, where = host) =>
    by.use(sessionId, where, { idleSeconds, endsAt: clock.now() / 1000 + 3600 })

  it('is written once a minute, and between that needs neither the store nor a promise', async () => {
    expect(await use()).toBe(true)
    expect([writes, reads]).toEqual([1, 1])
    for (let second = 0; second < 59; second += 1) {
      clock.advance(1)
      expect(use()).toBe(true)
    }
    expect([writes, reads]).toEqual([1, 1])
    clock.advance(1)
    expect(await use()).toBe(true)
    expect(writes).toBe(2)
  })

  it('with a short limit is written after a quarter of it', async () => {
    await use(visits, 120)
    clock.advance(29)
    expect(use(visits, 120)).toBe(true)
    clock.advance(1)
    await use(visits, 120)
    expect(writes).toBe(2)
  })

  it('is written once by parallel checks, and not again by another process', async () => {
    await Promise.all([use(), use(), use()])
    expect(writes).toBe(1)
    expect(await use(createVisits({ records, secrets, clock }))).toBe(true)
    expect(writes).toBe(1)
  })

  it('counts for its own host and session alone', async () => {
    await use()
    clock.advance(601)
    expect(await use(visits, 600, 'wiki.example.com')).toBe(true)
    expect(await visits.use('session-of-bob-0123', host, { idleSeconds: 600, endsAt: clock.now() / 1000 + 60 })).toBe(
      true,
    )
    expect(await use()).toBe(false)
  })

  it('stays idle, however often somebody asks', async () => {
    await use()
    clock.advance(600)
    expect(await use()).toBe(true)
    clock.advance(601)
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await use()).toBe(false)
    expect(await use(createVisits({ records, secrets, clock }))).toBe(false)
  })

  it('is of the past: after the clock was set back it is none', async () => {
    await use()
    clock.advance(-30)
    expect(await use()).toBe(true)
    clock.advance(-3600)
    expect(await use()).toBe(false)
  })

  it('is lost with its session', async () => {
    await visits.use(sessionId, host, { idleSeconds: 600, endsAt: clock.now() / 1000 + 300 })
    clock.advance(601)
    // Nobody asks for it any more; another session has another one.
    expect(await use()).toBe(true)
  })
})
