import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-policy-diff-'))
  terminal = createTestTerminal({ cwd })
  put('old/rows.csv', `${wiki}p, group:ops, wiki.example.com, /admin/**, *, -, allow\n`)
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const wiki = 'p, anyone, wiki.example.com, /public/**, read, -, allow\n'
const run = (...args: string[]) => runCli(['policy', 'diff', 'old', 'new', ...args], { version: '0', terminal })

function put(path: string, text: string): void {
  mkdirSync(join(cwd, path, '..'), { recursive: true })
  writeFileSync(join(cwd, path), text)
}

describe('sallyport policy diff', () => {
  it('finds nothing between equal policies', async () => {
    put('new/rows.csv', `${wiki}p, group:ops, wiki.example.com, /admin/**, *, -, allow\n`)
    expect(await run('--fail-on-change')).toBe(0)
    expect(terminal.output()).toMatch(/^0 of [1-9]\d* questions of a sample are answered differently\n$/)
  })

  it('names who gets in that did not, and who does not that did, with both rules', async () => {
    put('new/rows.csv', `${wiki}p, group:sre, wiki.example.com, /admin/**, *, -, allow\n`)
    expect(await run('--json', '--fail-on-change')).toBe(1)
    const { differences } = JSON.parse(terminal.output())
    expect(differences).toContainEqual({
      who: 'group:ops',
      request: 'GET wiki.example.com/admin/sample/page',
      from: 'allow (rows.csv:2)',
      to: 'deny',
    })
    expect(differences).toContainEqual({
      who: 'group:sre',
      request: 'POST wiki.example.com/admin/',
      from: 'deny',
      to: 'allow (rows.csv:2)',
    })
  })

  it('sees that GET alone is less than GET', async () => {
    put('old/rows.csv', `${wiki}p, group:ops, wiki.example.com, /a, GET, -, allow\n`)
    put('new/rows.csv', `${wiki}p, group:ops, wiki.example.com, /a, only:GET, -, allow\n`)
    expect(await run('--json')).toBe(0)
    const { differences } = JSON.parse(terminal.output())
    expect(differences).toMatchObject([{ request: 'HEAD wiki.example.com/a', from: expect.stringContaining('allow') }])
  })

  it('sees a condition that is new, and a deny', async () => {
    put('new/conditions.yaml', 'mfa: { authentication-method: [mfa] }\n')
    put(
      'new/rows.csv',
      `${wiki}p, group:ops, wiki.example.com, /admin/**, *, mfa, allow\np, anyone, wiki.example.com, /public/**, *, -, deny\n`,
    )
    expect(await run()).toBe(0)
    expect(terminal.output()).toContain('group:ops  GET wiki.example.com/admin/  allow (rows.csv:2) -> challenge')
    expect(terminal.output()).toContain('anyone  GET wiki.example.com/public/  allow (rows.csv:1) -> deny (rows.csv:3)')
  })

  it('asks a path that a pattern matches, and names the patterns for which it found none', async () => {
    const patterns = (effect: string): string =>
      `p, group:ops, wiki.example.com, re:/page/\\d+/edit, POST, -, ${effect}\np, group:ops, wiki.example.com, re:page, POST, -, allow\n`
    put('old/rows.csv', patterns('allow'))
    put('new/rows.csv', patterns('deny'))
    expect(await run()).toBe(0)
    expect(terminal.output()).toBe(
      [
        'group:ops  POST wiki.example.com/page/0/edit  allow (rows.csv:1) -> deny (rows.csv:1)',
        '1 of 2 questions of a sample are answered differently',
        'no path was found for the patterns of: old/rows.csv:2, new/rows.csv:2',
        '',
      ].join('\n'),
    )
  })

  it('asks with what the condition of a row wants, and names the conditions that it cannot meet', async () => {
    const conditions = (network: string): string =>
      `office: { source-network: [${network}] }\nmfa: { authentication-method: [mfa] }\npast: { date-window: { until: 2001-01-01, zone: UTC } }\n`
    const rows =
      'p, group:ops, wiki.example.com, /a, GET, office & mfa, allow\np, group:ops, wiki.example.com, /b, GET, past, allow\n'
    put('old/rows.csv', rows)
    put('old/conditions.yaml', conditions('10.0.0.0/8'))
    put('new/rows.csv', rows)
    put('new/conditions.yaml', conditions('10.1.0.0/16'))
    expect([await run(), terminal.errors()]).toEqual([0, ''])
    const lines = terminal.output().split('\n')
    const about = 'GET wiki.example.com/a'
    expect(lines).toContain(
      `group:ops from 10.0.0.0/8 after a login with mfa  ${about}  allow (rows.csv:1) -> deny (rows.csv:1)`,
    )
    // At the edges of both versions, and with each part alone.
    expect(lines).toContain(
      `group:ops after a login with mfa from 10.2.0.0  ${about}  allow (rows.csv:1) -> deny (rows.csv:1)`,
    )
    expect(lines).toContain(
      `group:ops from 10.0.0.0 after a login without mfa  ${about}  challenge (rows.csv:1) -> deny (rows.csv:1)`,
    )
    expect(lines.slice(-3)).toEqual([
      expect.stringMatching(/^\d+ of \d+ questions of a sample are answered differently$/),
      'no facts were found that meet the conditions of: old/rows.csv:2, new/rows.csv:2',
      '',
    ])
  })

  it('says for how many rows it asked nothing, where the sample is full', async () => {
    const many = Array.from({ length: 10_003 }, (_, at) => `p, group:ops, wiki.example.com, /${at}, GET, -, allow\n`)
    put('old/rows.csv', many.join(''))
    put('new/rows.csv', many.slice(0, 10_002).join(''))
    expect(await run('--json')).toBe(0)
    const { asked, leftOut } = JSON.parse(terminal.output())
    expect(asked).toBe(20_000)
    // One row differs, and is asked first; then each row once, although both policies have it.
    expect(leftOut.unasked).toBe(3 + 3)
  })

  it('asks the few rows that differ before the many that do not', async () => {
    const many = Array.from({ length: 20_000 }, (_, at) => `p, group:ops, wiki.example.com, /${at}, GET, -, allow\n`)
    const changed = Array.from({ length: 10 }, (_, at) => at * 2_000 + 1_999)
    put('old/rows.csv', many.join(''))
    put('new/rows.csv', many.map((row, at) => (changed.includes(at) ? row.replace('ops', 'sre') : row)).join(''))
    expect(await run('--json')).toBe(0)
    const { asked, differences } = JSON.parse(terminal.output())
    expect(asked).toBe(20_000)
    const lost = changed.map(at => ({
      ...{ who: 'group:ops', request: `GET wiki.example.com/${at}` },
      ...{ from: `allow (rows.csv:${at + 1})`, to: 'deny' },
    }))
    expect(differences).toHaveLength(20)
    expect(differences).toEqual(expect.arrayContaining(lost))
  })

  it('asks the rows of a role that has got a member, also through another role, before the others', async () => {
    const many = Array.from({ length: 20_000 }, (_, at) => `p, group:ops, wiki.example.com, /${at}, GET, -, allow\n`)
    const rows = `${many.join('')}p, role:editor, wiki.example.com, /edit, GET, -, allow\ng, role:admin, role:editor, *\n`
    put('old/rows.csv', rows)
    put('new/rows.csv', `${rows}g, email:bob@example.com, role:admin, *\n`)
    expect(await run('--json')).toBe(0)
    expect(JSON.parse(terminal.output()).differences).toEqual([
      expect.objectContaining({ who: 'email:bob@example.com', request: 'GET wiki.example.com/edit', from: 'deny' }),
    ])
  })

  it('leaves room for every changed row where one names thousands, and says so', async () => {
    const members = Array.from({ length: 25_000 }, (_, at) => `g, email:p${at}@example.com, role:staff, *\n`).join('')
    put('old/rows.csv', wiki)
    put(
      'new/rows.csv',
      `${wiki}p, role:staff, wiki.example.com, /a, GET, -, allow\np, group:ops, wiki.example.com, /z, GET, -, allow\n${members}`,
    )
    expect(await run('--json')).toBe(0)
    const { changed, leftOut } = JSON.parse(terminal.output())
    // Half of the sample for each of the two; nobody is asked as anyone too.
    expect(changed).toBe(9_999 + 1)
    expect(leftOut.inPart).toEqual(['new/rows.csv:2'])
  })

  it('asks the requests of a test file, whatever its cases want', async () => {
    put('new/rows.csv', wiki)
    const identity = 'identity: { user: alice, groups: [ops] }'
    put(
      'cases.test.yaml',
      `- { name: Alice, ${identity}, request: GET https://wiki.example.com/admin/x, want: deny }\n`,
    )
    expect(await run('--requests', 'cases.test.yaml')).toBe(0)
    expect(terminal.output()).toContain('Alice  GET wiki.example.com/admin/x  allow (rows.csv:2) -> deny')
    expect(terminal.output()).toContain('1 of 1 questions are answered differently')
  })

  it('asks the recorded requests of an audit file', async () => {
    put('new/rows.csv', wiki)
    const event = {
      ...{ v: 1, time: '2026-01-01T10:00:00.000Z', event: 'access.allowed', requestId: 'r1' },
      ...{ subject: 'https://idp.example#alice', provider: 'corp', groups: ['ops'], front: 'auth-request' },
      ...{ domain: 'wiki.example.com', resource: '/admin/keys', action: 'GET', revision: 'x', durationMicroseconds: 1 },
    }
    put('audit.jsonl', `${JSON.stringify(event)}\n`)
    expect(await run('--audit', 'audit.jsonl')).toBe(0)
    expect(terminal.output()).toContain('GET wiki.example.com/admin/keys  allow (rows.csv:2) -> deny')
  })

  it('says which policy cannot be read', async () => {
    expect(await run()).toBe(2)
    expect(terminal.errors()).toContain(join(cwd, 'new'))
  })
})
