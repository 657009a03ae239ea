/** Watches over connections to the API server that they share: each is a call of its own all the same. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSharedCall } from '../../app/kubernetes/gateway/upstream/shared-call.ts'
import { createSharedConnections } from '../../app/kubernetes/gateway/upstream/shared-connections.ts'
import {
  alice,
  askHttp1,
  askHttp2,
  createJudge,
  createPromise,
  type FakeApiServer,
  startAuthority,
  startFakeApiServer,
  startWorld,
  type World,
} from './gateway-world.ts'

const authority = startAuthority()
afterAll(authority.close)
const mostStreams = 5
let api: FakeApiServer
let world: World
/** Watches that the API server has, in order. */
let held: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly isClosed: Promise<void> }[]

beforeEach(async () => {
  held = []
  api = await startFakeApiServer(authority, { mostStreams })
  api.answer((request, response) => {
    const closed = createPromise<void>()
    response.once('close', () => closed.resolve())
    held.push({ request, response, isClosed: closed.promise })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(event(request.url ?? ''))
  })
  world = await startWorld({ authority, access: api.access })
})
afterEach(async () => {
  await world.close()
  await api.close()
})

const pods = '/clusters/prod/api/v1/pods?watch=1'
const event = (name: string) => `${JSON.stringify({ type: 'ADDED', object: { name } })}\n`
const begin = (headers: Readonly<Record<string, unknown>> = {}) => watch(world.http2(), headers)
const streamOf = ({ response }: { readonly response: ServerResponse }) =>
  (response as unknown as Http2ServerResponse).stream

/** Takes connections, and says nothing on them. */
async function silent(): Promise<string> {
  const server = createServer(socket => sockets.push(socket.on('error', () => undefined)))
  const sockets: Socket[] = []
  ends.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `https://localhost:${(server.address() as AddressInfo).port}`
}
const ends: (() => void)[] = []
afterAll(() => {
  for (const end of ends) end()
})

interface Watch {
  readonly answer: ReturnType<typeof askHttp2>
  readonly admitted: Awaited<ReturnType<World['next']>>
}

/** One that has had its first event. */
async function watch(session: ReturnType<World['http2']>, headers: object = {}): Promise<Watch> {
  const begun = createPromise<void>()
  const next = world.next()
  const answer = askHttp2(session, { ':path': pods, ...headers }, { onBegun: () => begun.resolve() })
  answer.catch(() => undefined)
  await begun.promise
  return { answer, admitted: await next }
}

