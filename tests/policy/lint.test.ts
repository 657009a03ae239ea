/** Lint: each rule with the row it means, and no finding about a row that decides something. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { decide } from '../../rbac/decide.ts'
import type { Identity } from '../../rbac/identity.ts'
import { type LintOptions, lintPolicy } from '../../rbac/lint/lint.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'
import { processorMsOf } from '../pace.ts'

const conditionsFile = `office: { source-network: [10.0.0.0/8] }
hours: { time-window: { from: "09:00", to: "18:00" } }
guests: { date-window: { until: 2026-03-31 } }
mfa: { authentication-method: [otp] }
`
const conditions = { name: 'conditions.yaml', text: conditionsFile }
const findingsOf = async (csv: string, options: LintOptions = {}) =>
  lintPolicy(await policyOf(csv, conditionsFile), { conditions }, options)
const lint = async (csv: string, options: LintOptions = {}) =>
  (await findingsOf(csv, options))
    .filter(({ rule }) => rule !== 'unused-condition')
    .map(({ rule, line }) => `${line} ${rule}`)

const wide = 'p, authenticated, *.example.com, /admin/**, *, -, allow'
const p = (...fields: string[]) => `p, ${fields.join(', ')}`

describe('a deny row that takes something away', () => {
  it.each([
    ['on a host of its pattern', ['*.example.com', '/a/**'], ['wiki.example.com', '/a/b']],
    ['on a wider host', ['wiki.example.com', '/a/b'], ['*.example.com', '/a/**']],
    ['with a pattern', ['wiki.example.com', 're:/a/.*'], ['wiki.example.com', '/a/b']],
    ['from a star', ['wiki.example.com', '/a/b'], ['wiki.example.com', '/*/b']],
    ['in another spelling', ['wiki.example.com', '/jobs%3Apurge/x'], ['wiki.example.com', '/jobs:purge/**']],
  ])('%s is not reported', async (_, [host = '', path = ''], [otherHost = '', otherPath = '']) => {
    const denied = p('group:ops', host, path, 'GET', '-', 'deny')
    expect(await lint(`${denied}\n${p('group:sre', otherHost, otherPath, '*', '-', 'allow')}`)).toEqual([])
  })
})

