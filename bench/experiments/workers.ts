/** What a second process on the same listener costs, on as many cores as the machine has. */
import { cachedService, checkCase, startBare } from '../cases.ts'
import { type Case, runRounds, summariseRounds } from '../measure.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, casesOfSummaries } from '../report.ts'
import { allowedPath } from '../rules.ts'
import { startService } from '../service.ts'
import { hasSetting, workersSetting } from '../service-folder.ts'
import type { ExperimentContext } from './experiment.ts'

export async function runWorkers(context: ExperimentContext): Promise<CaseReport> {
  if (!hasSetting(workersSetting)) {
    return { lines: [`workers left out: this build has no ${workersSetting.join('.')}`], cases: {} }
  }
  const { load, resources } = context
  const redisUrl = hasRedis() ? await startRedis(resources) : undefined
  const cases: Case[] = []
  for (const workers of [1, 2]) {
    cases.push({ ...(await startBare(resources, workers, 'any')), name: `bare-workers-${workers}` })
    const service = await startService({ ...cachedService(redisUrl), workers, core: 'any' }, resources)
    cases.push(checkCase(`workers-${workers}`, service, [allowedPath], 200))
  }
  const all = await runRounds(cases, load, context)
  // Each against its own single process.
  const pairs = ['bare-workers-', 'workers-'].map(prefix => all.filter(({ one }) => one.name.startsWith(prefix)))
  const summaries = new Map(pairs.flatMap(pair => [...summariseRounds(pair)]))
  const rows = [...summaries].map(([name, one]) => [
    name,
    one.ratio.toFixed(2),
    one.cpuRatio?.toFixed(2) ?? '-',
    one.cpuMicroseconds?.toFixed(1) ?? '-',
    one.rssMiB?.toFixed(0) ?? '-',
  ])
  return {
    lines: [
      alignedTable(['workers', 'x one', 'CPU x one', 'CPU µs', 'RSS MiB'], rows),
      'the load generator uses one of the cores: the processor time is the figure, not the requests per second',
      'what two processes cost of themselves here, on so few cores, is what they cost the yardstick',
    ],
    cases: casesOfSummaries(summaries),
  }
}
