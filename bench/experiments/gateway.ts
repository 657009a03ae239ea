/** What the gateway costs whoever asks a cluster through it: the same calls with the same impersonation, with and without it. */
import { absentPrograms, clusterPrograms } from '../../cli/demo/cluster/programs.ts'
import { startBenchCluster } from '../gateway/gateway-cluster.ts'
import { gatewayCases, reportCalls, reportWatches, watchCases } from '../gateway/gateway-report.ts'
import { runGatewayRounds } from '../gateway/gateway-rounds.ts'
import { createGatewayFolder } from '../gateway/gateway-service.ts'
import { measureWatches, type WatchMemory } from '../gateway/idle-watches.ts'
import type { CaseReport } from '../report.ts'
import { startRole } from '../roles.ts'
import { startServiceProcess, untilReady } from '../service.ts'
import type { ExperimentContext } from './experiment.ts'

export async function runGateway(context: ExperimentContext): Promise<CaseReport> {
  const { resources, onProgress, sizes = [] } = context
  const [pods = 5_000, count = 1_000] = sizes
  const programs = clusterPrograms()
  const absent = absentPrograms(programs, [])
  if (absent.length > 0) {
    process.exitCode = 1
    const how = 'tests/kubernetes/install builds and fetches them once'
    return { lines: [`gateway left out: a cluster needs ${absent.join(', ')}: ${how}`], cases: {} }
  }
  const cluster = await startBenchCluster(programs, pods, { resources, onProgress })
  const folder = await createGatewayFolder(cluster, resources)
  const service = await startServiceProcess(folder.configFile, { core: 'any' }, resources)
  await untilReady(service)
  const { child: calls } = await startRole('calls', [], resources, 'any')
  const processes = { gateway: service.pid, apiServer: cluster.apiServerProcess().pid ?? 0 }
  const sides = [
    { name: 'direct', target: folder.direct },
    { name: 'gateway', target: folder.gateway(service.gatewayPort) },
  ] as const
  const summaries = await runGatewayRounds(gatewayCases, sides, { ...context, calls, processes })
  await service.stop()
  const memories = new Map<string, WatchMemory>()
  for (const one of watchCases) {
    onProgress(`${count} watches, ${one.name}`)
    memories.set(one.name, await measureWatches(one, { count, cluster, folder, calls, resources }))
  }
  const [called, watched] = [reportCalls(summaries, pods), reportWatches(memories)]
  return { lines: [...called.lines, '', ...watched.lines], cases: { ...called.cases, ...watched.cases } }
}
