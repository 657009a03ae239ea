/** `sallyport doctor` on a configuration: a provider and a store that are well, and each with a fault of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { freePort, type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { startService, type TestService } from '../service.ts'
import { examine, findingOf, statusesOf, type Written, writeConfiguration } from './command.ts'

const policy = 'p, authenticated, wiki.example.com, /**, *, -, allow\n'
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-doctor-'))
  mkdirSync(join(directory, 'policy'))
  writeFileSync(join(directory, 'policy', 'policy.csv'), policy)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const configured = (written: Written): string => writeConfiguration(directory, written)

describe('a provider that is real', () => {
  let world: TestService
  beforeAll(async () => {
    world = await startService({ policy })
  })
  afterAll(() => world.close())

  it('and well, passes with the embedded store', async () => {
    const { publicUrl, provider } = world
    const { code, found } = await examine('--config', configured({ publicUrl, issuer: provider.issuer }))
    expect(found.configuration === undefined ? {} : statusesOf(found.configuration), JSON.stringify(found)).toEqual({
      'provider-discovery': 'pass',
      'provider-keys': 'pass',
      'clock-skew': 'pass',
      'redirect-uri': 'pass',
      'store-latency': 'pass',
      'cookie-domain': 'not-applicable',
    })
    expect([code, found.ok, found.addresses]).toEqual([0, true, []])
    expect(findingOf(found, 'redirect-uri')?.why).toContain(`${publicUrl}/callback/corp`)
  })

  it('but does not know where logins lead back to, is told', async () => {
    const issuer = world.provider.issuer
    const { code, found } = await examine('--config', configured({ publicUrl: 'http://other.localhost:1', issuer }))
    expect([code, found.ok]).toEqual([1, false])
    expect(findingOf(found, 'redirect-uri')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('register http://other.localhost:1/callback/corp as a redirect URI'),
    })
  })
})

interface Faults {
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly keys?: unknown
  /** Seconds by which its clock is ahead. */
  readonly ahead?: number
  readonly authorize?: (response: ServerResponse, asked: URL) => void
}

const publicUrl = 'http://auth.localhost:9180'
const goodKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', use: 'sig', alg: 'ES256', kid: '1' }

