/** The API server asked directly, through a gateway that judges nothing, and through ours, in turn. */
import type { ChildProcess } from 'node:child_process'
import { loadavg } from 'node:os'
import { cpuMicrosecondsOf } from '../process-cost.ts'
import { nextMessage } from '../roles.ts'
import { medianOf, type Ratio, summarise } from '../statistics.ts'
import type { CallJob, CallResult, CallTarget } from './call-generator.ts'

export interface GatewayCase {
  readonly name: string
  readonly path: string
  readonly atOnce: number
  readonly leastCalls: number
  /** Before the first round, for each of those at once: a gateway has been up for days, and its code has been compiled. */
  readonly warmUpCalls: number
  /** What of an answer is compared with that of the others. */
  readonly figure: 'p50Ms' | 'perSecond'
}

export interface Side {
  readonly name: 'direct' | 'bare' | 'gateway'
  readonly target: CallTarget
  /** The process between the client and the API server. */
  readonly pid?: number
}

interface SideRun extends CallResult {
  readonly perSecond: number
  /** Of each process for a call. */
  readonly gatewayMicroseconds: number
  readonly apiServerMicroseconds: number
}

interface SideSummary {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
  readonly bytes: number
  /** Over all rounds: the clock of /proc has steps of ten milliseconds. */
  readonly gatewayMicroseconds: number
  readonly apiServerMicroseconds: number
}

export interface CaseSummary extends Ratio, Readonly<Record<Side['name'], SideSummary>> {
  /** To the bare gateway; {@link Ratio.ratio} is that to the API server itself. */
  readonly toBare: Ratio
  /** Of the machine, in the middle of the rounds. */
  readonly load: number
}

export interface RoundOptions {
  readonly rounds: number
  readonly secondsPerRun: number
  readonly warmUpSeconds: number
  readonly calls: ChildProcess
  readonly apiServerPid: number
  readonly onProgress: (text: string) => void
}

/** The order turns with each round. */
export async function runGatewayRounds(
  cases: readonly GatewayCase[],
  sides: readonly Side[],
  options: RoundOptions,
): Promise<ReadonlyMap<string, CaseSummary>> {
  const { rounds, secondsPerRun, warmUpSeconds, onProgress } = options
  const all = cases.map(one => ({
    one,
    loads: [] as number[],
    runs: { direct: [] as SideRun[], bare: [] as SideRun[], gateway: [] as SideRun[] },
  }))
  for (const { one } of all) {
    for (const side of sides) {
      onProgress(`warming up ${one.name}, ${side.name}`)
      await runSide({ ...one, leastCalls: warmUpCallsOf(one, warmUpSeconds) }, side, warmUpSeconds, options)
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { one, runs, loads } of all) {
      onProgress(`round ${round + 1} of ${rounds}: ${one.name}`)
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
        runs[side.name].push(await runSide(one, side, secondsPerRun, options))
      }
      loads.push(loadavg()[0] ?? Number.NaN)
    }
  }
  return new Map(all.map(({ one, runs, loads }) => [one.name, summariseCase(one, runs, medianOf(loads))]))
}

/** None are asked of a run that is not to be measured. */
const warmUpCallsOf = ({ leastCalls, warmUpCalls }: GatewayCase, warmUpSeconds: number): number =>
  warmUpSeconds < 1 ? leastCalls : warmUpCalls

async function runSide(
  { name, path, atOnce, leastCalls }: GatewayCase,
  { name: side, target, pid }: Side,
  seconds: number,
  { calls, apiServerPid }: Pick<RoundOptions, 'calls' | 'apiServerPid'>,
): Promise<SideRun> {
  const timesNow = () => ({ gateway: pid === undefined ? 0 : timeOf(pid), apiServer: timeOf(apiServerPid) })
  const before = timesNow()
  const result = await sendCallJob(
    calls,
    { kind: 'calls', target, path, atOnce, seconds, leastCalls },
    `${name}, ${side}`,
  )
  const after = timesNow()
  // One of each of those at once came before the clock.
  const asked = result.calls + atOnce
  return {
    ...result,
    perSecond: result.calls / result.seconds,
    gatewayMicroseconds: (after.gateway - before.gateway) / asked,
    apiServerMicroseconds: (after.apiServer - before.apiServer) / asked,
  }
}

const timeOf = (pid: number): number => cpuMicrosecondsOf(pid) ?? Number.NaN

/** Rejects with the name of the case in front when an answer was not as expected. */
export async function sendCallJob(calls: ChildProcess, job: CallJob, name: string): Promise<CallResult> {
  const answer = nextMessage<{ result?: CallResult; error?: string }>(calls)
  calls.send(job)
  const { result, error } = await answer
  if (result === undefined) throw new Error(`${name}: ${error}`)
  return result
}

function summariseCase(
  { figure }: GatewayCase,
  runs: Readonly<Record<Side['name'], readonly SideRun[]>>,
  load: number,
): CaseSummary {
  const ratioTo = (others: readonly SideRun[]): Ratio =>
    summarise(runs.gateway.map((run, round) => run[figure] / (others[round]?.[figure] ?? Number.NaN)))
  return {
    ...ratioTo(runs.direct),
    toBare: ratioTo(runs.bare),
    direct: summariseSide(runs.direct),
    bare: summariseSide(runs.bare),
    gateway: summariseSide(runs.gateway),
    load,
  }
}

function summariseSide(runs: readonly SideRun[]): SideSummary {
  const median = (figure: 'p50Ms' | 'p99Ms' | 'perSecond' | 'bytes'): number => medianOf(runs.map(run => run[figure]))
  const calls = runs.reduce((sum, run) => sum + run.calls, 0)
  const mean = (figure: 'gatewayMicroseconds' | 'apiServerMicroseconds'): number =>
    runs.reduce((sum, run) => sum + run[figure] * run.calls, 0) / calls
  return {
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    perSecond: median('perSecond'),
    bytes: median('bytes'),
    gatewayMicroseconds: mean('gatewayMicroseconds'),
    apiServerMicroseconds: mean('apiServerMicroseconds'),
  }
}
