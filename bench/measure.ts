/** Runs the cases in interleaved rounds, so that whatever else the machine does hits all of them alike. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { LoadJob, LoadResult } from './load-generator.ts'
import { nextMessage } from './roles.ts'
import { medianOf, type Summary, summarise } from './statistics.ts'

/** One case: a server that runs, the request to send, the status that must come. */
export interface Case {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly request: string
  readonly expectedStatus: number
}

export interface MeasureOptions {
  readonly rounds: number
  readonly secondsPerRun: number
  readonly warmUpSeconds: number
  readonly connections: number
  readonly onProgress: (round: number) => void
}

interface Run extends LoadResult {
  readonly perSecond: number
  readonly cpuMicroseconds: number | undefined
}

/** `cases` begin with the yardstick; ratios are to it, within each round. */
export async function measure(
  cases: readonly Case[],
  load: ChildProcess,
  options: MeasureOptions,
): Promise<ReadonlyMap<string, Summary>> {
  const runs = new Map<string, Run[]>(cases.map(({ name }) => [name, []]))
  // Once round so that the compiler has seen each path; not counted.
  for (const one of cases) await runCase(one, load, options, options.warmUpSeconds)
  for (let round = 0; round < options.rounds; round += 1) {
    options.onProgress(round)
    for (const one of rotated(cases, round)) {
      runs.get(one.name)?.push(await runCase(one, load, options, options.secondsPerRun))
    }
  }
  const yardstick = (runs.get(cases[0]?.name ?? '') ?? []).map(({ perSecond }) => perSecond)
  return new Map(cases.map(one => [one.name, summariseRuns(one, runs.get(one.name) ?? [], yardstick)]))
}

const rotated = (cases: readonly Case[], by: number): Case[] =>
  cases.map((_, at) => cases[(at + by) % cases.length] as Case)

async function runCase(one: Case, load: ChildProcess, options: MeasureOptions, seconds: number): Promise<Run> {
  const { port, request, expectedStatus } = one
  const job: LoadJob = { port, request, expectedStatus, connections: options.connections, seconds }
  const cpuBefore = cpuMicrosecondsOf(one.pid)
  const answer = nextMessage<{ result?: LoadResult; error?: string }>(load)
  load.send(job)
  const { result, error } = await answer
  if (result === undefined) throw new Error(`${one.name}: ${error}`)
  const cpuAfter = cpuMicrosecondsOf(one.pid)
  const cpu = cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) / result.requests
  return { ...result, perSecond: result.requests / result.seconds, cpuMicroseconds: cpu }
}

function summariseRuns(one: Case, runs: readonly Run[], yardstick: readonly number[]): Summary {
  const ratios = runs.map(({ perSecond }, round) => perSecond / (yardstick[round] ?? Number.NaN))
  const cpu = runs.flatMap(({ cpuMicroseconds }) => (cpuMicroseconds === undefined ? [] : [cpuMicroseconds]))
  return {
    ...summarise(ratios),
    perSecond: medianOf(runs.map(({ perSecond }) => perSecond)),
    p50Ms: medianOf(runs.map(({ p50Ms }) => p50Ms)),
    p99Ms: medianOf(runs.map(({ p99Ms }) => p99Ms)),
    ...(cpu.length === 0 ? {} : { cpuMicroseconds: medianOf(cpu) }),
    ...rssOf(one.pid),
  }
}

const microsecondsPerTick = 10_000

/** User and system time of a process so far, in ticks of 10 ms; `undefined` without /proc (proc(5)). */
function cpuMicrosecondsOf(pid: number): number | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  // The second field is the program's name and may hold spaces; fields are counted from its closing bracket.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}

function rssOf(pid: number): { rssMiB?: number } {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readProc(`/proc/${pid}/status`) ?? '') ?? []
  return kibibytes === undefined ? {} : { rssMiB: Number(kibibytes) / 1_024 }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
