/** An issuer that is asked about tokens and behaves badly, at a front and at the exchange: who gets in, and what the log holds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silenceMs } from '../../app/identity/token/questions.ts'
import { type ExchangeWorld, jwtType, startExchange } from '../exchange/world.ts'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { timesNow } from './world.ts'

const clientSecret = 'the secret of a reader'
const idp = createSigningIssuer('https://idp.example.com', { client_id: 'robot', sub: 'robot' })

type Answer = (token: string, response: ServerResponse) => void
const json = (response: ServerResponse, status: number, body: object) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
const usual: Answer = (token, response) => json(response, 200, { active: token.split('.').length === 3 })

describe('an issuer that is asked', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-asked-'))
  let world: ExchangeWorld
  let answer = usual
  let calls = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', piece => {
      body += piece
    })
    request.on('end', () => {
      calls += 1
      answer(new URLSearchParams(body).get('token') ?? '', response)
    })
  })

  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const jwksFile = join(directory, 'idp.json')
    writeFileSync(jwksFile, JSON.stringify(idp.jwks()))
    const introspection = {
      clientId: 'reader',
      clientSecret,
      endpoint: `http://127.0.0.1:${port}/introspect`,
      alsoJwts: true,
    }
    world = await startExchange({
      policy: 'p, client:corp2/robot, *, /**, *, -, allow\np, client:corp2/robot, tokens, /**, create, -, allow\n',
      conditions: '',
      tokenIssuers: () => [
        { name: 'corp2', kind: 'openid', issuer: idp.issuer, audience: 'urn:hosts', jwksFile, introspection },
      ],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['corp2', 'sallyport'] }],
    })
  })
  afterAll(async () => {
    await world?.close()
    await new Promise(resolve => server.close(resolve))
    rmSync(directory, { recursive: true, force: true })
  })
  beforeEach(() => {
    answer = usual
    calls = 0
  })

  let count = 0
  const jwt = () =>
    idp.token({ aud: 'urn:hosts', ...timesNow(), jti: `token-${++count}` }, { header: { typ: 'at+jwt' } })
  const at = async (token: string) => (await world.at('wiki.example.com', '/x', token)).status
  const exchange = async (token: string) =>
    (await world.exchange({ subject_token: token, subject_token_type: jwtType })).status
  const untilAskedAgain = () => new Promise(resolve => setTimeout(resolve, silenceMs + 100))

  it('J71 about a flood of made-up tokens keeps no signed JWT out, and no exchange', async () => {
    // Answered only once somebody was turned away: however slowly they come, they stand in line together.
    let isFull = () => {}
    const full = new Promise<void>(resolve => {
      isFull = resolve
    })
    answer = (token, response) => void full.then(() => usual(token, response))
    const flood = await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        const status = await at(`made-up-token-of-mallory-${index}`)
        if (status === 503) isFull()
        return status
      }),
    )
    expect(new Set(flood)).toEqual(new Set([401, 503]))
    answer = usual
    const token = jwt()
    expect([await at(token), await at(jwt()), await exchange(token), await exchange(jwt())]).toEqual([
      200, 200, 200, 200,
    ])
    await untilAskedAgain()
  })

  it('answers forty good callers who come at once, new ones and those whose answers are too old', async () => {
    answer = (token, response) => setTimeout(() => usual(token, response), 50)
    const tokens = Array.from({ length: 40 }, jwt)
    const all = async () => new Set(await Promise.all(tokens.map(at)))
    expect(await all()).toEqual(new Set([200]))
    world.moveClock(31)
    expect(await all()).toEqual(new Set([200]))
    expect(calls).toBe(80)
  })

  it('J72 and answers one token with an error is asked about all others', async () => {
    answer = (token, response) =>
      token.startsWith('poison') ? json(response, 400, { error: 'invalid_request' }) : usual(token, response)
    expect(await at('poison-token-that-makes-it-fail')).toBe(503)
    expect([await at(jwt()), await exchange(jwt()), await at('made-up-token-of-mallory')]).toEqual([200, 200, 401])
  })

  it('J73 is asked about a revoked JWT once, however often that comes', async () => {
    const gone = jwt()
    answer = (token, response) => (token === gone ? json(response, 200, { active: false }) : usual(token, response))
    for (let index = 0; index < 70; index += 1) expect(await at(gone)).toBe(401)
    expect(calls).toBe(1)
    expect(await at(jwt())).toBe(200)
  })

  it.each<readonly [string, Answer]>([
    [
      'a sentence',
      (token, response) => json(response, 400, { error: 'invalid_request', error_description: `what is ${token}` }),
    ],
    ['a code', (token, response) => json(response, 400, { error: token })],
    [
      'a challenge',
      (token, response) => {
        response.setHeader('www-authenticate', `Basic realm="${token}", Bearer error="${token}"`)
        json(response, 401, { token })
      },
    ],
    ['a page', (token, response) => response.writeHead(500, { 'content-type': 'text/html' }).end(`<p>${token}</p>`)],
    [
      'what is no JSON',
      (token, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${token}`),
    ],
    [
      'an address',
      (token, response) => response.writeHead(302, { location: `https://elsewhere.example/?${token}` }).end(),
    ],
    ['an answer of another form', (token, response) => json(response, 200, { active: token })],
  ])('J74 and says the token again in %s is in the log without it', async (what, bad) => {
    answer = bad
    const token = `very-secret-token-${what.replaceAll(' ', '-')}-0123456789`
    expect(await at(token)).toBe(503)
    const signed = jwt()
    expect(await exchange(signed)).toBe(503)
    const written = `${world.logText()}${JSON.stringify(world.auditEvents())}`
    expect(written).toContain('the issuer corp2 does not say whether the token counts')
    for (const secret of [token, signed.split('.')[2] ?? '', clientSecret]) expect(written).not.toContain(secret)
    if (what === 'a page') await untilAskedAgain()
  })

  it('J74 is in the log with the status and the code of what went wrong', async () => {
    answer = (_token, response) => json(response, 400, { error: 'invalid_request' })
    expect(await at('a-token-that-is-refused-oddly')).toBe(503)
    expect(world.logText()).toContain('the answer has the status 400 (OAUTH_RESPONSE_BODY_ERROR)')
    answer = (_token, response) => response.destroy()
    expect(await at('a-token-that-nobody-answers')).toBe(503)
    expect(world.logText()).toMatch(/no answer \([A-Z_]+\)/)
  })
})
