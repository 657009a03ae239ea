/** The table of policy sizes: each in a process of its own, asked in interleaved rounds. */
import type { ChildProcess } from 'node:child_process'
import type { CompileCost, DecisionTimes } from '../policy-process.ts'
import type { PolicySize } from '../policy-rows.ts'
import { alignedTable, type CaseReport } from '../report.ts'
import { nextMessage, startRole } from '../roles.ts'
import { medianOf, summarise } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

/** The yardstick first. */
const allSizes: readonly PolicySize[] = [
  { rows: 10, domains: 1 },
  { rows: 1_000, domains: 100 },
  { rows: 10_000, domains: 1_000 },
  { rows: 10_000, domains: 1 },
  { rows: 100_000, domains: 10_000 },
  { rows: 100_000, domains: 1 },
]

interface Measured extends CompileCost {
  readonly size: PolicySize
  readonly rounds: readonly DecisionTimes[]
}

export async function runPolicy(context: ExperimentContext): Promise<CaseReport> {
  context.onProgress('compiling')
  const measured = await measureSizes(context)
  const yardstick = measured[0]?.rounds.map(({ medianUs }) => medianUs) ?? []
  const cases = measured.map(one => ({ ...one, ...resultOf(one, yardstick) }))
  const head = [
    'policy',
    'rows',
    'domains',
    'x 10 rows',
    'median µs',
    'p99 µs',
    'bytes/row',
    'compile ms',
    'slice CPU ms',
    'stall ms',
  ]
  const table = cases.map(one => [
    nameOf(one.size),
    String(one.size.rows),
    String(one.size.domains),
    one.ratio.toFixed(2),
    one.medianUs.toFixed(1),
    one.p99Us.toFixed(1),
    one.bytesPerRow.toFixed(0),
    one.compileMs.toFixed(0),
    one.longestSliceMs.toFixed(1),
    one.longestStallMs.toFixed(1),
  ])
  const entries = cases.map(({ size, rounds: _, ...figures }) => [`decide-${nameOf(size)}`, { ...size, ...figures }])
  return { lines: [alignedTable(head, table)], cases: Object.fromEntries(entries) }
}

/** `policy-<rows>`, and how many domains where that is another number than a tenth. */
const nameOf = ({ rows, domains }: PolicySize): string =>
  rows === domains * 10 ? `policy-${rows}` : `policy-${rows}-over-${domains}`

async function measureSizes({ rounds, resources, sizes }: ExperimentContext): Promise<Measured[]> {
  const mostRows = sizes?.at(-1) ?? 100_000
  const children: { child: ChildProcess; size: PolicySize; cost: CompileCost; times: DecisionTimes[] }[] = []
  for (const size of allSizes.filter(({ rows }) => rows <= mostRows)) {
    const args = [String(size.rows), String(size.domains)]
    const { child, ready } = await startRole<CompileCost>('policy', args, resources)
    children.push({ child, size, cost: ready, times: [] })
  }
  // The first round is for the compiler.
  for (let round = -1; round < rounds; round += 1) {
    for (const { child, times } of children) {
      const answer = nextMessage<DecisionTimes>(child)
      child.send({})
      const one = await answer
      if (round >= 0) times.push(one)
    }
  }
  return children.map(({ size, cost, times }) => ({ size, ...cost, rounds: times }))
}

function resultOf({ rounds }: Measured, yardstick: readonly number[]) {
  const ratios = rounds.map(({ medianUs }, round) => medianUs / (yardstick[round] ?? Number.NaN))
  return {
    ...summarise(ratios),
    medianUs: medianOf(rounds.map(({ medianUs }) => medianUs)),
    p99Us: medianOf(rounds.map(({ p99Us }) => p99Us)),
  }
}
