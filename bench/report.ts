/** The table for people, the object for programs, and what moved since the committed result. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { isPinned } from './roles.ts'
import type { Summary } from './statistics.ts'

export interface BenchResult {
  readonly machine: string
  readonly cases: Readonly<Record<string, StoredCase>>
}

export interface StoredCase {
  readonly ratio: number
  readonly spread: readonly [number, number]
  readonly cpuMicroseconds?: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** `npm run` starts in the checkout. */
const storedAt = 'bench/result.json'

export function machineOf(): string {
  const [cpu] = cpus()
  const pinning = isPinned ? 'server and load pinned to a core each' : 'not pinned'
  return `${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.versions.node}, ${process.platform}, ${pinning}`
}

export function resultOf(summaries: ReadonlyMap<string, Summary>): BenchResult {
  return {
    machine: machineOf(),
    cases: Object.fromEntries([...summaries].map(([name, summary]) => [name, storedCase(summary)])),
  }
}

function storedCase({ ratio, spread, cpuMicroseconds, p50Ms, p99Ms }: Summary): StoredCase {
  const [low, high] = spread
  return {
    ratio: rounded(ratio, 3),
    spread: [rounded(low, 3), rounded(high, 3)],
    ...(cpuMicroseconds === undefined ? {} : { cpuMicroseconds: rounded(cpuMicroseconds, 1) }),
    p50Ms: rounded(p50Ms, 3),
    p99Ms: rounded(p99Ms, 3),
  }
}

export function tableOf(summaries: ReadonlyMap<string, Summary>): string {
  const head = ['case', 'x bare', 'quartiles', 'req/s', 'CPU µs', 'p50 ms', 'p99 ms', 'RSS MiB']
  const rows = [...summaries].map(([name, one]) => [
    name,
    one.ratio.toFixed(2),
    one.spread.map(value => value.toFixed(2)).join(' - '),
    one.perSecond.toFixed(0),
    one.cpuMicroseconds?.toFixed(1) ?? '-',
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
    one.rssMiB?.toFixed(0) ?? '-',
  ])
  return alignedTable(head, rows)
}

/** First column to the left, the others to the right. */
export function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map(row => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')
  return [line(head), ...rows.map(line)].join('\n')
}

/** Sentences about what moved beyond both spreads since the committed result; ratios only, as machines differ. */
export function comparisonWith(stored: BenchResult | undefined, current: BenchResult): string[] {
  if (stored === undefined) return [`nothing to compare with: ${storedAt} is missing (--save writes it)`]
  const moved = Object.entries(current.cases).flatMap(([name, now]) => {
    const before = stored.cases[name]
    if (before === undefined) return [`${name} is new`]
    const isApart = now.spread[0] > before.spread[1] || now.spread[1] < before.spread[0]
    const change = (now.ratio / before.ratio - 1) * 100
    return isApart
      ? [`${name}: ${before.ratio} -> ${now.ratio} x bare (${change > 0 ? '+' : ''}${change.toFixed(0)} %)`]
      : []
  })
  const machine =
    stored.machine === current.machine ? [] : [`the committed result is of another machine: ${stored.machine}`]
  return [...machine, ...(moved.length > 0 ? moved : ['nothing moved beyond the spread since the committed result'])]
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

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
