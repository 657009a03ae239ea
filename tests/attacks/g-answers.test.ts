/** G14, G19, F10: what real providers answer in place of what they should, through the whole service. */
import type { ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { cookiePair, header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const wiki = 'https://wiki.example.com'
const policy = `
p, authenticated,     wiki.example.com, /**,        *, -, allow
p, group:contractors, wiki.example.com, /secret/**, *, -, deny
`
/** Just above `sessions.verifyEvery`. */
const aWhile = 301
const patience = { timeout: 60_000 }

let odd: MisbehavingProvider
let world: TestService
beforeAll(async () => {
  odd = await startMisbehavingProvider()
  world = await startService({
    policy,
    providers: corp => [
      { ...corp, issuer: odd.issuer },
      { ...corp, issuer: odd.issuer, name: 'quiet', userinfo: false },
    ],
  })
})
afterEach(() => odd.publish([odd.publicJwk]))
afterAll(async () => {
  await world.close()
  await odd.close()
})

let passed = 0
function pass(seconds: number): void {
  passed += seconds
  world.moveClock(seconds)
}

const person = { sub: 'alice', email: 'alice@example.com', email_verified: true }
const good: Answers = { claims: { groups: ['contractors'] }, refreshToken: 'first', userinfo: person }

/** The callback's answer, and what the application's host asked with. */
async function answerOf(answers: Answers, provider = 'corp') {
  const challenged = await world.ask('forward-auth', { url: `${wiki}/`, headers: navigation })
  const browser = new TestBrowser()
  const start = `${header(challenged, 'location')}&provider=${provider}`
  const authorization = (await browser.request(start)).headers.get('location') ?? ''
  return { pending: cookiePair(challenged), response: await browser.request(odd.answerTo(authorization, answers)) }
}

async function logIn(answers: Answers, provider?: string): Promise<string> {
  const { pending, response } = await answerOf(answers, provider)
  const url = response.headers.get('location') ?? ''
  expect(url, world.logText().split('\n').slice(-3).join('\n')).toContain('/.sallyport/handoff')
  return cookiePair(await world.ask('forward-auth', { url, cookie: pending, headers: navigation }))
}

const ask = (path: string, cookie: string) => world.ask('auth-request', { url: `${wiki}${path}`, cookie })
const statusOf = async (path: string, cookie: string) => (await ask(path, cookie)).status
const refreshesWith = () =>
  odd.tokenRequests.map(request => request.get('refresh_token')).filter(token => token !== null)

/** Asks until the answer is this one: a check that does not wait is told by one of the next. */
const eventually = (path: string, cookie: string, status: number) =>
  expect.poll(() => statusOf(path, cookie), patience).toBe(status)

const answerJson = (status: number, body: object) => (response: ServerResponse) =>
  void response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))

describe('G19 a provider that answers for a closed account', () => {
  it('with userinfo of sub alone lifts no deny: 403 stays 403 for the grace, and then nothing is open', async () => {
    const cookie = await logIn(good)
    expect([await statusOf('/', cookie), await statusOf('/secret/a', cookie)]).toEqual([200, 403])
    odd.setAnswers({ refreshToken: 'second', userinfo: { sub: 'alice' } })
    pass(aWhile)
    expect([await statusOf('/secret/a', cookie), await statusOf('/', cookie)]).toEqual([403, 200])
    expect(world.logText()).toContain('the claim groups no more')
    for (let step = 0; step < 5; step += 1) {
      pass(600)
      expect(await statusOf('/secret/a', cookie)).toBe(403)
    }
    pass(700)
    await eventually('/secret/a', cookie, 401)
    expect(await statusOf('/', cookie)).toBe(401)
  })

  it('with a list that holds the group no more takes it away', async () => {
    const cookie = await logIn(good)
    odd.setAnswers({ ...good, claims: { groups: [] } })
    pass(aWhile)
    expect(await statusOf('/secret/a', cookie)).toBe(200)
  })

  it.each([
    ['invalid_request', 400],
    ['The account is disabled', 403],
  ])('with %s (%d) ends the session when it says so twice, and not once', async (error, status) => {
    const cookie = await logIn(good)
    odd.setAnswers({ token: answerJson(status, { error }) })
    pass(aWhile)
    expect(await statusOf('/', cookie)).toBe(200)
    odd.setAnswers(good)
    pass(60)
    await expect.poll(() => statusOf('/', cookie).then(verifications), patience).toBe(1)
    odd.setAnswers({ token: answerJson(status, { error }) })
    pass(aWhile)
    expect(await statusOf('/', cookie)).toBe(200)
    pass(60)
    await eventually('/', cookie, 401)
  })

  it.each([
    ['that this service has wrong credentials', answerJson(401, { error: 'bad credentials' })],
    [
      'with a page',
      (response: ServerResponse) => void response.writeHead(403, { 'Content-Type': 'text/html' }).end('<p>'),
    ],
    ['with 500', (response: ServerResponse) => void response.writeHead(500).end()],
  ])('F10 %s logs nobody out at once', async (_name, token) => {
    const cookie = await logIn(good)
    odd.setAnswers({ token })
    pass(aWhile)
    for (let step = 0; step < 4; step += 1) {
      expect(await statusOf('/', cookie)).toBe(200)
      pass(60)
    }
  })
})

