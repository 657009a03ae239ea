/** The table for people, the object for programs, and what moved since the committed result. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import type { Summary } from './measure.ts'
import { isPinned } from './roles.ts'

export interface BenchResult {
  readonly machine: string
  readonly cases: Readonly<Record<string, StoredCase>>
}

/** Figures of one case; those with a ratio can be compared. */
export interface StoredCase {
  readonly ratio?: number
  readonly spread?: readonly [number, number]
  readonly cpuRatio?: number
  readonly [figure: string]: unknown
}

/** What one experiment has to say. */
export interface CaseReport {
  readonly lines: readonly string[]
  readonly cases: Readonly<Record<string, StoredCase>>
}

/** `npm run` starts in the checkout. */
const storedAt = 'bench/result.json'

export function machineOf(): string {
  const [cpu] = cpus()
  const pinning = isPinned ? 'server and load pinned to a core each' : 'not pinned'
  return `${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.versions.node}, ${process.platform}, ${pinning}`
}

export const casesOfSummaries = (summaries: ReadonlyMap<string, Summary>): Record<string, StoredCase> =>
  Object.fromEntries([...summaries].map(([name, summary]) => [name, storedCase(summary)]))

function storedCase(summary: Summary): StoredCase {
  const { ratio, spread, cpuMicroseconds, cpuRatio, p50Ms, p99Ms, p999Ms, rssMiB } = summary
  return {
    ...storedRatio({ ratio, spread }),
    ...(cpuMicroseconds === undefined ? {} : { cpuMicroseconds: rounded(cpuMicroseconds, 1) }),
    ...(cpuRatio === undefined ? {} : { cpuRatio: rounded(cpuRatio, 3) }),
    p50Ms: rounded(p50Ms, 3),
    p99Ms: rounded(p99Ms, 3),
    p999Ms: rounded(p999Ms, 3),
    ...(rssMiB === undefined ? {} : { rssMiB: rounded(rssMiB, 0) }),
  }
}

export function storedRatio({ ratio, spread: [low, high] }: Pick<Summary, 'ratio' | 'spread'>) {
  return { ratio: rounded(ratio, 3), spread: [rounded(low, 3), rounded(high, 3)] as const }
}

export function tableOf(summaries: ReadonlyMap<string, Summary>): string {
  const head = [
    'case',
    'x bare',
    'quartiles',
    'CPU x bare',
    'CPU µs',
    'req/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'RSS MiB',
  ]
  const rows = [...summaries].map(([name, one]) => [
    name,
    one.ratio.toFixed(2),
    spreadText(one.spread),
    one.cpuRatio?.toFixed(2) ?? '-',
    one.cpuMicroseconds?.toFixed(1) ?? '-',
    one.perSecond.toFixed(0),
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
    one.p999Ms.toFixed(2),
    one.rssMiB?.toFixed(0) ?? '-',
  ])
  return alignedTable(head, rows)
}

export const spreadText = (spread: readonly [number, number]): string =>
  spread.map(value => value.toFixed(2)).join(' - ')

/** First column to the left, the others to the right. */
export function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map(row => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')
  return [line(head), ...rows.map(line)].join('\n')
}

/** The ratios that the targets are written in, as far as both of their cases ran. */
export function betweenCases(cases: Readonly<Record<string, StoredCase>>): string[] {
  const pairs = [
    ['check-cached', 'naive'],
    ['check-denied', 'check-cached'],
    ['check-challenged', 'check-cached'],
    ['policy-100000', 'policy-10'],
  ] as const
  return pairs.flatMap(([left, right]) => {
    const byRate = quotient(cases[left]?.ratio, cases[right]?.ratio)
    const byCpu = quotient(cases[left]?.cpuRatio, cases[right]?.cpuRatio)
    if (byRate === undefined) return []
    return [`${left} / ${right}: ${byRate}${byCpu === undefined ? '' : `, by processor time ${byCpu}`}`]
  })
}

const quotient = (over: number | undefined, under: number | undefined): string | undefined =>
  over === undefined || under === undefined ? undefined : (over / under).toFixed(2)

/** Sentences about what moved beyond both spreads since the committed result; ratios only, as machines differ. */
export function comparisonWith(stored: BenchResult | undefined, current: BenchResult): string[] {
  if (stored === undefined) return [`nothing to compare with: ${storedAt} is missing (--save writes it)`]
  const moved = Object.entries(current.cases).flatMap(([name, now]) => changeOf(name, stored.cases[name], now))
  const machine =
    stored.machine === current.machine ? [] : [`the committed result is of another machine: ${stored.machine}`]
  return [...machine, ...(moved.length > 0 ? moved : ['nothing moved beyond the spread since the committed result'])]
}

function changeOf(name: string, before: StoredCase | undefined, now: StoredCase): string[] {
  if (before === undefined) return [`${name} is new`]
  if (before.ratio === undefined || before.spread === undefined) return []
  if (now.ratio === undefined || now.spread === undefined) return []
  const isApart = now.spread[0] > before.spread[1] || now.spread[1] < before.spread[0]
  const change = (now.ratio / before.ratio - 1) * 100
  return isApart ? [`${name}: ${before.ratio} -> ${now.ratio} (${change > 0 ? '+' : ''}${change.toFixed(0)} %)`] : []
}

/** Said before the first run, as the bench itself is load. */
export function busyRemark(): string[] {
  const [lastMinute = 0] = loadavg()
  const isBusy = lastMinute > cpus().length / 2
  return isBusy ? [`the machine was busy already (load ${lastMinute.toFixed(1)}): do not save these figures`] : []
}

export function readStored(): BenchResult | undefined {
  try {
    return JSON.parse(readFileSync(storedAt, 'utf8'))
  } catch {
    return undefined
  }
}

/** Cases that were not run keep their committed figures. */
export function writeStored(stored: BenchResult | undefined, current: BenchResult): void {
  const cases = { ...stored?.cases, ...current.cases }
  writeFileSync(storedAt, `${JSON.stringify({ machine: current.machine, cases }, null, 2)}\n`)
}

export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
