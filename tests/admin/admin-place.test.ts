/** Where the commands of an operator look for the service: one answer for all of them, and an error that names it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { callAdmin } from '../../cli/admin/call.ts'
import type { AdminValues } from '../../cli/admin/option.ts'
import { adminPlace } from '../../cli/admin/place.ts'
import { listPasswords, revokePasswords } from '../../cli/passwords/run.ts'
import { reloadPolicy } from '../../cli/policy/reload.ts'
import { endSessions, listSessions, showSession } from '../../cli/sessions.ts'
import type { Terminal } from '../../cli/terminal.ts'
import { restartWorkers, showWorkers } from '../../cli/workers.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { freePort } from '../peers.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-admin-place-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(root, 'folder-'))
})
const write = (text: string, name = 'sallyport.yaml') => writeFileSync(join(cwd, name), text)
const place = (values: AdminValues = {}, env: Readonly<Record<string, string>> = {}) =>
  adminPlace(values, createTestTerminal({ cwd, env }))

describe('the admin listener', () => {
  it('is what --admin says, before what any configuration does', () => {
    write('admin: { listen: "unix:/run/sallyport/admin.sock" }\n')
    expect(place({ admin: 'http://10.0.0.7:9181' })).toEqual({ url: 'http://10.0.0.7:9181', source: '--admin' })
  })

  it.each([
    ['unix:/run/sallyport/admin.sock', 'unix:/run/sallyport/admin.sock'],
    ['127.0.0.1:7000', 'http://127.0.0.1:7000'],
    ['0.0.0.0:7000', 'http://127.0.0.1:7000'],
    ['[::]:7000', 'http://127.0.0.1:7000'],
    ['[::1]:7000', 'http://[::1]:7000'],
  ])('is %s of the file, as somebody on this machine calls it', (listen, url) => {
    write(`admin:\n  listen: "${listen}"\n`)
    expect(place()).toEqual({ url, source: 'admin.listen, sallyport.yaml:2:11' })
  })

  it('is that of a file that is named, by an option or by the environment', () => {
    write('admin: { listen: 127.0.0.1:7000 }\n')
    write('admin: { listen: 127.0.0.1:8000 }\n', 'other.yaml')
    const other = { url: 'http://127.0.0.1:8000', source: 'admin.listen, other.yaml:1:18' }
    expect(place({ config: 'other.yaml' })).toEqual(other)
    expect(place({}, { SALLYPORT_CONFIG: 'other.yaml' })).toEqual(other)
  })

  it('is what the environment says over the file, and without one', () => {
    const env = { SALLYPORT_ADMIN_LISTEN: 'unix:/run/admin.sock' }
    const said = { url: 'unix:/run/admin.sock', source: 'admin.listen, environment SALLYPORT_ADMIN_LISTEN' }
    expect(place({}, env)).toEqual(said)
    write('admin: { listen: 127.0.0.1:7000 }\n')
    expect(place({}, env)).toEqual(said)
  })

  it('is the default where nothing says it', () => {
    expect(place()).toEqual({ url: 'http://127.0.0.1:9181', source: 'the default' })
    write('server: { url: "https://auth.example.com" }\n')
    expect(place()).toEqual({ url: 'http://127.0.0.1:9181', source: 'the default' })
  })

  it('needs nothing else of the configuration: neither secrets that are readable, nor flags', () => {
    write('sessions: { secretFile: /run/credentials/none }\nadmin: { listen: 127.0.0.1:7000 }\nnonsense: 1\n')
    expect(place().url).toBe('http://127.0.0.1:7000')
  })

  it('is not guessed where the configuration cannot be read, or says no address', () => {
    expect(() => place({ config: 'absent.yaml' })).toThrow('absent.yaml')
    expect(() => place({}, { SALLYPORT_CONFIG: 'absent.yaml' })).toThrow('absent.yaml')
    write('admin: { listen: [')
    expect(() => place()).toThrow('sallyport.yaml:1')
    write('admin: { listen: somewhere }\n')
    expect(() => place()).toThrow('admin.listen, sallyport.yaml:1:18: expected host:port')
    write('admin: { listen: 127.0.0.1:0 }\n')
    expect(() => place()).toThrow('say it with --admin')
  })
})

describe('without an answer', () => {
  const commands: readonly (readonly [string, (values: AdminValues, terminal: Terminal) => Promise<number>])[] = [
    ['sessions list', (values, terminal) => listSessions({ ...values, all: true, limit: 1 }, terminal)],
    ['sessions show', (values, terminal) => showSession('h', values, terminal)],
    ['sessions end', (values, terminal) => endSessions('h', values, terminal)],
    ['passwords list', (values, terminal) => listPasswords({ ...values, all: true, limit: 1 }, terminal)],
    ['passwords revoke', (values, terminal) => revokePasswords('h', values, terminal)],
    ['workers status', showWorkers],
    ['workers restart', restartWorkers],
    ['policy reload', reloadPolicy],
  ]

  it.each(commands)('%s names the address, who said it, and what happened', async (_name, run) => {
    write('admin: { listen: "unix:/nowhere/admin.sock" }\n')
    const terminal = createTestTerminal({ cwd })
    expect(await run({}, terminal)).toBe(1)
    expect(terminal.errors()).toContain(
      'no answer from unix:/nowhere/admin.sock (admin.listen, sallyport.yaml:1:18): there is no such file; is the service running',
    )
  })

  it('says that nothing listens at a port', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const call = callAdmin({ url, source: 'the default' }, '/workers')
    await expect(call).rejects.toThrow(`no answer from ${url} (the default): nothing listens there`)
  })
})