/** How often the session of the last login was verified. */
function verifications(): number {
  const events = world.auditEvents()
  const from = events.findLastIndex(({ event }) => event === 'login.succeeded')
  return events.slice(from).filter(({ event }) => event === 'session.verified').length
}

describe('a refresh token that works once', () => {
  it('is replaced by the one that came, also beside an ID token that nobody can verify', async () => {
    const cookie = await logIn(good)
    const { privateKey } = await generateKeyPair('ES256')
    const idToken: Answers['idToken'] = claims =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'of nobody' }).sign(privateKey)
    odd.setAnswers({ ...good, refreshToken: 'second', idToken })
    pass(aWhile)
    expect(await statusOf('/secret/a', cookie)).toBe(403)
    odd.setAnswers({ ...good, refreshToken: 'third' })
    pass(60)
    await expect.poll(() => statusOf('/', cookie).then(verifications), patience).toBe(1)
    expect(refreshesWith().slice(-2)).toEqual(['first', 'second'])
  })
})

describe('G20 keys', () => {
  it('that are new with the very token that they signed are fetched at once, at a login and at a refresh', async () => {
    await logIn(good)
    for (const kid of ['k2', 'k3']) {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      odd.publish([{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }])
      const idToken: Answers['idToken'] = claims =>
        new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
      const cookie = await logIn({ ...good, idToken })
      const next = await generateKeyPair('ES256')
      odd.publish([{ ...(await exportJWK(next.publicKey)), kid: `${kid}-next`, alg: 'ES256', use: 'sig' }])
      odd.setAnswers({
        ...good,
        idToken: claims =>
          new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: `${kid}-next` }).sign(next.privateKey),
      })
      pass(aWhile)
      expect(await statusOf('/', cookie)).toBe(200)
      await expect.poll(verifications, patience).toBe(1)
    }
  })

  it('of one name are each tried', async () => {
    const { publicKey } = await generateKeyPair('ES256')
    odd.publish([{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }, odd.publicJwk])
    await logIn(good)
  })
})

describe('a login', () => {
  it('with a clock that is 90 s ahead is refused, and the log says by how much', async () => {
    const iat = Math.floor(Date.now() / 1000) + passed + 90
    expect((await answerOf({ ...good, claims: { iat } })).response.status).toBe(403)
    expect(world.logText().split('\n').slice(-3).join('')).toMatch(/(?:89|90) s ahead of our clock/)
  })

  it('has an address that userinfo alone calls verified', async () => {
    const cookie = await logIn({ ...good, claims: { email: 'alice@example.com' }, userinfo: person })
    expect(header(await ask('/', cookie), 'remote-email')).toBe('alice@example.com')
  })

  it('asks no userinfo that always fails, where it need not', async () => {
    const failing = { ...good, userinfoAnswer: (response: ServerResponse) => void response.writeHead(500).end() }
    expect((await answerOf(failing)).response.status).toBe(503)
    const cookie = await logIn(failing, 'quiet')
    expect([await statusOf('/', cookie), await statusOf('/secret/a', cookie)]).toEqual([200, 403])
  })

  it('is not confirmed by an ID token with the nonce of another one', async () => {
    const cookie = await logIn(good)
    odd.setAnswers({ ...good, claims: { groups: ['contractors'], nonce: 'of another login' } })
    pass(aWhile)
    expect(await statusOf('/', cookie)).toBe(401)
  })
})
