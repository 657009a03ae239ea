/**
 * Whatever fails at whatever endpoint of a provider: the log says in one form which endpoint it was, and what became of the
 * call; and nothing that was sent or received is in it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { Server } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createAskProvider } from '../../app/login/provider/ask-provider.ts'
import { describeError } from '../../app/login/provider/describe-error.ts'
import { discoverProvider } from '../../app/login/provider/discovery.ts'
import { notingFetch } from '../../app/login/provider/endpoint-call.ts'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { createProviderKeys } from '../../app/login/provider/provider-keys.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { type Certificate, createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { listen } from '../provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { client, corp, locationOf, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** What must not be in a log; each of them is sent to the provider at some endpoint, or comes from it. */
const refreshToken = 'a-refresh-token-of-alice'
const received = 'what-the-provider-has-answered'
const secrets = [client.clientSecret, refreshToken, received, 'a-code', 'an access token', 'in-a-query']
/** A JWT. The three letters alone are in one of many random cookies. */
const token = /eyJ[\w-]+\.[\w-]/

type Answer = (request: IncomingMessage, response: ServerResponse, sent: string) => void
const json = { 'Content-Type': 'application/json; charset=utf-8' }
const html = { 'Content-Type': 'text/html' }
/** Of an answer that is none of the failures. */
const good = ({ url = '' }: IncomingMessage) => (url.startsWith('/par') ? 201 : 200)
const page = `<p>${received}</p>`

/** What an endpoint does, what the log says of it, and whether it is worth another try. */
const failures: readonly (readonly [string, Answer | 'refused' | 'TLS' | 'HTTP/2', RegExp, boolean])[] = [
  [
    '500 and a page',
    (_request, response) => void response.writeHead(500, html).end(page),
    /answered 500 text\/html/,
    true,
  ],
  [
    '502 without anything',
    (_request, response) => void response.writeHead(502).end(),
    /answered 502 without a content type/,
    true,
  ],
  [
    '503 with an error code',
    (_request, response) => void response.writeHead(503, json).end('{"error":"temporarily_unavailable"}'),
    /answered 503 application\/json temporarily_unavailable/,
    true,
  ],
  [
    '429 for long',
    (_request, response) => void response.writeHead(429, { ...html, 'Retry-After': '60' }).end(page),
    /answered 429 text\/html/,
    true,
  ],
  [
    '400 with an error code',
    (_request, response) => void response.writeHead(400, json).end('{"error":"invalid_request"}'),
    /answered 400 application\/json invalid_request/,
    false,
  ],
  [
    '400 with an error of another form',
    (_request, response) => void response.writeHead(400, json).end('{"error":{"code":"Request_BadRequest"}}'),
    /answered 400 application\/json Request_BadRequest/,
    false,
  ],
  [
    '400 with what it was sent, and more, for an error code',
    (_request, response, sent) =>
      void response.writeHead(400, json).end(JSON.stringify({ error: `${sent}${received}` })),
    /answered 400 application\/json and an error of \d+ characters/,
    false,
  ],
  [
    '404 and a page',
    (_request, response) => void response.writeHead(404, html).end(page),
    /answered 404 text\/html/,
    false,
  ],
  [
    'a redirect',
    (_request, response) => void response.writeHead(302, { Location: `http://127.0.0.1:1/?${received}` }).end(),
    /answered 302 without a content type/,
    false,
  ],
  [
    'a page in place of an answer',
    (_request, response) => void response.writeHead(200, html).end(page),
    /answered 20[01] text\/html: (?:expected 200 and JSON|it is no JSON)/,
    false,
  ],
  [
    'JSON that is none',
    (request, response) => void response.writeHead(good(request), json).end(page),
    /answered 20[01] application\/json: (?:failed to parse "response" body as JSON|it is no JSON)/,
    false,
  ],
  ['no answer', () => {}, /timed out \(UND_ERR_HEADERS_TIMEOUT\)/, true],
  [
    'a body that never ends',
    (request, response) => void response.writeHead(good(request), json).write('{"'),
    /answered 20[01] application\/json, and then timed out \(UND_ERR_BODY_TIMEOUT\)/,
    true,
  ],
  [
    'a body that is too large',
    (request, response) => void response.writeHead(good(request), json).end(JSON.stringify(received.repeat(1000))),
    /answered 20[01] application\/json, and then sent a body that is too large \(UND_ERR_RES_EXCEEDED_MAX_SIZE\)/,
    true,
  ],
  [
    'half an answer',
    (request, response) => {
      response.writeHead(good(request), { ...json, 'Content-Length': '1000' }).write(`{"access_token":"${received}"`)
      setImmediate(() => response.destroy())
    },
    /answered 20[01] application\/json, and then broke off the connection \(\w+\)/,
    true,
  ],
  ['a hang-up', (_request, response) => void response.destroy(), /broke off the connection \(\w+\)/, true],
  ['nobody there', 'refused', /refused the connection \(ECONNREFUSED\)/, true],
  [
    'a certificate that nobody knows',
    'TLS',
    /failed at TLS \(DEPTH_ZERO_SELF_SIGNED_CERT\): .* name that authority in providers\[\]\.caFile, or in NODE_EXTRA_CA_CERTS/,
    true,
  ],
  [
    'HTTP/2 alone',
    'HTTP/2',
    /speaks no HTTP\/1\.1, probably HTTP\/2 alone, .*switch on HTTP\/1\.1 .*\(ERR_SSL_\w+\)/,
    true,
  ],
]

