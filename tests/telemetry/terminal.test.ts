/** `serve` for a person at a terminal, and for a program that reads a pipe. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { cli, prepareService, spawnService, untilListening } from '../lifecycle/process.ts'
import { endProcess } from '../peers.ts'

const untilSaid = (text: () => string, said: string) =>
  vi.waitFor(() => expect(text()).toContain(said), { timeout: 120_000, interval: 50 })

describe('serve', () => {
  test.each([1, 2])('at a terminal says in words what it is set to, with %i workers', async workers => {
    const { directory, port, adminPort, file } = await prepareService({ policy: '', settings: { server: { workers } } })
    const command = `'${process.execPath}' '${cli}' serve --config '${file}'`
    // A terminal of its own for the service, which this process reads and types into.
    const terminal = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'])
    let said = ''
    terminal.stdout.on('data', chunk => {
      said += chunk
    })
    const ended = new Promise(resolve => terminal.once('close', resolve))
    const text = () => stripVTControlCharacters(said).replaceAll('\r', '')
    try {
      await untilSaid(text, '  audit log')
      const settings = text().slice(text().indexOf('\nsallyport '))
      const lineOf = (name: string) => settings.match(new RegExp(`^ {2}${name} +(.+)$`, 'm'))?.[1]
      expect(settings).toContain(` serves http://localhost:${port}\n`)
      expect(lineOf('checks and logins')).toBe(`127.0.0.1:${port}`)
      expect(lineOf('admin')).toBe(`127.0.0.1:${adminPort}`)
      expect(lineOf('workers')).toBe(workers === 1 ? undefined : '2')
      expect(lineOf('sessions')).toBe(`lmdb ${directory}/data`)
      expect(lineOf('cookies')).toBe(`each host its own; login at localhost:${port}`)
      expect(lineOf('providers')).toBe('corp (http://127.0.0.1:9)')
      expect(lineOf('policy')).toBe(directory)
      expect(settings).toMatch(/^ +0 rows, revision [0-9a-f]{16}$/m)
      expect(lineOf('trusted proxies')).toBe('127.0.0.0/8, ::1/128')
      expect(text()).toMatch(/^\d\d:\d\d:\d\dZ info {2}policy loaded .*rows=0$/m)
      expect(text()).not.toContain('{"level"')
      terminal.stdin.write('\u0003')
      await ended
      expect(text()).toMatch(/ info {2}stopped$/m)
      expect(text()).not.toContain('{"level"')
    } finally {
      await endProcess(terminal)
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('in a pipe writes JSON lines and nothing else', async () => {
    const service = await spawnService({ policy: '' })
    try {
      await untilListening(service)
      service.child.kill('SIGTERM')
      await service.ended
      const lines = service.stderr().trimEnd().split('\n')
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) })
      expect(lines.map(line => JSON.parse(line).msg)).toEqual(
        expect.arrayContaining(['policy loaded', 'listening', 'stopped']),
      )
    } finally {
      await service.stop()
    }
  })
})
