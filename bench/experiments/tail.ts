/** How late the latest answers are at a rate that the service can hold: an open loop, at the same rate for both. */
import { cachedService, checkCase, startCases } from '../cases.ts'
import { type Case, type Run, runCase } from '../measure.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, rounded, storedRatio } from '../report.ts'
import { allowedPath } from '../rules.ts'
import { startService } from '../service.ts'
import { medianOf, summarise } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

/**
 * Of its core, which check-cached uses at the rate that is asked. Not of what it answers in a closed loop: requests come
 * sixteen at once there and share what a turn of the event loop costs, and at 0.6 of that rate, one at a time, the core
 * is full.
 */
const shareOfCore = 0.6
/** Never all in use at this rate, unless the server stalls. */
const openConnections = 64
const secondsPerOpenRun = 5

export async function runTail(context: ExperimentContext): Promise<CaseReport> {
  const { load, resources, rounds, onProgress, connections, warmUpSeconds } = context
  const [bare] = (await startCases(['bare'], resources, onProgress)).cases as [Case]
  const service = await startService(cachedService(hasRedis() ? await startRedis(resources) : undefined), resources)
  const check = checkCase('check-cached', service, [allowedPath], 200)
  await runCase(bare, load, { connections, seconds: warmUpSeconds })
  onProgress('finding the rate')
  const ratePerSecond = await findRate(check, context)
  const seconds = context.secondsPerRun * secondsPerOpenRun
  const runs = { bare: [] as Run[], check: [] as Run[] }
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`)
    const job = { connections: openConnections, ratePerSecond }
    for (const [one, kept] of [
      [bare, runs.bare],
      [check, runs.check],
    ] as const) {
      // After a pause the session cache reads through until Redis has answered once: the tail of steady traffic is asked.
      await runCase(one, load, { ...job, seconds: warmUpSeconds })
      kept.push(await runCase(one, load, { ...job, seconds }))
    }
  }
  const ratio = summarise(runs.check.map(({ p99Ms }, round) => p99Ms / (runs.bare[round]?.p99Ms ?? Number.NaN)))
  const shares = { bare: shareOf(runs.bare), check: shareOf(runs.check) }
  const tails = { bare: tailOf(runs.bare), check: tailOf(runs.check) }
  const row = (name: string, tail: Tail): string[] => [name, ...Object.values(tail).map(value => value.toFixed(2))]
  const head = ['tail', 'p50 ms', 'p99 ms', 'p99.9 ms', 'longest ms']
  return {
    lines: [
      alignedTable(head, [row('bare', tails.bare), row('check-cached', tails.check)]),
      `open loop at ${ratePerSecond.toFixed(0)} requests per second; p99 of check-cached / bare: ${ratio.ratio.toFixed(2)}`,
      `of their core bare used ${percent(shares.bare)}, check-cached ${percent(shares.check)}`,
    ],
    cases: {
      tail: { ...storedRatio(ratio), ratePerSecond: rounded(ratePerSecond, 0), bare: tails.bare, ...tails.check },
    },
  }
}

const searches = 5

/**
 * The rate at which the case uses `shareOfCore`, by its processor time: another program on the core, or a second in which
 * there was none, moves that little. Without `/proc`, of what it answers in a closed loop.
 */
async function findRate(one: Case, { load, connections, warmUpSeconds, secondsPerRun }: ExperimentContext) {
  const { perSecond } = await runCase(one, load, { connections, seconds: warmUpSeconds })
  const rates = [perSecond * shareOfCore]
  for (let search = 0; search < searches; search += 1) {
    const ratePerSecond = rates.at(-1) ?? Number.NaN
    const used = shareOf([
      await runCase(one, load, { connections: openConnections, ratePerSecond, seconds: secondsPerRun }),
    ])
    // A run too short for the clock of /proc says nothing.
    const further = used > 0 ? Math.min(Math.max(shareOfCore / used, 0.5), 2) : 1
    rates.push(ratePerSecond * further)
  }
  return medianOf(rates.slice(-3))
}

/** Of a core; NaN where processor time is not known. */
const shareOf = (runs: readonly Run[]): number =>
  medianOf(runs.map(({ perSecond, cpuMicroseconds = Number.NaN }) => (perSecond * cpuMicroseconds) / 1_000_000))

const percent = (share: number): string => (Number.isNaN(share) ? '? %' : `${(share * 100).toFixed(0)} %`)

type Tail = Readonly<Record<'p50Ms' | 'p99Ms' | 'p999Ms' | 'longestMs', number>>

const tailOf = (runs: readonly Run[]): Tail => ({
  p50Ms: rounded(medianOf(runs.map(run => run.p50Ms)), 3),
  p99Ms: rounded(medianOf(runs.map(run => run.p99Ms)), 3),
  p999Ms: rounded(medianOf(runs.map(run => run.p999Ms)), 3),
  longestMs: rounded(medianOf(runs.map(run => run.longestMs)), 3),
})
