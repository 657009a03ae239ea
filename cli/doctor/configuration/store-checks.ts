/** Where sessions are kept: whether it answers, how soon, and whether it forgets. */
import { accessSync, constants, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../../../app/clock.ts'
import { composeInspection, type RedisInspection } from '../../../app/compose/store.ts'
import { evictionText, type InspectedServer, isEvicting } from '../../../app/sessions/redis/inspection.ts'
import type { Config } from '../../../config/config.ts'
import { type Check, failed, notApplicable, passed } from './check.ts'

type Store = Config['sessions']['store']
type RedisStore = Extract<Store, { readonly kind: 'redis' }>

/** A check waits for as long. */
const slowMs = 50
const connectMs = 5_000
const retryMs = 50
const leastFreeBytes = 256 * 1_024 * 1_024

const latency = { name: 'store-latency', title: 'the store answers soon' }
const eviction = { name: 'store-eviction', title: 'the store forgets no session' }

export function storeChecks(store: Store): readonly Check[] {
  if (store.kind === 'lmdb') return [{ ...latency, run: async () => lookAtDirectory(store.path) }]
  let looked: Promise<readonly InspectedServer[]> | undefined
  const look = (): Promise<readonly InspectedServer[]> => {
    looked ??= inspect(store)
    return looked
  }
  return [
    { ...latency, run: async () => judgeLatency(store, await orReason(look())) },
    { ...eviction, run: async () => judgeEviction(await orReason(look())) },
  ]
}

async function inspect(store: RedisStore): Promise<readonly InspectedServer[]> {
  const inspection = await composeInspection(store, systemClock)
  try {
    return await retrying(inspection)
  } finally {
    await inspection.close()
  }
}

/** Connections are made in the background. */
async function retrying(inspection: RedisInspection): Promise<readonly InspectedServer[]> {
  const until = performance.now() + connectMs
  for (;;) {
    try {
      return await inspection.inspect()
    } catch (error) {
      if (performance.now() >= until) throw error
      await wait(retryMs)
    }
  }
}

type Looked = readonly InspectedServer[] | string

const orReason = (looked: Promise<readonly InspectedServer[]>): Promise<Looked> =>
  looked.catch((error: unknown) => {
    const { message, cause } = error as Error
    return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message
  })

function judgeLatency({ topology }: RedisStore, looked: Looked) {
  if (typeof looked === 'string') {
    const settings = topology.kind === 'single' ? 'sessions.url' : 'sessions.url and sessions.nodes'
    return failed(looked, `see that the server runs and that ${settings}, user, password and sessions.tls are right`)
  }
  const text = looked
    .map(one => `${one.address} ${one.median.toFixed(1)} ms, at most ${one.longest.toFixed(1)}`)
    .join('; ')
  if (looked.every(({ median }) => median <= slowMs)) return passed(`${text} (of twenty reads)`)
  return failed(
    `${text} (of twenty reads): each check that reads the store waits for as long`,
    'put the store nearer to the service, or find out what keeps it busy (`redis-cli --latency`, SLOWLOG)',
  )
}

/** With the mark of an ended session evicted, a late save could bring the session back. */
function judgeEviction(looked: Looked) {
  if (typeof looked === 'string') return notApplicable('the store does not answer')
  const silent = looked.filter(({ evictionPolicy }) => evictionPolicy === undefined)
  const evicting = looked.filter(isEvicting)
  if (evicting.length > 0)
    return failed(
      evicting.map(evictionText).join('; '),
      'set `maxmemory-policy noeviction`: a server that makes room by itself logs people out, and may forget that a session has ended; watch its memory instead',
    )
  if (silent.length > 0)
    return notApplicable(
      `${silent.map(({ address }) => address).join(', ')} does not tell (INFO is not permitted); it has to be noeviction`,
    )
  return passed(looked.map(one => `${one.address} noeviction, ${memoryText(one)}`).join('; '))
}

const memoryText = ({ mostBytes = 0 }: InspectedServer): string =>
  mostBytes === 0 ? 'as much memory as there is' : `at most ${Math.round(mostBytes / 1_048_576)} MiB`

/** It may not be there yet. The store itself is not opened: it may be that of a running service. */
function lookAtDirectory(path: string) {
  const [directory = path] = [path, dirname(path)].filter(isThere)
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    const free = bavail * bsize
    const text = `${directory} can be written to, with ${Math.round(free / 1_048_576)} MiB free; embedded, so no network`
    if (free >= leastFreeBytes) return passed(text)
    return failed(text, 'make room: without it no session can be kept, and nobody can log in')
  } catch (error) {
    return failed(
      `${directory}: ${(error as Error).message}`,
      'create the directory of sessions.path for the user of the service, or run this as that user',
    )
  }
}

function isThere(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}
