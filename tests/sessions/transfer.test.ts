/** Sessions move from one store to another: nobody is logged out, and nobody who was logged out is in again. */

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../app/clock.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import { runCli } from '../../cli/program.ts'
import { freshSecret } from '../../cli/secret.ts'
import { startWorld, wiki } from '../attacks/world.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { freePort, requirePeer, startRedis } from '../peers.ts'
import { TestBrowser } from '../service.ts'
import { patience } from './fixtures.ts'
import { untilVerified } from './waiting.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const inAnHour = () => Date.now() + 3_600_000

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-transfer-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

type Settings = Readonly<Record<string, unknown>>

/** Runs the command in a directory of its own, with a configuration for this store. */
function createOperator(secret = freshSecret()) {
  const cwd = makeDirectory()
  return {
    cwd,
    secret,
    path: (name: string) => join(cwd, name),
    async run(command: 'export' | 'import', file: string, sessions: Settings) {
      const terminal = createTestTerminal({ cwd })
      const providers = [{ name: 'corp', issuer: 'https://idp.example.com', clientId: 'sallyport', clientSecret: 'x' }]
      const config = { server: { url: 'https://auth.example.com' }, providers, sessions: { secret, ...sessions } }
      writeFileSync(join(cwd, 'sallyport.yaml'), JSON.stringify(config))
      const code = await runCli(['store', command, file, '--json'], { version: '0', terminal })
      const output = terminal.output()
      return { code, counts: output === '' ? undefined : (JSON.parse(output) as Settings), errors: terminal.errors() }
    },
  }
}

const itemsIn = (path: string) => readFileSync(path, 'utf8').split('\n').slice(1, -2).sort()

const stores = {
  lmdb: async () => {
    const path = makeDirectory()
    const records = createLmdbRecords({ path, clock: systemClock })
    cleanups.push(() => records.close())
    return { settings: { store: 'lmdb', path }, records }
  },
  redis: async () => {
    const server = await startRedis()
    cleanups.push(() => server.stop())
    const records = createRedisRecords({ url: server.url, clock: systemClock, ...patience })
    cleanups.push(() => records.close())
    await untilVerified(records)
    return { settings: { store: 'redis', url: server.url }, records }
  },
}
const directions = [
  ['lmdb', 'redis'],
  ['redis', 'lmdb'],
] as const

describe.runIf(hasRedis)('sallyport store', () => {
  it('moves a service from LMDB to Redis and back, and nobody notices but those who have logged out', async () => {
    const operator = createOperator()
    const redis = await startRedis()
    cleanups.push(() => redis.stop())
    const first = { store: 'lmdb', path: operator.path('first') }
    const second = { store: 'redis', url: redis.url }
    const third = { store: 'lmdb', path: operator.path('third') }
    const startOn = async (sessions: Settings) => {
      const world = await startWorld({ secrets: [operator.secret], settings: { sessions } })
      cleanups.push(() => world.close())
      return world
    }
    const before = await startOn(first)
    const alice = await before.logIn('alice', `${wiki}/`)
    const browser = new TestBrowser()
    const bob = await before.logIn('bob', `${wiki}/`, browser)
    const [token = ''] =
      /(?<=name="token" value=")[^"]+/.exec(await (await browser.request(`${before.publicUrl}/logout`)).text()) ?? []
    await browser.request(`${before.publicUrl}/logout`, {
      method: 'POST',
      body: new URLSearchParams({ token }).toString(),
    })

    const exported = await operator.run('export', 'out.jsonl', first)
    expect(exported).toMatchObject({ code: 0, errors: '' })
    expect(Number(exported.counts?.tombstones)).toBeGreaterThan(0)
    expect(statSync(operator.path('out.jsonl')).mode & 0o777).toBe(0o600)
    const imported = await operator.run('import', 'out.jsonl', second)
    expect(imported).toMatchObject({ code: 0, counts: { records: exported.counts?.records, kept: 0, expired: 0 } })
    const statusesAt = async (sessions: Settings) => {
      const world = await startOn(sessions)
      const ask = async (cookie: string) => (await world.ask('forward-auth', { url: `${wiki}/`, cookie })).status
      return [await ask(alice), await ask(bob)]
    }
    expect(await statusesAt(second)).toEqual([200, 401])

    await operator.run('export', 'back.jsonl', second)
    expect(await operator.run('import', 'back.jsonl', third)).toMatchObject({ code: 0, counts: { kept: 0 } })
    expect(await statusesAt(third)).toEqual([200, 401])
    const text = readFileSync(operator.path('out.jsonl'), 'utf8')
    expect(text).not.toMatch(/alice|bob@|wiki\.example|eyJ[\w-]+\./)
  })

  it.each(directions)('carries all kinds, ends and links from %s to %s and back, byte for byte', async (from, to) => {
    const operator = createOperator()
    const [source, target] = [await stores[from](), await stores[to]()]
    const count = 1300
    const kinds = [
      'session',
      'attempt',
      'answer',
      'address',
      'ticket',
      'signing-key',
      'tokens',
      'visit',
      'summary',
      'mark',
      'cutoff',
    ] as const
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const kind = kinds[index % kinds.length] ?? 'session'
        await source.records.put(kind, `record-${index}`, randomBytes(index % 300), inAnHour() + index)
        await source.records.link(`index-${index % 3}`, `member-${index}`, inAnHour() + index)
        await source.records.end('session', `ended-${index}`, inAnHour())
      }),
    )
    await source.records.put('session', 'short', randomBytes(1), Date.now() + 1)
    const everything = { records: count, tombstones: count, links: count }
    expect((await operator.run('export', 'a.jsonl', source.settings)).counts).toMatchObject(everything)
    expect((await operator.run('import', 'a.jsonl', target.settings)).counts).toMatchObject({ ...everything, kept: 0 })
    expect((await operator.run('export', 'b.jsonl', target.settings)).counts).toMatchObject(everything)
    expect(itemsIn(operator.path('b.jsonl'))).toEqual(itemsIn(operator.path('a.jsonl')))
    // Again, it changes nothing.
    expect((await operator.run('import', 'a.jsonl', target.settings)).counts).toMatchObject({ records: 0, kept: count })
    expect((await target.records.page('index-1', { limit: 1000 })).members).toHaveLength(Math.floor((count + 1) / 3))
  })

  it.each(directions)('an end beats a record, from %s to %s, whichever of the two has it', async (from, to) => {
    const operator = createOperator()
    const [source, target] = [await stores[from](), await stores[to]()]
    const put = (records: RecordStore, key: string, text: string) =>
      records.put('session', key, Buffer.from(text), inAnHour())
    for (const key of ['ended-there', 'ended-here', 'newer']) await put(source.records, key, 'exported')
    await source.records.end('session', 'ended-here', inAnHour())
    await operator.run('export', 'out.jsonl', source.settings)
    await target.records.end('session', 'ended-there', inAnHour())
    for (const key of ['ended-here', 'newer']) await put(target.records, key, 'of the target')
    expect((await operator.run('import', 'out.jsonl', target.settings)).counts).toMatchObject({
      tombstones: 1,
      kept: 2,
    })
    expect(await target.records.get('session', 'ended-there')).toBeUndefined()
    expect(await target.records.get('session', 'ended-here')).toBeUndefined()
    expect(await put(target.records, 'ended-here', 'a late save')).toBe(false)
    expect(String((await target.records.get('session', 'newer'))?.value)).toBe('of the target')
  })
})

