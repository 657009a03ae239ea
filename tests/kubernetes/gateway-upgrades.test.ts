/** Connections that become something else, byte by byte: nothing is believed before the 101, and a cut has a word. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeFrame, spdyLastFrame, webSocketFrame } from '../../app/kubernetes/gateway/frames/farewell.ts'
import { refusal } from '../../app/kubernetes/gateway/status.ts'
import {
  type Admitted,
  connectRaw,
  createPromise,
  type FakeApiServer,
  type RawConnection,
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
afterAll(async () => {
  await world.close()
  await api.close()
  authority.close()
})

const pod = '/clusters/prod/api/v1/namespaces/payments/pods/web-0'
const revoked = refusal(403, 'alice: session s_1 was revoked', 'log in again')
const endOfHead = Buffer.from('\r\n\r\n')

interface Protocol {
  readonly name: string
  readonly request: string
  readonly answer: string
  readonly frame: (body: Buffer) => Buffer
  /** The failure in what came last. */
  readonly failureIn: (last: Buffer) => unknown
}
const webSocket: Protocol = {
  name: 'WebSocket',
  request:
    'Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io',
  answer: 'Upgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io',
  frame: body => webSocketFrame(2, body),
  failureIn(last) {
    const length = last.readUInt16BE(2)
    expect([last[0], last[1], last[4]]).toEqual([0x82, 126, 3])
    const close = last.subarray(4 + length)
    expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, 1008])
    return JSON.parse(last.subarray(5, 4 + length).toString())
  },
}
const spdy: Protocol = {
  name: 'SPDY',
  request:
    'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nX-Stream-Protocol-Version: channel.k8s.io',
  answer: 'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io',
  frame: body => spdyLastFrame(5, body),
  failureIn(last) {
    expect([...last.subarray(0, 5)]).toEqual([0, 0, 0, 1, 1])
    return JSON.parse(last.subarray(8).toString())
  },
}
const protocols = [webSocket, spdy]

interface Stream {
  readonly client: RawConnection
  readonly server: Duplex
  readonly request: IncomingMessage
  readonly admitted: Admitted
  /** What has come behind the head. */
  readonly body: () => Buffer
}

interface OpenOptions {
  readonly ahead?: Buffer
  readonly target?: string
  readonly more?: string
}

