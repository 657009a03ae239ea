/** J142 to J145: a person's token ends where their cookie does, over every store and two replicas. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requirePeer } from '../peers.ts'
import { challengesOf, type EndingWorld, type Person, startEndings, statusesOf } from './ending-world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const ended = 'the login that the token was made from has ended'
const bothHave = (status: number) => [status, status]

type End = (world: EndingWorld, person: Person) => Promise<unknown>

const ends: readonly (readonly [string, End])[] = [
  ['the provider tells of the session', (_, person) => person.logOut({ sid: person.sid })],
  ['the provider tells of the person', (_, person) => person.logOut({ sub: person.sub })],
  [
    'the provider has the browser tell of it',
    (world, { sid }) => world.get(`/frontchannel-logout/odd?${new URLSearchParams({ iss: world.odd.issuer, sid })}`),
  ],
  ['they log out in the browser', logOutInBrowser],
  ['an operator ends the person', (world, { subject }) => world.endSessions({ subject })],
  ['an operator ends the provider', world => world.endSessions({ provider: 'odd' })],
  ['an operator ends everything', world => world.endSessions({ all: true })],
]

async function logOutInBrowser({ publicUrl }: EndingWorld, { browser }: Person): Promise<void> {
  const page = await (await browser.request(`${publicUrl}/logout`)).text()
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const body = new URLSearchParams({ token }).toString()
  await browser.request(`${publicUrl}/logout`, { method: 'POST', body })
}

describe.each(['lmdb', 'redis'] as const)('on %s, a token of a person', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('who logged in', () => {
    let world: EndingWorld
    beforeAll(async () => {
      world = await startEndings(store)
    })
    afterAll(() => world?.close())

    it.each(ends)('J142 ends with the cookie when %s', async (_, end) => {
      const person = await world.person()
      const token = await person.tokenFor()
      const again = await world.exchange(token)
      const tokens = [token, String(again.body.access_token)]
      expect(statusesOf(await person.byCookie())).toEqual(bothHave(200))
      for (const one of tokens) expect(statusesOf(await person.byToken(one))).toEqual(bothHave(200))
      await end(world, person)
      expect(statusesOf(await person.byCookie())).toEqual(bothHave(401))
      for (const one of tokens) {
        const answers = await person.byToken(one)
        expect(statusesOf(answers)).toEqual(bothHave(401))
        expect(challengesOf(answers)).toEqual([expect.stringContaining(ended), expect.stringContaining(ended)])
      }
      for (const one of [person.account(), ...tokens]) expect((await world.exchange(one)).status).toBe(400)
      expect(await person.renew()).toBe(400)
    })

    it('J142 of another login is not ended with it', async () => {
      const [one, other] = [await world.person(), await world.person()]
      const token = await other.tokenFor()
      await one.logOut({ sub: one.sub })
      expect(statusesOf(await other.byToken(token))).toEqual(bothHave(200))
    })

    it('J143 is nothing where the host takes the people of other providers, as their cookie', async () => {
      const person = await world.person()
      const url = 'https://partners.example.com/'
      const answers = await person.byToken(await person.tokenFor('partners.example.com'), url)
      expect(statusesOf(answers)).toEqual(bothHave(401))
    })
  })

  describe.runIf(store === 'lmdb' || hasRedis)('while time passes', () => {
    let world: EndingWorld
    beforeEach(async () => {
      world = await startEndings(store)
    })
    afterEach(() => world?.close())

    it('J142 ends with the cookie when the provider says no, though nobody but a script has asked', async () => {
      const person = await world.person()
      const token = await person.tokenFor()
      expect(statusesOf(await person.byToken(token))).toEqual(bothHave(200))
      person.isClosed()
      world.moveClock(61)
      expect(statusesOf(await person.byToken(token))).toEqual(bothHave(401))
      expect(statusesOf(await person.byCookie())).toEqual(bothHave(401))
      expect((await world.exchange(person.account())).status).toBe(400)
    })

    it('J143 has the groups that the provider says by now: what they gave is gone, what they deny applies', async () => {
      const person = await world.person()
      const token = await person.tokenFor()
      expect(statusesOf(await person.byToken(token, 'https://wiki.example.com/keys/'))).toEqual(bothHave(200))
      person.isNow(['gone'])
      world.moveClock(61)
      expect(statusesOf(await person.byToken(token))).toEqual(bothHave(403))
      expect(statusesOf(await person.byCookie())).toEqual(bothHave(403))
    })

    it('J143 is 401 where the host wants a newer login, and says so', async () => {
      const person = await world.person()
      const [token, url] = [await person.tokenFor('fresh.example.com'), 'https://fresh.example.com/']
      expect(statusesOf(await person.byToken(token, url))).toEqual(bothHave(200))
      world.moveClock(121)
      const answers = await person.byToken(token, url)
      expect(statusesOf(answers)).toEqual(bothHave(401))
      for (const challenge of challengesOf(answers)) {
        expect(challenge).toMatch(/^Bearer error="insufficient_user_authentication".*max_age="120"/)
      }
    })

    it('J144 keeps no session from being idle, nor does what makes it, nor asking the provider', async () => {
      const person = await world.person()
      const use = async () => {
        const token = await person.tokenFor()
        expect((await world.exchange(token)).status).toBe(200)
        return statusesOf(await person.byToken(token))
      }
      for (let times = 0; times < 3; times += 1) {
        world.moveClock(70)
        expect(await person.renew()).toBe(200)
        expect(await use()).toEqual(bothHave(200))
      }
      const token = await person.tokenFor()
      world.moveClock(35)
      const answers = await person.byToken(token)
      expect(challengesOf(answers)).toEqual([expect.stringContaining(ended), expect.stringContaining(ended)])
      expect(statusesOf(await person.byCookie())).toEqual(bothHave(401))
      expect(await person.renew()).toBe(400)
    })

    it('J144 goes on while the person uses the session', async () => {
      const person = await world.person()
      for (let times = 0; times < 3; times += 1) {
        world.moveClock(70)
        expect(statusesOf(await person.byCookie())).toEqual(bothHave(200))
      }
      expect(await person.renew()).toBe(200)
      world.moveClock(35)
      expect(statusesOf(await person.byToken(await person.tokenFor()))).toEqual(bothHave(200))
    })
  })
})

describe.runIf(hasRedis)('where the store does not answer', () => {
  it('J145 a token of a person is 503, as their cookie, although it was seen before', async () => {
    const world = await startEndings('redis')
    try {
      const person = await world.person()
      const token = await person.tokenFor()
      expect(statusesOf(await person.byToken(token))).toEqual(bothHave(200))
      await world.redis?.stop()
      const isOut = async () => statusesOf([...(await person.byToken(token)), ...(await person.byCookie())])
      await expect.poll(isOut, { timeout: 60_000 }).toEqual([503, 503, 503, 503])
      expect((await world.exchange(person.account())).status).toBe(503)
    } finally {
      await world.close()
    }
  })
})
