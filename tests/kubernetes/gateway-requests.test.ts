/** Ordinary calls through the gateway: what arrives, what comes back, and what is said when somebody fails. */
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { refusal } from '../../app/kubernetes/gateway/status.ts'
import {
  askHttp1,
  askHttp2,
  connectRaw,
  createPromise,
  type FakeApiServer,
  startAuthority,
  startFakeApiServer,
  startWorld,
  type World,
} from './gateway-world.ts'

const authority = startAuthority()
let api: FakeApiServer
let world: World

beforeAll(async () => {
  api = await startFakeApiServer(authority)
  world = await startWorld({ authority, access: api.access })
})
afterEach(() => {
  world.judge(undefined)
  world.logged.length = 0
})
afterAll(async () => {
  await world.close()
  await api.close()
  authority.close()
})

const path = '/clusters/prod/api/v1/pods'
const revoked = refusal(403, 'alice: session s_1 was revoked', 'log in again')
const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
const messageOf = (text: string) => (JSON.parse(text) as { message: string }).message

describe('a call', () => {
  test.each([1, 2])('arrives as the person, with the gateway’s credential (HTTP/%i)', async version => {
    const seen = createPromise<IncomingMessage>()
    api.answer((request, response) => {
      seen.resolve(request)
      response.writeHead(200, ['Warning', 'one', 'Warning', 'two', 'Content-Type', 'application/json'])
      response.end('{"items":[]}')
    })
    const next = world.next()
    const headers = { authorization: 'Bearer hers', impersonate_user: 'x', 'x-forwarded-for': '1.2.3.4', accept: 'a/b' }
    world.judge(undefined)
    const clean = { ...headers }
    Reflect.deleteProperty(clean, 'impersonate_user')
    const warnings =
      version === 1
        ? (await world.ask({ path: `${path}?limit=5`, headers: clean })).rawHeaders.filter(
            (_, i, all) => all[i - 1] === 'Warning',
          )
        : (await askHttp2(world.http2(), { ':path': `${path}?limit=5`, ...clean })).headers.warning
    expect(version === 1 ? warnings : String(warnings).split(', ')).toEqual(['one', 'two'])
    const request = await seen.promise
    const admitted = await next
    expect(request.url).toBe('/api/v1/pods?limit=5')
    expect(request.rawHeaders.filter((_, index, all) => all[index - 1] === 'Impersonate-Group')).toEqual([
      'ops',
      'on-call',
    ])
    expect(request.headers).toMatchObject({
      authorization: 'Bearer gateway-token',
      'impersonate-user': 'alice@example.com',
      'audit-id': admitted.call.requestId,
      'x-forwarded-for': '127.0.0.1',
      accept: 'a/b',
    })
    expect(admitted.call).toMatchObject({
      cluster: 'prod',
      method: 'GET',
      credentials: { authorization: 'Bearer hers' },
    })
    expect(await admitted.outcome).toMatchObject({ status: 200, bytesSent: 12, ending: 'complete' })
  })

  test('with a body of known and of unknown length arrives whole, DELETE too', async () => {
    api.answer(
      (request, response) => void textOf(request).then(text => response.end(`${request.method} ${text.length}`)),
    )
    const session = world.http2()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const body = Buffer.alloc(300_000, 'x')
      const known = { 'content-length': '300000' }
      expect((await world.ask({ path, method, body, headers: known })).text).toBe(`${method} 300000`)
      const chunked = { 'transfer-encoding': 'chunked' }
      expect((await world.ask({ path, method, body, headers: chunked })).text).toBe(`${method} 300000`)
      expect((await askHttp2(session, { ':method': method, ':path': path }, { body })).text).toBe(`${method} 300000`)
      expect((await askHttp2(session, { ':method': method, ':path': path })).text).toBe(`${method} 0`)
    }
  })

  test('is passed on in the reading that was judged', async () => {
    api.answer((request, response) => response.end(request.url))
    world.judge(async () => ({
      impersonate: { user: 'a', groups: [], extra: {} },
      target: '/judged',
      onEnd: () => () => undefined,
      finished: () => undefined,
    }))
    expect((await world.ask({ path })).text).toBe('/judged')
  })

  test('is asked for its body only when it is let in', async () => {
    api.answer((request, response) => void textOf(request).then(text => response.end(text)))
    const raw = await connectRaw(world.port, authority)
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`
    raw.socket.write(head)
    await raw.until(bytes => bytes.includes('HTTP/1.1 100 Continue\r\n\r\n'), '100')
    raw.socket.write('hello')
    await raw.until(bytes => bytes.includes('hello'), 'the answer')
    raw.socket.destroy()
    world.judge(async () => refusal(401, 'log in'))
    const other = await connectRaw(world.port, authority)
    // Threat: what the client did not send as a body would be its next call.
    other.socket.write(`${head}GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const text = (await other.isClosed).toString()
    expect(text).toContain('HTTP/1.1 401 Unauthorized')
    expect(text).not.toContain('100 Continue')
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('gets the head at once, bytes as they come, and trailers', async () => {
    const goOn = createPromise<void>()
    api.answer((_request, response) => {
      response.writeHead(200, { trailer: 'X-Sum' })
      response.flushHeaders()
      void goOn.promise.then(() => {
        response.write('one')
        response.addTrailers({ 'X-Sum': '7' })
        response.end()
      })
    })
    const stream = world.http2().request({ ':path': path })
    await new Promise(resolve => stream.once('response', resolve))
    const raw = await connectRaw(world.port, authority)
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\n\r\n`)
    await raw.until(bytes => bytes.includes('\r\n\r\n'), 'the head')
    const trailers = new Promise<object>(resolve => stream.once('trailers', resolve))
    goOn.resolve()
    stream.resume()
    expect(await trailers).toMatchObject({ 'x-sum': '7' })
    await raw.until(bytes => bytes.includes('X-Sum: 7') || bytes.includes('x-sum: 7'), 'the trailer')
    raw.socket.destroy()
  })

  test('that nobody reads does not fill the gateway: the API server has to wait', async () => {
    const blocked = createPromise<number>()
    api.answer((_request, response) => {
      let written = 0
      const fill = () => {
        while (response.write(Buffer.alloc(65_536))) written += 65_536
        const before = written
        const again = setTimeout(() => blocked.resolve(before), 700)
        response.once('drain', () => {
          clearTimeout(again)
          fill()
        })
      }
      fill()
      response.on('error', () => undefined)
    })
    const next = world.next()
    const raw = await connectRaw(world.port, authority)
    raw.socket.pause()
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const admitted = await next
    expect(await blocked.promise).toBeLessThan(40_000_000)
    raw.socket.destroy()
    expect(await admitted.outcome).toMatchObject({ ending: 'client-gone' })
  })

  test('whose client goes away is ended at the API server as well', async () => {
    const gone = createPromise<void>()
    api.answer((_request, response) => {
      response.write('x')
      response.once('close', () => gone.resolve())
    })
    for (const version of [1, 2]) {
      const next = world.next()
      if (version === 1) {
        const raw = await connectRaw(world.port, authority)
        raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
        await raw.until(bytes => bytes.includes('\r\n\r\n'), 'the head')
        raw.socket.destroy()
      } else {
        const stream = world.http2().request({ ':path': path })
        stream.on('error', () => undefined)
        await new Promise(resolve => stream.once('response', resolve))
        stream.close(8)
      }
      expect(await (await next).outcome).toMatchObject({ ending: 'client-gone', status: 200 })
      await gone.promise
    }
  })

  test('that the API server breaks off looks broken off', async () => {
    api.answer((_request, response) => {
      response.write('{"items":[')
      setImmediate(() => response.destroy())
    })
    const next = world.next()
    await expect(world.ask({ path })).rejects.toThrow()
    expect(await (await next).outcome).toMatchObject({ ending: 'upstream-failed' })
    await expect(askHttp2(world.http2(), { ':path': path })).rejects.toThrow()
  })

  test('on a connection that the API server has just ended is asked once more, if that is safe', async () => {
    let count = 0
    api.answer((request, response) => {
      count += 1
      if (count === 2) request.socket.destroy()
      else response.end(`${count}`)
    })
    expect((await world.ask({ path })).text).toBe('1')
    expect((await world.ask({ path })).text).toBe('3')
  })
})

describe('a refusal', () => {
  test('of the judge is a Status with the request id; on discovery paths it is plain text', async () => {
    world.judge(async () => refusal(403, 'alice may not list pods', 'ask ops'))
    const answer = await world.ask({ path })
    expect(answer).toMatchObject({ status: 403, headers: { 'content-type': 'application/json' } })
    const { requestId } = world.refused.at(-1) ?? {}
    expect(JSON.parse(answer.text)).toMatchObject({
      kind: 'Status',
      reason: 'Forbidden',
      code: 403,
      message: `alice may not list pods; ask ops (request ${requestId})`,
    })
    expect(answer.headers['audit-id']).toBe(requestId)
    const plain = await askHttp2(world.http2(), { ':path': '/clusters/prod/apis/apps/v1?timeout=32s' })
    expect(plain).toMatchObject({ status: 403, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  })

  test('a judge that fails lets nobody in, and says nothing of why', async () => {
    const calls = api.connections()
    world.judge(async () => {
      throw new Error('secret detail')
    })
    const answer = await world.ask({ path })
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('secret')
    world.judge(async () => {
      throw new OperationalError('ERR_STORE_UNAVAILABLE', 'redis is down')
    })
    expect(await world.ask({ path })).toMatchObject({ status: 503 })
    expect(api.connections()).toBe(calls)
  })

  test('401 asks for a bearer', async () => {
    world.judge(async () => refusal(401, 'log in'))
    expect((await world.ask({ path })).headers['www-authenticate']).toBe('Bearer realm="sallyport"')
  })

  test('an unknown cluster, nobody’s path, another method, an expectation, a tunnel', async () => {
    expect(messageOf((await world.ask({ path: '/clusters/other/api' })).text)).toContain('there is no cluster other')
    expect((await world.ask({ path: '/api' })).status).toBe(404)
    expect((await world.ask({ path, method: 'TRACE' })).status).toBe(405)
    expect((await world.ask({ path, headers: { expect: 'a miracle' } })).status).toBe(417)
    expect((await askHttp2(world.http2(), { ':method': 'CONNECT', ':authority': 'a:1' })).status).toBe(405)
    const raw = await connectRaw(world.port, authority)
    raw.socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
    expect((await raw.isClosed).toString()).toContain('"reason":"MethodNotAllowed"')
  })

  test.each([
    ['headers that are too large', `X: ${'a'.repeat(40_000)}`, 431],
    ['headers that are too many', 'A: b\r\n'.repeat(2000).trim(), 431],
    ['two hosts', 'Host: other', 400],
    ['what is no header', 'nonsense', 400],
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2', 400],
    ['a length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked', 400],
  ])('%s in HTTP/1.1', async (_what, line, status) => {
    const raw = await connectRaw(world.port, authority)
    raw.socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${line}\r\n\r\n`)
    const text = (await raw.isClosed).toString()
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toContain('"kind":"Status"')
  })

  test('the same in HTTP/2, where two hosts are two pseudo-headers', async () => {
    const session = world.http2()
    expect((await askHttp2(session, { ':path': path, x: 'a'.repeat(40_000) })).status).toBe(431)
    expect((await askHttp2(session, { ':path': path, ':authority': 'localhost', host: 'other' })).status).toBe(400)
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`x-${index}`, '1']))
    expect((await askHttp2(session, { ':path': path, ...many })).status).toBe(431)
    expect((await askHttp2(session, { ':path': '/clusters/prod/a#b' })).status).toBe(400)
    await expect(askHttp2(session, { ':path': `${path} HTTP/1.1` })).rejects.toThrow()
  })

  test('L03 a person who cannot be told to Kubernetes does not arrive there', async () => {
    world.judge(async () => ({
      impersonate: { user: 'a', groups: ['system:masters'], extra: {} },
      onEnd: () => () => undefined,
      finished: () => undefined,
    }))
    expect(await world.ask({ path })).toMatchObject({ status: 403 })
  })
})

