/** What the gateway costs whoever asks a cluster through it: the same calls with the same impersonation, with and without it. */
import { absentPrograms, type ClusterPrograms, clusterPrograms } from '../../cli/demo/cluster/programs.ts'
import { startBenchCluster } from '../gateway/gateway-cluster.ts'
import { gatewayCases, reportCalls, reportWatches, watchCases } from '../gateway/gateway-report.ts'
import { type GatewayCase, runGatewayRounds, sendCallJob } from '../gateway/gateway-rounds.ts'
import { createGatewayFolder } from '../gateway/gateway-service.ts'
import { measureWatches, type WatchMemory } from '../gateway/idle-watches.ts'
import type { CaseReport } from '../report.ts'
import type { Resources } from '../resources.ts'
import { startRole, stop } from '../roles.ts'
import { startServiceProcess, untilReady } from '../service.ts'
import type { ExperimentContext } from './experiment.ts'

/** What a cluster lacks on this machine, and how to get it. */
function missingWord(programs: ClusterPrograms): string | undefined {
  const absent = absentPrograms(programs, [])
  if (absent.length === 0) return undefined
  return `a cluster needs ${absent.join(', ')}: tests/kubernetes/install builds and fetches them once`
}

export async function runGateway(context: ExperimentContext): Promise<CaseReport> {
  const { resources, onProgress, sizes = [] } = context
  const [pods = 5_000, count = 1_000] = sizes
  const programs = clusterPrograms()
  const missing = missingWord(programs)
  if (missing !== undefined) {
    process.exitCode = 1
    return { lines: [`gateway left out: ${missing}`], cases: {} }
  }
  const cluster = await startBenchCluster(programs, pods, { resources, onProgress })
  const folder = await createGatewayFolder(cluster, resources)
  const service = await startServiceProcess(folder.configFile, { core: 'any' }, resources)
  await untilReady(service)
  const { child: calls } = await startRole('calls', [], resources, 'any')
  const { child, ready } = await startRole<{ readonly port: number }>(
    'bare-gateway',
    [folder.bareFile],
    resources,
    'any',
  )
  const ofBare = child.pid === undefined ? {} : { pid: child.pid }
  const sides = [
    { name: 'direct', target: folder.direct },
    { name: 'bare', target: folder.gateway(ready.port), ...ofBare },
    { name: 'gateway', target: folder.gateway(service.gatewayPort), pid: service.pid },
  ] as const
  const apiServerPid = cluster.apiServerProcess().pid ?? 0
  const summaries = await runGatewayRounds(gatewayCases, sides, { ...context, calls, apiServerPid })
  await Promise.all([service.stop(), stop(child)])
  const memories = new Map<string, WatchMemory>()
  for (const one of watchCases) {
    onProgress(`${count} watches, ${one.name}`)
    memories.set(one.name, await measureWatches(one, { count, cluster, folder, calls, resources }))
  }
  const [called, watched] = [reportCalls(summaries, pods), reportWatches(memories)]
  return { lines: [...called.lines, '', ...watched.lines], cases: { ...called.cases, ...watched.cases } }
}

/** For a profile of the service while one case asks the gateway alone. */
export async function recordGateway(
  { name, path, atOnce, leastCalls }: GatewayCase,
  { nodeOptions, seconds, resources }: RecordOptions,
): Promise<void> {
  const programs = clusterPrograms()
  const missing = missingWord(programs)
  if (missing !== undefined) throw new Error(missing)
  const onProgress = (text: string): void => void process.stderr.write(`${name}: ${text}\n`)
  const cluster = await startBenchCluster(programs, profiledPods, { resources, onProgress })
  const folder = await createGatewayFolder(cluster, resources)
  const service = await startServiceProcess(folder.configFile, { core: 'any', nodeOptions }, resources)
  await untilReady(service)
  const { child: calls } = await startRole('calls', [], resources, 'any')
  const target = folder.gateway(service.gatewayPort)
  onProgress(`profiling for ${seconds} s`)
  await sendCallJob(calls, { kind: 'calls', target, path, atOnce, seconds, leastCalls }, name)
  await service.stop()
}

interface RecordOptions {
  readonly nodeOptions: readonly string[]
  readonly seconds: number
  readonly resources: Resources
}

const profiledPods = 1_000
