/** The embedded store: the contract with a second process on the same file, its sweep and its failures. */
import { spawnSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'lmdb'
import { afterEach, describe, expect, test } from 'vitest'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import { endProcess, requirePeer } from '../peers.ts'
import { type Backend, describeRecordStore } from './contract.ts'
import { describeDirectory } from './directory-contract.ts'
import { createMovableClock } from './fixtures.ts'
import { describeIndexes } from './index-contract.ts'
import { describePages } from './page-contract.ts'
import { openRemoteLmdb, type RemoteOptions, type RemoteRecords } from './remote-lmdb.ts'
import { describeSessions } from './session-contract.ts'
import { describeVerification } from './verification-contract.ts'
import { describeVersions } from './version-contract.ts'
import { until } from './waiting.ts'

const nobody = 65_534

async function startLmdb(): Promise<Backend> {
  const clock = createMovableClock()
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-lmdb-'))
  const path = join(directory, 'data')
  const remotes: RemoteRecords[] = []
  return {
    clock,
    open: async () => createLmdbRecords({ path, clock }),
    async openElsewhere() {
      const remote = await openRemoteLmdb(path, clock)
      remotes.push(remote)
      return remote
    },
    async remove() {
      await Promise.all(remotes.map(remote => endProcess(remote.process)))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

describeRecordStore('LMDB', startLmdb)
describeVersions('LMDB', startLmdb)
describeIndexes('LMDB', startLmdb)
describeSessions('LMDB', startLmdb)
describePages('LMDB', startLmdb)
describeDirectory('LMDB', startLmdb)
describeVerification('LMDB', startLmdb)

describe('the LMDB file', () => {
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  const unavailable = { code: 'ERR_STORE_UNAVAILABLE' }
  const clock = createMovableClock()

  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'sallyport-lmdb-'))
    cleanups.push(() => rmSync(path, { recursive: true, force: true }))
    return path
  }
  function openHere(path: string, options: { sweepIntervalMs?: number } = {}) {
    const records = createLmdbRecords({ path, clock, ...options })
    cleanups.push(() => records.close())
    return records
  }
  async function openRemote(path: string, options: RemoteOptions = {}) {
    const remote = await openRemoteLmdb(path, clock, options)
    cleanups.push(() => endProcess(remote.process))
    return remote
  }

  test('its directory is for us alone, and so is the file in a directory that was there before', () => {
    const parent = directory()
    openHere(join(parent, 'made.for', 'us'))
    expect(statSync(join(parent, 'made.for', 'us')).mode & 0o777).toBe(0o700)
    const shared = join(parent, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o755)
    openHere(shared)
    expect(statSync(join(shared, 'sessions.mdb')).mode & 0o777).toBe(0o600)
  })

  test('a path that cannot be a directory fails at the start and names the path', () => {
    const file = join(directory(), 'a-file')
    writeFileSync(file, '')
    expect(() => createLmdbRecords({ path: join(file, 'data'), clock })).toThrow(
      expect.objectContaining({ ...unavailable, message: expect.stringContaining(join(file, 'data')) }),
    )
  })

  test('a file that is no database fails at the start', () => {
    const path = directory()
    writeFileSync(join(path, 'sessions.mdb'), randomBytes(16_384))
    expect(() => createLmdbRecords({ path, clock })).toThrow(expect.objectContaining(unavailable))
  })

  test.runIf(canBeNobody())('a directory that belongs to somebody else fails at the start', async () => {
    const path = directory()
    openHere(path)
    await expect(openRemote(path, { uid: nobody })).rejects.toMatchObject(unavailable)
  })

  const hasLimits = requirePeer('prlimit') !== undefined
  test.runIf(hasLimits)(
    'a disk that is full rejects writes as unavailable, stays readable, and recovers when there is room',
    async () => {
      const path = directory()
      const records = await openRemote(path, { before: 'ulimit -S -f 600' })
      await records.put('session', 'first', Buffer.from('kept'), clock.now() + 60_000)
      const fill = async () => {
        for (let count = 0; count < 500; count += 1) {
          await records.put('session', randomUUID(), randomBytes(4096), clock.now() + 60_000)
        }
      }
      await expect(fill()).rejects.toMatchObject(unavailable)
      await expect(records.put('session', 'more', randomBytes(100_000), clock.now() + 60_000)).rejects.toMatchObject(
        unavailable,
      )
      expect(Buffer.from((await records.get('session', 'first'))?.value ?? []).toString()).toBe('kept')
      spawnSync('prlimit', ['--pid', String(records.process.pid), '--fsize=unlimited'])
      await records.probe()
      expect(await records.put('session', 'more', randomBytes(100_000), clock.now() + 60_000)).toBe(true)
    },
  )

  test('what was ended is still ended after the process was killed', async () => {
    const path = directory()
    const remote = await openRemote(path)
    await remote.put('session', 'alice', Buffer.from('alive'), clock.now() + 60_000)
    await remote.end('session', 'alice', clock.now() + 600_000)
    remote.process.kill('SIGKILL')
    const records = openHere(path)
    expect(await records.get('session', 'alice')).toBeUndefined()
    expect(await records.put('session', 'alice', Buffer.from('late'), clock.now() + 60_000)).toBe(false)
  })

  test('a process that is killed while it writes leaves the others able to write', async () => {
    const path = directory()
    const records = openHere(path)
    const remote = await openRemote(path)
    const writing = Array.from({ length: 200 }, () =>
      remote.put('session', randomUUID(), randomBytes(1000), clock.now() + 60_000).catch(() => false),
    )
    await Promise.race(writing)
    remote.process.kill('SIGKILL')
    await Promise.all(writing)
    expect(await records.put('session', 'after', Buffer.from('written'), clock.now() + 60_000)).toBe(true)
  })

  test('the sweep removes what has expired, and only that, with its index', async () => {
    const path = directory()
    const counts = openCounter(path)
    const records = openHere(path, { sweepIntervalMs: 20 })
    const put = (key: string, seconds: number) =>
      records.put('session', key, Buffer.from(key), clock.now() + seconds * 1000)
    await Promise.all(Array.from({ length: 1000 }, (_, index) => put(`short ${index}`, 60)))
    await put('long', 6000)
    await put('moved', 60)
    await records.extend('session', 'moved', clock.now() + 6_000_000)
    await put('overwritten', 60)
    await put('overwritten', 6000)
    await put('taken', 60)
    await records.take('session', 'taken')
    await records.end('session', 'ended', clock.now() + 6_000_000)
    expect(counts()).toEqual({ records: 1004, expiry: 1004, links: 0 })
    clock.advance(61)
    await until(() => counts().records === 4)
    expect(counts()).toEqual({ records: 4, expiry: 4, links: 0 })
    for (const key of ['long', 'moved', 'overwritten']) expect(await records.get('session', key)).toBeDefined()
    expect(await records.put('session', 'ended', Buffer.from('late'), clock.now() + 60_000)).toBe(false)
    clock.advance(6000)
    await until(() => counts().records === 0)
    expect(counts()).toEqual({ records: 0, expiry: 0, links: 0 })
  })

  test('the sweep removes links that have expired, and only those, also those that were unlinked or made twice', async () => {
    const path = directory()
    const counts = openCounter(path)
    const records = openHere(path, { sweepIntervalMs: 20 })
    const link = (member: string, seconds: number) => records.link('index', member, clock.now() + seconds * 1000)
    await Promise.all(Array.from({ length: 500 }, (_, count) => link(`short-${count}`, 60)))
    await Promise.all([link('long', 6000), link('long', 6000), link('moved', 60), link('moved', 6000)])
    await link('gone', 60)
    await records.unlink('index', 'gone', clock.now() + 60_000)
    // Has the name of a link as far as a record can.
    await records.put('session', 'short-1', Buffer.from('x'), clock.now() + 6_000_000)
    expect(counts()).toEqual({ records: 1, expiry: 504, links: 503 })
    clock.advance(61)
    await until(() => counts().links === 2)
    expect(counts()).toEqual({ records: 1, expiry: 3, links: 2 })
    expect(await records.page('index', { limit: 10 })).toEqual({ members: ['long', 'moved'] })
    clock.advance(6000)
    await until(() => counts().links === 0)
    expect(counts()).toEqual({ records: 0, expiry: 0, links: 0 })
  })

  test('a file that was made before there were indexes gets them', async () => {
    const path = directory()
    mkdirSync(join(path, 'old'))
    const file = join(path, 'old', 'sessions.mdb')
    const old = open({ path: file, noSubdir: true, encoding: 'binary', maxDbs: 4 })
    for (const name of ['records', 'expiry', 'meta']) old.openDB({ name })
    await old.close()
    const records = openHere(join(path, 'old'))
    await records.link('index', 'member', clock.now() + 60_000)
    expect(await records.page('index', { limit: 1 })).toEqual({ members: ['member'] })
  })

  test('a cutoff that was answered is there after the process was killed', async () => {
    const path = directory()
    const records = await openRemote(path)
    const expiresAt = clock.now() + 600_000
    await records.add('cutoff', 'all', Buffer.from('first'), expiresAt)
    await records.replace('cutoff', 'all', Buffer.from('first'), { value: Buffer.from('second'), expiresAt })
    records.process.kill('SIGKILL')
    const again = openHere(path)
    expect(Buffer.from((await again.get('cutoff', 'all'))?.value ?? []).toString()).toBe('second')
  })

  test('closing twice, and during a sweep, does no harm', async () => {
    const path = directory()
    const records = createLmdbRecords({ path, clock, sweepIntervalMs: 1 })
    await Promise.all(
      Array.from({ length: 1000 }, () => records.put('session', randomUUID(), Buffer.from('x'), clock.now() + 1000)),
    )
    clock.advance(10)
    await delay(2)
    await records.close()
    await records.close()
    expect(existsSync(join(path, 'sessions.mdb'))).toBe(true)
  })
})

/** Only root can start a process as somebody else, and that one must be able to run this Node and read the sources. */
function canBeNobody(): boolean {
  const read = `require('node:fs').accessSync(${JSON.stringify(import.meta.filename)})`
  if (process.getuid?.() === 0 && spawnSync(process.execPath, ['-e', read], { uid: nobody }).status === 0) return true
  process.stderr.write('skipped: no other user can run the sources from here\n')
  return false
}

/** Entries as they stand in the file. */
function openCounter(path: string) {
  const root = open({ path: join(path, 'sessions.mdb'), noSubdir: true, encoding: 'binary', maxDbs: 8 })
  const [records, expiry, index] = ['records', 'expiry', 'index'].map(name => root.openDB({ name }))
  return () => ({
    records: records?.getKeysCount(),
    expiry: expiry?.getKeysCount(),
    links: index?.getKeysCount(),
  })
}
