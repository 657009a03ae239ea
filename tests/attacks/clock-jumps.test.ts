/** A clock that is set, through the whole service and on every store: nothing lives longer than it may. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import type { TestService } from '../service.ts'
import { Journey } from './journey.ts'
import { fronts, startWorld, wiki } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const hour = 3600

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('F19 a clock', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeEach(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startWorld({ settings: { sessions: { ...sessions, lifetime: '12h', idle: '6h' } } })
    })
    afterEach(async () => {
      await world.close()
      await redis?.stop()
      redis = undefined
    })

    const travel = (front: (typeof fronts)[number]): Journey => {
      const journey: Journey = new Journey(world, {
        front,
        answerOf: asked => journey.browser.visitor.logIn(asked, 'carol'),
      })
      return journey
    }
    const ask = (front: (typeof fronts)[number], { cookie = '' }: Journey) =>
      world.ask(front, { url: `${wiki}/`, cookie })

    it.each(fronts)('that is set back wants a login of every session of the future, on %s', async front => {
      world.moveClock(5 * hour)
      const journey = travel(front)
      expect((await journey.goTo(`${wiki}/`)).status).toBe(200)
      world.moveClock(-5 * hour)
      const refused = await ask(front, journey)
      expect(refused.status).toBe(401)
      expect(await world.eventOf(refused)).toMatchObject({ reason: 'session-unverified' })
      // The session is not ended by it: only the clock was wrong, and it may be set right again.
      world.moveClock(5 * hour)
      expect((await ask(front, journey)).status).toBe(200)
      world.moveClock(-5 * hour)
      journey.asked.length = 0
      expect(await journey.goTo(`${wiki}/`)).toMatchObject({ url: `${wiki}/`, status: 200 })
      expect(journey.asked).toHaveLength(1)
      expect((await ask(front, journey)).status).toBe(200)
    })

    it('that is off by less than half a minute disturbs nobody', async () => {
      world.moveClock(25)
      const journey = travel('forward-auth')
      expect((await journey.goTo(`${wiki}/`)).status).toBe(200)
      world.moveClock(-25)
      expect((await ask('forward-auth', journey)).status).toBe(200)
    })

    it('that is set forward ends what is over by then', async () => {
      const journey = travel('forward-auth')
      expect((await journey.goTo(`${wiki}/`)).status).toBe(200)
      world.moveClock(7 * hour)
      expect((await ask('forward-auth', journey)).status).toBe(401)
    })

    it('that is set is told of, and counted', async () => {
      world.moveClock(-2 * hour)
      await expect.poll(() => world.logText()).toContain('the clock was set')
      const { metrics } = world.service.answers
      expect(await metrics.render()).toContain('sallyport_clock_jumps_total{direction="back"} 1')
    })
  })
})
