/** What the load generator itself takes: a case that comes near its limit measures the generator, not the server. */
import type { ChildProcess } from 'node:child_process'
import { type Case, type MeasureOptions, runCase, type Summary } from './measure.ts'
import { createResources, type Resources } from './resources.ts'
import { startRole } from './roles.ts'

/** Asks a server that only writes constant bytes. */
export async function generatorLimit(
  load: ChildProcess,
  like: Case,
  { connections, secondsPerRun }: MeasureOptions,
  parent: Resources,
): Promise<string> {
  const resources = createResources(parent)
  try {
    const { child, ready } = await startRole<{ port: number }>('raw', [], resources)
    const { requests } = like
    const one = { name: 'raw', pid: child.pid ?? 0, port: ready.port, requests, expectedStatus: 200 }
    await runCase(one, load, { connections, seconds: secondsPerRun })
    const { perSecond, loadShare } = await runCase(one, load, { connections, seconds: secondsPerRun })
    const reached = `the load generator reaches ${perSecond.toFixed(0)} requests per second of a raw TCP responder`
    if (loadShare === undefined || loadShare === 0) return reached
    return `${reached}, ${((loadShare / perSecond) * 1_000_000).toFixed(1)} µs of its core for each`
  } finally {
    await resources.end()
  }
}

const saturatedShare = 0.9

/** Which cases were limited by the generator, if any. */
export function saturationRemarks(summaries: ReadonlyMap<string, Summary>): string[] {
  return [...summaries].flatMap(([name, { loadShare = 0 }]) =>
    loadShare < saturatedShare
      ? []
      : [
          `${name}: the load generator was busy for ${(loadShare * 100).toFixed(0)} % of the time, so the server may be ` +
            'faster than its requests per second; its processor time holds',
        ],
  )
}
