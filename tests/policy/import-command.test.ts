/** `sallyport policy import`, as a person uses it, and the settings of oauth2-proxy. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  writeFileSync(join(cwd, 'c.yml'), 'rules: [{ domain: app.example.com, policy: one_factor }]\n')
  expect(await run('import', 'authelia', 'c.yml', '--output', '.')).toBe(0)
  expect(await run('import', 'authelia', 'c.yml', '--output', '.')).toBe(1)
  expect(terminal.errors()).toContain('is there already')
})

it('puts a second file beside the first, and its conditions after those that are there', async () => {
  const settings = (group: string): string =>
    `email_domains = ["example.com"]\nallowed_groups = ["${group}"]\ntrusted_ips = ["10.0.0.0/8"]\n`
  writeFileSync(join(cwd, 'a.cfg'), settings('ops'))
  writeFileSync(join(cwd, 'b.cfg'), settings('dev'))
  const command = ['import', 'oauth2-proxy']
  const output = ['--output', 'policy', '--host']
  expect(await run(...command, 'a.cfg', ...output, 'a.example.com', '--name', 'first')).toBe(0)
  const before = readFileSync(join(cwd, 'policy/conditions.yaml'), 'utf8')
  writeFileSync(join(cwd, 'policy/conditions.yaml'), `# ours\n${before.trimEnd()}`)
  expect(
    await run(...command, 'b.cfg', ...output, 'b.example.com', '--name', 'second', '--host', 'c.example.com'),
  ).toBe(0)
  const after = readFileSync(join(cwd, 'policy/conditions.yaml'), 'utf8')
  expect(after.startsWith(`# ours\n${before}groups-dev:`)).toBe(true)
  expect(after.match(/source-network/g)).toHaveLength(1)
  expect(readFileSync(join(cwd, 'policy/second.csv'), 'utf8').match(/[bc]\.example\.com, .*groups-dev/g)).toHaveLength(
    2,
  )
  expect(await run('check', 'policy')).toBe(0)
  writeFileSync(join(cwd, 'c.cfg'), 'trusted_ips = ["192.0.2.0/24"]\n')
  expect(await run(...command, 'c.cfg', ...output, 'd.example.com', '--name', 'third')).toBe(0)
  expect(readFileSync(join(cwd, 'policy/third.csv'), 'utf8')).toContain(
    'p, anyone, d.example.com, /**, *, network-2, allow',
  )
  expect(await run('check', 'policy')).toBe(0)
})

it('says when not one row came of it, and writes nothing', async () => {
  writeFileSync(join(cwd, 'c.yml'), 'rules: []\n')
  expect(await run('import', 'authelia', 'c.yml', '--output', 'policy')).toBe(1)
  expect(terminal.output()).toContain('not one row')
  expect(existsSync(join(cwd, 'policy'))).toBe(false)
})

it.each([
  ['authelia', 'rules: [{ domain: "a.example.com", policy: deny }]\n', []],
  ['pomerium', 'routes: [{ from: "https://a.example.com" }]\n', []],
  ['oauth2-proxy', 'github_org = "example"\nemail_domains = ["*"]\n', ['--host', 'a.example.com']],
  ['traefik-forward-auth', 'allowed-people = x\n', ['--host', 'a.example.com']],
  ['vouch', 'vouch: { domains: [b.example.com], strange: 1 }\n', ['--host', 'a.example.com']],
])('%s: ends with 1 when not one row came of it, however it is printed', async (format, text, more) => {
  writeFileSync(join(cwd, 'old'), text)
  for (const way of [[], ['--json'], ['--output', 'policy']])
    expect([way, await run('import', format, 'old', ...more, ...way)]).toEqual([way, 1])
  expect(terminal.errors()).toBe('')
  expect(existsSync(join(cwd, 'policy'))).toBe(false)
})

it.each([
  ['vouch', 'c.yml', []],
  ['vouch', 'c.yml', ['--host', 'no host']],
  ['authelia', 'c.yml', ['--host', 'app.example.com']],
  ['traefik-forward-auth', 'c.yml', ['--host', '*.example.com']],
])('%s, hosts %s %j: refused', async (format, file, more) => {
  writeFileSync(join(cwd, 'c.yml'), '')
  expect(await run('import', format, file, ...more)).toBe(1)
  expect(terminal.errors()).toContain('--host')
})

it('takes an exact path for itself, with a slash and with any query, where that is chosen', async () => {
  writeFileSync(join(cwd, 'proxy.cfg'), 'skip_auth_routes = ["GET=^/health$", "^/public/"]\n')
  const args = ['import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com']
  expect(await run(...args)).toBe(0)
  expect(terminal.output()).not.toContain(', /health,')
  expect(await run(...args, '--with-slash-and-query')).toBe(0)
  expect(terminal.output()).toContain('p, anyone, app.example.com, /health, only:GET, -, allow')
  expect(terminal.output()).toContain('lets /path/ and /path with any query pass as well')
  expect(terminal.output()).toContain('p, anyone, app.example.com, /public/**, *, -, allow')
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
upstreams = ["http://127.0.0.1:8080/"]
`
  writeFileSync(join(cwd, 'proxy.cfg'), settings)
  writeFileSync(join(cwd, 'emails'), 'carol@other.example\n')
  expect(await run('import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com', '--json')).toBe(0)
  const { files, findings } = JSON.parse(terminal.output())
  const rows = files['oauth2-proxy.csv'].split('\n').filter((line: string) => line.startsWith('p'))
  expect(rows).toEqual([
    'p, anyone, app.example.com, re:/public/.+, only:GET, -, allow',
    'p, anyone, app.example.com, /**, OPTIONS, -, allow',
    'p, email-domain:example.com, app.example.com, /**, *, groups-ops, allow',
    'p, email:carol@other.example, app.example.com, /**, *, groups-ops, allow',
  ])
  expect(files['conditions.yaml']).toMatch(/- ops\n\s+- dev/)
  expect(findings.map(({ line, what }: { line: number; what: string }) => `${line} ${what}`)).toEqual(
    expect.arrayContaining(['7 skip_auth_routes ^/health$', '7 skip_auth_routes POST!=^/x/']),
  )
})

it('passes over settings of oauth2-proxy that keep nobody out, and lists those that let in more', async () => {
  const settings = (more: string): string => `email_domains = ["example.com"]\n${more}\n`
  const imported = async (more: string) => {
    writeFileSync(join(cwd, 'proxy.cfg'), settings(more))
    const other = createTestTerminal({ cwd })
    const args = ['policy', 'import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com']
    await runCli(args, { version: '0', terminal: other })
    return other.output()
  }
  const person = /^p, email-domain:example\.com, app\.example\.com, /m
  for (const fine of [
    'acr_values = "x"',
    'api_routes = ["^/api"]',
    'oidc_email_claim = "email"',
    'signature_key = "a"',
  ])
    expect([fine, await imported(fine)]).toEqual([fine, expect.stringMatching(person)])
  for (const strange of [
    'oidc_email_claim = "upn"',
    'azure_tenant = "x"',
    'keycloak_groups = ["a"]',
    'allowed_roles = ["a"]',
  ])
    expect([strange, await imported(strange)]).toEqual([strange, expect.not.stringMatching(person)])
  const more = await imported('htpasswd_file = "people"')
  expect(more).toMatch(person)
  expect(more).toContain('proxy.cfg:2  left out: htpasswd_file')
  const checks = await imported('skip_auth_preflight = true\nupstreams = ["static://202"]')
  expect(checks).toContain('proxy.cfg:2  left out: skip_auth_preflight')
  expect(checks).not.toContain('OPTIONS, -, allow')
})

it('lets nobody in by a login while a setting is not understood', async () => {
  writeFileSync(join(cwd, 'proxy.cfg'), 'email_domains = ["*"]\ngithub_org = "example"\n')
  expect(await run('import', 'oauth2-proxy', 'proxy.cfg', '--host', 'app.example.com')).toBe(1)
  expect(terminal.output()).toContain('proxy.cfg:2  left out: github_org')
  expect(terminal.output()).not.toMatch(/^p, /m)
})

it('says where a file is no YAML', async () => {
  writeFileSync(join(cwd, 'c.yml'), 'rules: [\n')
  expect(await run('import', 'pomerium', 'c.yml')).toBe(2)
  expect(terminal.errors()).toContain('c.yml:2:1')
})
