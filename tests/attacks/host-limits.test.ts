/** Hosts with a maximum age or a maximum idle time of their own, through the whole service, on every store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { client } from '../login/relying-party.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header, navigation, startService, type TestService } from '../service.ts'
import { Journey } from './journey.ts'
import { fronts } from './world.ts'

const wiki = 'https://wiki.example.com'
const payments = 'https://payments.example.com'
const payroll = 'https://payroll.example.com'
const policy = `
p, authenticated, *.example.com,        /**,        *,    -, allow
p, anyone,        payments.example.com, /public/**, read, -, allow
`
const hosts = [
  { host: '*.example.com', tickets: true },
  { host: 'payments.example.com', maxIdle: '30m' },
  { host: 'payroll.example.com', maxAge: '2h' },
]
const hasRedis = requirePeer('redis-server') !== undefined
const minute = 60
const hour = 3600

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a host with limits of its own', () => {
    let redis: RunningRedis | undefined
    let provider: MisbehavingProvider
    let world: TestService
    let offset = 0
    let authTime: () => number | undefined
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      provider = await startMisbehavingProvider()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      const { clientId, clientSecret } = client
      world = await startService({
        policy,
        hosts,
        replicas: 2,
        settings: { sessions: { ...sessions, lifetime: '12h', idle: '6h' } },
        providers: corp => [{ ...corp, issuer: provider.issuer, clientId, clientSecret }],
      })
    })
    afterAll(async () => {
      await world.close()
      await provider.close()
      await redis?.stop()
    })

    const now = () => Math.floor(Date.now() / 1000) + offset
    const pass = (seconds: number): void => {
      offset += seconds
      world.moveClock(seconds)
    }

    /** Logged in just now, and taken over by the host. */
    async function arriveAt(url: string, front: (typeof fronts)[number] = 'forward-auth'): Promise<Journey> {
      authTime = now
      const answerOf = (asked: string) => provider.answerTo(asked, { claims: { auth_time: authTime() } })
      const journey = new Journey(world, { front, answerOf })
      expect(await journey.goTo(url)).toMatchObject({ url, status: 200 })
      journey.asked.length = 0
      return journey
    }

    /** As the resources of a page: no navigation, so no redirect is followed and no cookie could be set. */
    const ask = ({ cookie = '' }: Journey, url: string, front: (typeof fronts)[number] = 'forward-auth') =>
      world.ask(front, { url, cookie })

    describe.each(fronts)('by way of %s', front => {
      it('F13 is used for as long as subrequests arrive, and wants a login when none did', async () => {
        const journey = await arriveAt(`${payments}/a`, front)
        for (let step = 0; step < 6; step += 1) {
          pass(29 * minute)
          const answer = await ask(journey, `${payments}/a`, front)
          expect(answer.status).toBe(200)
          expect(answer.headers.has('set-cookie')).toBe(false)
        }
        pass(31 * minute)
        const refused = await ask(journey, `${payments}/a`, front)
        expect(refused.status).toBe(401)
        expect(await world.eventOf(refused)).toMatchObject({ event: 'access.challenged', reason: 'session-idle' })
        // What is open to anybody stays so.
        expect((await ask(journey, `${payments}/public/a`, front)).status).toBe(200)
        const url = `${payments}/a?b=1&c=2`
        expect(await journey.goTo(url)).toMatchObject({ url, status: 200 })
        expect(journey.asked.map(({ searchParams }) => searchParams.get('max_age'))).toEqual(['1800'])
      })

      it('F16 is left after its maximum age, however much it is used', async () => {
        const journey = await arriveAt(`${payroll}/a`, front)
        for (let step = 0; step < 7; step += 1) {
          pass(17 * minute)
          expect((await ask(journey, `${payroll}/a`, front)).status).toBe(200)
        }
        pass(2 * minute)
        const refused = await ask(journey, `${payroll}/a`, front)
        expect(refused.status).toBe(401)
        expect(await world.eventOf(refused)).toMatchObject({ event: 'access.challenged', reason: 'session-too-old' })
        const url = `${payroll}/a?b=1&c=2`
        expect(await journey.goTo(url)).toMatchObject({ url, status: 200 })
        expect(journey.asked.map(({ searchParams }) => searchParams.get('max_age'))).toEqual(['7200'])
      })
    })

    it('leaves the session alone on other hosts', async () => {
      const journey = await arriveAt(`${payroll}/a`)
      const elsewhere = new Journey(world, { front: 'forward-auth', answerOf: url => url })
      Object.assign(elsewhere, { browser: journey.browser })
      expect((await elsewhere.goTo(`${wiki}/a`)).status).toBe(200)
      pass(5 * hour)
      expect((await ask(journey, `${payroll}/a`)).status).toBe(401)
      expect((await ask(elsewhere, `${wiki}/a`)).status).toBe(200)
      expect((await ask(elsewhere, `${wiki}/a`)).headers.has('set-cookie')).toBe(false)
    })

    it('wants a login of somebody who deletes the cookie at an unattended desk, too', async () => {
      const journey = await arriveAt(`${payments}/a`)
      pass(31 * minute)
      journey.cookie = undefined
      expect((await journey.goTo(`${payments}/a`)).status).toBe(200)
      expect(journey.asked).toHaveLength(1)
    })

    it('takes over a session that was used elsewhere: it was never idle here', async () => {
      const journey = await arriveAt(`${wiki}/a`)
      pass(2 * hour)
      journey.cookie = undefined
      expect((await journey.goTo(`${payments}/a`)).status).toBe(200)
      expect(journey.asked).toHaveLength(0)
    })

    it('is used by way of every replica', async () => {
      const journey = await arriveAt(`${payments}/a`)
      const { cookie = '' } = journey
      const askReplica = (index: number) => world.replica(index).ask('forward-auth', { url: `${payments}/a`, cookie })
      for (const index of [1, 0, 1, 0]) {
        pass(20 * minute)
        expect((await askReplica(index)).status).toBe(200)
      }
      pass(31 * minute)
      expect((await askReplica(0)).status).toBe(401)
      expect((await askReplica(1)).status).toBe(401)
    })

    it('ends on a page where the provider does not look at the age', async () => {
      const journey = await arriveAt(`${payroll}/a`)
      const old = now()
      authTime = () => old
      pass(3 * hour)
      const arrival = await journey.goTo(`${payroll}/a`)
      expect(arrival).toMatchObject({ status: 403 })
      expect(arrival.body).toContain('at most 2 h ago')
      expect(arrival.body).toContain('3 h')
      expect(journey.asked).toHaveLength(1)
    })

    it('counts from the login here where the provider does not say when it was', async () => {
      const journey = await arriveAt(`${wiki}/a`)
      authTime = () => undefined
      const fresh = new Journey(world, {
        front: 'forward-auth',
        answerOf: asked => provider.answerTo(asked, { claims: { auth_time: undefined } }),
      })
      expect((await fresh.goTo(`${payroll}/a`)).status).toBe(200)
      pass(2 * hour + minute)
      expect((await ask(fresh, `${payroll}/a`)).status).toBe(401)
      expect(journey.asked).toHaveLength(0)
    })

    it('answers a hundred parallel checks of a visit that is due alike', async () => {
      const journey = await arriveAt(`${payments}/a`)
      pass(10 * minute)
      const { cookie = '' } = journey
      const asked = Array.from({ length: 100 }, (_, index) =>
        world.replica(index % 2).ask('auth-request', { url: `${payments}/${index}`, cookie, headers: navigation }),
      )
      const answers = await Promise.all(asked)
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(answers.every(answer => header(answer, 'x-sallyport-redirect') === undefined)).toBe(true)
    })
  })
})
