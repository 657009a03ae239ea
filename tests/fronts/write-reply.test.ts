/** What the writer sends is, byte for byte, what `writeHead` and `end` of this version of Node send. */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Reply } from '../../app/fronts/front.ts'
import { createReplyWriter } from '../../app/fronts/write-reply.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer({ keepAliveTimeout: 75_000 }, listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const get = (line: string, ...headers: string[]): string => `${[line, 'Host: a', ...headers].join('\r\n')}\r\n\r\n`
const kept = get('GET / HTTP/1.1')
/** Answered as most checks are, so that the writer has learned from it when the others come. */
const ordinary = get('GET /ordinary HTTP/1.1')
const last = get('GET / HTTP/1.1', 'Connection: close')

/** Everything that comes back over one connection, which the last of the requests lets the server end. */
function converse(port: number, requests: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(ordinary + requests))
    socket.setEncoding('latin1').on('data', chunk => {
      received += chunk
    })
    socket.setTimeout(60_000, () => socket.destroy(new Error('the answer does not end')))
    socket.once('close', () => resolve(received.replaceAll(/Date: [^\r]+/g, 'Date: now'))).once('error', reject)
  })
}

const plainly =
  (asked: Reply): RequestListener =>
  (request, response) => {
    const reply = request.url === '/ordinary' ? allowed : asked
    const length = String(Buffer.byteLength(reply.body))
    response.writeHead(reply.status, [...reply.headers.flat(), 'Content-Length', length])
    if (reply.body === '') response.end()
    else response.end(reply.body)
  }

const identity = Object.freeze(['Remote-User', 'alice', 'Remote-Groups', 'a,b', 'Remote-Email', ''])
const allowed: Reply = { status: 200, headers: [identity, ['Cookie', 'theme=dark']], body: '' }
const replies: Readonly<Record<string, Reply>> = {
  'an allowed check': allowed,
  'a page': { status: 403, headers: [['Content-Type', 'text/html']], body: '<p>no</p>'.repeat(300) },
  'a page beyond ASCII': { status: 503, headers: [['Content-Type', 'text/html']], body: 'nö – 否' },
  'a redirect': { status: 302, headers: [['Location', '/a'], Object.freeze(['Set-Cookie', 'a=1'])], body: '' },
  'two fields of one name': { status: 200, headers: [['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']], body: 'x' },
  'a value in Latin-1': { status: 200, headers: [['X-Name', 'J\u00fcrgen']], body: '' },
  'a status without a body': { status: 204, headers: [identity], body: '' },
  'a status without a body, given one': { status: 204, headers: [identity], body: 'x' },
  'a status that is not listed': { status: 299, headers: [identity], body: 'x' },
  'a field that ends the connection': { status: 200, headers: [['Connection', 'close']], body: 'x' },
  'a field that Node acts on, frozen': { status: 200, headers: [Object.freeze(['Date', 'never'])], body: 'x' },
}

const requests: Readonly<Record<string, string>> = {
  'three on one connection': kept + kept + last,
  'HTTP/1.0': get('GET / HTTP/1.0'),
  'HTTP/1.0 that stays': get('GET / HTTP/1.0', 'Connection: keep-alive').repeat(2) + last,
  HEAD: get('HEAD / HTTP/1.1').repeat(2) + last,
  'with a body': `${get('POST / HTTP/1.1', 'Content-Length: 3')}abc${last}`,
  'with an expectation': `${get('POST / HTTP/1.1', 'Content-Length: 3', 'Expect: 100-continue')}abc${last}`,
}

describe.each(Object.entries(replies))('%s', (_name, reply) => {
  it.each(Object.entries(requests))('is what Node writes: %s', async (_kind, text) => {
    const write = createReplyWriter()
    const plain = await serve(plainly(reply))
    const own = await serve((request, response) => write(response, request.url === '/ordinary' ? allowed : reply))
    const expected = await converse(plain, text)
    expect(expected).toContain(`HTTP/1.1 ${reply.status} `)
    for (let time = 0; time < 3; time += 1) expect(await converse(own, text)).toBe(expected)
  })
})

