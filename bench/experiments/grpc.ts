/** Envoy's checks over gRPC against a bare unary call of @grpc/grpc-js with as large an answer. */
import { once } from 'node:events'
import { wikiHost } from '../browser-request.ts'
import { cachedService } from '../cases.ts'
import { checkMessage } from '../grpc/check-call.ts'
import type { CheckRun, CheckRunResult } from '../grpc/check-generator.ts'
import { cpuMicrosecondsOf } from '../process-cost.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, spreadText, storedRatio } from '../report.ts'
import { startRole } from '../roles.ts'
import { allowedPath } from '../rules.ts'
import { type BenchService, type ProcessOptions, startService } from '../service.ts'
import { medianOf, summarise } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

interface Target {
  readonly name: string
  readonly port: number
  readonly pid: number
}

interface Measured {
  readonly perSecond: number
  readonly cpuMicroseconds: number | undefined
}

export async function runGrpc(context: ExperimentContext): Promise<CaseReport> {
  const { resources, rounds, secondsPerRun, warmUpSeconds, onProgress } = context
  const { check, ask } = await startChecks(context)
  const { answer } = await ask(check.port, warmUpSeconds)
  const { child, ready } = await startRole<{ port: number }>('bare-grpc', [answer], resources)
  const bare: Target = { name: 'bare-grpc', port: ready.port, pid: child.pid ?? 0 }
  await ask(bare.port, warmUpSeconds)
  const results: Record<string, Measured>[] = []
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`)
    const order = round % 2 === 0 ? [bare, check] : [check, bare]
    const of: Record<string, Measured> = {}
    for (const target of order)
      of[target.name] = await measure(target, seconds => ask(target.port, seconds), secondsPerRun)
    results.push(of)
  }
  return report(results)
}

interface ChecksOptions extends ProcessOptions, Pick<ExperimentContext, 'resources' | 'connections'> {}

/** For `--profile`: a load on the service alone. The profile is complete when it resolves. */
export async function recordGrpc(options: ChecksOptions & { readonly seconds: number }): Promise<void> {
  const { check, ask } = await startChecks(options)
  await ask(check.port, options.seconds)
  await check.stop()
}

interface StartedChecks {
  readonly check: Target & Pick<BenchService, 'stop'>
  readonly ask: (port: number, seconds: number) => Promise<CheckRunResult>
}

async function startChecks({ resources, connections, ...options }: ChecksOptions): Promise<StartedChecks> {
  const redisUrl = hasRedis() ? await startRedis(resources) : undefined
  const settings = { envoy: { listen: '127.0.0.1:0' } }
  const service = await startService({ ...cachedService(redisUrl), settings, ...options }, resources)
  const message = checkMessage({ host: wikiHost, path: allowedPath, cookie: service.cookie }).toString('base64')
  const { child: generator } = await startRole<unknown>('checks', [], resources, 'load')
  const ask = async (port: number, seconds: number): Promise<CheckRunResult> => {
    const run: CheckRun = { port, message, seconds, concurrency: connections }
    generator.send(run)
    const [result] = await once(generator, 'message')
    return result as CheckRunResult
  }
  return { check: { name: 'check-grpc', port: service.envoyPort, pid: service.pid, stop: service.stop }, ask }
}

async function measure(
  { pid }: Target,
  ask: (seconds: number) => Promise<CheckRunResult>,
  seconds: number,
): Promise<Measured> {
  const [before, began] = [cpuMicrosecondsOf(pid), performance.now()]
  const { calls } = await ask(seconds)
  const [after, took] = [cpuMicrosecondsOf(pid), (performance.now() - began) / 1_000]
  const cpuMicroseconds = before === undefined || after === undefined ? undefined : (after - before) / calls
  return { perSecond: calls / took, cpuMicroseconds }
}

function report(results: readonly Readonly<Record<string, Measured>>[]): CaseReport {
  const of = (name: string) => results.map(result => result[name] as Measured)
  const [bare, check] = [of('bare-grpc'), of('check-grpc')]
  const rate = summarise(check.map(({ perSecond }, round) => perSecond / (bare[round]?.perSecond ?? 1)))
  const cpu = summarise(
    check.map(({ cpuMicroseconds = 1 }, round) => (bare[round]?.cpuMicroseconds ?? 1) / cpuMicroseconds),
  )
  const cost = (all: readonly Measured[]): string =>
    medianOf(all.map(({ cpuMicroseconds }) => cpuMicroseconds ?? Number.NaN)).toFixed(1)
  return {
    lines: [
      alignedTable(
        ['check-grpc', 'x bare-grpc', 'spread'],
        [
          ['calls', rate.ratio.toFixed(2), spreadText(rate.spread)],
          ['CPU', cpu.ratio.toFixed(2), spreadText(cpu.spread)],
        ],
      ),
      `processor time of a call: ${cost(check)} µs, of a bare one ${cost(bare)} µs`,
      'the generator is a client of @grpc/grpc-js as well: where it is the slower one, CPU is the figure',
    ],
    cases: { 'check-grpc': storedRatio(rate) },
  }
}
