/** What watches on which nothing happens take of the gateway's memory. */
import type { ChildProcess } from 'node:child_process'
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { metricOf } from '../experiments/metrics-page.ts'
import { rssMiBOf } from '../process-cost.ts'
import { createResources, type Resources } from '../resources.ts'
import { type ServiceProcess, startServiceProcess, untilReady } from '../service.ts'
import { type BenchCluster, namespacePaths } from './gateway-cluster.ts'
import { sendCallJob } from './gateway-rounds.ts'
import type { GatewayFolder } from './gateway-service.ts'

export interface WatchCase {
  readonly name: string
  readonly perConnection: number
}

export interface WatchMemory {
  readonly watches: number
  readonly beforeMiB: number
  readonly addedMiB: number
  readonly load: number
}

export interface WatchOptions {
  readonly count: number
  readonly cluster: BenchCluster
  readonly folder: GatewayFolder
  readonly calls: ChildProcess
  readonly resources: Resources
}

/** Collects garbage on a signal that a service has no other use for: what is left is what a watch holds. */
const collecting = ['--expose-gc', '--import', "data:text/javascript,process.on('SIGWINCH',()=>{gc();gc()})"]
const warmUpCalls = 500
const warmUpWatches = 50

/** In a process of its own, which has answered calls before. */
export async function measureWatches(one: WatchCase, options: WatchOptions): Promise<WatchMemory> {
  const { count, cluster, folder, calls } = options
  const resources = createResources(options.resources)
  const service = await startServiceProcess(folder.configFile, { core: 'any', nodeOptions: collecting }, resources)
  await untilReady(service)
  const target = folder.gateway(service.gatewayPort)
  const small = `${namespacePaths.small}/configmaps`
  const path = `${small}?resourceVersion=${cluster.resourceVersion}`
  const hold = (many: number) =>
    sendCallJob(calls, { kind: 'watches', target, path, count: many, perConnection: one.perConnection }, one.name)
  const leastCalls = Math.min(count, warmUpCalls)
  await sendCallJob(
    calls,
    { kind: 'calls', target, path: `${small}/settings`, atOnce: 4, seconds: 0, leastCalls },
    one.name,
  )
  await hold(Math.min(count, warmUpWatches))
  await sendCallJob(calls, { kind: 'release' }, one.name)
  const beforeMiB = await collectedRss(service)
  await hold(count)
  const addedMiB = (await collectedRss(service)) - beforeMiB
  const [load = Number.NaN] = loadavg()
  await sendCallJob(calls, { kind: 'release' }, one.name)
  await resources.end()
  return { watches: count, beforeMiB, addedMiB, load }
}

/** Of a second in which it did not grow or shrink; of whatever there is after half a minute. */
async function collectedRss({ pid, adminPort }: ServiceProcess): Promise<number> {
  process.kill(pid, 'SIGWINCH')
  // Answered by the thread that collects.
  await metricOf(adminPort, 'nodejs_heap_size_used_bytes')
  let last = rssMiBOf(pid) ?? Number.NaN
  let calm = 0
  for (let look = 0; look < 300 && calm < 10; look += 1) {
    await delay(100)
    const now = rssMiBOf(pid) ?? Number.NaN
    calm = Math.abs(now - last) < calmMiB ? calm + 1 : 0
    last = now
  }
  return last
}
const calmMiB = 0.1