describe('watches', () => {
  test('take as few connections as the API server lets them', async () => {
    const session = world.http2()
    const first = await watch(session)
    for (let count = 1; count < 2 * mostStreams; count += 1) await watch(session)
    expect(api.connections()).toBe(2)
    // Ended, one makes room again.
    held[0]?.response.end()
    await first.answer
    await watch(session)
    expect(api.connections()).toBe(2)
    await watch(session)
    expect(api.connections()).toBe(3)
  })

  test('that come all at once each get through', async () => {
    const session = world.http2()
    const watches = await Promise.all(Array.from({ length: 4 * mostStreams }, () => watch(session)))
    expect(held).toHaveLength(watches.length)
    for (const { response } of held) response.end()
    for (const { answer } of watches) expect((await answer).text).toBe(event('/api/v1/pods?watch=1'))
  })

  test('say who is asking in one line for each group, and nothing that the client says of that', async () => {
    await begin({
      'impersonate-user': 'mallory@example.com',
      'x-one': ['a', 'b'],
      cookie: 'a=b',
      authorization: 'Bearer x',
    })
    const [first] = held
    const lines: string[] = []
    const { rawHeaders = [] } = first?.request ?? {}
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const [name = '', value] = rawHeaders.slice(index, index + 2)
      if (!['audit-id', ':authority'].includes(name)) lines.push(`${name}: ${value}`)
    }
    expect(lines.sort()).toEqual([
      ':method: GET',
      ':path: /api/v1/pods?watch=1',
      ':scheme: https',
      'authorization: Bearer gateway-token',
      'impersonate-group: on-call',
      'impersonate-group: ops',
      'impersonate-user: alice@example.com',
      'x-forwarded-for: 127.0.0.1',
      'x-one: a',
      'x-one: b',
    ])
    expect(first?.request.headers['audit-id']).toMatch(/./)
  })

  test('end alone: with a word when they are cut, and for the API server as well', async () => {
    const session = world.http2()
    const [cut, other] = [await watch(session), await watch(session)]
    await cut.admitted.cut({ status: 401, reason: 'Unauthorized', message: 'your session has ended' })
    const [, last = ''] = (await cut.answer).text.trim().split('\n')
    expect(JSON.parse(last)).toMatchObject({ type: 'ERROR', object: { code: 401 } })
    await held[0]?.isClosed
    held[1]?.response.end(event('more'))
    expect((await other.answer).text).toContain('more')
    expect(await Promise.all([cut, other].map(async ({ admitted }) => (await admitted.outcome).ending))).toEqual([
      'cut',
      'complete',
    ])
  })

  test('whose client goes away are not kept open', async () => {
    const session = world.http2()
    const { admitted } = await watch(session)
    session.destroy()
    await held[0]?.isClosed
    expect((await admitted.outcome).ending).toBe('client-gone')
  })

  test.each([
    ['resets it', () => streamOf(held[0] as never).close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['resets it as if nobody wanted it', () => streamOf(held[0] as never).close(constants.NGHTTP2_CANCEL)],
    ['breaks the connection', () => api.sockets[0]?.destroy()],
    ['ends the session', () => api.sessions[0]?.destroy(undefined, constants.NGHTTP2_PROTOCOL_ERROR)],
  ])('are no whole ones where the API server %s', async (_how, breakIt) => {
    const { answer, admitted } = await begin()
    breakIt()
    await expect(answer).rejects.toThrow(/Stream closed with error|was reset/)
    expect((await admitted.outcome).ending).toBe('upstream-failed')
    // The next one finds a way.
    await begin()
    expect(held).toHaveLength(2)
  })

  test('go on where the API server wants no new ones, which go elsewhere', async () => {
    const session = world.http2()
    const { answer } = await watch(session)
    api.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
    await expect
      .poll(async () => {
        await watch(session)
        return api.connections()
      })
      .toBe(2)
    held[0]?.response.end(event('still here'))
    expect((await answer).text).toContain('still here')
  })

  test('of somebody in hundreds of groups, or with a name twice that Node has once, are made as lists are', async () => {
    const groups = Array.from({ length: 900 }, (_, index) => `sallyport:${index}`.padEnd(60, 'x'))
    const many = createJudge([], () => undefined, { ...alice, groups })
    world.judge(many)
    const first = createPromise<void>()
    void askHttp2(world.http2(), { ':path': pods }, { onBegun: () => first.resolve() }).catch(() => undefined)
    await first.promise
    expect(held[0]?.request.rawHeaders.filter(name => name === 'impersonate-group')).toHaveLength(900)
    world.judge(undefined)
    const begun = createPromise<void>()
    const lines = ['Host', 'localhost', 'User-Agent', 'one', 'User-Agent', 'two']
    const answer = askHttp1(world.port, authority, {
      path: pods,
      headers: lines as never,
      onBegun: () => begun.resolve(),
    })
    await begun.promise
    expect(held[1]?.request.httpVersion).toBe('1.1')
    for (const { response } of held) response.end()
    expect(await answer).toMatchObject({ status: 200 })
  })

  test('of a client that does not read hold up no other', async () => {
    const stalled = world.http2()
    // Its window is full soon, and it opens none.
    const stream = stalled.request({ ':path': pods })
    stream.pause()
    await expect.poll(() => held.length).toBe(1)
    const { answer } = await begin()
    const line = event('x'.repeat(100_000))
    const isFull = createPromise<void>()
    let sent = 0
    const pour = (): void => {
      const { response } = held[0] as { response: ServerResponse }
      while (sent < 100) {
        sent += 1
        if (response.write(line)) continue
        isFull.resolve()
        response.once('drain', pour)
        return
      }
    }
    pour()
    await isFull.promise
    for (let count = 0; count < 20; count += 1) held[1]?.response.write(line)
    held[1]?.response.end()
    expect((await answer).text.length).toBeGreaterThan(20 * 100_000)
    expect(sent).toBeLessThan(100)
    stream.close()
  })

  test('come to an end with those of HTTP/1.1 clients too', async () => {
    const begun = createPromise<void>()
    const answer = askHttp1(world.port, authority, { path: pods, onBegun: () => begun.resolve() })
    await begun.promise
    held[0]?.response.end(event('last'))
    expect((await answer).text).toContain('last')
  })
})

