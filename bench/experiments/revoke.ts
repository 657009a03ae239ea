/** How long an ended session still opens doors at another process that has it cached. */
import { setTimeout as delay } from 'node:timers/promises'
import { cachedService, cookieRequests } from '../cases.ts'
import { openConnection } from '../http-connection.ts'
import { createPlanter, type PlantedSession, type Planter } from '../planted-sessions.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { type CaseReport, rounded } from '../report.ts'
import { startService, startServiceProcess } from '../service.ts'
import { cacheSetting, hasSetting } from '../service-folder.ts'
import { medianOf } from '../statistics.ts'
import type { ExperimentContext } from './experiment.ts'

/** Log-outs for each round of the bench, so that the default of eleven gives more than two hundred. */
const logOutsPerRound = 20
/** A refusal that has not come by then is a fault, not a figure. */
const longestWaitMs = 30_000

export async function runRevoke(context: ExperimentContext): Promise<CaseReport> {
  if (!hasRedis()) return { lines: ['revoke left out: redis-server is not on the PATH'], cases: {} }
  const { resources, onProgress } = context
  const logOuts = context.rounds * logOutsPerRound
  const redisUrl = await startRedis(resources)
  const first = await startService(cachedService(redisUrl), resources)
  const second = await startServiceProcess(first.folder.configFile, { core: 'load' }, resources)
  const planter = await createPlanter(first.folder.place)
  resources.add(() => planter.close())
  const times: number[] = []
  onProgress(`${logOuts} log-outs`)
  for (const session of await planter.plant(logOuts)) {
    await untilStatus(first.port, session, 200)
    times.push(await refusedAfterMs(second.port, session, planter))
  }
  const figures = { logOuts, medianMs: rounded(medianOf(times), 2), mostMs: rounded(Math.max(...times), 2) }
  const cache = hasSetting(cacheSetting) ? 'cached by both' : `read from Redis: no ${cacheSetting.join('.')}`
  return {
    lines: [
      `revoke: refused by the other process after ${figures.medianMs} ms, at most ${figures.mostMs} ms, ` +
        `over ${logOuts} log-outs (session ${cache})`,
    ],
    cases: { revoke: figures },
  }
}

/** From the call that ends the session to the first answer that refuses it; asks as fast as it is answered. */
async function refusedAfterMs(port: number, session: PlantedSession, planter: Planter): Promise<number> {
  await untilStatus(port, session, 200)
  const started = performance.now()
  const refused = untilStatus(port, session, 302)
  await planter.end(session.sessionId)
  return (await refused) - started
}

/** Asks over and over; gives the moment at which the answer with this status was there. */
async function untilStatus(port: number, { cookie }: PlantedSession, wanted: number): Promise<number> {
  const [request = ''] = cookieRequests([cookie])
  const bytes = Buffer.from(request, 'latin1')
  const timeout = new AbortController()
  const answered = new Promise<number>((resolve, reject) => {
    const opened = openConnection(port, {
      onAnswer: (connection, status, head) => {
        if (status === wanted) {
          connection.close()
          resolve(performance.now())
        } else if (status === 200 || status === 302) connection.send(bytes)
        else reject(new Error(`expected ${wanted}, got: ${head()}`))
      },
      onError: reject,
    })
    opened.then(connection => connection.send(bytes), reject)
  })
  const late = delay(longestWaitMs, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`the session was not answered with ${wanted} after ${longestWaitMs} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([answered, late])
  } finally {
    timeout.abort()
  }
}
