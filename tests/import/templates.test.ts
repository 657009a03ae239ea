/** Templates in the files of other programs: rendered where there is a value, and never read as a name where there is none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasTemplate, renderTemplates } from '../../cli/policy/import/templates.ts'
import { convert } from '../../cli/policy/import.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

type Format = Parameters<typeof convert>[0]['format']

const imported = async (format: Format, text: string, more: object = {}) => {
  const { rows, findings } = await convert(
    { format, ...more },
    { name: 'old', text },
    { environment: { ZONE: 'env.example' } },
  )
  expect(JSON.stringify({ rows, findings })).not.toMatch(/[\uE000\uE001]/)
  const left = findings.filter(({ kind }) => kind === 'left-out').map(({ line, what }) => `${line} ${what}`)
  return { rows: rows.map(({ effect, subject, domain }) => `${effect} ${subject} ${domain}`), left, findings }
}

const authelia = (...rules: readonly string[]): string =>
  `access_control:\n  rules:\n${rules.map(rule => `    - ${rule}\n`).join('')}`
const wiki = (domain: string): string => authelia(`domain: wiki.${domain}\n      policy: one_factor`)

test.each(['{{ env "ZONE" }}', '{{env `ZONE`}}', '{{ mustEnv "ZONE" }}', `\${ZONE}`, `\${ZONE:-other.example}`])(
  '%s is its value: one that is given, else of the environment if that is asked for',
  async template => {
    const rows = async (more?: object) => (await imported('authelia', wiki(template), more)).rows
    expect(await rows({ set: ['ZONE=example.com'] })).toEqual(['allow authenticated wiki.example.com'])
    expect(await rows({ set: ['ZONE=example.com'], setFromEnv: true })).toEqual([
      'allow authenticated wiki.example.com',
    ])
    expect(await rows({ setFromEnv: true })).toEqual(['allow authenticated wiki.env.example'])
    expect(await rows()).toEqual([])
  },
)

test('a rule with a template without a value is left out, and named with its template', async () => {
  const { rows, left } = await imported('authelia', wiki('{{ env "ZONE" }}'), { set: ['ZOEN=example.com'] })
  expect(rows).toEqual([])
  expect(left).toContain('3 what depends on wiki.{{ env "ZONE" }}')
  const { findings } = await imported('authelia', wiki('x.example'), { set: ['ZOEN=example.com'] })
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'check', what: '--set ZOEN' }))
  expect((await imported('authelia', wiki(`\${NONE:-x.example}`))).rows).toEqual([])
  expect((await imported('authelia', wiki(`\${NONE:-x.example}`), { setFromEnv: true })).rows).toHaveLength(1)
  expect((await imported('authelia', wiki('{{ env "ZONE" | lower }}'), { setFromEnv: true })).rows).toEqual([])
  expect((await imported('authelia', wiki('{{ secret "/run/zone" }}'), { setFromEnv: true })).rows).toEqual([])
})

test.each([
  [`subject: "group:\${X}"`, []],
  [`subject: ["group:\${X}", "group:dev"]`, []],
  [`methods: ["\${X}"]`, []],
  [`resources: ["^/\${X}"]`, []],
  [`networks: ["\${X}"]`, []],
  [`networks: "\${X}"`, []],
])('H40 a deny with %s stays a deny for whomever and whatever it may mean', async (field, rows) => {
  const text = authelia(
    `domain: app.example.com\n      policy: deny\n      ${field}`,
    'domain: app.example.com\n      policy: bypass',
  )
  const all = (await imported('authelia', text)).rows
  expect(all.filter(row => row.startsWith('allow anyone'))).toEqual(rows)
})

test('a host with a template takes only from hosts that it may be', async () => {
  const rest = ['domain: app.example.com\n      policy: bypass', 'domain: wiki.other.example\n      policy: bypass']
  const { rows } = await imported('authelia', authelia(`domain: "app.\${X}"\n      policy: deny`, ...rest))
  expect(rows).toEqual(['allow anyone wiki.other.example'])
  expect((await imported('authelia', authelia(`domain: "\${X}"\n      policy: deny`, ...rest))).rows).toEqual([])
  expect((await imported('authelia', authelia(`domain: "*.\${X}"\n      policy: deny`, ...rest))).rows).toEqual([])
})

test('rules that are a template, or that a template chooses, are no rules', async () => {
  const rules = 'access_control:\n  default_policy: one_factor\n  rules: {{ secret "/rules" }}\n'
  expect((await imported('authelia', rules)).rows).toEqual([])
  const chosen =
    'access_control:\n  rules:\n    {{- if env "X" }}\n    - domain: a.example.com\n      policy: bypass\n    {{- end }}\n'
  await expect(imported('authelia', chosen)).rejects.toThrow('old:3:1: {{- if env "X" }} decides which lines')
  const told = 'access_control:\n  rules:\n    {{/* open */}}\n    - domain: a.example.com\n      policy: bypass\n'
  expect((await imported('authelia', told)).rows).toEqual(['allow anyone a.example.com'])
})