describe('a row that another one covers', () => {
  it.each([
    ['in the host', p('authenticated', 'wiki.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the host pattern', p('authenticated', '*.eu.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the subject', p('group:ops', '*.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the path', p('authenticated', '*.example.com', '/admin/*/keys', '*', '-', 'allow')],
    ['in the path without what is below', p('authenticated', '*.example.com', '/admin', '*', '-', 'allow')],
    ['in the method', p('authenticated', '*.example.com', '/admin/**', 'read|POST', '-', 'allow')],
    ['in the condition', p('authenticated', '*.example.com', '/admin/**', '*', 'office & !mfa', 'allow')],
  ])('%s is reported, wherever it stands', async (_, row) => {
    expect(await lint(`${wide}\n${row}`)).toEqual(['2 shadowed-row'])
    expect(await lint(`${row}\n${wide}`)).toEqual(['1 shadowed-row'])
  })

  it.each([
    ['for the apex', p('authenticated', 'example.com', '/admin/**', '*', '-', 'allow')],
    ['for a wider host', p('authenticated', '*.com', '/admin/**', '*', '-', 'allow')],
    ['for anonymous requests', p('anyone', '*.example.com', '/admin/**', '*', '-', 'allow')],
    ['for another path', p('authenticated', '*.example.com', '/admins', '*', '-', 'allow')],
    ['for a wider path', p('authenticated', '*.example.com', '/*/**', '*', '-', 'allow')],
    ['for reporting only', p('authenticated', '*.example.com', '/admin/**', '*', '-', 'shadow-allow')],
  ])('%s is not', async (_, row) => {
    expect(await lint(`${wide}\n${row}`)).not.toContain('2 shadowed-row')
  })

  it('with a condition covers those that ask more, and not those that ask something else', async () => {
    const rows = ['office', 'office & mfa', 'mfa'].map(condition =>
      p('group:ops', 'wiki.example.com', '/a', '*', condition, 'allow'),
    )
    expect(await lint(rows.join('\n'))).toEqual(['2 shadowed-row'])
  })

  it('through a role that anonymous requests have is not covered by authenticated', async () => {
    const role = p('role:reader', 'wiki.example.com', '/admin', '*', '-', 'allow')
    expect(await lint(`${wide}\n${role}\ng, anyone, role:reader, *`)).toEqual([])
    expect(await lint(`${wide}\n${role}\ng, group:ops, role:reader, *`)).toEqual(['2 shadowed-row'])
  })
})

describe('other findings', () => {
  const row = p('group:ops', 'wiki.example.com', '/a', '*', '-', 'allow')
  it.each<[string, string, LintOptions, string[]]>([
    [
      'an allow row under a deny row',
      `${row}\n${p('anyone', 'wiki.example.com', '/**', '*', '-', 'deny')}`,
      {},
      ['1 allow-under-deny'],
    ],
    ['a condition that contradicts itself', row.replace('-', 'office & !office'), {}, ['1 condition-never-true']],
    [
      'not for a deny row, which unknown facts let apply',
      `${row}\n${row.replace('-, allow', 'office & !office, deny')}`,
      {},
      [],
    ],
    [
      'but for a deny row whose facts are never unknown',
      `${row}\n${row.replace('-, allow', 'hours & !hours, deny')}`,
      {},
      ['2 condition-never-true'],
    ],
    [
      'a window that is over',
      row.replace('-', 'guests'),
      { now: Date.UTC(2026, 3, 2) / 1000 },
      ['1 condition-never-true'],
    ],
    ['not before its end', row.replace('-', 'guests'), { now: Date.UTC(2026, 2, 30) / 1000 }, []],
    ['a pattern without its slash', row.replace('/a', 're:public/.*'), {}, ['1 pattern-never-matches']],
    ['a pattern with a slash at the end', row.replace('/a', 're:/public/'), {}, ['1 pattern-never-matches']],
    ['a pattern that matches itself only', row.replace('/a', 're:/public'), {}, ['1 odd-pattern']],
    ['a pattern at any depth', row.replace('/a', 're:.*/admin'), {}, ['1 odd-pattern']],
    ['a pattern that is slow', row.replace('/a', 're:/(a{500})'), {}, ['1 odd-pattern']],
    [
      'an issuer that nobody configured',
      row.replace('group:ops', 'user:https://other.example#alice'),
      { issuers: ['https://idp.example'] },
      ['1 unknown-issuer'],
    ],
    ['a role without members', row.replace('group:ops', 'role:admin'), {}, ['1 role-without-members']],
    [
      'a role whose members are elsewhere',
      `${row.replace('group:ops', 'role:admin')}\ng, group:sre, role:admin, other.example`,
      {},
      ['1 role-without-members', '2 role-without-rows'],
    ],
    [
      'a deny row that takes nothing away',
      `${row}\n${row.replace('/a', '/b').replace('allow', 'deny')}`,
      {},
      ['2 unreached-deny'],
    ],
    ['every host', row.replace('wiki.example.com', '*'), {}, ['1 wide-host']],
    [
      'hosts of unrelated owners',
      row.replace('wiki.example.com', '*.co.uk'),
      { isPublicSuffix: domain => domain === 'co.uk' },
      ['1 wide-host'],
    ],
    [
      'a network without proxies',
      row.replace('-', 'office'),
      { hasTrustedProxies: false },
      ['1 network-without-proxies'],
    ],
    ['nothing about a good row', row, { hasTrustedProxies: false, issuers: [], now: 0 }, []],
  ])('%s', async (_, csv, options, found) => expect(await lint(csv, options)).toEqual(found))

  it('a condition that no row names, with its line', async () => {
    const found = await findingsOf(row.replace('-', '!office & mfa'))
    expect(found.map(({ file, line, rule }) => [file, line, rule])).toEqual([
      ['conditions.yaml', 2, 'unused-condition'],
      ['conditions.yaml', 3, 'unused-condition'],
    ])
  })

  it('ten thousand rows of one host take less than ten seconds', async () => {
    const many = Array.from({ length: 10_000 }, (_, at) =>
      p('group:ops', 'wiki.example.com', `/p${at}/**`, '*', '-', 'allow'),
    )
    const find = async () => expect(await lint(many.join('\n'))).toEqual([])
    expect(await processorMsOf(find)).toBeLessThan(10_000)
  })
})

describe('sallyport policy lint', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sallyport-lint-'))
  const run = async (...args: string[]) => {
    const terminal = createTestTerminal({ cwd })
    const code = await runCli(['policy', 'lint', '.', ...args], { version: '0', terminal })
    return { code, output: terminal.output(), errors: terminal.errors() }
  }
  it('says what it found, where, and what to do; fails only when asked to be strict', async () => {
    writeFileSync(join(cwd, 'rows.csv'), `${wide}\n${p('group:ops', 'wiki.example.com', '/admin', '*', '-', 'allow')}`)
    const { code, output } = await run()
    expect(code).toBe(0)
    expect(output).toBe(
      `rows.csv:2  warning  never decides: rows.csv:1 covers it (${wide}) [shadowed-row]\n    remove one of the two\n1 warning, 0 notes\n`,
    )
    expect((await run('--strict')).code).toBe(1)
    expect(JSON.parse((await run('--json')).output).findings).toMatchObject([{ rule: 'shadowed-row', line: 2 }])
    writeFileSync(join(cwd, 'rows.csv'), wide.replace('*.example.com', '*.github.io'))
    expect((await run('--strict')).output).toContain('*.github.io covers hosts of unrelated owners')
    writeFileSync(join(cwd, 'rows.csv'), wide)
    expect(await run('--strict')).toMatchObject({ code: 0, output: expect.stringContaining('nothing to say') })
    expect(await run('--at', 'tomorrow')).toMatchObject({ code: 1, errors: expect.stringContaining('--at') })
    rmSync(cwd, { recursive: true })
  })
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the linted policies: ${seed} (repeat with SEED=${seed})\n`)
const pick = (...values: string[]) => fc.constantFrom(...values)
const domains = pick(
  'a.example.com',
  'a.example.com',
  '*.example.com',
  'x.a.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
  'console',
)
const randomRow = fc
  .tuple(
    pick(
      'anyone',
      'authenticated',
      'group:ops',
      'group:dev',
      'role:admin',
      'email:alice@example.com',
      'email:Alice@example.com',
      'email-domain:example.com',
    ),
    domains,
    pick(
      '/**',
      '/**',
      '/**',
      '/a',
      '/a/**',
      '/a/*',
      '/*/x',
      '/a/x*',
      '/a/*/**',
      '/*',
      '/',
      're:/a.*',
      're:.*',
      're:a',
      're:/a/',
      '/a%20b/*',
    ),
    pick('*', '*', '*', 'read', 'write', 'GET', 'GET|POST', 'HEAD', 'read|POST'),
    pick(
      '-',
      '-',
      '-',
      '-',
      '-',
      '-',
      'office',
      '!office',
      'office & mfa',
      'office & !office',
      'hours & !hours',
      'guests',
      '!guests',
      'mfa',
    ),
    pick('allow', 'allow', 'deny', 'shadow-allow', 'shadow-deny'),
  )
  .map(fields => p(...fields))
const randomRole = fc
  .tuple(
    pick('anyone', 'group:ops', 'email:alice@example.com', 'email:ALICE@example.com'),
    pick('role:admin', 'role:other'),
    domains,
  )
  .map(fields => `g, ${fields.join(', ')}`)
const identity = fc.constantFrom<Identity>(
  { kind: 'anonymous' },
  ...[['ops'], ['dev'], ['ops', 'dev'], []].flatMap((groups): Identity[] => [
    {
      kind: 'user',
      subject: 'https://idp.example#alice',
      provider: 'corp',
      groups,
      claims: {},
      email: 'alice@example.com',
      amr: ['otp'],
    },
    { kind: 'user', subject: 'https://idp.example#bob', provider: 'corp', groups, claims: {} },
  ]),
)
const now = Date.UTC(2026, 5, 1, 12) / 1000
const question = fc.record({
  identity,
  request: fc.record({
    domain: pick('a.example.com', 'x.a.example.com', 'b.example.com', 'other.test', 'console'),
    resource: pick('/', '/a', '/a/', '/a/x', '/a/xy', '/a/x/y', '/b/x', '/b', '/ab', '/a%20b/c'),
    action: pick('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS'),
    url: fc.constant(''),
  }),
  context: fc.constantFrom(
    { now },
    { now, clientAddress: '10.0.0.1' },
    { now: now + 43_200, clientAddress: '192.0.2.1' },
  ),
})

const deadRules = [
  'allow-under-deny',
  'condition-never-true',
  'pattern-never-matches',
  'role-without-members',
  'unreached-deny',
]

test('without a row that lint calls shadowed no effect changes; without one it calls dead nobody gets in or is shut out', async () => {
  const tried = new Map<string, number>()
  const property = fc.asyncProperty(
    fc.uniqueArray(randomRow, { minLength: 4, maxLength: 14, size: 'max' }),
    fc.uniqueArray(randomRole, { maxLength: 3 }),
    fc.array(question, { minLength: 40, maxLength: 40 }),
    async (rows, roles, questions) => {
      const all = [...rows, ...roles]
      const before = await policyOf(all.join('\n'), conditionsFile)
      for (const { rule, line, file } of lintPolicy(before, { conditions }, { now })) {
        if (file === 'conditions.yaml' || (rule !== 'shadowed-row' && !deadRules.includes(rule))) continue
        const after = await policyOf(all.toSpliced(line - 1, 1).join('\n'), conditionsFile)
        tried.set(rule, (tried.get(rule) ?? 0) + 1)
        for (const { identity: who, request, context } of questions) {
          const [old, next] = [before, after].map(policy => decide(request, who, policy, context).effect)
          const same = rule === 'shadowed-row' ? old === next : (old === 'allow') === (next === 'allow')
          expect({ same, rule, row: all[line - 1], old, next }).toMatchObject({ same: true })
        }
      }
    },
  )
  await fc.assert(property, { numRuns: 300, seed })
  for (const rule of ['shadowed-row', ...deadRules]) expect(tried.get(rule), rule).toBeGreaterThan(5)
})