const hasOpenssl = requirePeer('openssl') !== undefined
const possible = failures.filter(([, how]) => hasOpenssl || (how !== 'TLS' && how !== 'HTTP/2'))
let certificate: Certificate
let closeAuthority = () => {}
beforeAll(() => {
  if (!hasOpenssl) return
  const authority = createAuthority('idp.localhost')
  certificate = authority
  closeAuthority = authority.close
})
afterAll(() => closeAuthority())

/** What the server that fails has been asked. */
let asked = 0

/** Origin of a server that fails. */
async function startFailing(how: Answer | 'refused' | 'TLS' | 'HTTP/2'): Promise<string> {
  asked = 0
  if (how === 'refused') return `http://idp.localhost:${await freePort()}`
  const isSecure = typeof how === 'string'
  const tls = isSecure ? { cert: certificate.certificate, key: certificate.key } : {}
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    asked += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '' } = request.headers
    const basic = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    const sent = [authorization, basic, decodeURIComponent(Buffer.concat(chunks).toString())].join(' ')
    if (typeof how === 'function') how(request, response, sent)
  }
  const server: Server =
    how === 'HTTP/2'
      ? createSecureServer({ ...tls, allowHTTP1: false })
      : how === 'TLS'
        ? createTlsServer(tls, serve)
        : createServer(serve)
  const sockets = new Set<{ destroy(): unknown }>()
  server.on('connection', socket => sockets.add(socket))
  const port = await listen(server as never)
  closing.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return `${isSecure ? 'https' : 'http'}://idp.localhost:${port}`
}

const entra = 'https://login.microsoftonline.com/8f1f3d4e-0000-4000-8000-0123456789ab/v2.0'
const graph = 'https://graph.microsoft.com'
const overage = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: `${graph}/x` } } }
const entraMetadata = {
  issuer: entra,
  authorization_endpoint: `${entra}/auth`,
  token_endpoint: `${entra}/token`,
  userinfo_endpoint: `${entra}/userinfo`,
  jwks_uri: `${entra}/jwks`,
}

/** How it is called in the log, the member of the metadata, its path, and whether any failure there is an outage. */
const endpoints: readonly (readonly [string, string | undefined, string, boolean])[] = [
  ['discovery', undefined, '/.well-known/openid-configuration', true],
  ['jwks_uri', 'jwks_uri', '/keys', true],
  ['the token endpoint', 'token_endpoint', '/token', false],
  ['the userinfo endpoint', 'userinfo_endpoint', '/me', false],
  ['the pushed authorization request endpoint', 'pushed_authorization_request_endpoint', '/par', false],
  ['Microsoft Graph', undefined, '/v1.0/me/getMemberGroups', false],
]

