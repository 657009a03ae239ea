/** The bench of the gateway runs against a real API server, and says what it has found beside what is wanted. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { gatewayCases, reportCalls } from '../../bench/gateway/gateway-report.ts'
import type { CaseSummary } from '../../bench/gateway/gateway-rounds.ts'
import type { BenchResult } from '../../bench/report.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tiny = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.1', '--sizes', '20,10', '--json']
const bench = (environment: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(process.execPath, ['dist/bench/main.js', 'gateway', ...tiny], {
    cwd: root,
    timeout: 600_000,
    env: { ...process.env, ...environment },
  })

describe('the report', () => {
  const side = {
    p50Ms: 1,
    p99Ms: 2,
    perSecond: 1_000,
    bytes: 30_000_000,
    gatewayMicroseconds: 0,
    apiServerMicroseconds: 900,
  }
  const summaries = (ratio: number, gatewayMicroseconds: number): ReadonlyMap<string, CaseSummary> => {
    const one = {
      ratio,
      spread: [ratio, ratio],
      toBare: { ratio, spread: [ratio, ratio] },
      direct: side,
      bare: side,
      gateway: { ...side, gatewayMicroseconds },
      load: 1,
    } as const
    return new Map(gatewayCases.map(({ name }) => [name, one]))
  }
  const linesOf = (ratio: number, gatewayMicroseconds: number): string =>
    reportCalls(summaries(ratio, gatewayMicroseconds), 5_000).lines.join('\n')

  test.each([
    [1.6, /gateway-get .*at most 1\.6: yes/],
    [1.61, /gateway-get .*at most 1\.6: no/],
    [0.65, /gateway-get-16 .*at least 0\.65: yes/],
    [0.64, /gateway-get-16 .*at least 0\.65: no/],
    [1.21, /gateway-list .*at most 1\.2: no/],
  ])('calls %d what it is', (ratio, line) => {
    expect(linesOf(ratio, 300)).toMatch(line)
  })

  test.each([
    [300, /gateway-get-16 .*0\.30 +at most 0\.3: yes/],
    [310, /gateway-get-16 .*0\.31 +at most 0\.3: no/],
  ])('calls %d microseconds of a call what they are', (microseconds, line) => {
    expect(linesOf(1, microseconds)).toMatch(line)
  })
})

test('says what is missing, and ends with an error, where there are no programs of a cluster', async () => {
  const HOME = mkdtempSync(join(tmpdir(), 'sallyport-bench-home-'))
  try {
    await expect(bench({ HOME })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('tests/kubernetes/install'),
    })
  } finally {
    rmSync(HOME, { recursive: true, force: true })
  }
})

test.skipIf(requireClusterPrograms() === undefined)('asks a real API server in both ways', async () => {
  const { stdout } = await bench()
  const { cases } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as BenchResult
  const side = { p50Ms: expect.any(Number), p99Ms: expect.any(Number), perSecond: expect.any(Number) }
  for (const { name } of gatewayCases) {
    expect(cases[name]).toMatchObject({ ratio: expect.any(Number), direct: side, bare: side, gateway: side })
  }
  expect(cases['gateway-watches']).toMatchObject({ watches: 10, addedMiB: expect.any(Number) })
  expect(cases['gateway-watches-apart']).toMatchObject({ watches: 10 })
})
