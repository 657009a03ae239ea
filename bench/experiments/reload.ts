/** The longest pause that anybody notices while a large policy is loaded again: a light open loop, and the loop itself. */
import { writeFileSync } from 'node:fs'
import { checkCase } from '../cases.ts'
import { runCase } from '../measure.ts'
import { type CaseReport, rounded } from '../report.ts'
import { allowedPath, serviceRows } from '../rules.ts'
import { type BenchService, startService } from '../service.ts'
import { medianOf } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'
import { metricOf } from './metrics-page.ts'

const ratePerSecond = 500
const connections = 16

export async function runReload(context: ExperimentContext): Promise<CaseReport> {
  const { load, resources, rounds, onProgress } = context
  const rows = context.sizes?.at(-1) ?? 100_000
  onProgress(`starting with ${rows} rows`)
  const service = await startService({ rows, isPolicyWatched: false, nodeOptions: ['--import', finerLag] }, resources)
  const check = checkCase('reload', service, [allowedPath], 200)
  const firstMs = await reloadMs(service, rows, 0)
  // Long enough for a reload that the load slows down.
  const seconds = (firstMs * 2) / 1_000 + 1
  const quiet = await runCase(check, load, { connections, seconds, ratePerSecond })
  const reloads: { longestMs: number; lagMs: number; reloadMs: number }[] = []
  for (let round = 1; round <= rounds; round += 1) {
    onProgress(`reload ${round} of ${rounds}`)
    // Reading starts the measure of the next time.
    await metricOf(service.adminPort, lagMetric)
    const running = runCase(check, load, { connections, seconds, ratePerSecond })
    const [took, { longestMs }] = await Promise.all([reloadMs(service, rows, round), running])
    reloads.push({ longestMs, reloadMs: took, lagMs: (await metricOf(service.adminPort, lagMetric)) * 1_000 })
  }
  const figures = {
    rows,
    reloadMs: rounded(medianOf(reloads.map(one => one.reloadMs)), 0),
    quietLongestMs: rounded(quiet.longestMs, 1),
    ...both(
      'longestMs',
      reloads.map(one => one.longestMs),
    ),
    ...both(
      'loopLagMs',
      reloads.map(one => one.lagMs),
    ),
  }
  return {
    lines: [
      `reload: ${rows} rows take ${figures.reloadMs} ms under ${ratePerSecond} checks per second, ${rounds} reloads`,
      `  longest answer      median ${figures.longestMs} ms, most ${figures.longestMsMost} ms (${figures.quietLongestMs} ms without a reload)`,
      `  event loop, longest median ${figures.loopLagMs} ms, most ${figures.loopLagMsMost} ms (nodejs_eventloop_lag_max_seconds)`,
    ],
    cases: { reload: figures },
  }
}

const finerLag = new URL('./finer-lag.js', import.meta.url).href
const lagMetric = 'nodejs_eventloop_lag_max_seconds'

const both = <N extends string>(name: N, values: readonly number[]) =>
  ({ [name]: rounded(medianOf(values), 1), [`${name}Most`]: rounded(Math.max(...values), 1) }) as Record<
    N | `${N}Most`,
    number
  >

/** One row more each time, so that the policy is another one; milliseconds until it is in force. */
async function reloadMs({ adminPort, folder }: BenchService, rows: number, round: number): Promise<number> {
  const more = `p, group:late-${round}, late.example.com, /**, GET, -, allow\n`
  writeFileSync(folder.policyFile, serviceRows(rows) + more)
  const started = performance.now()
  const headers = { 'content-type': 'application/json', connection: 'close' }
  const answer = await fetch(`http://127.0.0.1:${adminPort}/policy/reload`, { method: 'POST', headers, body: '{}' })
  const { outcome } = (await answer.json()) as { outcome: string }
  if (outcome !== 'loaded') throw new Error(`expected a loaded policy, got ${answer.status} ${outcome}`)
  return performance.now() - started
}