describe('sallyport store refuses', () => {
  it('to overwrite a file, and to leave half of one', async () => {
    const operator = createOperator()
    const { settings } = await stores.lmdb()
    writeFileSync(operator.path('there.jsonl'), 'precious')
    expect(await operator.run('export', 'there.jsonl', settings)).toMatchObject({
      code: 1,
      errors: expect.stringContaining(
        `${operator.path('there.jsonl')} is there already, and an export overwrites nothing: name another file`,
      ),
    })
    expect(await operator.run('export', 'no/such/folder.jsonl', settings)).toMatchObject({
      code: 1,
      errors: expect.stringContaining(`there is no folder ${operator.path('no/such')}`),
    })
    expect(await operator.run('import', 'absent.jsonl', settings)).toMatchObject({
      code: 1,
      errors: expect.stringContaining(`${operator.path('absent.jsonl')} cannot be read: there is no such file`),
    })
    expect(readFileSync(operator.path('there.jsonl'), 'utf8')).toBe('precious')
    writeFileSync(operator.path('no-directory'), '')
    const broken = { store: 'lmdb', path: operator.path('no-directory') }
    expect((await operator.run('export', 'new.jsonl', broken)).code).toBe(1)
    expect(existsSync(operator.path('new.jsonl'))).toBe(false)
  })

  it('a store that does not answer, with the reason and without the password', async () => {
    const operator = createOperator()
    const url = `redis://:hunter2@127.0.0.1:${await freePort()}`
    const answer = await operator.run('export', 'out.jsonl', { store: 'redis', url })
    expect(answer.code).toBe(1)
    expect(answer.errors).toMatch(/redis probe: /)
    expect(answer.errors).not.toContain('hunter2')
    expect(existsSync(operator.path('out.jsonl'))).toBe(false)
  })

  it('J139: what is no export, without repeating it, and says so of one that is not whole, at its end or within', async () => {
    const operator = createOperator()
    const { settings, records } = await stores.lmdb()
    await records.put('session', 'x', Buffer.from('sealed'), inAnHour())
    await operator.run('export', 'out.jsonl', settings)
    const lines = readFileSync(operator.path('out.jsonl'), 'utf8').split('\n')
    const importing = async (...text: readonly (string | undefined)[]) => {
      writeFileSync(operator.path('in.jsonl'), text.join('\n'), { mode: 0o600 })
      return operator.run('import', 'in.jsonl', settings)
    }
    expect(await importing('hunter2: hunter2')).toMatchObject({
      code: 1,
      errors: expect.not.stringContaining('hunter2'),
    })
    expect(await importing('')).toMatchObject({ code: 1, errors: expect.stringContaining('no export of this version') })
    expect(await importing('{"format":"sallyport-store","version":2}')).toMatchObject({ code: 1 })
    expect(await importing(lines[0], lines[1])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('cut short after line 2'),
    })
    expect(await importing(lines[0], lines[2])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('holds 0 records, 0 tombstones, 0 links, and not what its end says'),
    })
    expect(await importing(...lines.slice(0, 3), lines[1])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('goes on after its end, at line 4'),
    })
    const bad = [
      { kind: 'session', key: '../probe', expiresAt: inAnHour(), value: '' },
      { kind: 'probe', key: 'x', expiresAt: inAnHour(), value: '' },
      { kind: 'session', key: 'x', expiresAt: '12', value: '' },
      { kind: 'session', key: 'x', expiresAt: inAnHour(), value: 'a+b' },
      { index: 'x', member: '{y}', expiresAt: inAnHour() },
    ]
    for (const item of bad) {
      const answer = await importing(lines[0], JSON.stringify(item), lines[2])
      expect(answer, JSON.stringify(item)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('line 2 is no line'),
      })
    }
    expect(await importing(...lines)).toMatchObject({ code: 0, counts: { kept: 1 }, errors: '' })
    chmodSync(operator.path('in.jsonl'), 0o644)
    expect((await operator.run('import', 'in.jsonl', settings)).errors).toContain('chmod 600')
  })
})
