/**
 * More headers than fit: a deny that looks at one of them never goes away, and whoever sends too many is told so, by each
 * listener, in a count and in the log.
 */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepToLimits } from '../../app/listener/client-errors.ts'
import { createAdminServer } from '../../app/listener/server.ts'
import { createDemoApp } from '../../cli/demo/app.ts'
import { createDemoProvider } from '../../cli/demo/provider/provider.ts'
import { asksOf, lineOf } from '../dialects.ts'
import { startService, type TestService } from '../service.ts'
import { fronts, wiki } from './world.ts'

const policy = `
p, anyone, wiki.example.com, /**, *, -,    allow
p, anyone, wiki.example.com, /**, *, waf,  deny
`
const conditions = 'waf: { header: { name: X-Waf-Verdict, in: [block] } }\n'

let world: TestService
beforeAll(async () => {
  world = await startService({ policy, conditions, settings: { server: { requestTimeout: '1s' } } })
})
afterAll(() => world.close())

type Headers = (readonly [string, string])[]

const fillers = (count: number): Headers => Array.from({ length: count }, (_, index) => [`X-${index}`, ''])
const verdict: Headers = [['X-Waf-Verdict', 'block']]

const listeners = [
  ['main', () => world.port],
  ['admin', () => world.adminPort],
] as const

/** Everything that comes back for these bytes, and whether the connection ended without an error. */
function send(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    let answer = ''
    socket.setEncoding('latin1').on('data', chunk => {
      answer += chunk
    })
    socket.once('error', reject).once('close', () => resolve(answer))
  })
}

async function counted(listener: string, error: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
  const [, count] =
    new RegExp(`client_errors_total\\{listener="${listener}",error="${error}"\\} (\\d+)`).exec(page) ?? []
  return Number(count)
}

const warnings = (): string[] =>
  world
    .logText()
    .split('\n')
    .filter(line => line.includes('refused before it was read'))

