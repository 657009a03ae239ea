/** Long commands say how far they are: on a terminal, in one line that is gone when the answer comes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { withProgress } from '../../cli/progress.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
/** What a look at the clock adds, in milliseconds. */
let stepMs: number
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-progress-'))
  terminal = createTestTerminal({ cwd })
  stepMs = 200
  const rows = Array.from({ length: 2_000 }, (_, at) => `p, group:ops, wiki.example.com, /${at}, GET, -, allow\n`)
  writeFileSync(join(cwd, 'rows.csv'), rows.join(''))
  const asked =
    '- { name: Alice, identity: { user: alice, groups: [ops] }, request: GET https://wiki.example.com/1, want: allow }\n'
  writeFileSync(join(cwd, 'rows.test.yaml'), asked.repeat(300))
  writeFileSync(
    join(cwd, 'routes.yaml'),
    '- { from: https://wiki.example.com, policy: [{ allow: { or: [accept: true] } }] }\n',
  )
  writeFileSync(join(cwd, 'audit.jsonl'), '{"v":1,"event":"login.started"}\n'.repeat(200))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

async function run(args: readonly string[], isShown = true): Promise<number> {
  let ms = 0
  const now = (): number => {
    ms += stepMs
    return ms
  }
  return runCli(['policy', ...args], { version: '0', terminal: withProgress(terminal, { isShown, now }) })
}

/** What a terminal shows of standard error in the end: each line as it was left. */
const leftOn = (text: string): string =>
  text
    .split('\n')
    .map(line => line.slice(line.lastIndexOf('\r\x1b[K') + (line.includes('\r\x1b[K') ? 4 : 0)))
    .join('\n')

describe('a command that takes long', () => {
  it.each([
    ['test', ['test', '.'], /\d+ test cases …/],
    ['who-can', ['who-can', 'GET', 'https://wiki.example.com/1', '--policy', '.'], /compiling \S+ …/],
    ['diff', ['diff', '.', '.'], /\d+ of 4000 questions asked …/],
    ['replay', ['replay', '--policy', '.', '--audit', 'audit.jsonl'], /100 % of audit\.jsonl read …/],
    ['unused', ['unused', '.', '--audit', 'audit.jsonl'], /100 % of audit\.jsonl read …/],
    ['lint', ['lint', '.'], /looking at 2000 rows …/],
    ['check', ['check', '.'], /testing \S+ …/],
  ] as const)('%s says how far it is, and wipes that away', async (_, args, said) => {
    expect([await run(args), leftOn(terminal.errors())]).toEqual([0, ''])
    expect(terminal.errors()).toMatch(said)
    expect(terminal.output()).not.toContain('\x1b')
  })

  it('import says it before what it wrote is compiled', async () => {
    stepMs = 600
    expect([await run(['import', 'pomerium', 'routes.yaml']), leftOn(terminal.errors())]).toEqual([0, ''])
    expect(terminal.errors()).toContain('compiling what came of it …')
  })

  it('leaves a mistake readable', async () => {
    writeFileSync(join(cwd, 'rows.csv'), 'p, anyone\n'.repeat(2_000))
    expect(await run(['lint', '.'])).toBe(2)
    expect(terminal.errors()).toContain('\r\x1b[K')
    expect(leftOn(terminal.errors())).toMatch(/^(?:.+\n)+$/)
  })
})

it.each([
  ['one that is done within a second', 0, true],
  ['one whose errors go to a file', 100, false],
] as const)('%s shows nothing', async (_, step, isShown) => {
  stepMs = step
  expect([await run(['test', '.'], isShown), terminal.errors()]).toEqual([0, ''])
})
