/** What got through once, by the id of its abuse case. */
import type { FuzzCase, RawRequest } from './fuzz-case.ts'

interface KnownCase {
  readonly id: string
  readonly name: string
  readonly fuzzCase: FuzzCase
}

/** On a connection of its own, with one more request behind it that ends it. */
function alone(headers: readonly string[], more: Partial<RawRequest> = {}): FuzzCase {
  const request = { method: 'GET', version: ' HTTP/1.1', eol: '\r\n', body: '' } as const
  const lines = ['Host: wiki.localhost:<<port>>', 'X-Mark: <<m>>']
  return {
    requests: [
      { ...request, target: ['/<<m>>/public/a'], headers: [...lines, ...headers], ...more },
      { ...request, target: ['/<<m>>'], headers: [...lines, 'Connection: close'] },
    ],
    isDoubtful: true,
  }
}

const alice = 'Cookie: <<alice@wiki>>'
const handshake = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
const hidden = 'GET /<<i>>/a HTTP/1.1\r\nHost: wiki.localhost\r\nX-Mark: <<i>>\r\n\r\n'

export const knownCases: readonly KnownCase[] = [
  {
    id: 'A40',
    name: 'a session in two lines of cookies',
    fuzzCase: alone(['Cookie: a=b', 'cookie: x=1; <<alice@wiki>>; y=2', alice]),
  },
  {
    id: 'A40',
    name: 'a session in the second line of cookies, on a page for everybody',
    fuzzCase: alone(['Cookie: a=b', alice]),
  },
  {
    id: 'A41',
    name: 'what only Sallyport says',
    fuzzCase: alone([
      alice,
      ...['Cookie', 'Request-Id', 'Reason', 'Bearer', 'Redirect'].map(name => `X-Sallyport-${name}: forged`),
    ]),
  },
  {
    id: 'A42',
    name: 'a handshake that names who is asking in Connection',
    fuzzCase: alone([alice, 'Connection: Upgrade, Remote-User, X-Sallyport-Assertion', ...handshake]),
  },
  {
    id: 'A42',
    name: 'a handshake that names its own key in Connection',
    fuzzCase: alone([alice, 'Connection: Upgrade, Sec-WebSocket-Key', ...handshake]),
  },
  {
    id: 'A43',
    name: 'a body in chunks that are called identity as well',
    fuzzCase: alone([alice, 'Transfer-Encoding: identity, chunked'], {
      method: 'POST',
      target: ['/<<m>>/a'],
      body: `0\r\n\r\n${hidden}`,
    }),
  },
  {
    id: 'A43',
    name: 'a body with a length and in chunks',
    fuzzCase: alone([alice, 'Content-Length: 4', 'Transfer-Encoding: chunked'], {
      method: 'POST',
      target: ['/<<m>>/a'],
      body: `0\r\n\r\n${hidden}`,
    }),
  },
]