describe('the writer', () => {
  it('leaves most answers of a second to itself, and the first to Node', async () => {
    const write = createReplyWriter()
    let byNode = 0
    const port = await serve((_request, response) => {
      const { writeHead } = response
      response.writeHead = ((...args: Parameters<typeof writeHead>) => {
        byNode += 1
        return writeHead.apply(response, args)
      }) as typeof writeHead
      write(response, allowed)
    })
    const answers = await converse(port, kept.repeat(50) + last)
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(52)
    expect(byNode).toBeGreaterThan(0)
    expect(byNode).toBeLessThan(5)
  })

  it('has the date of the second', async () => {
    const write = createReplyWriter()
    const port = await serve((_request, response) => write(response, allowed))
    const dateOf = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/`)
      return Date.parse(answer.headers.get('date') ?? '')
    }
    for (let time = 0; time < 12; time += 1) {
      const before = Date.now()
      const date = await dateOf()
      expect(date).toBeGreaterThan(before - 2_000)
      expect(date).toBeLessThanOrEqual(Date.now())
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  })

  it.each([
    ['a line feed', 'X-A', 'a\r\nX-Injected: 1'],
    ['a character beyond Latin-1', 'X-A', '\u{1f600}'],
    ['a name that is no token', 'X A', 'a'],
  ])(
    'refuses %s as Node does, also once it writes by itself, and nothing of it is sent',
    async (_what, name, value) => {
      const write = createReplyWriter()
      const errors: unknown[] = []
      const port = await serve((request, response) => {
        const bad: Reply = { status: 200, headers: [identity, [name, value]], body: '' }
        try {
          write(response, request.url === '/bad' ? bad : allowed)
        } catch (error) {
          errors.push(error)
          response.writeHead(500).end()
        }
      })
      const answers = await converse(port, kept + kept + get('GET /bad HTTP/1.1') + last)
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([200, 200, 200, 500, 200].map(status => `HTTP/1.1 ${status}`))
      expect(answers).not.toContain('X-Injected')
      expect(errors).toHaveLength(1)
    },
  )

  it('looks again at a list that can still change', async () => {
    const write = createReplyWriter()
    const fields = ['X-Turn', '0']
    const port = await serve((_request, response) => {
      fields[1] = String(Number(fields[1]) + 1)
      write(response, { ...allowed, headers: [fields] })
    })
    const answers = await converse(port, kept + kept + last)
    expect(answers.match(/X-Turn: \d/g)).toEqual([1, 2, 3, 4].map(turn => `X-Turn: ${turn}`))
  })

  const ending = 'Date: Fri, 27 Nov 2026 14:12:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n'
  const own = 'HTTP/1.1 200 OK\r\nX-A: a\r\nContent-Length: 0\r\n'
  it.each([
    ['as this one does', own + ending, 1],
    ['nowhere that can be seen', undefined, 3],
    ['in another form', `HTTP/1.1 200 OK\r\nx-a: a\r\nContent-Length: 0\r\n${ending}`, 3],
    ['with another ending', `${own}Via: 1.1 a\r\n${ending}`, 3],
    ['with a connection that ends', `${own}Date: now\r\nConnection: close\r\n\r\n`, 3],
  ])('learns from a Node that writes %s, or leaves all to it', (_how, head, expected) => {
    const write = createReplyWriter()
    let byNode = 0
    for (let time = 0; time < 3; time += 1) {
      const response = {
        shouldKeepAlive: true,
        req: { method: 'GET' },
        writeHead() {
          byNode += 1
          Object.assign(this, { _header: head })
        },
        end() {},
      }
      write(response as unknown as ServerResponse, { status: 200, headers: [['X-A', 'a']], body: '' })
    }
    expect(byNode).toBe(expected)
  })

  it('never says that the connection stays when it is to end', async () => {
    const write = createReplyWriter()
    const port = await serve((request, response) => {
      if (request.url === '/last') response.shouldKeepAlive = false
      write(response, allowed)
    })
    const answers = await converse(port, kept + kept + get('GET /last HTTP/1.1') + kept)
    expect(answers.match(/Connection: [\w-]+/g)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ])
  })
})
