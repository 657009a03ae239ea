/** What is said of rows that end: the list of the command, and what a running service says by itself. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EndingRow, watchExpiry } from '../../app/policy/expiry-watch.ts'
import { createMetrics } from '../../app/telemetry/metrics.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'

const rows = `p, group:audit, wiki.example.com, /books/**, read, until:2026-12-31, allow, for the auditors, finance
p, group:old, wiki.example.com, /**, *, until:2026-01-31, allow
p, anyone, wiki.example.com, /**, *, freeze, deny
p, group:ops, wiki.example.com, /**, *, -, allow
`
const conditions = 'freeze: { date-window: { until: "2026-12-01T06:00:00Z" } }\n'
const now = Date.UTC(2026, 10, 30) / 1000

describe('sallyport policy expiring', () => {
  let cwd: string
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'sallyport-expiring-'))
    mkdirSync(join(cwd, 'policy'))
    writeFileSync(join(cwd, 'policy/rows.csv'), rows)
    writeFileSync(join(cwd, 'policy/conditions.yaml'), conditions)
  })
  afterEach(() => rmSync(cwd, { recursive: true, force: true }))
  async function run(...args: string[]) {
    const terminal = createTestTerminal({ cwd })
    const code = await runCli(['policy', 'expiring', '--at', '2026-11-30T00:00:00Z', ...args], {
      version: '0',
      terminal,
    })
    return { code, output: terminal.output(), errors: terminal.errors() }
  }

  it('lists what is over first, then what ends next, with what is left', async () => {
    expect(await run()).toMatchObject({
      code: 0,
      output: `rows.csv:2  over since 302 days, 2026-02-01T00:00:00Z  p, group:old, wiki.example.com, /**, *, until:2026-01-31, allow
rows.csv:3  ends in 1 day, 2026-12-01T06:00:00Z  p, anyone, wiki.example.com, /**, *, freeze, deny
rows.csv:1  ends in 32 days, 2027-01-01T00:00:00Z  p, group:audit, wiki.example.com, /books/**, read, until:2026-12-31, allow  # for the auditors, of finance
`,
    })
    expect((await run('--within', '12h')).output.split('\n')).toHaveLength(2)
    writeFileSync(join(cwd, 'policy/rows.csv'), rows.split('\n').slice(3).join('\n'))
    expect((await run()).output).toBe('ok: no row ends\n')
  })

  it('counts in days for programs, by the warning of the configuration', async () => {
    const { rows: found } = JSON.parse((await run('--json')).output)
    expect(found).toMatchObject([
      { id: 'rows.csv:2', state: 'over', days: -302, effect: 'allow' },
      { id: 'rows.csv:3', state: 'soon', days: 1, effect: 'deny', ends: '2026-12-01T06:00:00Z' },
      { id: 'rows.csv:1', state: 'later', days: 32, note: 'for the auditors', owner: 'finance' },
    ])
  })

  it.each([
    [['--within', 'soon'], '--within: expected a duration'],
    [['--at', 'soon'], '--at: expected a time'],
  ])('refuses %j', async (args, message) => {
    const { code, errors } = await run(...args)
    expect(code).not.toBe(0)
    expect(errors).toContain(message)
  })
})

describe('a running service', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('H39 says at each load and once a day what ends soon and what is over, what denies first, and counts it each hour', async () => {
    vi.setSystemTime(now * 1000)
    const metrics = createMetrics({ version: '0', fronts: [], providers: [], hasProcessMetrics: false })
    const said: (readonly [string, readonly EndingRow[]])[] = []
    const watch = watchExpiry({
      clock: { now: () => Date.now() },
      warning: 40 * 86_400,
      onCounted: metrics.rowsEnding,
      onEnding: (ending, message) => said.push([message, ending]),
    })
    const gauge = async (effect: string, state: string) =>
      new RegExp(`sallyport_policy_ending_rows\\{effect="${effect}",state="${state}"\\} (\\d+)`).exec(
        await metrics.render(),
      )?.[1]
    watch.loaded(await policyOf(rows, conditions))
    expect(said).toMatchObject([
      ['some rows are over and apply no more', [{ rule: 'policy.csv:2' }]],
      [
        'some rows end soon',
        [
          { rule: 'policy.csv:3', message: expect.stringContaining('what it denies is open from then on') },
          { rule: 'policy.csv:1', message: 'allows until 2027-01-01T00:00:00Z, in 32 days' },
        ],
      ],
    ])
    expect(await Promise.all([gauge('deny', 'soon'), gauge('deny', 'over'), gauge('allow', 'over')])).toEqual([
      '1',
      '0',
      '1',
    ])
    said.length = 0
    vi.advanceTimersByTime(23 * 3_600_000)
    expect(said).toEqual([])
    vi.advanceTimersByTime(3_600_000)
    expect(said.map(([, { length }]) => length)).toEqual([1, 2])
    vi.advanceTimersByTime(7 * 3_600_000)
    expect(await Promise.all([gauge('deny', 'soon'), gauge('deny', 'over')])).toEqual(['0', '1'])
    watch.loaded(await policyOf(rows.split('\n').slice(3).join('\n'), conditions))
    expect(await Promise.all([gauge('deny', 'over'), gauge('allow', 'soon')])).toEqual(['0', '0'])
    watch.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