describe('an API server', () => {
  test('that does not accept the gateway is no reason to log in again', async () => {
    api.answer((_request, response) => response.writeHead(401).end())
    const answer = await world.ask({ path })
    expect(answer.status).toBe(502)
    expect(messageOf(answer.text)).toContain('does not accept the credential of the gateway')
    expect((await world.ask({ path: '/clusters/prod/api/v1/namespaces/a/services/b/proxy/' })).status).toBe(401)
  })

  test('L09 that is down, silent, somebody else, or no TLS: 503, 504, 502, each a Status with the request id', async () => {
    const silent = createTcpServer(() => undefined)
    const broken = createTcpServer(socket => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    for (const server of [silent, broken]) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const portOf = (server: typeof silent) => (server.address() as AddressInfo).port
    const gone = createTcpServer()
    await new Promise<void>(resolve => gone.listen(0, '127.0.0.1', resolve))
    const closed = portOf(gone)
    await new Promise(resolve => gone.close(resolve))
    const stranger = startAuthority()
    const other = await startFakeApiServer(stranger)
    const misnamed = await startFakeApiServer(authority, { names: ['elsewhere.example.com'] })
    const cases: [string, number, string][] = [
      [`https://127.0.0.1:${closed}`, 503, 'cannot be reached'],
      [`https://127.0.0.1:${portOf(silent)}`, 504, 'has not answered in time'],
      [other.access.server, 502, 'does not trust the certificate'],
      [misnamed.access.server, 502, 'does not trust the certificate'],
      [`https://127.0.0.1:${portOf(broken)}`, 502, 'API server of prod'],
    ]
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    for (const [server, status, words] of cases) {
      const one = await startWorld({ authority, access: { ...api.access, server }, connectTimeoutMs: 300 })
      const answer = await askHttp1(one.port, authority, { path })
      expect(answer.status, server).toBe(status)
      expect(messageOf(answer.text)).toMatch(new RegExp(`${words}.*\\(request [0-9a-f]+\\)$`))
      expect(await one.admitted[0]?.outcome).toMatchObject({ ending: 'upstream-failed', status })
      await one.close()
    }
    Reflect.deleteProperty(process.env, 'NODE_TLS_REJECT_UNAUTHORIZED')
    const named = await startWorld({ authority, access: { ...misnamed.access, serverName: 'elsewhere.example.com' } })
    expect((await askHttp1(named.port, authority, { path })).status).toBe(200)
    await named.close()
    for (const one of [other, misnamed]) await one.close()
    stranger.close()
    for (const server of [silent, broken]) server.close()
  })

  test('that takes too long to begin: 504, but a watch may wait', async () => {
    const one = await startWorld({ authority, access: api.access, answerTimeoutMs: 200 })
    const asked = createPromise<void>()
    api.answer((request, response) => {
      if (!request.url?.includes('watch')) return
      asked.resolve()
      setTimeout(() => response.end('late'), 600)
    })
    expect((await askHttp1(one.port, authority, { path })).status).toBe(504)
    expect((await askHttp1(one.port, authority, { path: `${path}?watch=1` })).text).toBe('late')
    await one.close()
  })
})

describe('files that are exchanged', () => {
  test('the token: the next call has the new one; one that is being written changes nothing', async () => {
    const file = join(world.directory, 'token')
    writeFileSync(file, 'first\n')
    api.answer((request, response) => response.end(request.headers.authorization))
    const one = await startWorld({ authority, access: { ...api.access, credential: { kind: 'token-file', file } } })
    const ask = async () => (await askHttp1(one.port, authority, { path })).text
    expect(await ask()).toBe('Bearer first')
    writeFileSync(file, '')
    await expect.poll(() => one.logged.length).toBeGreaterThan(0)
    expect(await ask()).toBe('Bearer first')
    writeFileSync(file, 'second')
    await expect.poll(ask).toBe('Bearer second')
    await one.close()
  })

  test('the certificate of the listener, when the key fits again', async () => {
    const one = await startWorld({ authority, access: api.access })
    const serialOf = async () => {
      const raw = await connectRaw(one.port, authority)
      const { serialNumber } = raw.socket.getPeerCertificate()
      raw.socket.destroy()
      return serialNumber
    }
    const before = await serialOf()
    const fresh = authority.issue('fresh', ['localhost'])
    writeFileSync(join(one.directory, 'tls.pem'), fresh.certificate)
    await expect.poll(() => one.logged.some(({ message }) => message.includes('certificate of the gateway'))).toBe(true)
    expect(await serialOf()).toBe(before)
    writeFileSync(join(one.directory, 'tls.key'), fresh.key)
    await expect.poll(serialOf).not.toBe(before)
    await one.close()
  })
})

describe('a call that may not go on', () => {
  test.each([1, 2])('before it is answered gets the refusal (HTTP/%i)', async version => {
    api.answer(() => undefined)
    const next = world.next()
    const answer = version === 1 ? world.ask({ path }) : askHttp2(world.http2(), { ':path': path })
    const admitted = await next
    await admitted.cut(revoked)
    expect(await answer).toMatchObject({ status: 403 })
    expect(messageOf((await answer).text)).toContain('session s_1 was revoked; log in again')
    expect(await admitted.outcome).toMatchObject({ ending: 'cut', status: 403, why: 'Forbidden' })
  })

  /** A call of which the first bytes have come. */
  async function begin(version: number, path: string, headers = {}) {
    const next = world.next()
    const begun = createPromise<void>()
    const onBegun = () => begun.resolve()
    const answer =
      version === 1
        ? world.ask({ path, headers, onBegun })
        : askHttp2(world.http2(), { ':path': path, ...headers }, { onBegun })
    answer.catch(() => undefined)
    const admitted = await next
    await begun.promise
    return { answer, admitted }
  }

  const log = '/clusters/prod/api/v1/namespaces/a/pods/b/log?follow=true'
  test.each([
    [1, log],
    [2, log],
    [1, path],
    [2, path],
  ])('in the midst of a list or a log looks broken off (HTTP/%i, %s)', async (version, target) => {
    api.answer((_request, response) => {
      response.on('error', () => undefined)
      response.write('line\n')
    })
    const { answer, admitted } = await begin(version, target)
    await admitted.cut(revoked)
    await expect(answer).rejects.toThrow()
    expect(await admitted.outcome).toMatchObject({ ending: 'cut', status: 200, bytesSent: 5 })
  })

  const event = '{"type":"ADDED","object":{"kind":"Pod"}}\n'
  test.each([1, 2])('a watch ends with an ERROR event of its own, and cleanly (HTTP/%i)', async version => {
    const begun = createPromise<(text: string) => void>()
    api.answer((_request, response) => {
      response.on('error', () => undefined)
      response.writeHead(200, { 'content-type': 'application/json;as=Table;v=v1;g=meta.k8s.io' })
      response.write(event + event.slice(0, 10))
      begun.resolve(text => void response.write(text))
    })
    const { answer, admitted } = await begin(version, `${path}?watch=1`)
    // Cut while an event is on its way: it goes by whole, and nothing behind it.
    await admitted.cut(revoked)
    const write = await begun.promise
    write(`${event.slice(10)}${event}`)
    const lines = (await answer).text.trim().split('\n')
    expect(lines.slice(0, -1)).toEqual([event.trim(), event.trim()])
    const last = JSON.parse(lines.at(-1) ?? '') as { object: { message: string } }
    expect(last).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 403 } })
    expect(last.object.message).toContain('session s_1 was revoked; log in again')
    expect(await admitted.outcome).toMatchObject({ ending: 'cut', status: 200, why: 'Forbidden' })
  })

  test('a watch in another form just ends, and one in the midst of an event is broken off', async () => {
    api.answer((request, response) => {
      response.on('error', () => undefined)
      response.writeHead(200, { 'content-type': request.headers.accept ?? '' })
      response.write(request.headers.accept === 'application/json' ? '{"half":' : Buffer.from([0, 0, 0, 1, 7]))
    })
    for (const accept of ['application/vnd.kubernetes.protobuf;stream=watch', 'application/cbor-seq']) {
      const { answer, admitted } = await begin(2, `${path}?watch=1`, { accept })
      await admitted.cut(revoked)
      expect(Buffer.from((await answer).text)).toEqual(Buffer.from([0, 0, 0, 1, 7]))
    }
    const { answer, admitted } = await begin(1, `${path}?watch=1`, { accept: 'application/json' })
    await admitted.cut(revoked)
    await expect(answer).rejects.toThrow()
    expect(await admitted.outcome).toMatchObject({ ending: 'cut' })
  })

  test('whose end cannot be watched does not go on', async () => {
    api.answer(() => undefined)
    const finished = createPromise<unknown>()
    world.judge(async () => ({
      impersonate: { user: 'a', groups: [], extra: {} },
      onEnd: () => {
        throw new Error('no store')
      },
      finished: finished.resolve,
    }))
    expect(await world.ask({ path: `${path}?watch=1` })).toMatchObject({ status: 500 })
    expect(await finished.promise).toMatchObject({ ending: 'cut' })
  })
})

test('a gateway that stops ends watches with a word, lets other calls end, and takes none', async () => {
  const one = await startWorld({ authority, access: api.access })
  const goOn = createPromise<void>()
  const asked = createPromise<void>()
  api.answer((request, response) => {
    if (request.url?.includes('watch')) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{}\n')
    } else {
      asked.resolve()
      void goOn.promise.then(() => response.end('whole'))
    }
  })
  const session = one.http2()
  const first = one.next()
  const begun = createPromise<void>()
  const watch = askHttp2(session, { ':path': `${path}?watch=1` }, { onBegun: () => begun.resolve() })
  await first
  await begun.promise
  const call = askHttp1(one.port, authority, { path })
  await asked.promise
  const closed = one.gateway.close(60_000)
  expect(JSON.parse((await watch).text.split('\n')[1] ?? '')).toMatchObject({ type: 'ERROR', object: { code: 503 } })
  await expect(askHttp1(one.port, authority, { path })).rejects.toThrow()
  goOn.resolve()
  expect(await call).toMatchObject({ text: 'whole', headers: { connection: 'close' } })
  await closed
  await one.close()
})
