/** One table of scenarios, run with each real product that an adapter knows: the whole service, and a product of the wild. */
import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../peers.ts'
import { products } from '../products/all.ts'
import { Journey } from '../products/journey.ts'
import { type Ability, type RunningProduct, requireProduct } from '../products/product.ts'
import { keepRefreshToken, readMetadata, signingKeyOf, tokensOf } from '../products/protocol.ts'
import { type AuditRecord, header, startService, type TestService } from '../service.ts'

const policy = `
p, authenticated, wiki.localhost, /**,       *, -, allow
p, group:ops,     wiki.localhost, /admin/**, *, -, allow
p, group:contractors, wiki.localhost, /admin/**, *, -, deny
`

describe.each(products)('with $name', product => {
  const folder = requireProduct(product)
  let running: RunningProduct
  let world: TestService
  let journey: Journey
  const pauseMs = product.isOneTokenASecond ? 1_100 : 0

  beforeAll(async () => {
    if (folder === undefined) return
    const port = await freePort()
    const publicUrl = `http://auth.localhost:${port}`
    running = await product.start(folder, {
      callback: `${publicUrl}/callback/corp`,
      signedOut: `${publicUrl}/signed-out`,
      backChannel: `${publicUrl}/backchannel-logout/corp`,
    })
    world = await startService({
      policy,
      port,
      providers: corp => [{ ...corp, ...running.entry }],
      settings: { sessions: { verifyEvery: '1m', staleGrace: '10m' } },
    })
  }, 600_000)

  afterAll(async () => {
    await world?.close()
    await running?.stop()
  })

  beforeEach(async () => {
    if (folder === undefined) return
    journey = new Journey(world, running)
    await delay(pauseMs)
  })

  /** A scenario that every product passes, or each that has the ability; the others say what they lack. */
  const scenario = (name: string, ability: Ability | undefined, run: () => Promise<void>): void => {
    const lack = ability === undefined ? undefined : product.lacks[ability]
    if (folder !== undefined && lack !== undefined) process.stderr.write(`skipped: ${name}: ${lack}\n`)
    test.skipIf(folder === undefined || lack !== undefined)(name, run)
  }

  const eventsSince = (count: number): AuditRecord[] =>
    world
      .auditEvents()
      .slice(count)
      .filter(({ event }) => String(event).startsWith('session.'))

  /** Lets the next verification happen. @returns what it said */
  async function verify(cookie: string, seconds = 61): Promise<string> {
    const before = world.auditEvents().length
    await delay(pauseMs)
    world.moveClock(seconds)
    await journey.ask('/', cookie)
    const outcome = () =>
      eventsSince(before).find(({ event }) => /^session\.(verified|verification-failed)$/.test(`${event}`))
    await expect.poll(outcome).toBeDefined()
    return String(outcome()?.reason ?? 'confirmed')
  }

  /** Without the teams that Gitea names beside an organisation. */
  const groupsOf = async (cookie: string): Promise<readonly string[]> =>
    (header(await journey.ask('/', cookie), 'remote-groups') ?? '')
      .split(',')
      .filter(group => group !== '' && !group.includes(':'))
      .sort()

  scenario('what its metadata say is what the adapter says', undefined, async () => {
    const metadata = await readMetadata(running.issuer)
    expect(metadata.issuer).toBe(running.issuer)
    expect(metadata.end_session_endpoint !== undefined).toBe(product.lacks.endSession === undefined)
    expect(metadata.backchannel_logout_supported === true).toBe(product.lacks.backChannel === undefined)
  })

  scenario('a login leads back to the page that was asked, as the person who logged in', undefined, async () => {
    const { cookie, leadsTo } = await journey.logIn('alice', '/pages/a?b=c&d=%20e')
    expect(leadsTo).toBe('http://wiki.localhost/pages/a?b=c&d=%20e')
    const answer = await journey.ask('/pages/a?b=c&d=%20e', cookie)
    expect(answer.status).toBe(200)
    expect(header(answer, 'remote-email')).toBe('alice@example.com')
    expect(decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')).toMatchObject({
      sub: `${running.issuer}#${running.subjectOf('alice')}`,
      name: 'Alice Example',
    })
  })

  scenario('groups decide', 'groups', async () => {
    const { cookie: alice } = await journey.logIn('alice')
    expect(await groupsOf(alice)).toEqual(['ops'])
    expect((await journey.ask('/admin/', alice)).status).toBe(200)
    journey = new Journey(world, running)
    const { cookie: bob } = await journey.logIn('bob')
    expect(await groupsOf(bob)).toEqual(['contractors'])
    expect((await journey.ask('/admin/', bob)).status).toBe(403)
  })

  scenario('single sign-on asks for no password again', 'singleSignOn', async () => {
    const { atProduct } = await journey.challenge()
    expect(await journey.visitor.isAskedForPassword(atProduct)).toBe(true)
    await journey.logIn('alice')
    const again = new Journey(world, running)
    expect(await journey.visitor.isAskedForPassword((await again.challenge()).atProduct)).toBe(false)
  })

  scenario('log-out ends the session here and there, and leads back', 'endSession', async () => {
    const { cookie } = await journey.logIn('alice')
    const end = await journey.logOut()
    expect(end.startsWith(running.issuer.replace(/\/$/, ''))).toBe(true)
    expect((await journey.ask('/', cookie)).status).toBe(302)
    expect(await journey.visitor.visit(end, running.logOutAnswers)).toMatch(`${world.publicUrl}/signed-out`)
    expect(await journey.visitor.isAskedForPassword((await journey.challenge()).atProduct)).toBe(true)
  })

  test.runIf(folder !== undefined && product.lacks.endSession !== undefined)(
    'log-out ends the session here alone',
    async () => {
      const { cookie } = await journey.logIn('alice')
      expect(await journey.logOut()).toBe(`${world.publicUrl}/signed-out`)
      expect((await journey.ask('/', cookie)).status).toBe(302)
      expect(await journey.visitor.isAskedForPassword((await journey.challenge()).atProduct)).toBe(
        product.lacks.singleSignOn !== undefined,
      )
    },
  )

  scenario('a log-out at the product ends the session here, and nobody else', 'backChannel', async () => {
    const { cookie } = await journey.logIn('alice')
    const other = new Journey(world, running)
    const { cookie: carol } = await other.logIn('carol')
    await running.logOut?.('alice')
    await expect.poll(async () => (await journey.ask('/', cookie)).status).toBe(302)
    expect((await other.ask('/', carol)).status).toBe(200)
    expect(world.auditEvents()).toContainEqual(
      expect.objectContaining({ event: 'session.ended', cause: 'back-channel' }),
    )
  })

  scenario('a new signing key is taken up at once', 'keyRotation', async () => {
    const before = await signingKeyOf(running, world.publicUrl)
    await running.rotateKeys?.()
    expect(await signingKeyOf(running, world.publicUrl)).not.toBe(before)
    const { cookie } = await journey.logIn('alice')
    expect((await journey.ask('/', cookie)).status).toBe(200)
  })

  // From here on the service's clock goes ahead of the product's.
  scenario('a refresh gives a new refresh token', undefined, async () => {
    const { first, second } = await tokensOf(running, world.publicUrl, pauseMs)
    expect(second.refresh_token).toBeDefined()
    expect(second.refresh_token).not.toBe(first.refresh_token)
  })

  scenario('a refresh token that was used is refused', 'oldTokenRefused', async () => {
    const { again } = await tokensOf(running, world.publicUrl, pauseMs)
    expect(again).toMatchObject({ error: expect.any(String) })
    expect(again.access_token).toBeUndefined()
  })

  scenario('sessions go on over refresh tokens that are good once', undefined, async () => {
    const { cookie } = await journey.logIn('carol')
    for (const _ of [1, 2, 3]) expect(await verify(cookie)).toBe('confirmed')
    expect((await journey.ask('/', cookie)).status).toBe(200)
  })

  const second = product.lacks.secondBrowser === undefined ? 'leaves the first one logged in' : 'ends the first login'
  scenario(`a login in a second browser ${second}`, undefined, async () => {
    const { cookie } = await journey.logIn('carol')
    await delay(pauseMs)
    const { cookie: other } = await new Journey(world, running).logIn('carol')
    const said = await verify(cookie)
    if (product.lacks.secondBrowser === undefined) expect(said).toBe('confirmed')
    // What is no clear refusal counts when it comes twice.
    else expect(said === 'unavailable' ? await verify(cookie) : said).toBe('refused')
    expect((await journey.ask('/', other)).status).toBe(200)
  })

  scenario('a group that is given or taken away counts from the next verification', 'groups', async () => {
    const { cookie } = await journey.logIn('bob')
    await running.joinGroup('bob', 'ops')
    expect(await verify(cookie)).toBe('confirmed')
    expect(await groupsOf(cookie)).toEqual(['contractors', 'ops'])
    await running.leaveGroup('bob', 'contractors')
    expect(await verify(cookie)).toBe('confirmed')
    expect(await groupsOf(cookie)).toEqual(['ops'])
    expect((await journey.ask('/admin/', cookie)).status).toBe(200)
    // The last one.
    await running.leaveGroup('bob', 'ops')
    expect(await verify(cookie)).toBe(product.lastGroup === 'gone' ? 'confirmed' : 'unavailable')
    expect(await groupsOf(cookie)).toEqual(product.lastGroup === 'gone' ? [] : ['ops'])
    await running.joinGroup('bob', 'contractors')
  })

  // The last one: nobody opens Carol's account again.
  scenario('an account that is closed', undefined, async () => {
    // Before the login: at Gitea a second login would change the nonce of the first.
    const refresh = await keepRefreshToken(running, world.publicUrl, 'carol')
    await delay(pauseMs)
    const { cookie } = await journey.logIn('carol')
    await running.disable('carol')
    expect((await refresh()).error).toBe(product.closedError)
    const answers = {
      refused: 'refused',
      'refused-again': 'unavailable',
      unanswered: 'unavailable',
      confirmed: 'confirmed',
    }
    expect(await verify(cookie)).toBe(answers[product.closedAccount])
    if (product.closedAccount !== 'refused') expect((await journey.ask('/', cookie)).status).toBe(200)
    if (product.closedAccount === 'refused-again') expect(await verify(cookie)).toBe('refused')
    if (product.closedAccount === 'unanswered') {
      world.moveClock(540)
      expect((await journey.ask('/', cookie)).status).toBe(200)
      // The grace is over.
      world.moveClock(120)
    }
    const status = product.closedAccount === 'confirmed' ? 200 : 302
    await expect.poll(async () => (await journey.ask('/', cookie)).status).toBe(status)
  })
})
