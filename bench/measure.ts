/** Runs the cases in interleaved rounds, so that whatever else the machine does hits all of them alike. */
import type { ChildProcess } from 'node:child_process'
import type { LoadJob, LoadResult } from './load-generator.ts'
import { cpuMicrosecondsOf, rssMiBOf } from './process-cost.ts'
import { nextMessage } from './roles.ts'
import { medianOf, type Ratio, summarise } from './statistics.ts'

/** One case: a server that runs, the requests to send in turn, the status that must come. */
export interface Case {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly requests: readonly string[]
  readonly expectedStatus: number
}

export interface MeasureOptions {
  readonly rounds: number
  readonly secondsPerRun: number
  readonly warmUpSeconds: number
  readonly connections: number
}

export interface Run extends LoadResult {
  readonly perSecond: number
  /** Of the server, for each request. */
  readonly cpuMicroseconds: number | undefined
  /** Of its core that the load generator used. */
  readonly loadShare: number | undefined
}

export interface CaseRuns {
  readonly one: Case
  readonly runs: readonly Run[]
}

/** Medians over the rounds; `ratio` and `cpuRatio` are within each round, to the yardstick. */
export interface Summary extends Ratio {
  readonly perSecond: number
  readonly cpuMicroseconds?: number
  /** The yardstick's processor time over this one's: as `ratio`, but without whatever else used the machine. */
  readonly cpuRatio?: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly rssMiB?: number
  readonly loadShare?: number
}

/** Each case once round for the compiler, which is not counted, then `rounds` times; each round begins with another. */
export async function runRounds(
  cases: readonly Case[],
  load: ChildProcess,
  options: MeasureOptions & { readonly onProgress: (text: string) => void },
): Promise<readonly CaseRuns[]> {
  const { rounds, warmUpSeconds, secondsPerRun, connections, onProgress } = options
  const all = cases.map(one => ({ one, runs: [] as Run[] }))
  for (const { one } of all) {
    onProgress(`warming up ${one.name}`)
    await runCase(one, load, { connections, seconds: warmUpSeconds })
  }
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`)
    for (let at = 0; at < all.length; at += 1) {
      const { one, runs } = all[(at + round) % all.length] as (typeof all)[number]
      runs.push(await runCase(one, load, { connections, seconds: secondsPerRun }))
    }
  }
  return all
}

export async function runCase(
  one: Case,
  load: ChildProcess,
  how: Pick<LoadJob, 'connections' | 'seconds' | 'ratePerSecond'>,
): Promise<Run> {
  const { port, requests, expectedStatus } = one
  const cpuBefore = cpuMicrosecondsOf(one.pid)
  const loadBefore = cpuMicrosecondsOf(load.pid ?? 0)
  const result = await sendJob(load, { port, requests, expectedStatus, ...how }, one.name)
  const cpu = difference(cpuBefore, cpuMicrosecondsOf(one.pid))
  const loadCpu = difference(loadBefore, cpuMicrosecondsOf(load.pid ?? 0))
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    cpuMicroseconds: cpu === undefined ? undefined : cpu / result.requests,
    loadShare: loadCpu === undefined ? undefined : loadCpu / (result.seconds * 1_000_000),
  }
}

const difference = (before: number | undefined, after: number | undefined): number | undefined =>
  before === undefined || after === undefined ? undefined : after - before

/** Rejects with the name of the case in front when an answer was not as expected. */
export async function sendJob(load: ChildProcess, job: LoadJob, name: string): Promise<LoadResult> {
  const answer = nextMessage<{ result?: LoadResult; error?: string }>(load)
  load.send(job)
  const { result, error } = await answer
  if (result === undefined) throw new Error(`${name}: ${error}`)
  return result
}

/** `all` begin with the yardstick. */
export function summariseRounds(all: readonly CaseRuns[]): ReadonlyMap<string, Summary> {
  const yardstick = all[0]?.runs ?? []
  return new Map(all.map(({ one, runs }) => [one.name, summariseRuns(one, runs, yardstick)]))
}

function summariseRuns(one: Case, runs: readonly Run[], yardstick: readonly Run[]): Summary {
  const ratios = runs.map(({ perSecond }, round) => perSecond / (yardstick[round]?.perSecond ?? Number.NaN))
  const cpuRatios = runs.map(
    ({ cpuMicroseconds = Number.NaN }, round) => (yardstick[round]?.cpuMicroseconds ?? Number.NaN) / cpuMicroseconds,
  )
  const rssMiB = rssMiBOf(one.pid)
  return {
    ...summarise(ratios),
    perSecond: medianOf(runs.map(({ perSecond }) => perSecond)),
    p50Ms: medianOf(runs.map(({ p50Ms }) => p50Ms)),
    p99Ms: medianOf(runs.map(({ p99Ms }) => p99Ms)),
    p999Ms: medianOf(runs.map(({ p999Ms }) => p999Ms)),
    ...medianIfKnown(
      'cpuMicroseconds',
      runs.map(({ cpuMicroseconds }) => cpuMicroseconds),
    ),
    ...medianIfKnown('cpuRatio', cpuRatios),
    ...medianIfKnown(
      'loadShare',
      runs.map(({ loadShare }) => loadShare),
    ),
    ...(rssMiB === undefined ? {} : { rssMiB }),
  }
}

/** Runs too short for the clock of /proc have no processor time. */
function medianIfKnown<N extends string>(name: N, values: readonly (number | undefined)[]): Partial<Record<N, number>> {
  const known = values.filter(value => value !== undefined && Number.isFinite(value))
  return known.length === 0 ? {} : ({ [name]: medianOf(known as number[]) } as Partial<Record<N, number>>)
}
