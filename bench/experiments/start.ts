/** How long a restart is felt, and what it costs: from the start of the process to the first check that is answered. */
import { checkCase } from '../cases.ts'
import { sendJob } from '../measure.ts'
import { cpuMicrosecondsOf } from '../process-cost.ts'
import { type CaseReport, rounded } from '../report.ts'
import { createResources } from '../resources.ts'
import { allowedPath } from '../rules.ts'
import { startServiceProcess } from '../service.ts'
import { createServiceFolder } from '../service-folder.ts'
import { medianOf } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

export async function runStart(context: ExperimentContext): Promise<CaseReport> {
  const { load, resources, rounds, onProgress } = context
  const rows = context.sizes?.at(-1) ?? 10_000
  const folder = await createServiceFolder({ rows }, resources)
  const cookie = folder.planted[0]?.cookie ?? ''
  const times: number[] = []
  const cpuTimes: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`start ${round + 1} of ${rounds}`)
    const once = createResources(resources)
    const started = performance.now()
    const service = await startServiceProcess(folder.configFile, {}, once)
    const { port, requests, expectedStatus } = checkCase('start', { ...service, cookie }, [allowedPath], 200)
    await sendJob(load, { port, requests, expectedStatus, connections: 1, seconds: 0 }, 'start')
    times.push(performance.now() - started)
    cpuTimes.push((cpuMicrosecondsOf(service.pid) ?? Number.NaN) / 1_000)
    await once.end()
  }
  const cpuMs = medianOf(cpuTimes)
  const figures = {
    rows,
    medianMs: rounded(medianOf(times), 0),
    mostMs: rounded(Math.max(...times), 0),
    // Where there is no /proc nothing is known.
    ...(Number.isNaN(cpuMs) ? {} : { cpuMs: rounded(cpuMs, 0) }),
  }
  const cpu = figures.cpuMs === undefined ? '' : `, ${figures.cpuMs} ms of the processor`
  return {
    lines: [
      `start: first check answered after ${figures.medianMs} ms, at most ${figures.mostMs} ms${cpu}, with ${rows} rows`,
    ],
    cases: { start: figures },
  }
}
