/** How long it takes to find and end sessions without their ids among as many as there may be; the store alone. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../app/clock.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createSessionDirectory, handleOf, type SessionDirectory } from '../../app/sessions/session-directory.ts'
import { freshSecret } from '../../cli/secret.ts'
import { wikiHost } from '../browser-request.ts'
import {
  aliceLogin,
  createPlanter,
  limits,
  openRecords,
  type PlantedSession,
  type SessionPlace,
} from '../planted-sessions.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, rounded, type StoredCase } from '../report.ts'
import type { Resources } from '../resources.ts'
import { medianOf } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

/** Somebody with a telephone, a notebook and a few browsers. */
const sessionsOfEach = 10
/** Of those that were sampled, how many have been to the wiki. */
const mostVisitors = 10_000
const questionsPerRound = 20
const issuer = 'https://idp.example.com'

export async function runDirectory(context: ExperimentContext): Promise<CaseReport> {
  const size = context.sizes?.at(-1) ?? 1_000_000
  const stores = hasRedis() ? (['lmdb', 'redis'] as const) : (['lmdb'] as const)
  const lines: string[] = hasRedis() ? [] : ['Redis left out: redis-server is not on the PATH']
  const cases: Record<string, StoredCase> = {}
  for (const store of stores) {
    const { place, planted } = await plant(store, size, context)
    const times = await measure(place, planted, context)
    cases[`directory-${store}-${size}`] = Object.fromEntries(times)
    const rows = times.map(([question, { medianMs, mostMs }]) => [question, medianMs.toFixed(2), mostMs.toFixed(2)])
    lines.push(alignedTable([`${size} sessions in ${store}`, 'median ms', 'most ms'], rows))
  }
  return { lines, cases }
}

async function plant(store: 'lmdb' | 'redis', size: number, { resources, onProgress }: ExperimentContext) {
  onProgress(`planting ${size} sessions in ${store}`)
  const place = await createPlace(store, resources)
  const planter = await createPlanter(place)
  const planted = await planter.plant(size, loginAt)
  await planter.close()
  return { place, planted }
}

async function createPlace(store: 'lmdb' | 'redis', resources: Resources): Promise<SessionPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  resources.add(async () => rmSync(folder, { recursive: true, force: true }))
  const place = { folder, secret: freshSecret(), redisPrefix: 'bench:' }
  return store === 'lmdb' ? place : { ...place, redisUrl: await startRedis(resources) }
}

const personAt = (index: number): string => `${issuer}#${Math.floor(index / sessionsOfEach)}`

function loginAt(index: number): LoginSession {
  const login = aliceLogin()
  const identity = { ...login.identity, subject: personAt(index) }
  return { ...login, identity, providerSession: `sid-${index}` }
}

type Times = readonly (readonly [question: string, { readonly medianMs: number; readonly mostMs: number }])[]

async function measure(place: SessionPlace, planted: readonly PlantedSession[], context: ExperimentContext) {
  const records = await openRecords(place)
  try {
    const directory = createSessionDirectory({
      records,
      secrets: [place.secret],
      clock: systemClock,
      longestLifetimeSeconds: limits.lifetimeSeconds,
      endOf: login => login.startedAt + limits.lifetimeSeconds,
    })
    context.onProgress('sessions on a host')
    for (const { sessionId } of planted.slice(0, mostVisitors)) await directory.visited(sessionId, wikiHost)
    return await askAll(directory, planted, context)
  } finally {
    await records.close()
  }
}

async function askAll(
  directory: SessionDirectory,
  planted: readonly PlantedSession[],
  { rounds, sizes, onProgress }: ExperimentContext,
): Promise<Times> {
  const count = rounds * questionsPerRound
  const people = Math.ceil((sizes?.at(-1) ?? 1_000_000) / sessionsOfEach)
  const somebody = (at: number): string => `${issuer}#${Math.floor((at / count) * people)}`
  const session = (at: number): PlantedSession => {
    const found = planted[Math.floor((at / count) * planted.length)]
    if (found === undefined) throw new Error('no session was planted')
    return found
  }
  // Nobody is ended twice.
  const ends = Math.min(count, people)
  const time = async (question: string, ask: (at: number) => Promise<unknown>, asked = count) => {
    onProgress(question)
    const times: number[] = []
    for (let at = 0; at < asked; at += 1) {
      const started = performance.now()
      await ask(at)
      times.push(performance.now() - started)
    }
    return [question, { medianMs: rounded(medianOf(times), 3), mostMs: rounded(Math.max(...times), 3) }] as const
  }
  const list = async (filter: Parameters<SessionDirectory['list']>[0], limit: number, expected: number) => {
    const { sessions } = await directory.list(filter, { limit })
    // A figure for finding nothing would be a fine one.
    if (sessions.length !== expected) throw new Error(`${sessions.length} sessions were found instead of ${expected}`)
  }
  return [
    await time(`list a person's ${sessionsOfEach}`, at => list({ subject: somebody(at) }, 100, sessionsOfEach)),
    await time("find the provider's session", at =>
      list({ issuer, providerSession: `sid-${Math.floor((at / count) * people) * sessionsOfEach}` }, 100, 1),
    ),
    await time('show by handle', async at => {
      const shown = await directory.show(handleOf(digestOf('session', session(at).sessionId)))
      if (shown === undefined) throw new Error('a planted session was not found')
    }),
    await time('list 50 of a host', () => list({ host: wikiHost }, 50, Math.min(50, planted.length))),
    await time('list 50 of all', () => list({ all: true }, 50, 50)),
    await time(
      `end a person's ${sessionsOfEach}`,
      async at => {
        const subject = `${issuer}#${Math.floor((at / ends) * people)}`
        const ended = await directory.end({ subject }, () => {})
        if (ended !== sessionsOfEach) throw new Error(`${ended} sessions were ended instead of ${sessionsOfEach}`)
      },
      ends,
    ),
  ]
}
