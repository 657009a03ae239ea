/** What the load generator itself takes: a case that comes near its limit measures the generator, not the server. */
import type { ChildProcess } from 'node:child_process'
import { type Case, type MeasureOptions, runCase, type Summary } from './measure.ts'
import { createResources, type Resources } from './resources.ts'
import { startRole } from './roles.ts'

export interface GeneratorLimit {
  /** The most that the generator does. */
  readonly perSecond: number
  readonly remark: string
}

/** Asks a server that only writes constant bytes. */
export async function generatorLimit(
  load: ChildProcess,
  like: Case,
  { connections, secondsPerRun }: MeasureOptions,
  parent: Resources,
): Promise<GeneratorLimit> {
  const resources = createResources(parent)
  try {
    const { child, ready } = await startRole<{ port: number }>('raw', [], resources)
    const { requests } = like
    const one = { name: 'raw', pid: child.pid ?? 0, port: ready.port, requests, expectedStatus: 200 }
    await runCase(one, load, { connections, seconds: secondsPerRun })
    const { perSecond } = await runCase(one, load, { connections, seconds: secondsPerRun })
    const remark = `the load generator reaches ${perSecond.toFixed(0)} requests per second of a raw TCP responder`
    return { perSecond, remark }
  } finally {
    await resources.end()
  }
}

/** It never sleeps, so that how busy it was says nothing; how near to its own limit it came does. */
const nearShare = 0.75

/** Which cases were limited by the generator, if any. */
export function saturationRemarks(summaries: ReadonlyMap<string, Summary>, limitPerSecond: number): string[] {
  return [...summaries].flatMap(([name, { perSecond }]) =>
    perSecond < nearShare * limitPerSecond
      ? []
      : [`${name}: near the load generator's own limit; the server may be faster, its processor time holds`],
  )
}
