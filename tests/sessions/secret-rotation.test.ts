/** A session secret is replaced while people work: replicas that are a step apart take each other's sessions and tickets. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wiki } from '../attacks/world.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { logIn, startService, TestBrowser, type TestService } from '../service.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const [old, next] = [randomBytes(32), randomBytes(32)].map(bytes => bytes.toString('base64url'))
/** What two replicas have in each step: one has gone ahead, the other has not. */
const steps = [
  ['the new secret is appended', [`${old}`, `${old}\n${next}`]],
  ['the new secret moves to the front', [`${old}\n${next}`, `${next}\n${old}`]],
  ['the new secret is in front at the auth host first', [`${next}\n${old}`, `${old}\n${next}`]],
  ['the old secret is dropped', [`${next}\n${old}`, `${next}`]],
] as const
const policy = 'p, authenticated, wiki.example.com, /, read, -, allow\n'

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis).each(steps)('while %s', (_, secrets) => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startService({ policy, replicas: 2, secrets, settings: { sessions } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })
    const statusAt = async (replica: number, cookie: string) =>
      (await world.replica(replica).ask('forward-auth', { url: `${wiki}/`, cookie })).status
    /** The challenge comes from one replica, the handoff goes to the other; the login itself is always at the first. */
    const logInBy = (challenger: number, browser = new TestBrowser()) => {
      const order = [challenger, 1 - challenger]
      const ask: TestService['ask'] = (front, question) => world.replica(order.shift() ?? 0).ask(front, question)
      return logIn(ask, 'alice', `${wiki}/`, browser)
    }

    it.each([0, 1])(
      'a login that replica %i began is finished by the other, and both take its cookie',
      async challenger => {
        const cookie = await logInBy(challenger)
        expect([await statusAt(0, cookie), await statusAt(1, cookie)]).toEqual([200, 200])
      },
    )
  })
})
