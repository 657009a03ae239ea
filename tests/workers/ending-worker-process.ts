/** A worker that is told of an end by the primary alone: Redis, nothing remembered, and it never looks by itself. */

import type { SessionEndings } from '../../app/sessions/endings/session-endings.ts'
import { withRelay } from '../../app/sessions/records/record-changes.ts'
import { createRedisRecords } from '../../app/sessions/redis/redis-records.ts'
import type { Duties } from '../../app/workers/duties.ts'
import { answerPrimary, tellPrimary } from '../../app/workers/worker-side.ts'
import { endingsOf, logInAs, type Replica, replicaOver } from '../sessions/endings-fixture.ts'
import { createMovableClock } from '../sessions/fixtures.ts'
import { untilVerified } from '../sessions/waiting.ts'

const session = 'the-session-of-this-test'
let replica: Replica | undefined
let endings: SessionEndings | undefined
let looks = 0

async function start(config: unknown): Promise<void> {
  const clock = createMovableClock()
  const records = createRedisRecords({ url: (config as { readonly redisUrl: string }).redisUrl, clock })
  await untilVerified(records)
  replica = replicaOver(withRelay(records, tellPrimary), clock)
  const holds = () => {
    looks += 1
    return true
  }
  endings = endingsOf(replica, { lookEveryMs: 600_000, longestDoubtMs: 600_000, holds })
}

async function obey(order: string): Promise<unknown> {
  if (replica === undefined || endings === undefined) throw new Error('not started')
  switch (order) {
    case 'log in':
      return logInAs(replica, session)
    case 'watch':
      return new Promise(resolve => endings?.watch({ session }, resolve))
    case 'is watching':
      while (looks === 0) await new Promise(resolve => setTimeout(resolve, 5))
      return undefined
    default:
      return replica.sessions.end(session)
  }
}

const duties: Pick<Duties, 'start' | 'sessionChanged' | 'stop'> & { readonly explain: typeof obey } = {
  start,
  explain: obey,
  sessionChanged: async changed => endings?.hint(changed),
  stop: async () => process.exit(0),
}
answerPrimary(duties as unknown as Duties, () => process.exit(0))
