/** Whatever looks at a policy without a request, or after it: what it says of conditions that ask somebody else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-asked-'))
  terminal = createTestTerminal({ cwd })
  write(
    'rows.csv',
    'p, group:ops, wiki.example.com, /a/**, *, open, allow\np, group:ops, wiki.example.com, /b/**, *, -, allow\np, anyone, wiki.example.com, /b/**, *, !open, deny\n',
  )
  write('conditions.yaml', 'open: { ask: change-window }\n')
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const write = (name: string, text: string) => writeFileSync(join(cwd, name), text)
const run = (...args: string[]) => runCli(['policy', ...args, '--policy', '.'], { version: '0', terminal })
const alice = ['--as', 'alice', '--groups', 'ops']
const at = (path: string) => ['--url', `https://wiki.example.com${path}`]

async function explained(...args: string[]) {
  terminal = createTestTerminal({ cwd })
  expect(await run('explain', ...alice, ...args, '--json')).toBe(0)
  const { decision, rows } = JSON.parse(terminal.output())
  return [decision.effect, ...rows.map((row: { fields: { condition: string } }) => row.fields.condition)]
}

describe('explain', () => {
  it('takes what a decider says, and without it the condition is unknown (H44)', async () => {
    expect(await explained(...at('/a/x'))).toEqual(['deny', 'may', 'not-tried', 'not-tried'])
    expect(await explained(...at('/a/x'), '--answer', 'change-window=yes')).toEqual([
      'allow',
      'hit',
      'not-tried',
      'not-tried',
    ])
    expect(await explained(...at('/a/x'), '--answer', 'change-window=no')).toEqual([
      'deny',
      'miss',
      'not-tried',
      'not-tried',
    ])
    expect((await explained(...at('/b/x')))[0]).toBe('deny')
    expect((await explained(...at('/b/x'), '--answer', 'change-window=no'))[0]).toBe('deny')
    expect((await explained(...at('/b/x'), '--answer', 'change-window=yes'))[0]).toBe('allow')
  })

  it('proposes the answer that is missing', async () => {
    expect(await run('explain', ...alice, ...at('/a/x'))).toBe(0)
    expect(terminal.output()).toContain('if change-window said yes (rows.csv:1)')
  })

  it('says that nobody asks a decider of this name, and which one is near', async () => {
    for (const command of [
      ['explain', ...alice, ...at('/a/x')],
      ['access', ...alice],
    ]) {
      terminal = createTestTerminal({ cwd })
      expect(await run(...command, '--answer', 'chnge-window=yes')).toBe(2)
      expect(terminal.errors()).toMatch(/unknown decider "chnge-window".*change-window/)
    }
  })

  it.each(['change-window', 'change-window=perhaps', '=yes'])(
    'says what an answer looks like, and not %s',
    async answer => {
      expect(await run('explain', ...alice, ...at('/a/x'), '--answer', answer)).toBe(2)
      expect(terminal.errors()).toContain('--answer: expected <')
    },
  )
})

it('who-can and access name the condition', async () => {
  expect(await run('who-can', 'GET', 'https://wiki.example.com/a/x')).toBe(0)
  expect(terminal.output()).toMatch(/group:ops .*open/)
  terminal = createTestTerminal({ cwd })
  expect(await run('access', ...alice)).toBe(0)
  expect(terminal.output()).toContain('open')
})

it('a test file says what deciders say', async () => {
  const case_ = (name: string, answers: string, want: string) =>
    `- { name: ${name}, identity: { user: alice, groups: [ops] }, request: GET https://wiki.example.com/a/x, ${answers}want: ${want} }\n`
  const yes = case_('a yes', 'answers: { change-window: true }, ', 'allow')
  write('a.test.yaml', yes + case_('a no', 'answers: { change-window: false }, ', 'deny') + case_('none', '', 'deny'))
  expect(await runCli(['policy', 'test', '.'], { version: '0', terminal })).toBe(0)
  expect(terminal.output()).toContain('3 cases')
  write('a.test.yaml', yes.replace('true', 'yes'))
  expect(await runCli(['policy', 'test', '.'], { version: '0', terminal })).not.toBe(0)
  expect(terminal.errors() + terminal.output()).toContain('answers: change-window: expected true or false')
  terminal = createTestTerminal({ cwd })
  write('a.test.yaml', case_('a slip', 'answers: { chnge-window: true }, ', 'deny'))
  expect(await runCli(['policy', 'test', '.'], { version: '0', terminal })).not.toBe(0)
  expect(terminal.errors() + terminal.output()).toContain('a slip: facts: unknown decider "chnge-window"')
})