describe('an API server', () => {
  test('that does not answer is asked once more, and then it has failed', async () => {
    let asked = 0
    api.answer((_request, response) => {
      asked += 1
      streamOf({ response }).close(constants.NGHTTP2_REFUSED_STREAM)
    })
    expect(await world.ask({ path: pods })).toMatchObject({ status: 502 })
    expect(asked).toBe(2)
  })

  test('that refuses the gateway is not what the client is told', async () => {
    api.answer((_request, response) => response.writeHead(401).end())
    const { status, text } = await world.ask({ path: pods })
    expect([status, text]).toEqual([502, expect.stringContaining('does not accept the credential of the gateway')])
  })

  test('with the certificate of somebody else, or that is down, lets nobody in', async () => {
    const stranger = startAuthority()
    const other = await startFakeApiServer(stranger, { mostStreams })
    stranger.close()
    const { server } = other.access
    const wrong = await startWorld({ authority, access: { ...api.access, server } })
    expect(await wrong.ask({ path: pods })).toMatchObject({
      status: 502,
      text: expect.stringContaining('does not trust'),
    })
    await other.close()
    expect(await wrong.ask({ path: pods })).toMatchObject({ status: 503 })
    await wrong.close()
  })

  test('that speaks HTTP/1.1 alone is asked so', async () => {
    const old = await startFakeApiServer(authority)
    old.answer((request, response) => response.end(request.httpVersion))
    const one = await startWorld({ authority, access: old.access })
    expect((await one.ask({ path: pods })).text).toBe('1.1')
    expect((await one.ask({ path: pods })).text).toBe('1.1')
    await one.close()
    await old.close()
  })

  test('that says nothing is waited for no longer than for any connection', async () => {
    const one = await startWorld({
      authority,
      access: { ...api.access, server: await silent() },
      connectTimeoutMs: 100,
    })
    expect(await one.ask({ path: pods })).toMatchObject({ status: 504 })
    await one.close()
  })
})

/** Passes bytes on, until it passes none any more and says nothing about it. */
async function startFreezing(port: number) {
  const sockets: Socket[] = []
  const server = createServer(client => {
    const upstream = connect(port, 'localhost')
    for (const socket of [client, upstream]) sockets.push(socket.on('error', () => undefined))
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const freeze = (): void => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { port: (server.address() as AddressInfo).port, freeze }
}

const placeOf = (port: number | string) => ({
  host: 'localhost',
  port: Number(port),
  tls: { ca: authority.certificate },
  connectTimeoutMs: 10_000,
})
const portOfApi = () => new URL(api.access.server).port

test('a connection to a server that is gone without a word is given up, and one that answers is not', async () => {
  const frozen = await startFreezing(Number(portOfApi()))
  const one = createSharedConnections({ ...placeOf(frozen.port), probeEveryMs: 20 })
  const other = createSharedConnections({ ...placeOf(portOfApi()), probeEveryMs: 20 })
  const [gone, kept] = [await one.enter(), await other.enter()]
  const isOver = createPromise<void>()
  gone?.session.once('close', () => isOver.resolve())
  frozen.freeze()
  await isOver.promise
  expect(kept?.session.closed).toBe(false)
  one.destroy()
  other.destroy()
})

test('a server that takes no calls is left alone, and one that takes fewer by now gets no more', async () => {
  const shut = await startFakeApiServer(authority, { mostStreams: 0 })
  const none = createSharedConnections(placeOf(new URL(shut.access.server).port))
  await expect(none.enter()).rejects.toThrow('closed')
  expect(shut.connections()).toBe(1)
  await shut.close()
  const some = createSharedConnections(placeOf(portOfApi()))
  const first = await some.enter()
  const isTold = createPromise<void>()
  first?.session.once('remoteSettings', () => isTold.resolve())
  api.sessions[0]?.settings({ maxConcurrentStreams: 1 })
  await isTold.promise
  expect((await some.enter())?.session).not.toBe(first?.session)
  some.destroy()
})

test('a connection ends some time after its last call, and not before', async () => {
  const connections = createSharedConnections({ ...placeOf(portOfApi()), idleMs: 0 })
  const [first, second] = [await connections.enter(), await connections.enter()]
  expect(second?.session).toBe(first?.session)
  first?.leave()
  const isOver = createPromise<void>()
  first?.session.once('close', () => isOver.resolve())
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(first?.session.closed).toBe(false)
  second?.leave()
  await isOver.promise
  expect((await connections.enter())?.session).not.toBe(first?.session)
  connections.destroy()
  await expect((async () => connections.enter())()).rejects.toThrow('closed')
})

test.each([
  ['a line break', 'a\r\nimpersonate-user: admin'],
  ['what parts names and values in Node', 'a\0impersonate-user\0admin\0'],
])('L02 a value with %s is never sent', (_what, value) => {
  const connections = { enter: () => Promise.reject(new Error('asked')), destroy: () => undefined }
  const askHttp1 = () => {
    throw new Error('asked')
  }
  const call = (headers: readonly string[]) =>
    createSharedCall({ connections, method: 'GET', path: '/', headers: ['Host', 'a', ...headers], askHttp1 })
  expect(() => call(['X-One', value])).toThrow('Invalid character in header content')
  expect(() => call([value, 'one'])).toThrow('must be a valid HTTP token')
})