describe.each(fronts)('%s', front => {
  it('A17 lets nobody through whom a header denies, however many come before it', async () => {
    expect((await world.ask(front, { url: `${wiki}/a` })).status).toBe(200)
    for (const count of [0, 500, 900, 980, 1_016, 1_022, 1_023, 1_024, 1_025, 1_100, 2_000, 5_000]) {
      const { status } = await world.ask(front, { url: `${wiki}/a`, headers: [...fillers(count), ...verdict] })
      expect([count, status]).toEqual([count, count < 990 ? 403 : 431])
    }
  })

  it('A17 counts lines and not names', async () => {
    const same: Headers = Array.from({ length: 1_100 }, () => ['X-A', ''])
    expect((await world.ask(front, { url: `${wiki}/a`, headers: [...same, ...verdict] })).status).toBe(431)
  })

  it('reads exactly as many lines as are allowed', async () => {
    // Beside those of the dialect: `Connection`, `X-Forwarded-For`, and `Host` where that is none of them.
    const stated = asksOf(front, { method: 'GET', url: `${wiki}/a` })
    const own = stated.length + (stated.some(([name]) => name === 'Host') ? 2 : 3)
    const most = fillers(1_000 - own - 1)
    const answers = [most, [...most, ['X-More', '']] as Headers].map(headers =>
      world.ask(front, { url: `${wiki}/a`, headers: [...headers, ...verdict] }),
    )
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([403, 431])
  })

  it('A17 does not take a trailer for a header, either way', async () => {
    const { target } = lineOf(front, { method: 'POST', url: `${wiki}/a` })
    const [open, denied] = await Promise.all(
      ['', 'X-Waf-Verdict: block\r\n'].map(line =>
        send(
          world.port,
          `POST ${target} HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\nTrailer: X-Waf-Verdict\r\n${line}` +
            'X-Original-Method: GET\r\nX-Original-URL: https://wiki.example.com/a\r\nX-Forwarded-Method: GET\r\n' +
            'X-Forwarded-Proto: https\r\nX-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Uri: /a\r\n' +
            'X-Forwarded-For: 203.0.113.9\r\nTransfer-Encoding: chunked\r\n\r\n' +
            '1\r\na\r\n0\r\nX-Waf-Verdict: pass\r\n\r\n',
        ),
      ),
    )
    expect(open).toMatch(/^HTTP\/1\.1 200 /)
    expect(denied).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe.each(listeners)('the %s listener', (name, port) => {
  it.each([
    ['/', 40_000],
    ['/verify/forward-auth', 40_000],
    ['/verify/auth-request', 400_000],
    ['/login', 40_000],
    ['/healthz', 40_000],
  ])('answers 431 for %s with %i bytes of headers, counts it, and says so once', async (path, bytes) => {
    const before = await counted(name, 'headers-too-large')
    const line = `X-Secret: ${'s3cr3t-'.repeat(100)}\r\n`
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${line.repeat(bytes / line.length)}\r\n`
    expect(await send(port(), head)).toMatch(
      /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n.*Connection: close\r\n/s,
    )
    expect(await counted(name, 'headers-too-large')).toBe(before + 1)
    const lines = warnings().filter(text => text.includes(`"${name}"`) && text.includes('headers-too-large'))
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', listener: name, status: 431, peer: '127.0.0.1' })
    expect(world.logText()).not.toContain('s3cr3t')
  })

  it('answers 431 for 1,001 lines of headers wherever they go', async () => {
    const before = await counted(name, 'headers-too-many')
    const lines = 'X-A:\r\n'.repeat(1_000)
    for (const path of ['/', '/login', '/healthz', '/metrics', '/.sallyport/handoff', '/.well-known/jwks.json']) {
      expect(await send(port(), `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
    }
    expect(await counted(name, 'headers-too-many')).toBe(before + 6)
  })

  it.each([
    ['no request at all', 'hello\r\n\r\n', 400, 'malformed'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400, 'malformed'],
    [
      'a length beside chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'malformed',
    ],
    ['a header that never ends', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: ', 408, 'timed-out'],
    ['nothing', '', 408, 'timed-out'],
  ])('answers %s with a proper status and counts it', async (_name, bytes, status, error) => {
    const before = await counted(name, error)
    const answer = await send(port(), bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} \\S.*\\r\\nContent-Length: (\\d+)\\r\\n`, 's'))
    expect(answer).not.toMatch(/ {2}at |HPE_|Parse Error/)
    expect(await counted(name, error)).toBe(before + 1)
  })

  it('writes no second head into an answer that has begun', async () => {
    const answer = await send(port(), 'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nrubbish\r\n\r\n')
    expect(answer.match(/HTTP\/1\.1 /g)?.length).toBeLessThanOrEqual(2)
    expect(answer).not.toContain('HTTP/1.1 200')
  })

  it('does not fill the log', async () => {
    await Promise.all(Array.from({ length: 60 }, () => send(port(), 'hello\r\n\r\n')))
    const lines = warnings().filter(text => text.includes(`"${name}"`) && text.includes('"malformed"'))
    expect(lines).toHaveLength(1)
  })
})

describe('connections of the admin listener', () => {
  let server: Server
  let dropped: string[]
  const open: Socket[] = []
  beforeEach(async () => {
    dropped = []
    server = createAdminServer({
      routes: [(_request, response) => void response.send('alive')],
      requestTimeoutSeconds: 300,
      onError: () => undefined,
      onClientError: error => void dropped.push(error),
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy()
    server.close()
  })

  /** A connection that is kept: what came back for the bytes, or nothing when it was ended at once. */
  function keep(bytes: string): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    open.push(socket)
    return new Promise(resolve => {
      socket.on('error', () => resolve('')).on('close', () => resolve(''))
      socket.on('data', data => resolve(data.toString('latin1')))
      socket.on('connect', () => socket.write(bytes))
    })
  }

  const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

  it('are bounded', async () => {
    const silent = Array.from({ length: 256 }, () => keep('GET / HTTP/1.1\r\n'))
    await vi.waitUntil(() => connectionsOf(server).then(count => count === 256), { timeout: 60_000 })
    expect(await keep(request)).toBe('')
    expect([dropped, server.maxConnections]).toEqual([['connections-too-many'], 256])
    expect(await Promise.race([...silent, Promise.resolve('still there')])).toBe('still there')
  })

  it('are given to the next one when they wait for another request', async () => {
    for (let index = 0; index < 256; index += 1) expect(await keep(request)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await keep(request)).toBe('')
    await vi.waitUntil(() => connectionsOf(server).then(count => count < 256), { timeout: 60_000 })
    expect(await keep(request)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

const connectionsOf = (server: Server): Promise<number> =>
  new Promise(resolve => server.getConnections((_error, count) => resolve(count)))

describe('other servers of the project', () => {
  it('drop no header either', async () => {
    const options = {
      issuer: 'http://idp.localhost',
      clientId: 'a',
      clientSecret: 'b',
      redirectUris: [],
      postLogoutRedirectUris: [],
    }
    const servers: Server[] = [createDemoApp({ name: 'wiki' }), await createDemoProvider(options)]
    expect(servers.map(server => server.maxHeadersCount)).toEqual([0, 0])
  })

  it('have the limit to thank for it', async () => {
    const seen = new Map<boolean, number>()
    for (const isLimited of [false, true]) {
      const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
        seen.set(isLimited, request.rawHeaders.length / 2)
        response.end()
      })
      if (isLimited) keepToLimits(server, () => undefined)
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      await send(port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'X-A:\r\n'.repeat(5_000)}\r\n`)
      server.close()
    }
    // By itself Node 20 drops the rest, and Node 24 refuses the request.
    expect(seen.get(false) ?? 0).toBeLessThan(1_100)
    expect(seen.get(true)).toBe(5_002)
  })
})
