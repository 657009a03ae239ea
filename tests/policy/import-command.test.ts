/** `sallyport policy import`, as a person uses it, and the settings of oauth2-proxy. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-import-'))
  terminal = createTestTerminal({ cwd })
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...args: string[]) => runCli(['policy', ...args], { version: '0', terminal })

it('writes a policy that loads, and lists what it left out', async () => {
  const rules =
    'access_control:\n  rules:\n    - domain: app.example.com\n      policy: one_factor\n      subject: [group:ops, user:alice]\n'
  writeFileSync(join(cwd, 'configuration.yml'), rules)
  expect(await run('import', 'authelia', 'configuration.yml', '--output', 'policy')).toBe(0)
  expect(terminal.output()).toContain('configuration.yml:5  left out: subject user:alice')
  expect(readFileSync(join(cwd, 'policy/authelia.csv'), 'utf8')).toContain(
    'p, group:ops, app.example.com, /**, *, -, allow',
  )
  expect(await run('check', 'policy')).toBe(0)
})

it('overwrites nothing', async () => {
  writeFileSync(join(cwd, 'c.yml'), 'rules: []\n')
  expect(await run('import', 'authelia', 'c.yml', '--output', '.')).toBe(0)
  expect(await run('import', 'authelia', 'c.yml', '--output', '.')).toBe(1)
  expect(terminal.errors()).toContain('is there already')
})

it('reads the settings of oauth2-proxy', async () => {
  const settings = `email_domains = ["example.com"]
allowed_groups = [
  "ops", # the first
  "dev",
]
authenticated_emails_file = "emails"
skip_auth_routes = ["GET=^/public/", "^/health$", "POST!=^/x/"]
skip_auth_preflight = true
cookie_secure = true
`
  writeFileSync(join(cwd, 'proxy.cfg'), settings)
  writeFileSync(join(cwd, 'emails'), 'carol@other.example\n')
  expect(await run('import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com', '--json')).toBe(0)
  const { files, findings } = JSON.parse(terminal.output())
  const rows = files['oauth2-proxy.csv'].split('\n').filter((line: string) => line.startsWith('p'))
  expect(rows).toEqual([
    'p, anyone, app.example.com, re:/public/.+, GET, -, allow',
    'p, anyone, app.example.com, /**, OPTIONS, -, allow',
    'p, email-domain:example.com, app.example.com, /**, *, groups-ops, allow',
    'p, email:carol@other.example, app.example.com, /**, *, groups-ops, allow',
  ])
  expect(files['conditions.yaml']).toMatch(/- ops\n\s+- dev/)
  expect(findings.map(({ line, what }: { line: number; what: string }) => `${line} ${what}`)).toEqual(
    expect.arrayContaining(['7 skip_auth_routes ^/health$', '7 skip_auth_routes POST!=^/x/']),
  )
})

it('lets nobody in by a login while a setting is not understood', async () => {
  writeFileSync(join(cwd, 'proxy.cfg'), 'email_domains = ["*"]\ngithub_org = "example"\n')
  expect(await run('import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com')).toBe(0)
  expect(terminal.output()).toContain('proxy.cfg:2  left out: github_org')
  expect(terminal.output()).not.toMatch(/^p, /m)
})

it('says where a file is no YAML', async () => {
  writeFileSync(join(cwd, 'c.yml'), 'rules: [\n')
  expect(await run('import', 'pomerium', 'c.yml')).toBe(2)
  expect(terminal.errors()).toContain('c.yml:2:1')
})