async function open(
  protocol: Protocol,
  { ahead, target = '/exec?command=x', more = '' }: OpenOptions = {},
): Promise<Stream> {
  const arrived = createPromise<[IncomingMessage, Duplex]>()
  api.upgrade((request, socket) => {
    arrived.resolve([request, socket])
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${protocol.answer}\r\n\r\n${more}`)
  })
  const next = world.next()
  const client = await connectRaw(world.port, authority)
  const head = `GET ${pod}${target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n${protocol.request}\r\n\r\n`
  client.socket.write(Buffer.concat([Buffer.from(head), ahead ?? Buffer.alloc(0)]))
  const [request, server] = await arrived.promise
  await client.until(bytes => bytes.includes(endOfHead), 'the head')
  const body = () => client.bytes().subarray(client.bytes().indexOf(endOfHead) + 4)
  return { client, server, request, admitted: await next, body }
}

const received = (server: Duplex, length: number): Promise<string> =>
  new Promise(resolve => {
    let text = ''
    server.on('data', chunk => {
      text += chunk
      if (text.length >= length) resolve(text)
    })
  })

describe.each(protocols)('$name', protocol => {
  test('goes both ways, with what either side sent along with its head', async () => {
    const { client, server, request, admitted, body } = await open(protocol, {
      ahead: Buffer.from('ahead'),
      more: 'along',
    })
    expect(request.headers).toMatchObject({
      connection: 'Upgrade',
      'impersonate-user': 'alice@example.com',
      authorization: 'Bearer gateway-token',
    })
    expect(admitted.call.upgrade).toBe(protocol === spdy ? 'spdy' : 'websocket')
    const text = received(server, 10)
    client.socket.write('later')
    expect(await text).toBe('aheadlater')
    await client.until(() => body().toString() === 'along', 'what came along')
    client.socket.destroy()
    await new Promise(resolve => server.once('close', resolve))
    expect(await admitted.outcome).toMatchObject({
      status: 101,
      bytesReceived: 10,
      bytesSent: 5,
      ending: 'client-gone',
    })
  })

  test('cut between two frames: a failure is the last word, and nothing of the person passes any more', async () => {
    const { client, server, admitted, body } = await open(protocol)
    const frame = protocol.frame(Buffer.from('\u0001output'))
    server.write(frame)
    await client.until(() => body().length === frame.length, 'a frame')
    await admitted.cut(revoked)
    client.socket.write('rm -rf /')
    let passed = ''
    server.on('data', chunk => {
      passed += chunk
    })
    await client.isClosed
    const status = protocol.failureIn(body().subarray(frame.length)) as { message: string }
    expect(status).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Forbidden', code: 403 })
    expect(status.message).toBe(`alice: session s_1 was revoked; log in again (request ${admitted.call.requestId})`)
    expect(passed).toBe('')
    expect(await admitted.outcome).toMatchObject({ ending: 'cut', why: 'Forbidden', status: 101 })
  })

  test('cut in the midst of a frame: it goes by whole, what follows it does not', async () => {
    const { client, server, admitted, body } = await open(protocol)
    const frame = protocol.frame(Buffer.alloc(1000, 'x'))
    server.write(frame.subarray(0, 600))
    await client.until(() => body().length === 600, 'a part')
    await admitted.cut(revoked)
    let passed = ''
    server.on('data', chunk => {
      passed += chunk
    })
    await new Promise<void>(resolve => client.socket.write('rm -rf /', () => resolve()))
    // Long enough for the gateway to have read it.
    await world.ask({ path: '/clusters/prod/api' })
    server.write(Buffer.concat([frame.subarray(600), frame]))
    await client.isClosed
    expect(passed).toBe('')
    expect(body().subarray(0, frame.length).equals(frame)).toBe(true)
    expect(protocol.failureIn(body().subarray(frame.length))).toMatchObject({ code: 403 })
  })

  test('cut in the midst of a frame that never ends, or of a client that never reads: within a second', async () => {
    const stuck = await open(protocol)
    stuck.server.write(protocol.frame(Buffer.alloc(1000)).subarray(0, 600))
    await stuck.client.until(() => stuck.body().length === 600, 'a part')
    const deaf = await open(protocol)
    deaf.client.socket.pause()
    const frame = protocol.frame(Buffer.alloc(60_000))
    await new Promise<void>(resolve => {
      const fill = (): void => {
        while (deaf.server.write(frame));
        const full = setTimeout(resolve, 500)
        deaf.server.once('drain', () => {
          clearTimeout(full)
          fill()
        })
      }
      fill()
    })
    const gone = new Promise(resolve => deaf.server.once('close', resolve))
    for (const { admitted } of [stuck, deaf]) await admitted.cut(revoked)
    await gone
    await stuck.client.isClosed
    expect(stuck.body()).toHaveLength(600)
    for (const { admitted } of [stuck, deaf]) expect(await admitted.outcome).toMatchObject({ ending: 'cut' })
    deaf.client.socket.destroy()
  })

  test('the API server goes away in the midst of a command: a failure, not the silence of one that ended well', async () => {
    const { client, server, admitted, body } = await open(protocol)
    server.destroy()
    await client.isClosed
    expect(protocol.failureIn(body())).toMatchObject({ code: 502, reason: 'BadGateway' })
    expect(await admitted.outcome).toMatchObject({ ending: 'upstream-failed' })
  })

  test('the result of the command has been told: a cut adds no second one', async () => {
    const { client, server, admitted, body } = await open(protocol)
    const result = protocol === spdy ? spdyLastFrame(1, Buffer.from('{}')) : webSocketFrame(2, Buffer.from('\u0003{}'))
    server.write(result)
    await client.until(() => body().length === result.length, 'the result')
    await admitted.cut(revoked)
    await client.isClosed
    expect(body().equals(result)).toBe(true)
  })

  test('what is no command gets no failure in the midst of its data', async () => {
    const { client, admitted, body } = await open(protocol, { target: '/portforward?ports=80' })
    await admitted.cut(revoked)
    await client.isClosed
    if (protocol === webSocket)
      expect(body()).toEqual(
        closeFrame(`alice: session s_1 was revoked; log in again (request ${admitted.call.requestId})`),
      )
    else expect([...body().subarray(0, 4)]).toEqual([0x80, 3, 0, 7])
  })
})

describe('an upgrade', () => {
  async function answerTo(head: string, ahead = ''): Promise<string> {
    const client = await connectRaw(world.port, authority)
    client.socket.write(`${head}\r\nHost: localhost\r\nConnection: Upgrade\r\n\r\n${ahead}`)
    return (await client.isClosed).toString()
  }
  const smuggled = `GET /clusters/prod/api/v1/secrets HTTP/1.1\r\nHost: localhost\r\n\r\n`

  test('that the API server refuses: its answer, and not a byte of what was sent ahead', async () => {
    let bytes = ''
    const ended = createPromise<void>()
    api.upgrade((_request, socket, head) => {
      bytes += head
      socket.on('data', chunk => {
        bytes += chunk
      })
      socket.once('close', () => ended.resolve())
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nWarning: a\r\nWarning: b\r\n\r\nnever')
    })
    const calls = world.admitted.length
    const text = await answerTo(`GET ${pod}/exec HTTP/1.1\r\n${webSocket.request}`, smuggled)
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(text).toContain('Warning: a\r\nWarning: b\r\n')
    expect(text.endsWith('never')).toBe(true)
    await ended.promise
    expect(bytes).toBe('')
    expect(world.admitted.length).toBe(calls + 1)
  })

  test('that is refused by the judge does not reach the API server', async () => {
    api.upgrade(() => expect.unreachable())
    world.judge(async () => refusal(403, 'alice may not create pods/exec in payments'))
    const text = await answerTo(`POST ${pod}/exec HTTP/1.1\r\nContent-Length: 0\r\n${spdy.request}`, smuggled)
    world.judge(undefined)
    expect(text).toContain('HTTP/1.1 403 Forbidden')
    expect(text).toContain('alice may not create pods/exec in payments (request ')
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('that may not go on before it is answered gets the refusal', async () => {
    api.upgrade(() => undefined)
    const next = world.next()
    const text = answerTo(`GET ${pod}/exec HTTP/1.1\r\n${webSocket.request}`)
    const admitted = await next
    await admitted.cut(revoked)
    expect(await text).toContain('session s_1 was revoked')
    expect(await admitted.outcome).toMatchObject({ ending: 'cut', status: 403 })
  })

  test.each(['h2c', 'TLS/1.0', 'websocket, SPDY/3.1', 'SPDY/3', 'connect-tcp'])('to %s is none', async name => {
    const text = await answerTo(`GET ${pod}/exec HTTP/1.1\r\nUpgrade: ${name}`, smuggled)
    expect(text).toContain('HTTP/1.1 400 Bad Request')
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('with a body, in which a call could hide, is none', async () => {
    const text = await answerTo(
      `POST ${pod}/exec HTTP/1.1\r\nContent-Length: ${smuggled.length}\r\n${spdy.request}`,
      smuggled,
    )
    expect(text).toContain('HTTP/1.1 400 Bad Request')
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('to something else than was asked for is not believed', async () => {
    api.upgrade((_request, socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    )
    expect(await answerTo(`GET ${pod}/exec HTTP/1.1\r\n${webSocket.request}`)).toContain('HTTP/1.1 502 Bad Gateway')
  })

  test('by an API server that is gone: a Status', async () => {
    const gone = await startWorld({ authority, access: { ...api.access, server: 'https://127.0.0.1:9' } })
    const client = await connectRaw(gone.port, authority)
    client.socket.write(`GET ${pod}/exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${webSocket.request}\r\n\r\n`)
    expect((await client.isClosed).toString()).toContain('"code":503')
    await gone.close()
  })

  test('at a gateway that stops ends with a word', async () => {
    const one = await startWorld({ authority, access: api.access })
    const arrived = createPromise<void>()
    api.upgrade((_request, socket) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${webSocket.answer}\r\n\r\n`)
      arrived.resolve()
    })
    const client = await connectRaw(one.port, authority)
    client.socket.write(`GET ${pod}/exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${webSocket.request}\r\n\r\n`)
    await client.until(bytes => bytes.includes(endOfHead), 'the head')
    const closed = one.gateway.close(60_000)
    const bytes = await client.isClosed
    expect(webSocket.failureIn(bytes.subarray(bytes.indexOf(endOfHead) + 4))).toMatchObject({ code: 503 })
    await closed
    await one.close()
  })

  test('a megabyte each way arrives as it was, at the pace of who reads', async () => {
    const { client, server, body } = await open(webSocket)
    const data = Buffer.concat(
      Array.from({ length: 100 }, (_, index) => webSocketFrame(2, Buffer.alloc(10_000, index))),
    )
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    const chunks: Buffer[] = []
    const all = new Promise<void>(resolve =>
      server.on('data', chunk => {
        chunks.push(chunk)
        if (Buffer.concat(chunks).length >= data.length) resolve()
      }),
    )
    client.socket.write(data)
    server.write(data)
    await all
    await client.until(() => body().length >= data.length, 'all')
    expect([digest(Buffer.concat(chunks)), digest(body())]).toEqual([digest(data), digest(data)])
    client.socket.destroy()
  })
})