async function begin(endpoint: string, member: string | undefined, path: string, how: (typeof failures)[number][1]) {
  const failing = await startFailing(how)
  const isGraph = endpoint === 'Microsoft Graph'
  const provider = await startMisbehavingProvider({
    ...(isGraph && entraMetadata),
    ...(member !== undefined && { [member]: `${failing}${path}?tenant=in-a-query` }),
  })
  const [patient, impatient] = [createOutbound(), createOutbound({ timeoutMs: 1000, maxResponseBytes: 10_000 })]
  const fetch = async (url: string, init: object) => {
    if (url.startsWith(graph)) return impatient.fetch(url.replace(graph, failing), init)
    if (url.startsWith(entra)) return patient.fetch(url.replace(entra, provider.address), init)
    return (url.startsWith(failing) ? impatient : patient).fetch(url, init)
  }
  const issuer = endpoint === 'discovery' ? failing : isGraph ? entra : provider.issuer
  const settings = corp(issuer, {
    ...(isGraph && { groupsOverage: 'graph' }),
    ...(path === '/par' && { pushedRequests: 'always' }),
  })
  const party = await startRelyingParty({ providers: [settings], discovery: { fetch, wait: async () => {} } })
  closing.push(patient.close, impatient.close, provider.close, party.close)
  await party.providers.start()
  const address = `${isGraph ? graph : failing}${path}`
  return { provider, party, address }
}

function expectNoSecret(written: unknown) {
  const text = JSON.stringify(written)
  for (const secret of secrets) expect(text).not.toContain(secret)
  expect(text).not.toMatch(token)
}

describe.each(endpoints)('%s', (endpoint, member, path, isAlwaysAway) => {
  test.each(possible)('with %s is named in the log, with that', async (name, how, said, isAway) => {
    const { provider, party, address } = await begin(endpoint, member, path, how)
    const browser = party.browser()
    const started = await browser.get(`/login?rd=${encodeURIComponent(wiki)}`)
    const isBefore = endpoint === 'discovery' || path === '/par'
    const answers = { claims: endpoint === 'Microsoft Graph' ? overage : {} }
    const response = isBefore ? started : await browser.get(provider.answerTo(locationOf(started), answers))
    expect([response.status, name]).toEqual([isAlwaysAway || isAway ? 503 : 403, name])
    const form = formOf(endpoint, address, said)
    if (endpoint === 'discovery') {
      expect(party.providers.status()[0]?.lastError).toMatch(form)
      expect(party.log[0]?.fields).toMatchObject({ reason: expect.stringMatching(form) })
      expect(party.log.at(-1)?.fields).toMatchObject({ detail: expect.stringMatching(form) })
    } else {
      expect(party.log.at(-1)?.fields).toMatchObject({ detail: expect.stringMatching(form) })
      expect(party.log.at(-1)?.fields).not.toHaveProperty('reason')
    }
    expectNoSecret([party.log, party.events, party.providers.status(), response.text, response.headers])
    // A code works once, and a reset connection is no sign that it was not used. A login tries discovery again.
    if (endpoint !== 'discovery') expect(asked).toBe(typeof how === 'string' ? 0 : 1)
  })
})

describe('the token endpoint at a refresh', () => {
  test.each(possible)('with %s is named in what is said of the session', async (_name, how, said) => {
    const { party, provider, address } = await begin('the token endpoint', 'token_endpoint', '/token', how)
    const ask = createAskProvider(party.providers, { now: Date.now })
    const identity = { kind: 'user', subject: `${provider.issuer}#alice`, provider: 'corp', groups: [], claims: {} }
    const login = { identity, startedAt: 0, verifyBy: 'refresh-token' } as unknown as LoginSession
    const answer = await ask(login, { refreshToken }, async () => {})
    expect(answer).toMatchObject({ detail: expect.stringMatching(formOf('the token endpoint', address, said)) })
    expectNoSecret([answer, party.log, party.events])
    expect(asked).toBe(typeof how === 'string' ? 0 : 1)
  })
})

