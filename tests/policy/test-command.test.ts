/** The tests of a policy from the command line: what fails is named with its place, in every format. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-policy-test-'))
  terminal = createTestTerminal({ cwd })
  write('rows.csv', 'p, group:ops, wiki.example.com, /admin/**, *, -, allow\n')
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...args: string[]) => runCli(['policy', 'test', '.', ...args], { version: '0', terminal })
const write = (name: string, text: string) => writeFileSync(join(cwd, name), text)
const passing = `
- name: Alice of ops administers
  identity: { user: alice, groups: [ops] }
  request: GET https://wiki.example.com/admin/keys
  want: { effect: allow, rule: 'rows.csv:1' }
`
const failing = `${passing}
- name: Mallory <is> "kept" & out
  identity: { user: mallory, groups: [ops] }
  request: GET https://wiki.example.com/admin/keys
  want: deny
`

describe('sallyport policy test', () => {
  it('says how many cases passed, in folders below as well', async () => {
    mkdirSync(join(cwd, 'wiki'))
    write('wiki/a.test.yaml', passing)
    write('b.test.yaml', passing)
    expect(await run()).toBe(0)
    expect(terminal.output()).toBe('ok: 2 cases in 2 files\n')
  })

  it('names the case, its place, what was wanted, what came and the row that decided', async () => {
    write('wiki.test.yaml', failing)
    expect(await run()).toBe(1)
    const output = terminal.output()
    expect(output).toContain('failed: wiki.test.yaml:7  Mallory <is> "kept" & out')
    expect(output).toContain('effect: wanted "deny", got "allow"')
    expect(output).toContain('decided by rows.csv:1: p, group:ops, wiki.example.com, /admin/**, *, -, allow')
    expect(output).toContain('1 failed of 2 cases')
    expect(output).not.toContain('Alice')
  })

  it('J81 asks for those who act as well, and refuses what names nobody', async () => {
    write('denies.csv', 'p, client:corp/relay, wiki.example.com, /admin/**, *, -, deny\n')
    const acting = (actors: string) => `
- name: the relay acts for Alice
  identity: { user: alice, groups: [ops] }
  actors: ${actors}
  request: GET https://wiki.example.com/admin/keys
  want: { effect: deny, reason: actor-denied, deniedActor: 'client:corp/relay', rule: 'denies.csv:1' }
`
    write('wiki.test.yaml', acting('[{ client: corp/other }, { client: corp/relay }]'))
    expect([await run(), terminal.errors()]).toEqual([0, ''])
    for (const [actors, problem] of [
      ['[anonymous]', 'nobody acts without a token'],
      ['{ client: corp/relay }', 'expected a list of those who act'],
    ] as const) {
      write('wiki.test.yaml', acting(actors))
      expect(await run()).not.toBe(0)
      expect(terminal.errors()).toContain(problem)
    }
  })

  it('runs the cases that a filter finds', async () => {
    write('wiki.test.yaml', failing)
    expect(await run('--filter', 'ALICE')).toBe(0)
    expect(terminal.output()).toContain('1 case ')
    expect(await run('--filter', 'nobody of that name')).toBe(1)
    expect(terminal.errors()).toContain('no test case with "nobody of that name"')
  })

  it('is no success without any test', async () => {
    expect(await run()).toBe(1)
    expect(terminal.errors()).toContain('no test case in any *.test.yaml')
  })

  it('reports TAP', async () => {
    write('wiki.test.yaml', failing.replace('Alice of ops administers', '"Alice # SKIP administers"'))
    expect(await run('--format', 'tap')).toBe(1)
    const lines = terminal.output().split('\n')
    expect(lines.slice(0, 4)).toEqual([
      'TAP version 14',
      '1..2',
      'ok 1 - wiki.test.yaml:2 Alice \\# SKIP administers',
      'not ok 2 - wiki.test.yaml:7 Mallory <is> "kept" & out',
    ])
    expect(lines.slice(4).join('\n')).toMatch(/^ {2}---\n {2}message: "effect: wanted [\s\S]*\n {2}\.\.\.\n$/)
  })

  it('reports JUnit, with what XML needs escaped', async () => {
    write('wiki.test.yaml', failing)
    expect(await run('--format', 'junit')).toBe(1)
    const output = terminal.output()
    expect(output).toContain('<testsuite name="wiki.test.yaml" tests="2" failures="1">')
    expect(output).toContain(
      '<testcase name="Alice of ops administers" classname="wiki.test.yaml" file="wiki.test.yaml" line="2"/>',
    )
    expect(output).toContain('name="Mallory &lt;is&gt; &quot;kept&quot; &amp; out"')
    expect(output).toContain('<failure message="effect: wanted &quot;deny&quot;, got &quot;allow&quot;">')
  })

  it('reports one JSON document', async () => {
    write('wiki.test.yaml', failing)
    expect(await run('--format', 'json')).toBe(1)
    const report = JSON.parse(terminal.output())
    expect(report).toMatchObject({ ok: false, cases: 2, failed: 1 })
    expect(report.results[1]).toMatchObject({ line: 7, decision: { effect: 'allow', rule: 'rows.csv:1' } })
  })

  it('reports what it cannot read with its place, in long files too', async () => {
    const many = Array.from({ length: 200 }, (_, index) => passing.trim().replace('Alice', `Alice ${index}`))
    const lines = [
      ...many,
      '- name: a typing error',
      '  identity: anonymous',
      '  request: GET https://wiki.example.com/',
      '  want: { effect: deny, reason: no-rule-mached }',
    ]
    write('wiki.test.yaml', lines.join('\n'))
    expect(await run()).toBe(2)
    expect(terminal.errors()).toContain(
      'wiki.test.yaml:801:3  a typing error: want: unknown reason "no-rule-mached"; did you mean "no-rule-matched"?',
    )
  })

  it('runs every case of a long file, each with its line', async () => {
    const many = Array.from({ length: 200 }, (_, index) => passing.trim().replace('Alice', `Alice ${index}`))
    write('wiki.test.yaml', many.join('\n'))
    expect(await run('--format', 'json')).toBe(0)
    const { results } = JSON.parse(terminal.output())
    expect(results.map(({ line }: { line: number }) => line)).toEqual(many.map((_, index) => index * 4 + 1))
  })

  it('reads a file with anchors as one', async () => {
    const many = Array.from({ length: 100 }, () => passing.trim().replace('{ user: alice, groups: [ops] }', '*alice'))
    write('wiki.test.yaml', [passing.trim().replace('{ user', '&alice { user'), ...many].join('\n'))
    expect(await run()).toBe(0)
    expect(terminal.output()).toBe('ok: 101 cases in 1 file\n')
  })

  it('check refuses what the service would refuse', async () => {
    write('wiki.test.yaml', failing)
    expect(await runCli(['policy', 'check', '.'], { version: '0', terminal })).toBe(2)
    expect(terminal.errors()).toContain('wiki.test.yaml:7:1  test "Mallory <is> "kept" & out" failed')
  })
})