describe('a provider', () => {
  let provider: Server | undefined
  afterEach(() => {
    provider?.closeAllConnections()
    provider?.close()
  })

  async function withProvider({ metadata, keys = { keys: [goodKey] }, ahead = 0, authorize }: Faults) {
    let issuer = ''
    provider = createServer((asked: IncomingMessage, response) => {
      const url = new URL(asked.url ?? '/', issuer)
      response.setHeader('Date', new Date(Date.now() + ahead * 1000).toUTCString())
      if (url.pathname === '/authorize') {
        const back = `${url.searchParams.get('redirect_uri')}?error=login_required`
        if (authorize === undefined) response.writeHead(302, { location: back }).end()
        else authorize(response, url)
        return
      }
      const own = {
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
      }
      const common = { issuer, ...own, response_types_supported: ['code'], subject_types_supported: ['public'] }
      const body = url.pathname === '/jwks' ? keys : { ...common, ...metadata }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    await new Promise<void>(resolve => provider?.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
    return examine('--config', configured({ publicUrl, issuer }))
  }

  it('that has no fault has none', async () => {
    expect((await withProvider({})).code).toBe(0)
  })

  const key = (more: object) => ({ keys: [{ ...goodKey, ...more }] })
  const page = (status: number, body: string) => (response: ServerResponse) => void response.writeHead(status).end(body)
  const to = (location: string) => (response: ServerResponse) => void response.writeHead(302, { location }).end()
  it.each<readonly [string, string, Faults, string, string]>([
    [
      'provider-discovery',
      'is another one',
      { metadata: { issuer: 'https://other.example' } },
      'fail',
      'other.example',
    ],
    [
      'provider-discovery',
      'knows no S256',
      { metadata: { code_challenge_methods_supported: ['plain'] } },
      'fail',
      'PKCE',
    ],
    ['provider-keys', 'shows a secret', { keys: key({ kty: 'oct', k: 'c2VjcmV0' }) }, 'fail', 'symmetric'],
    ['provider-keys', 'has none', { keys: { keys: [] } }, 'fail', 'no key for signatures'],
    ['provider-keys', 'encrypts alone', { keys: key({ use: 'enc' }) }, 'fail', 'no key for signatures'],
    ['provider-keys', 'has a short one', { keys: key({ kty: 'RSA', n: 'AQAB'.repeat(32) }) }, 'fail', '2,048 bits'],
    ['clock-skew', 'is an hour ahead', { ahead: 3_600 }, 'fail', 's ahead of ours'],
    ['clock-skew', 'is an hour behind', { ahead: -3_600 }, 'fail', 's behind ours'],
    [
      'redirect-uri',
      'refuses it',
      { authorize: page(400, 'invalid redirect_uri') },
      'fail',
      `back to ${publicUrl}/callback/corp`,
    ],
    ['redirect-uri', 'says so on a page', { authorize: page(200, 'AADSTS50011: the redirect URI') }, 'fail', '(200)'],
    ['redirect-uri', 'sends to a page of errors', { authorize: to('/oauth/error?x=1') }, 'fail', '(302)'],
    [
      'redirect-uri',
      'does not know the client',
      { authorize: to(`${publicUrl}/callback/corp?error=unauthorized_client`) },
      'fail',
      'unauthorized_client',
    ],
    ['redirect-uri', 'asks for a login', { authorize: to('/login') }, 'pass', 'asks for a login'],
    ['redirect-uri', 'has a page for people', { authorize: page(200, 'Hello') }, 'not-applicable', 'only a person'],
  ])('%s: one that %s', async (probe, _what, faults, status, why) => {
    const { code, found } = await withProvider(faults)
    expect(findingOf(found, probe)).toMatchObject({ status, why: expect.stringContaining(why) })
    expect(code).toBe(status === 'fail' ? 1 : 0)
  })

  it('that is not there leaves the rest open, and says what to look at', async () => {
    const issuer = `http://127.0.0.1:${await freePort()}`
    const { code, found } = await examine('--config', configured({ publicUrl, issuer }))
    expect(code).toBe(1)
    expect(findingOf(found, 'provider-discovery')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining('ECONNREFUSED'),
    })
    expect(findingOf(found, 'redirect-uri')?.status).toBe('not-applicable')
  })
})

describe.skipIf(requirePeer('redis-server') === undefined)('a Redis', () => {
  let redis: RunningRedis | undefined
  afterEach(async () => {
    await redis?.stop()
    redis = undefined
  })
  const issuer = 'http://127.0.0.1:9'
  const look = async (...options: string[]) => {
    redis = await startRedis({ args: options })
    const { found } = await examine(
      '--config',
      configured({ publicUrl, issuer, sessions: { store: 'redis', url: redis.url } }),
    )
    return found
  }

  it('that keeps what it has passes, with what it takes to answer', async () => {
    const found = await look()
    expect(findingOf(found, 'store-latency')).toMatchObject({
      status: 'pass',
      why: expect.stringMatching(/127\.0\.0\.1:\d+ \d+\.\d ms/),
    })
    expect(findingOf(found, 'store-eviction')).toMatchObject({
      status: 'pass',
      why: expect.stringContaining('noeviction'),
    })
  })

  it('that makes room by itself is a fault: an ended session could come back', async () => {
    const found = await look('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    expect(findingOf(found, 'store-eviction')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining('allkeys-lru'),
    })
  })

  it('that is not there is named, with what to look at', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`
    const { found } = await examine('--config', configured({ publicUrl, issuer, sessions: { store: 'redis', url } }))
    expect(findingOf(found, 'store-latency')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('sessions.url'),
    })
    expect(findingOf(found, 'store-eviction')?.status).toBe('not-applicable')
  })
})

describe('the rest of a configuration', () => {
  const issuer = 'http://127.0.0.1:9'
  const bound = { binding: 'domain', cookieDomain: 'example.com' }

  it('hosts outside the domain of the cookie are named', async () => {
    const domains = ['wiki.example.com', '*.example.com', 'kube:prod']
    const rows = (hosts: readonly string[]) =>
      writeFileSync(
        join(directory, 'policy', 'policy.csv'),
        hosts.map(host => `p, authenticated, ${host}, /**, *, -, allow\n`).join(''),
      )
    const file = () => configured({ publicUrl: 'https://auth.example.com', issuer, sessions: bound })
    rows(domains.slice(0, 2))
    expect(findingOf((await examine('--config', file())).found, 'cookie-domain')?.status).toBe('pass')
    rows(['wiki.example.com', 'wiki.badexample.com', '*.example.org'])
    expect(findingOf((await examine('--config', file())).found, 'cookie-domain')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining('wiki.badexample.com, *.example.org lie outside example.com'),
    })
  })

  it('a configuration with a mistake is all that is spoken of, and so is a policy', async () => {
    const terminal = createTestTerminal({ cwd: directory })
    expect(await runCli(['doctor'], { version: '0', terminal })).toBe(2)
    configured({ publicUrl, issuer })
    writeFileSync(join(directory, 'policy', 'policy.csv'), 'p, nobody\n')
    const second = createTestTerminal({ cwd: directory })
    expect(await runCli(['doctor'], { version: '0', terminal: second })).toBe(2)
    expect(second.errors()).toContain('policy.csv:1')
  })
})