test.each(['client_secret_basic', 'client_secret_post'] as const)(
  'a secret that is a plain word is no error code, whoever says it (%s)',
  async clientAuthentication => {
    const clientSecret = 'correcthorse'
    const provider = await startMisbehavingProvider()
    const settings = corp(provider.issuer, { clientSecret, clientAuthentication })
    const party = await startRelyingParty({ providers: [settings] })
    closing.push(provider.close, party.close)
    await party.providers.start()
    const browser = party.browser()
    const token = (response: ServerResponse) =>
      void response.writeHead(400, json).end(JSON.stringify({ error: clientSecret }))
    await browser.get(
      provider.answerTo(locationOf(await browser.get(`/login?rd=${encodeURIComponent(wiki)}`)), { token }),
    )
    const detail = `the token endpoint ${provider.issuer}/token answered 400 application/json and an error of 12 characters`
    expect(party.log.at(-1)?.fields).toMatchObject({ detail })
    expect(JSON.stringify([party.log, party.events])).not.toContain(clientSecret)
  },
)

test('keys that cannot be read while signed userinfo is looked at are the failure of jwks_uri', async () => {
  const provider = await startMisbehavingProvider()
  const party = await startRelyingParty({ providers: [corp(provider.issuer)] })
  closing.push(provider.close, party.close)
  await party.providers.start()
  const browser = party.browser()
  const token = await provider.sign({ sub: 'alice', iss: provider.issuer, aud: client.clientId })
  const callback = provider.answerTo(locationOf(await browser.get(`/login?rd=${encodeURIComponent(wiki)}`)), {
    userinfoAnswer: response => {
      // Not there when the ID token was looked at: those of another name are published by now.
      provider.setAnswers({ keysAnswer: keys => void keys.writeHead(500, html).end(page) })
      const [header, ...rest] = token.split('.')
      const named = { ...JSON.parse(Buffer.from(header ?? '', 'base64url').toString()), kid: 'another' }
      const signed = [Buffer.from(JSON.stringify(named)).toString('base64url'), ...rest].join('.')
      response.writeHead(200, { 'Content-Type': 'application/jwt' }).end(signed)
    },
  })
  expect((await browser.get(callback)).status).toBe(503)
  expect(party.log.at(-1)?.fields).toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    detail: `jwks_uri ${provider.issuer}/jwks answered 500 text/html`,
  })
})

test('a body that comes one byte at a time ends with the time of the whole call', async () => {
  const failing = await startFailing((request, response) => {
    response.writeHead(good(request), json)
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
  })
  const outbound = createOutbound()
  closing.push(outbound.close)
  const logger = { info() {}, warn() {}, error() {} }
  const options = { publicUrl: 'https://auth.example.com', clock: { now: Date.now }, logger, timeoutSeconds: 1 }
  const discovery = await discoverProvider(corp(failing), { ...options, fetch: outbound.fetch }).catch(describeError)
  expect(discovery).toMatch(/^discovery http:.* timed out \((?:TimeoutError|OAUTH_TIMEOUT)\)$/)
  const keys = createProviderKeys({ address: `${failing}/keys`, fetch: notingFetch(outbound.fetch), timeoutSeconds: 1 })
  const reading = keys.verifyWith('provider', async () => {})
  await expect(reading).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: expect.stringMatching(/^jwks_uri http:.* timed out \(TimeoutError\)$/),
  })
})

test('metadata of another issuer are told with both issuers', async () => {
  const provider = await startMisbehavingProvider({ issuer: 'https://other.example' })
  const party = await startRelyingParty({ providers: [corp(provider.address)] })
  closing.push(provider.close, party.close)
  await party.providers.start()
  const { lastError } = party.providers.status()[0] ?? {}
  expect(lastError).toBe(
    `discovery ${provider.address}/.well-known/openid-configuration answered 200 application/json: the member issuer: ` +
      'discovered metadata issuer does not match the expected issuer, ' +
      `expected "${provider.address}/"; received "https://other.example"`,
  )
})

const formOf = (endpoint: string, address: string, said: RegExp): RegExp =>
  new RegExp(`^${`${endpoint} ${address} `.replace(/[.?]/g, '\\$&')}${said.source}$`)
