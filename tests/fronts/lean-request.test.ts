/** A request without an object of its headers is treated by `node:http` as any other, and becomes whole when it is asked to. */
import { createServer, IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { LeanRequest, makeWhole, requestClass } from '../../app/listener/lean-request.ts'

let server: Server | undefined
afterEach(() => server?.close())

/** The whole answer to these bytes, sent on a connection of its own. */
async function exchange(text: string): Promise<string> {
  if (server === undefined) throw new Error('nothing is served')
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('latin1').on('data', chunk => {
      received += chunk
    })
    socket.once('close', () => resolve(received)).once('error', reject)
  })
}

const head = 'GET /a HTTP/1.1\r\nConnection: close\r\n'

test('this version of Node looks at nothing but Host and Expect before it hands a request on', async () => {
  const lookedAt = new Set<PropertyKey>()
  class Watched extends IncomingMessage {}
  const whole = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'headers')
  Object.defineProperty(Watched.prototype, 'headers', {
    get(this: IncomingMessage) {
      const watch = { get: (all: object, name: PropertyKey) => lookedAt.add(name) && Reflect.get(all, name) }
      return new Proxy(whole?.get?.call(this), watch)
    },
  })
  const before: PropertyKey[] = []
  server = createServer({ IncomingMessage: Watched }, (_request, response) => {
    before.push(...lookedAt)
    response.end()
  })
  await exchange(`${head}Host: a\r\nCookie: x=1\r\nContent-Length: 0\r\n\r\n`)
  expect(before.length).toBeGreaterThan(0)
  expect(before.filter(name => name !== 'host' && name !== 'expect')).toEqual([])
})

test('a request without Host is 400 before anybody sees it', async () => {
  let seen = 0
  server = createServer({ IncomingMessage: requestClass }, (_request, response) => {
    seen += 1
    response.end()
  })
  expect(await exchange(`${head}\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  expect(seen).toBe(0)
})

test('a client that waits for 100 is told to continue, another expectation is refused', async () => {
  server = createServer({ IncomingMessage: requestClass }, (_request, response) => response.end('done'))
  const answer = await exchange(`${head}hOST: a\r\neXPECT: 100-continue\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  server.close()
  server = createServer({ IncomingMessage: requestClass }, (_request, response) => response.end('done'))
  expect(await exchange(`${head}Host: a\r\nExpect: magic\r\n\r\n`)).toMatch(/^HTTP\/1\.1 417 /)
})

test('a request that is made whole has the headers that node:http makes of them', async () => {
  const seen: unknown[] = []
  server = createServer({ IncomingMessage: LeanRequest }, (request, response) => {
    makeWhole(request)
    seen.push(request.headers)
    response.end()
  })
  await exchange(`${head}Host: a\r\nX-One: 1\r\nx-one: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`)
  expect(seen).toEqual([{ connection: 'close', host: 'a', 'x-one': '1, 2', cookie: 'a=1; b=2' }])
})