const app = 'from: https://app.example.com'
const open = 'allow_public_unauthenticated_access: true'
test.each([
  [`${app}, ${open}, policy: "\${X}"`],
  [`${app}, ${open}, policy: ["\${X}"]`],
  [`${app}, ${open}, policy: [{ deny: "\${X}" }]`],
  [`${app}, ${open}, policy: [{ deny: { or: "\${X}" } }]`],
  [`${app}, ${open}, policy: [{ deny: { or: ["\${X}"] } }]`],
  [`${app}, ${open}, policy: [{ deny: { or: [{ email: "\${X}" }] } }]`],
  [`${app}, ${open}, policy: [{ deny: { or: [{ "claim/\${X}": a }] } }]`],
  [`${app}, ${open}, policy: [{ "\${X}": { or: [{ accept: true }] } }]`],
  [`${app}, ${open}, prefix: "\${X}"`],
  [`${app}, ${open}, "\${X}": 1`],
  [`${app}, allow_public_unauthenticated_access: "\${X}"`],
  [`${app}, policy: [{ allow: { and: [{ authenticated_user: true }, { groups: { has: "\${X}" } }] } }]`],
])('H40 Pomerium, {%s}: nothing is allowed', async route => {
  expect((await imported('pomerium', `routes: [{ ${route} }]\n`)).rows.filter(row => row.startsWith('allow'))).toEqual(
    [],
  )
})

test('a template that changes nothing of who may is passed over', async () => {
  const route = `routes: [{ ${app}, to: "http://\${BACKEND}", set_request_headers: { X: "\${pomerium.id_token}" }, ${open} }]\n`
  expect(await imported('pomerium', route)).toMatchObject({ rows: ['allow anyone app.example.com'], left: [] })
  const settings = `email_domains = ["*"]\ncookie_secret = "\${SECRET}"\ncookie_secure = \${SECURE}\n`
  const { rows, left } = await imported('oauth2-proxy', settings, { host: ['app.example.com'] })
  expect([rows, left]).toEqual([['allow authenticated app.example.com'], []])
})

test.each([
  [`email_domains = ["example.com", "\${X}"]`, ['allow email-domain:example.com app.example.com']],
  [`email_domains = ["*"]\nallowed_groups = ["\${X}"]`, []],
  [`email_domains = ["*"]\nallowed_groups = ["ops", "\${X}"]`, []],
  [`email_domains = ["*"]\noidc_groups_claim = "\${X}"`, []],
  [`email_domains = ["*"]\noidc_email_claim = "\${X}"`, []],
  [`email_domains = ["*"]\nprovider = "\${X}"`, []],
  [`email_domains = ["*"]\ngithub_org = "\${X}"`, []],
  [`skip_auth_routes = ["^/\${X}"]`, []],
  [`trusted_ips = ["\${X}"]`, []],
  [`authenticated_emails_file = "\${X}"`, []],
])('oauth2-proxy, %s: %j', async (settings, rows) => {
  expect((await imported('oauth2-proxy', `${settings}\n`, { host: ['app.example.com'] })).rows).toEqual(rows)
})

test('traefik-forward-auth and Vouch let nobody in by a template', async () => {
  for (const line of [
    `rule.a.rule = Host(\`\${X}\`)`,
    `whitelist = \${X}@example.com`,
    `url-path = \${X}`,
    `default-action = \${X}`,
  ])
    expect([line, (await imported('traefik-forward-auth', `${line}\n`, { host: ['app.example.com'] })).rows]).toEqual([
      line,
      [],
    ])
  for (const line of [`domains: ["\${X}"]`, `whiteList: ["\${X}"]`, `publicAccess: \${X}`, `allowAllUsers: \${X}`])
    expect([line, (await imported('vouch', `vouch:\n  ${line}\n`, { host: ['app.example.com'] })).rows]).toEqual([
      line,
      [],
    ])
})

test('a value stays on its line, and no text passes for a mark', () => {
  const render = (text: string, given: Record<string, string>) =>
    renderTemplates({ name: 'f', text }, { given: new Map(Object.entries(given)) })
  expect(render(`a \${A} b`, { A: '1' }).text).toBe('a 1 b')
  expect(hasTemplate(render(`a \${A} b`, { A: '1\n2' }).text)).toBe(true)
  const kept = render(`a \${A} {{ x }} b`, {})
  expect(kept.restore(kept.text)).toBe(`a \${A} {{ x }} b`)
  expect(() => render('a \uE0000\uE001', {})).toThrow('f:1:1')
  expect(() => render('\n{{ a\n}}', {})).toThrow('f:2:1')
  expect(render('$A $1 ^/x$ {a}', { A: '1' }).text).toBe('$A $1 ^/x$ {a}')
})

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-templates-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

test('the command line gives values', async () => {
  writeFileSync(join(cwd, 'c.yml'), wiki(`\${A}.\${B}`))
  const run = async (...args: string[]) => {
    const terminal = createTestTerminal({ cwd, env: { A: 'a', B: 'b.example' } })
    const code = await runCli(['policy', 'import', 'authelia', 'c.yml', ...args], { version: '0', terminal })
    return { code, output: terminal.output(), errors: terminal.errors() }
  }
  expect((await run('--set', 'A=x', '--set', 'B=y.example')).output).toContain(', wiki.x.y.example,')
  expect((await run('--set', 'A=x', '--set-from-env')).output).toContain(', wiki.x.b.example,')
  expect(await run('--set', 'A=x')).toMatchObject({
    code: 1,
    output: expect.stringContaining(`depends on wiki.x.\${B}`),
  })
  expect(await run('--set', 'A')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('--set: expected NAME=VALUE'),
  })
})
