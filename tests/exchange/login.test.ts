/** `sallyport token --host … --login`: people who have logged a command line in get tokens of hosts, as themselves. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runExchange } from '../../cli/token/exchange.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import {
  authorizeQuery,
  logInBrowser,
  newGrant,
  newProof,
  post,
  type Reached,
  startGrantWorld,
  visit,
} from '../grants/world.ts'
import { createMachine } from '../kube-cli/machine.ts'
import { header, type TestBrowser } from '../service.ts'
import { askForToken, type LoginWorld, saidOf, startLogins, tokenFor } from './login-world.ts'
import { exchangeGrant, jwtType } from './world.ts'

const wiki = 'wiki.example.com'
const payroll = 'payroll.example.com'

describe('a token of a person who has logged in', () => {
  let world: LoginWorld
  beforeAll(async () => {
    world = await startLogins()
  })
  afterAll(() => world?.close())

  const at = (path: string, token: string, host = wiki, method = 'GET') => world.at(host, path, token, method)
  const byCookie = (path: string, cookie: string) =>
    world.ask('auth-request', { url: `https://${wiki}${path}`, cookie, headers: [] })
  const introspect = async (token: string) =>
    (await world.post('/token/introspect', { token }, { authorization: `Bearer ${world.robot('relay')}` })).body

  it('says the same of them as their cookie, to the application and in the audit log', async () => {
    const { machine, browser } = await world.machineOf('alice')
    const cookie = await world.logIn('alice', `https://${wiki}/team/`, browser)
    const token = await tokenFor(machine, wiki)
    expect(decodeJwt(token)).toMatchObject({ aud: wiki, iss: `${world.publicUrl}/token` })
    expect(JSON.stringify(decodeJwt(token))).not.toContain('session')
    const [one, other] = [await byCookie('/team/', cookie), await at('/team/', token)]
    expect([one.status, other.status]).toEqual([200, 200])
    expect(saidOf(other)).toEqual(saidOf(one))
    expect(saidOf(other)).toMatchObject({ 'remote-email': ['alice@example.com'], 'remote-groups': ['ops'] })
    const [events, tokens] = [await world.eventOf(one), await world.eventOf(other)]
    expect(tokens).toMatchObject({ session: events.session, email: events.email, groups: events.groups })
    expect(tokens).toMatchObject({ credential: 'login-token', credentialIssuer: 'sallyport' })
    const issued = await world.written('exchange.issued', String(decodeJwt(token).jti))
    expect(issued).toMatchObject({ credential: 'login-token', session: events.session, host: wiki })
  })

  it('may be for reading alone, and is never for longer than what it is made of', async () => {
    const { machine } = await world.machineOf('alice')
    const { stdout } = await askForToken(machine, wiki, '--scope', 'read', '--json')
    const { access_token: token, scope, expires_in: seconds } = JSON.parse(stdout)
    expect(scope).toBe('read')
    expect(seconds).toBeGreaterThan(200)
    expect(seconds).toBeLessThanOrEqual(300)
    expect((await at('/team/', token)).status).toBe(200)
    expect((await at('/team/', token, wiki, 'POST')).status).toBe(403)
  })

  it('J122 ends with the login session, although it was seen before, and so does what was made of it', async () => {
    const { machine } = await world.machineOf('alice')
    const token = await tokenFor(machine, wiki)
    const again = await world.exchanged({ subject_token: token })
    const relay = { actor_token: world.robot('relay'), actor_token_type: jwtType }
    const relayed = await world.exchanged({ subject_token: token, audience: payroll, ...relay })
    expect((await at('/team/', token)).status).toBe(200)
    expect((await at('/team/', again)).status).toBe(200)
    expect((await at('/', relayed, payroll)).status).toBe(200)
    await world.endSessionsOf('alice')
    for (const [made, host] of [
      [token, wiki],
      [again, wiki],
      [relayed, payroll],
    ] as const) {
      const answer = await at('/team/', made, host)
      expect([answer.status, header(answer, 'www-authenticate')]).toEqual([
        401,
        expect.stringContaining('the login that the token was made from has ended'),
      ])
    }
    const exchange = await world.exchange({ subject_token: token })
    expect([exchange.status, exchange.body.error_description]).toEqual([
      400,
      expect.stringContaining('the login that the token was made from has ended'),
    ])
    expect(await askForToken(machine, wiki)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `error: your session has ended at ${world.publicUrl}: run sallyport login --server ${world.publicUrl}\n`,
    })
  })

  it('J122 ends with a log-out in the browser', async () => {
    const { machine, browser } = await world.machineOf('alice')
    const token = await tokenFor(machine, wiki)
    expect((await at('/team/', token)).status).toBe(200)
    const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
    const csrf = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? ''
    await browser.request(`${world.publicUrl}/logout`, {
      method: 'POST',
      body: new URLSearchParams({ token: csrf }).toString(),
    })
    expect((await at('/team/', token)).status).toBe(401)
  })

  it('J123 is nothing at another host, and no way to another one', async () => {
    const { machine } = await world.machineOf('alice')
    const token = await tokenFor(machine, wiki)
    const elsewhere = await at('/', token, payroll)
    expect([elsewhere.status, header(elsewhere, 'www-authenticate')]).toEqual([
      401,
      expect.stringContaining('the token is for another audience'),
    ])
    expect((await world.exchange({ subject_token: token, audience: payroll })).body.error).toBe('invalid_target')
  })

  it('J124 has no rights that need a fresh login, when that of the session is old', async () => {
    const world = await startLogins()
    const ask = (path: string, token: string) => world.at(wiki, path, token)
    try {
      const { machine } = await world.machineOf('alice', '&max_age=600')
      expect((await ask('/keys/', await tokenFor(machine, wiki))).status).toBe(200)
      await tokenFor(machine, 'keys.example.com')
      world.moveClock(900)
      const wanted = await askForToken(machine, 'keys.example.com')
      expect([wanted.code, wanted.stdout]).toEqual([1, ''])
      expect(wanted.stderr).toMatch(
        /^error: invalid_target: row policy\.csv:\d+ gives the subject a token for this host after a login of the last 600 seconds alone: log out and in again in the browser, then run sallyport login\n$/,
      )
      const token = await tokenFor(machine, wiki)
      expect((await ask('/team/', token)).status).toBe(200)
      const refused = await ask('/keys/', token)
      expect([refused.status, header(refused, 'www-authenticate')]).toEqual([
        401,
        expect.stringMatching(/^Bearer error="insufficient_user_authentication".*max_age="600"/),
      ])
    } finally {
      await world.close()
    }
  })

  it('J125 is not what the machine keeps: that is no bearer token at a host, and says nobody who acts or asks', async () => {
    const { machine, browser } = await world.machineOf('alice')
    await tokenFor(machine, wiki)
    const { body } = await newGrant(world, browser)
    for (const kept of [body.access_token, body.refresh_token]) {
      expect((await at('/team/', String(kept))).status).toBe(401)
    }
    expect((await world.exchange({ subject_token: String(body.refresh_token) })).status).toBe(400)
    expect((await world.exchange({ subject_token: String(body.access_token) })).status).toBe(200)
    const asActor = { actor_token: String(body.access_token), actor_token_type: jwtType }
    expect((await world.exchange(asActor)).body.error).toBe('invalid_request')
    const asCaller = { authorization: `Bearer ${String(body.access_token)}` }
    expect((await world.post('/token/introspect', { token: world.token() }, asCaller)).status).toBe(401)
  })

  it('J126 is refused what a row denies to them, and gets none that no row gives', async () => {
    const { machine, browser } = await world.machineOf('alice')
    const cookie = await world.logIn('alice', `https://${wiki}/team/`, browser)
    const token = await tokenFor(machine, wiki)
    expect((await byCookie('/team/of-others', cookie)).status).toBe(403)
    const denied = await at('/team/of-others', token)
    expect([denied.status, (await world.eventOf(denied)).reason]).toEqual([403, 'rule-denied'])
    expect((await askForToken(machine, 'shop.example.com')).stderr).toContain('invalid_target')
    const { machine: ofBob } = await world.machineOf('bob')
    expect(await askForToken(ofBob, wiki)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the policy gives'),
    })
  })

  it('J127 is refused at a host that ends logins which are not used', async () => {
    const { machine } = await world.machineOf('alice')
    const refused = await at('/', await tokenFor(machine, 'idle.example.com'), 'idle.example.com')
    expect([refused.status, header(refused, 'www-authenticate')]).toEqual([
      401,
      expect.stringContaining('takes no tokens of people'),
    ])
  })

  it('is active to whoever may ask, for as long as the login is', async () => {
    const { machine } = await world.machineOf('alice')
    const relay = { actor_token: world.robot('relay'), actor_token_type: jwtType }
    const token = await world.exchanged({ subject_token: await tokenFor(machine, wiki), audience: payroll, ...relay })
    expect((await introspect(token)).active).toBe(false)
    expect((await at('/', token, payroll)).status).toBe(200)
  })
})

describe('without a login', () => {
  it('is what somebody gets who sits at a terminal and gives no token', async () => {
    const machine = createMachine()
    try {
      const terminal = createTestTerminal({ cwd: machine.home, env: { HOME: machine.home } })
      const input = { isTTY: true } as unknown as NodeJS.ReadStream
      expect(await runExchange({ host: wiki }, terminal, input)).toBe(1)
      expect(terminal.errors()).toContain('you are not logged in: run sallyport login')
    } finally {
      machine.close()
    }
  })

  it('says which command to run', async () => {
    const machine = createMachine()
    try {
      expect(await askForToken(machine, wiki)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('you are not logged in: run sallyport login --server https://auth.example.com'),
      })
      expect(await askForToken(machine, wiki, '--server', 'http://127.0.0.1:1')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(
          'you are not logged in at http://127.0.0.1:1: run sallyport login --server http://127.0.0.1:1',
        ),
      })
      const both = await machine.begin(['token', '--cluster', 'prod', '--login']).finished
      expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('sallyport kube credential')])
    } finally {
      machine.close()
    }
  })
})

describe('J125 a cluster that was sent a token of a person', () => {
  it('gets none of a host with it', async () => {
    const { service, close } = await startGrantWorld({ settings: { machines: { exchange: { people: true } } } })
    try {
      const { body } = await newGrant(service, await logInBrowser(service, 'alice'), 'prod')
      const form = { grant_type: exchangeGrant, subject_token_type: jwtType, audience: wiki }
      expect(await post(service, '/token', { ...form, subject_token: String(body.access_token) })).toMatchObject({
        status: 400,
        body: { error_description: 'subject_token: the token is for a cluster, and for nothing else' },
      })
    } finally {
      await close()
    }
  })
})

describe('J128 where people were let in for clusters alone', () => {
  it('a login is worth no token of a host; and what the page says is what it is for', async () => {
    const { service, close } = await startGrantWorld({ settings: { machines: { exchange: {} } } })
    const logins = await startLogins()
    try {
      const browser = await logInBrowser(service, 'alice')
      const { body } = await newGrant(service, browser)
      const form = { grant_type: exchangeGrant, subject_token_type: jwtType, audience: 'wiki.example.com' }
      const answer = await post(service, '/token', { ...form, subject_token: String(body.access_token) })
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: expect.stringContaining('no tokens of hosts are given') },
      })
      const pageOf = async (one: Reached, person: TestBrowser) =>
        (await visit(person, `${one.publicUrl}/kube/authorize?${authorizeQuery(newProof())}`)).text
      expect(await pageOf(service, browser)).toContain('A program asks to use the clusters as you: kubectl on')
      expect(await pageOf(logins, await logInBrowser(logins, 'alice'))).toContain(
        'A program asks to use your applications as you: the command line on',
      )
    } finally {
      await logins.close()
      await close()
    }
  })
})
