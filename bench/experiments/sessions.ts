/** Whether a full store is slower than a nearly empty one, and what a session takes. Each check reads the store. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { checkRows, cookieRequests } from '../cases.ts'
import { type Case, runCase, runRounds, summariseRounds } from '../measure.ts'
import { hasRedis, startRedis, usedMemory } from '../redis-server.ts'
import { alignedTable, type CaseReport, rounded, type StoredCase, spreadText, storedRatio } from '../report.ts'
import { type ServiceProcess, startService, startServiceProcess, untilReady } from '../service.ts'
import { cacheSetting, createServiceFolder, hasSetting, type ServiceFolder } from '../service-folder.ts'
import type { ExperimentContext } from './experiment.ts'
import { metricOf } from './metrics-page.ts'

interface Measured {
  readonly store: 'lmdb' | 'redis'
  readonly size: number
  readonly one: Case
  /** Of the whole store. */
  readonly bytes: number
}

/** Cookies that take turns, at most. */
const mostCookies = 1_000

export async function runSessions(context: ExperimentContext): Promise<CaseReport> {
  const sizes = context.sizes ?? [1_000, 1_000_000]
  const stores = hasRedis() ? (['lmdb', 'redis'] as const) : (['lmdb'] as const)
  const lines: string[] = hasRedis() ? [] : ['Redis left out: redis-server is not on the PATH']
  const cases: Record<string, StoredCase> = {}
  const rows: string[][] = []
  for (const store of stores) {
    const measured: Measured[] = []
    for (const size of sizes) measured.push(await startSize(store, size, context))
    const summaries = summariseRounds(
      await runRounds(
        measured.map(({ one }) => one),
        context.load,
        context,
      ),
    )
    for (const { one, size, bytes } of measured) {
      const summary = summaries.get(one.name)
      if (summary === undefined) continue
      const perSession = perSessionOf(measured, size, bytes)
      rows.push([one.name, summary.ratio.toFixed(2), spreadText(summary.spread), perSecondText(summary), perSession])
      cases[one.name] = { ...storedRatio(summary), bytesPerSession: Number(perSession) }
    }
  }
  lines.unshift(alignedTable(['sessions', `x ${sizes[0]}`, 'quartiles', 'req/s', 'bytes/session'], rows))
  const cached = await cacheBytes(context)
  return {
    lines: [...lines, cached.line],
    cases: { ...cases, ...(cached.bytes === undefined ? {} : { 'sessions-cache': { bytesPerSession: cached.bytes } }) },
  }
}

const perSecondText = ({ perSecond }: { readonly perSecond: number }): string => perSecond.toFixed(0)

/** What the larger store has more than the smallest, over the sessions that it has more; the smallest one by itself. */
function perSessionOf(measured: readonly Measured[], size: number, bytes: number): string {
  const smallest = measured[0]
  const isSmallest = smallest === undefined || smallest.size >= size
  return (isSmallest ? bytes / size : (bytes - smallest.bytes) / (size - smallest.size)).toFixed(0)
}

async function startSize(store: 'lmdb' | 'redis', size: number, context: ExperimentContext): Promise<Measured> {
  const { resources, onProgress } = context
  onProgress(`planting ${size} sessions in ${store}`)
  const redisUrl = store === 'redis' ? await startRedis(resources) : undefined
  const before = redisUrl === undefined ? 0 : await usedMemory(redisUrl)
  const place = redisUrl === undefined ? {} : { redisUrl }
  const service = await startService({ rows: checkRows, sessions: size, isCached: false, ...place }, resources)
  const bytes = redisUrl === undefined ? lmdbBytes(service.folder.place.folder) : (await usedMemory(redisUrl)) - before
  return { store, size, bytes, one: caseOf(`sessions-${store}-${size}`, service, service.folder, mostCookies) }
}

function caseOf(name: string, { pid, port }: ServiceProcess, { planted }: ServiceFolder, most: number): Case {
  const every = Math.max(1, Math.floor(planted.length / most))
  const cookies = planted.filter((_, at) => at % every === 0).map(({ cookie }) => cookie)
  return { name, pid, port, requests: cookieRequests(cookies), expectedStatus: 200 }
}

/** Blocks on the disk: LMDB's file may be longer than what it holds. */
const lmdbBytes = (folder: string): number => statSync(join(folder, 'data', 'sessions.mdb')).blocks * 512

/**
 * Heap that the service holds more after it has been asked about many sessions. A heap snapshot, which a signal asks
 * for, collects everything first, so that garbage is not counted.
 */
async function cacheBytes(context: ExperimentContext): Promise<{ line: string; bytes?: number }> {
  if (!hasSetting(cacheSetting)) return { line: `cache left out: this build has no ${cacheSetting.join('.')}` }
  if (!hasRedis()) return { line: 'cache left out: redis-server is not on the PATH' }
  const { load, resources, onProgress, sizes } = context
  const sessions = Math.min(10_000, sizes?.at(-1) ?? 10_000)
  onProgress(`asking about ${sessions} sessions`)
  const redisUrl = await startRedis(resources)
  const folder = await createServiceFolder({ rows: checkRows, redisUrl, sessions }, resources)
  const snapshots = folder.place.folder
  const nodeOptions = ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${snapshots}`]
  const service = await startServiceProcess(folder.configFile, { nodeOptions }, resources)
  await untilReady(service)
  const first = caseOf('first', service, folder, 1)
  const all = caseOf('all', service, folder, sessions)
  await runCase(first, load, { connections: 4, seconds: 1 })
  const before = await collectedHeap(service, snapshots)
  await runCase(all, load, { connections: 4, seconds: Math.max(2, sessions / 1_000) })
  const after = await collectedHeap(service, snapshots)
  const bytes = rounded((after - before) / sessions, 0)
  return { line: `cache: ${bytes} bytes of collected heap for each of ${sessions} sessions`, bytes }
}

async function collectedHeap({ pid, adminPort }: ServiceProcess, folder: string): Promise<number> {
  const snapshots = (): string[] => readdirSync(folder).filter(name => name.endsWith('.heapsnapshot'))
  process.kill(pid, 'SIGUSR2')
  for (let attempt = 0; attempt < 300; attempt += 1) {
    await delay(100)
    if (snapshots().length === 0) continue
    // The page is answered when the snapshot is complete: both run on the same thread.
    const bytes = await metricOf(adminPort, 'nodejs_heap_size_used_bytes')
    for (const name of snapshots()) rmSync(join(folder, name))
    return bytes
  }
  throw new Error('the service wrote no heap snapshot')
}
