/** How long after the end of a session whoever watches it is told, in the same process and in another. */

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshSecret } from '../../cli/secret.ts'
import type { EndingOrder, EndingPlace, EndingReport } from '../ending-process.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, rounded } from '../report.ts'
import { createResources, type Resources } from '../resources.ts'
import { startRole } from '../roles.ts'
import { medianOf } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

interface EndingCase {
  readonly name: string
  readonly store: 'lmdb' | 'redis' | 'redis, no cache'
  /** Who watches; default: another process. */
  readonly watcher?: 'itself' | 'another worker'
  readonly endsPerRound: number
}

const endingCases: readonly EndingCase[] = [
  { name: 'endings-one-process', store: 'lmdb', watcher: 'itself', endsPerRound: 20 },
  { name: 'endings-workers', store: 'lmdb', watcher: 'another worker', endsPerRound: 20 },
  { name: 'endings-lmdb', store: 'lmdb', endsPerRound: 10 },
  { name: 'endings-redis', store: 'redis', endsPerRound: 20 },
  { name: 'endings-redis-workers', store: 'redis, no cache', watcher: 'another worker', endsPerRound: 20 },
  { name: 'endings-redis-not-cached', store: 'redis, no cache', endsPerRound: 2 },
]

export async function runEndings({ resources, rounds, onProgress }: ExperimentContext): Promise<CaseReport> {
  const chosen = endingCases.filter(({ store }) => store === 'lmdb' || hasRedis())
  const rows: string[][] = []
  const cases: Record<string, { readonly ends: number; readonly medianMs: number; readonly mostMs: number }> = {}
  for (const one of chosen) {
    onProgress(one.name)
    const own = createResources(resources)
    const times = await measure(one, rounds * one.endsPerRound, own)
    await own.end()
    const [medianMs, mostMs] = [rounded(medianOf(times), 2), rounded(Math.max(...times), 2)]
    cases[one.name] = { ends: times.length, medianMs, mostMs }
    rows.push([
      one.name,
      one.store,
      one.watcher ?? 'another process',
      String(times.length),
      String(medianMs),
      String(mostMs),
    ])
  }
  const head = ['endings', 'store', 'watched by', 'ends', 'median ms', 'most ms']
  return { lines: [alignedTable(head, rows)], cases }
}

async function measure({ store, watcher }: EndingCase, count: number, resources: Resources): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-endings-'))
  resources.add(async () => rmSync(folder, { recursive: true, force: true }))
  const redisUrl = store === 'lmdb' ? {} : { redisUrl: await startRedis(resources) }
  const secret = freshSecret()
  const place: EndingPlace = { folder, redisPrefix: 'sallyport:', secret, isCached: store === 'redis', ...redisUrl }
  const start = async () => (await startRole('ending', [JSON.stringify(place)], resources, 'any')).child
  const ending = await start()
  const watching = watcher === 'itself' ? ending : await start()
  if (watcher === 'another worker') relay(ending, watching)
  const times: number[] = []
  while (times.length < count) times.push(await toldAfterMs(ending, watching))
  return times
}

/** As the primary does. */
function relay(from: ChildProcess, to: ChildProcess): void {
  from.on('message', (message: EndingReport) => {
    if (message.kind === 'changed') to.send(message)
  })
}

/** From the call that ends the session to the call that tells of it. */
async function toldAfterMs(ending: ChildProcess, watching: ChildProcess): Promise<number> {
  const planted = next(ending, 'planted')
  order(ending, { kind: 'plant' })
  const { sessionId } = await planted
  const watched = next(watching, 'watched')
  order(watching, { kind: 'watch', sessionId })
  await watched
  const both = Promise.all([next(ending, 'ending'), next(watching, 'told')])
  order(ending, { kind: 'end', sessionId })
  const [started, told] = await both
  return told.at - started.at
}

const order = (child: ChildProcess, message: EndingOrder): void => void child.send(message)

type ReportOf<Kind> = Extract<EndingReport, { readonly kind: Kind }>

/** Rejects when the process ends instead. */
function next<Kind extends EndingReport['kind']>(child: ChildProcess, kind: Kind): Promise<ReportOf<Kind>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`))
    const onMessage = (message: EndingReport): void => {
      if (message.kind !== kind) return
      child.off('message', onMessage).off('exit', onExit)
      resolve(message as ReportOf<Kind>)
    }
    child.on('message', onMessage).once('exit', onExit)
  })
}
