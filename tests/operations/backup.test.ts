/** What docs/backup.md claims: copies that are made while the service runs, and what is there again when they are restored. */
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../lifecycle/process.ts'
import { freePort, requirePeer, startRedis } from '../peers.ts'
import { createOperatedWorld, logInAt, type OperatedWorld, type Replica, statusAt } from './world.ts'

let world: OperatedWorld
let port: number
beforeEach(async () => {
  port = await freePort()
  world = await createOperatedWorld(port)
})
afterEach(() => world.close())

const endAll = async ({ adminPort }: Replica): Promise<void> => {
  const ended = await runCommand(['sessions', 'end', '--all', '--yes', '--admin', `http://127.0.0.1:${adminPort}`])
  expect([ended.status, ended.stderr]).toEqual([0, ''])
}
const keysAt = async ({ port: at }: Replica): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${at}/.well-known/jwks.json`)).json()

describe('LMDB', () => {
  it('is exported while the service runs; imported elsewhere, people are logged in and keys are the same', async () => {
    const ports = { port, adminPort: await freePort() }
    const first = await world.start(await world.configure('first', { path: './data' }, ports))
    const cookie = await logInAt(first)
    const keys = await keysAt(first)
    const file = join(world.directory, 'backup.jsonl')
    const exported = await runCommand(['store', 'export', file, '--config', first.file])
    expect([exported.status, exported.stderr]).toEqual([0, ''])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await statusAt(first, cookie)).toBe(200)
    // Ended after the copy was made.
    await endAll(first)
    expect(await statusAt(first, cookie)).toBe(401)
    await world.stop(first, 'SIGKILL')

    const restored = await world.configure('restored', { path: './restored' }, ports)
    const imported = await runCommand(['store', 'import', file, '--config', restored.file])
    expect([imported.status, imported.stderr]).toEqual([0, ''])
    const second = await world.start(restored)
    expect(await keysAt(second)).toEqual(keys)
    // What the page warns of: the copy is older than the end.
    expect(await statusAt(second, cookie)).toBe(200)
    await endAll(second)
    expect(await statusAt(second, cookie)).toBe(401)
  })

  it('is a folder that can be copied when the service is stopped', async () => {
    const ports = { port, adminPort: await freePort() }
    const first = await world.start(await world.configure('first', { path: './data' }, ports))
    const cookie = await logInAt(first)
    await world.stop(first, 'SIGTERM')
    cpSync(join(world.directory, 'data'), join(world.directory, 'copied'), { recursive: true })
    rmSync(join(world.directory, 'data'), { recursive: true })
    const second = await world.start(await world.configure('second', { path: './copied' }, ports))
    expect(await statusAt(second, cookie)).toBe(200)
  })

  it('that is gone costs logins, and nothing opens that was closed', async () => {
    const ports = { port, adminPort: await freePort() }
    const first = await world.start(await world.configure('first', { path: './data' }, ports))
    const cookie = await logInAt(first)
    const keys = await keysAt(first)
    await world.stop(first, 'SIGTERM')
    rmSync(join(world.directory, 'data'), { recursive: true })
    const second = await world.start(await world.configure('second', { path: './data' }, ports))
    expect(await statusAt(second, cookie)).toBe(401)
    expect(await keysAt(second)).not.toEqual(keys)
    expect(await statusAt(second, await logInAt(second))).toBe(200)
  })
})

/** Has a Redis write its dump; gives the folder that it is in. */
async function savedBy(url: string): Promise<string> {
  const client = createClient({ url })
  await client.connect()
  await client.sendCommand(['SAVE'])
  const { dir = '' } = await client.configGet('dir')
  await client.close()
  return dir
}

describe.skipIf(requirePeer('redis-server') === undefined)('Redis', () => {
  it('is copied as its dump, and restored from it; the service goes on by itself', async () => {
    const copies = mkdtempSync(join(tmpdir(), 'sallyport-dump-'))
    let redis = await startRedis()
    try {
      const ports = { port, adminPort: await freePort() }
      const service = await world.start(await world.configure('service', { store: 'redis', url: redis.url }, ports))
      const cookie = await logInAt(service)
      const folder = await savedBy(redis.url)
      copyFileSync(join(folder, 'dump.rdb'), join(copies, 'dump.rdb'))
      await redis.stop()
      expect(existsSync(folder)).toBe(false)
      await expect.poll(() => statusAt(service, cookie)).toBe(503)

      redis = await startRedis({ port: redis.port, args: ['--dir', copies] })
      await expect.poll(() => statusAt(service, cookie)).toBe(200)
      await redis.stop()

      // One that has forgotten everything: nobody is logged in, and everybody can log in again.
      redis = await startRedis({ port: redis.port })
      await expect.poll(() => statusAt(service, cookie)).toBe(401)
      expect(await statusAt(service, await logInAt(service))).toBe(200)
    } finally {
      await redis.stop()
      rmSync(copies, { recursive: true, force: true })
    }
  })
})
