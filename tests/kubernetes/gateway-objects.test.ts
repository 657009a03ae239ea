/** One object by its name, over connections to the API server that calls share. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kindOf, mayShare } from '../../app/kubernetes/gateway/carrying/kind.ts'
import {
  askHttp2,
  createPromise,
  type FakeApiServer,
  startAuthority,
  startFakeApiServer,
  startWorld,
  type World,
} from './gateway-world.ts'

const authority = startAuthority()
afterAll(authority.close)
let api: FakeApiServer
let world: World

beforeEach(async () => {
  api = await startFakeApiServer(authority, { mostStreams: 100 })
  world = await startWorld({ authority, access: api.access })
})
afterEach(async () => {
  await world.close()
  await api.close()
})

const prefix = '/clusters/prod'
const pod = '/api/v1/namespaces/payments/pods/web-0'
const path = `${prefix}${pod}`
const streamOf = (response: ServerResponse): ServerHttp2Stream => (response as unknown as Http2ServerResponse).stream

test.each([
  [pod, true],
  ['/api/v1/namespaces/payments', true],
  ['/api/v1/nodes/node-1?pretty=true', true],
  ['/apis/apps/v1/namespaces/payments/deployments/web', true],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles/admin', true],
  ['/api/v1/namespaces/payments/pods', false],
  ['/api/v1/pods', false],
  ['/api/v1/namespaces/payments/pods/web-0/log', false],
  ['/api/v1/namespaces/payments/services/web/proxy', false],
  ['/api/v1/proxy/x', false],
  ['/apis/apps/v1/deployments', false],
  ['/apis/apps/v1', false],
  ['/openapi/v3', false],
  ['/healthz', false],
])('%s is an object, and shares a connection: %s', (target, isObject) => {
  const kind = kindOf(target)
  expect([kind.isObject, mayShare(kind)]).toEqual([isObject, isObject])
})

test('without a body goes over HTTP/2 and one connection; lists, logs, and what is written do not', async () => {
  api.answer((request, response) => response.end(request.httpVersion))
  const session = world.http2()
  const ask = async (headers: object, body?: Buffer) =>
    (await askHttp2(session, { ':path': path, ...headers }, { ...(body !== undefined && { body }) })).text
  const all = await Promise.all(Array.from({ length: 40 }, () => ask({})))
  expect([new Set(all), api.connections()]).toEqual([new Set(['2.0']), 1])
  expect(await ask({ ':path': `${prefix}/api/v1/namespaces/payments/pods` })).toBe('1.1')
  expect(await ask({ ':path': `${path}/log` })).toBe('1.1')
  expect(await ask({ ':method': 'DELETE' })).toBe('1.1')
  expect(await ask({ ':method': 'PUT' }, Buffer.from('{}'))).toBe('1.1')
})

/** How each call has ended for the API server. */
function watchEnds() {
  const ends: Promise<number>[] = []
  const note = (response: ServerResponse): void => {
    const closed = createPromise<number>()
    const stream = streamOf(response)
    stream.once('close', () => closed.resolve(stream.rstCode))
    ends.push(closed.promise)
  }
  return { ends, note }
}

describe('an answer', () => {
  const large = 'x'.repeat(300_000)
  test.each([
    ['of a length that is said', (response: ServerResponse) => response.setHeader('content-length', large.length)],
    ['of a length that is not', () => undefined],
  ])('%s arrives whole, and its call is not cancelled', async (_what, prepare) => {
    const { ends, note } = watchEnds()
    api.answer((_request, response) => {
      note(response)
      prepare(response)
      response.end(large)
    })
    for (const one of [await askHttp2(world.http2(), { ':path': path }), await world.ask({ path })])
      expect([one.status, one.text.length]).toEqual([200, large.length])
    expect(await Promise.all(ends)).toEqual([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_NO_ERROR])
  })

  test('to HEAD has its length and no body', async () => {
    const { ends, note } = watchEnds()
    api.answer((_request, response) => {
      note(response)
      response.writeHead(200, { 'content-length': '17' }).end()
    })
    const before = world.admitted.length
    for (const one of [
      await askHttp2(world.http2(), { ':path': path, ':method': 'HEAD' }),
      await world.ask({ path, method: 'HEAD' }),
    ]) {
      expect([one.status, one.headers['content-length'], one.text]).toEqual([200, '17', ''])
    }
    expect(await Promise.all(ends)).toEqual([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_NO_ERROR])
    for (const { outcome } of world.admitted.slice(before))
      expect(await outcome).toMatchObject({ status: 200, ending: 'complete', bytesSent: 0 })
  })

  test('has its trailers, and its repeated lines as lines', async () => {
    api.answer((_request, response) => {
      response.setHeader('warning', ['299 - "a"', '299 - "b"'])
      response.setHeader('set-cookie', 'a=b')
      response.addTrailers({ 'x-checksum': 'abc' })
      response.end('{}')
    })
    const { headers, trailers, text } = await askHttp2(world.http2(), { ':path': path })
    expect([headers.warning, headers['set-cookie'], trailers['x-checksum'], text]).toEqual([
      '299 - "a", 299 - "b"',
      undefined,
      'abc',
      '{}',
    ])
  })

  test('that does not begin in time: 504, and the call is over for the API server', async () => {
    const { ends, note } = watchEnds()
    api.answer((_request, response) => note(response))
    const impatient = await startWorld({ authority, access: api.access, answerTimeoutMs: 3000 })
    expect(await impatient.ask({ path })).toMatchObject({ status: 504 })
    expect(await ends[0]).toBe(constants.NGHTTP2_CANCEL)
    await impatient.close()
  })

  test.each([
    ['breaks the connection', () => api.sockets[0]?.destroy()],
    ['resets the call', (response: ServerResponse) => streamOf(response).close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['takes it back', (response: ServerResponse) => streamOf(response).close(constants.NGHTTP2_CANCEL)],
  ])('is no whole one where the API server %s', async (_how, breakIt) => {
    const held = createPromise<ServerResponse>()
    api.answer((_request, response) => {
      response.writeHead(200)
      response.write('{"half":')
      held.resolve(response)
    })
    const begun = createPromise<void>()
    const next = world.next()
    const answer = askHttp2(world.http2(), { ':path': path }, { onBegun: () => begun.resolve() })
    answer.catch(() => undefined)
    await begun.promise
    breakIt(await held.promise)
    await expect(answer).rejects.toThrow(/Stream closed with error|was reset/)
    expect((await (await next).outcome).ending).toBe('upstream-failed')
  })
})

test('cut in its midst, it looks broken off; before its answer its client is told why', async () => {
  const why = { status: 401, reason: 'Unauthorized', message: 'your session has ended' }
  const { ends, note } = watchEnds()
  let hasHead = false
  api.answer((_request: IncomingMessage, response) => {
    note(response)
    if (hasHead) response.writeHead(200)
    if (hasHead) response.write('{"half":')
  })
  const early = world.next()
  const refused = askHttp2(world.http2(), { ':path': path })
  await (await early).cut(why)
  expect((await refused).status).toBe(401)
  hasHead = true
  const begun = createPromise<void>()
  const late = world.next()
  const broken = askHttp2(world.http2(), { ':path': path }, { onBegun: () => begun.resolve() })
  broken.catch(() => undefined)
  await begun.promise
  await (await late).cut(why)
  await expect(broken).rejects.toThrow(/Stream closed with error|was reset/)
  expect(await Promise.all(ends)).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL])
})
