/**
 * Each command that a page prints is run: here, in a folder with a configuration, a policy and services that run, or by the
 * test that commands-elsewhere.ts names. And each command of this program that a sentence names is there, with its options.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWholeProgram } from '../../cli/program.ts'
import { freshSecret } from '../../cli/secret.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { createShell } from '../kubernetes/printed-commands.ts'
import type { RunningService } from '../lifecycle/process.ts'
import { startService, type TestService } from '../service.ts'
import { createSocketWorld, type SocketWorld } from '../sockets/world.ts'
import { startWorkers } from '../workers/service.ts'
import { elsewhere } from './commands-elsewhere.ts'
import { type DocumentedCommand, documentedCommands, namedCommands, pages, root } from './documented-commands.ts'
import { problemsOf } from './named-commands.ts'

const documented = pages.flatMap(documentedCommands)
const whereOf = ({ page, command }: DocumentedCommand) =>
  elsewhere.filter(entry => entry.page === page && (entry.commands?.test(command) ?? true))
const here = documented.filter(one => whereOf(one).length === 0)

/** What a command has to say, where that it ends well is not enough. */
const said: readonly (readonly [RegExp, RegExp])[] = [
  [/^sallyport config check$/, /^The configuration is valid/],
  [/^sallyport policy lint$/, /policy/],
  [/^sallyport policy check(?: |$)/, /^ok: .*policy, 6 rows over 2 domains/],
  [/^sallyport policy test(?: |$)/, /^ok: 1 case in 1 file/],
  [/^sallyport policy explain .*\/admin$/, /^allow/],
  [/^sallyport policy explain .*kube:prod/, /^allow/],
  [/^sallyport policy who-can create /, /group:payments/],
  [/^sallyport proxy-config /, /written\n/],
  [/^sallyport doctor$/, /the store answers soon/],
  [/^sallyport sessions list --all --(?:admin|config) /, /session/],
  [/^curl --unix-socket /, /"status":"degraded"/],
  [/^curl .*\/machines$/, /"machines":\[\]/],
  [/^sallyport store (?:export|import) /, /^0 records, 0 tombstones, 0 links /],
  [/^sallyport workers restart$/, /restarted/],
]

const policy = `p, group:ops, wiki.example.com, /admin/**, *, -, allow
p, authenticated, wiki.example.com, /pages/**, read, -, allow
p, group:payments, kube:prod, /payments/core/pods/*/exec, create, -, allow
p, group:payments, kube:prod, /payments/core/configmaps/*, patch, -, allow\np, group:payments, kube:prod, /payments/core/configmaps, create, -, allow
p, authenticated, wiki.example.com, /secrets/**, read, -, allow
`
const cases = `- name: a page
  identity: { user: alice }
  request: GET https://wiki.example.com/pages/a
  want: allow
`

describe('the commands that are printed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-documented-'))
  let world: TestService
  let sockets: SocketWorld
  let workers: RunningService
  let run: (
    command: string,
  ) => Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>

  beforeAll(async () => {
    world = await startService({ policy: 'p, anyone, wiki.example.com, /public/**, read, -, allow\n' })
    workers = await startWorkers({})
    sockets = createSocketWorld()
    await sockets.untilReady(sockets.start())
    mkdirSync(join(directory, 'policy'))
    const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })
    write('policy/policy.csv', policy)
    write('policy/policy.test.yaml', cases)
    const secret = freshSecret()
    const settings = (store: string, url = world.publicUrl) => ({
      server: { url },
      envoy: {
        listen: '127.0.0.1:9183',
        tls: { certificateFile: './envoy.pem', keyFile: './envoy-key.pem', clientCaFile: './ca.pem' },
      },
      providers: [
        {
          name: 'corp',
          issuer: world.provider.issuer,
          clientId: 'sallyport',
          clientSecret: 'the client secret of a test',
        },
      ],
      sessions: { path: store, secret },
      policy: { directory: './policy' },
    })
    write('sallyport.yaml', JSON.stringify(settings('./data')))
    write('public.yaml', JSON.stringify(settings('./data', 'https://auth.example.com')))
    write('old.yaml', JSON.stringify(settings('./old')))
    write('new.yaml', JSON.stringify(settings('./new')))
    const home = join(directory, 'home')
    mkdirSync(home)
    const shell = createShell({ home, cwd: directory })
    run = command => shell.run(placed(command))
  })
  afterAll(async () => {
    await sockets?.close()
    await workers?.stop()
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** What a machine of its own would have: ports, folders and sockets that are this test's here. */
  function placed(command: string): string {
    return command
      .replaceAll('--output /etc/', `--output ${directory}/etc/`)
      .replace(/^(sallyport proxy-config \S+)(?=.* --tls-certificate )/, '$1 --config public.yaml')
      .replaceAll('/run/sallyport/', `${sockets.directory}/`)
      .replace('/etc/sallyport/sallyport.yaml', `${sockets.directory}/sallyport.yaml`)
      .replace('http://127.0.0.1:9181', `http://127.0.0.1:${world.adminPort}`)
      .replace(/^(sallyport workers restart)$/, `$1 --admin http://127.0.0.1:${workers.adminPort}`)
  }

  it.each(here.map(one => [one.page, one.command] as const))('%s: %s', async (_page, command) => {
    const expected = said.filter(([of]) => of.test(command))
    expect(
      expected.length,
      'nobody runs this command: say here what it prints, or in commands-elsewhere.ts who does',
    ).toBe(1)
    const { code, stdout, stderr } = await run(command)
    // What curl says of its progress, and what proxy-config leaves to the operator, is no complaint.
    const told = command.startsWith('curl ') ? '' : stderr.replaceAll(/^note: .*\n/gm, '')
    expect([code, told], stdout).toEqual([0, ''])
    expect(stdout).toMatch(expected[0]?.[1] ?? /$^/)
  })

  it('are many, and each of those that are run elsewhere is one of a page and has its test', () => {
    expect(here.length).toBeGreaterThan(15)
    for (const { page, commands, test } of elsewhere) {
      expect(
        documented.some(one => one.page === page && (commands?.test(one.command) ?? true)),
        `${page} ${commands}`,
      ).toBe(true)
      expect(existsSync(join(root, test)), test).toBe(true)
    }
  })

  it('print nothing below them that no test holds against what they say', () => {
    const withOutput = documented.filter(({ output }) => output !== '')
    expect(withOutput.length).toBeGreaterThan(10)
    expect(withOutput.filter(one => whereOf(one).length === 0)).toEqual([])
  })

  it('of npm are scripts of the project', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const names = documented.flatMap(({ command }) =>
      [...command.matchAll(/npm run ([a-z]+)/g)].map(([, name]) => name),
    )
    expect(names.length).toBeGreaterThan(5)
    expect(names.filter(name => scripts[name ?? ''] === undefined)).toEqual([])
  })
})

describe('the commands of this program that pages name', () => {
  let program: Command
  beforeAll(async () => {
    program = await createWholeProgram({ version: '0', terminal: createTestTerminal({ cwd: root }) }, () => undefined)
  })

  it.each(pages.map(page => [page] as const))('are there, with their options: %s', page => {
    expect(namedCommands(page).flatMap(text => problemsOf(text, program))).toEqual([])
  })

  it('are read closely enough to find a slip', () => {
    expect(problemsOf('sallyport polici check', program)).toEqual(['sallyport polici check: no command polici'])
    expect(problemsOf('sallyport policy check --strickt', program)).toEqual([
      'sallyport policy check --strickt: no option --strickt',
    ])
  })
})
