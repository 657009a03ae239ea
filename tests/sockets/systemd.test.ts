/**
 * deploy/systemd/sallyport.service: systemd itself reads it and says how much it keeps from the service; and the service runs by
 * its command line, with its credentials and its folders where the unit has them. Under systemd: tests/containers/systemd.test.ts.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { cli } from '../lifecycle/process.ts'
import { endProcess, requirePeer } from '../peers.ts'
import { checkOf } from './world.ts'

const root = join(import.meta.dirname, '../..')
const unit = readFileSync(join(root, 'deploy/systemd/sallyport.service'), 'utf8')
const directory = mkdtempSync(join(tmpdir(), 'sallyport-systemd-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const valuesOf = (name: string): readonly string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)

/** The unit with programs of this machine, which systemd looks for. */
function placed(text: string): string {
  const path = join(directory, 'sallyport.service')
  writeFileSync(path, text.replace('/usr/bin/node', process.execPath).replace('/opt/sallyport/dist/cli/main.js', cli))
  return path
}

const asked = (...args: readonly string[]) => {
  try {
    const output = execFileSync('sh', ['-c', 'exec systemd-analyze "$@" 2>&1', 'x', ...args], { encoding: 'utf8' })
    return { code: 0, output }
  } catch (error) {
    const { status, stdout } = error as { readonly status: number; readonly stdout: string }
    return { code: status, output: stdout }
  }
}

describe.skipIf(requirePeer('systemd-analyze') === undefined)('the unit', () => {
  it('is taken by systemd without a word', () => {
    expect(asked('verify', '--man=no', placed(unit))).toEqual({ code: 0, output: '' })
    expect(
      asked('verify', '--man=no', placed(unit.replace('ProtectSystem=strict', 'ProtectSystem=sctrict'))).output,
    ).toContain('Failed to parse')
  })

  it('leaves the service little that it could do to the machine', () => {
    expect(asked('security', '--offline=true', '--threshold=20', placed(unit)).code).toBe(0)
    const open = unit.replace(/^(?:Capability|NoNew|Protect|Private|Restrict|SystemCall).*$/gm, '')
    expect(asked('security', '--offline=true', '--threshold=20', placed(open)).code).toBe(1)
  })
})

describe('what the unit and docs/systemd.md say together', () => {
  const page = readFileSync(join(root, 'docs/systemd.md'), 'utf8')
  const settings = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const places = {
    run: '/run/sallyport',
    state: '/var/lib/sallyport',
    logs: '/var/log/sallyport',
    credentials: '/run/credentials/sallyport.service',
  }

  it('names each folder as the unit makes it, and each credential as it is loaded', () => {
    for (const name of ['RuntimeDirectory', 'StateDirectory', 'LogsDirectory', 'ConfigurationDirectory'])
      expect(valuesOf(name)).toEqual(['sallyport'])
    const loaded = valuesOf('LoadCredential').map(value => value.split(':')[0])
    expect([...settings.matchAll(/sallyport\.service\/([\w-]+)/g)].map(([, name]) => name).sort()).toEqual(
      loaded.sort(),
    )
    for (const place of Object.values(places)) expect(settings).toContain(place)
  })

  it('runs: sockets, sessions, audit log and secrets where they are', async () => {
    const of = (name: string) => join(directory, name)
    for (const name of ['run', 'state', 'logs', 'credentials', 'etc', 'etc/policy'])
      mkdirSync(of(name), { mode: 0o700 })
    writeFileSync(of('credentials/session-secret'), `${freshSecret()}\n`, { mode: 0o400 })
    writeFileSync(of('credentials/oidc-secret'), 'the secret of a client in a test\n', { mode: 0o400 })
    const policy = 'p, anyone, wiki.localhost, /public/**, read, -, allow\n'
    writeFileSync(of('etc/policy/policy.csv'), policy)
    const own = Object.entries(places)
      .reverse()
      .reduce((text, [name, place]) => text.replaceAll(place, of(name)), settings)
    // This machine's groups are its own.
    writeFileSync(
      of('etc/sallyport.yaml'),
      own.replaceAll('/etc/sallyport', of('etc')).replace(/^.*socketOwner.*\n/m, ''),
    )
    const [command = ''] = valuesOf('ExecStart')
    const [, ...args] = command
      .replace('/opt/sallyport/dist/cli/main.js', cli)
      .replace('/etc/sallyport/', `${of('etc')}/`)
      .split(' ')
    const service = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    service.stderr.on('data', chunk => {
      errors += chunk
    })
    try {
      const socket = of('run/check.sock')
      await vi.waitUntil(
        () => {
          if (service.exitCode !== null) throw new Error(errors)
          return existsSync(socket)
        },
        { timeout: 60_000, interval: 25 },
      )
      expect((await checkOf(socket, '/public/a')).status).toBe(200)
      expect(existsSync(of('run/admin.sock'))).toBe(true)
      await expect.poll(() => readFileSync(of('logs/audit.jsonl'), 'utf8')).toContain('access.allowed')
      writeFileSync(of('etc/policy/policy.csv'), `${policy}p, anyone, wiki.localhost, /news, read, -, allow\n`)
      service.kill('SIGHUP')
      await expect.poll(async () => (await checkOf(socket, '/news')).status).toBe(200)
    } finally {
      await endProcess(service)
    }
  })
})
