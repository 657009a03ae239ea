/** What HAProxy tells the check of a request is what the application gets of it, whatever bytes a client sends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { requirePeer } from '../../peers.ts'
import { handshake, send } from '../tunnels.ts'
import { allowing, closing, judgePublic, type Lab, refusing, startLab, statusesOf, talk } from './lab.ts'

const isAbsent = requirePeer('haproxy') === undefined
const body = 'x'.repeat(900_000)

/** Each hides a request for /secrets, for one who reads lengths in another way than HAProxy. */
const hidden = 'GET /secrets HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n'
const smuggled: readonly (readonly [string, string, string])[] = [
  ['a length and chunks', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`],
  [
    'chunks and a length',
    `Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length + 5}\r\n`,
    `0\r\n\r\n${hidden}`,
  ],
  ['chunks in two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${hidden}`],
  ['chunks of another kind', 'Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`],
  ['chunks behind a tab', 'Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`],
  ['chunks behind an odd byte', 'Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`],
  ['a space before the colon', 'Transfer-Encoding : chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`],
  ['two lengths', `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n`, hidden],
  ['a list of lengths', `Content-Length: 0, ${hidden.length}\r\n`, hidden],
  ['a length with a sign', `Content-Length: +${hidden.length}\r\n`, hidden],
  ['an empty length', `Content-Length:\r\n`, hidden],
  ['a chunk size too large', 'Transfer-Encoding: chunked\r\n', `10000000000000000\r\n\r\n${hidden}`],
  ['a chunk size with 0x', 'Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${hidden}`],
  ['a bare line feed', 'X: y\nContent-Length: 0\r\n', hidden],
  ['a bare carriage return', 'X: y\rContent-Length: 0\r\n', hidden],
  ['a length in an underscore form', `Content_Length: ${hidden.length}\r\n`, hidden],
  ['a trailer', 'Transfer-Encoding: chunked\r\n', `0\r\nX: y\r\nRemote-User: admin\r\n\r\n${hidden}`],
]

const targets = [
  '/public/page',
  '/public//page',
  '/public/%2e%2e/secrets',
  '/public/../secrets',
  '/public/a%2fb%2Fc',
  '/public/%41%zz%',
  '/public/a;b=c?d=%00&e=/../',
  '/public/?',
  '/public?x=1?y=2',
  '/public/%c3%a4%ff',
  '/public/!$&\'()*+,:@[]|^`{}<>"',
  '//public/page',
  '/public/\\secrets',
  '/public/\xe4\xf6',
  '/public/\x7f',
  '/public/#/secrets',
]

describe.skipIf(isAbsent)('a request through HAProxy', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await startLab({ judge: judgePublic })
  })
  afterAll(() => lab?.stop())
  afterEach(() => {
    lab.judge = judgePublic
    for (const list of [lab.reached, lab.checks]) list.splice(0)
  })

  it.each([900, 1_000, 1_001, 1_100, 3_980, 4_001, 9_000])(
    'A31 with %i further lines of headers is asked about whole, or refused',
    async count => {
      lab.judge = ({ first }) => (first('x-waf-verdict') === 'block' ? refusing(403) : allowing())
      const headers = Array.from({ length: count }, (_, place) => `X-${place}:\r\n`).join('')
      for (const lines of [`${headers}X-Waf-Verdict: block\r\n`, `X-Waf-Verdict: block\r\n${headers}`]) {
        const expected = count < 1_000 ? [403] : [431, 400]
        expect(expected).toContain(statusesOf(await talk(lab.port, closing('GET /public HTTP/1.1', lines)))[0])
      }
      expect(lab.reached).toEqual([])
      expect(statusesOf(await talk(lab.port, closing('GET /public HTTP/1.1')))).toEqual([200])
    },
  )

  it('A32 is judged by itself: what was allowed, given or set before on the connection is gone', async () => {
    lab.judge = check =>
      check.uri === '/public/first' ? allowing({ 'Remote-User': 'alice' }, 'Set-Cookie: a=1\r\n') : judgePublic(check)
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: wiki.localhost\r\nAccept: application/json\r\n\r\n`
    const paths = ['/public/first', '/secrets', '/public/second?bob', '/public/third']
    const answer = await talk(lab.port, `${paths.map(ask).join('')}${closing('GET /secrets HTTP/1.1')}`)
    expect(statusesOf(answer)).toEqual([200, 403, 200, 200, 403])
    expect(answer.match(/set-cookie: a=1/gi)).toHaveLength(1)
    expect([...answer.matchAll(/\["remote-user","(\w+)"\]/gi)].map(([, user]) => user)).toEqual(['alice', 'bob'])
    expect(lab.reached.map(({ target }) => target)).toEqual(paths.filter(path => path !== '/secrets'))
  })

  it('A32 is let through by no permission of the one before, where its own check fails', async () => {
    lab.judge = ({ uri }) => (uri === '/public/fault' ? refusing(200) : allowing())
    const first = 'GET /public/first HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n'
    const answer = await talk(lab.port, `${first}${closing('GET /public/fault HTTP/1.1')}`)
    expect(statusesOf(answer)).toEqual([200, expect.toSatisfy((status: number) => status >= 500)])
    expect(lab.reached.map(({ target }) => target)).toEqual(['/public/first'])
  })

  it('A32 is judged by itself behind one that is refused with a body of its own', async () => {
    const refused = `POST /secrets HTTP/1.1\r\nHost: wiki.localhost\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`
    const answer = await talk(lab.port, `${refused}${closing('GET /secrets HTTP/1.1')}`)
    expect(new Set(statusesOf(answer))).toEqual(new Set([403]))
    expect(lab.reached).toEqual([])
  })

  it.each(targets)('A33 for %j is asked about as the application gets it, or refused', async target => {
    lab.judge = () => allowing()
    const [status] = statusesOf(await talk(lab.port, closing(`GET ${target} HTTP/1.1`)))
    expect([200, 400]).toContain(status)
    expect(lab.reached.map(one => one.target)).toEqual(status === 200 ? [target] : [])
    if (status === 200) expect(lab.checks.map(({ uri }) => uri)).toEqual([target])
  })

  it.each([
    'GET http://wiki.localhost/public HTTP/1.1',
    'GET http://payroll.localhost/public HTTP/1.1',
    'GET http://auth.localhost/public HTTP/1.1',
    'GET HTTP://wiki.localhost/public HTTP/1.0',
    'CONNECT wiki.localhost:80 HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET wiki.localhost/public HTTP/1.1',
    'GET /public HTTP/1.1 HTTP/1.1',
    'GET /public HTTP/2.0',
    'GET /public HTTP/3.0',
    'GET http://payroll.localhost/public HTTP/2.0',
    'GET http://wiki.localhost/public HTTP/2.0',
    'GET /public',
  ])('A33 that begins with %j reaches nobody', async line => {
    const [status = 400] = statusesOf(await talk(lab.port, closing(line)))
    expect(status).toBeGreaterThanOrEqual(400)
    expect([lab.reached, lab.checks]).toEqual([[], []])
  })

  it('A33 of a site whose name is written otherwise goes where its check went, or nowhere', async () => {
    lab.judge = () => allowing()
    for (const host of [
      'WIKI.localhost',
      'wiki.localhost:1',
      'wiki.localhost.',
      'wiki.localhost,evil',
      'x@wiki.localhost',
    ]) {
      const answer = await talk(lab.port, `GET /public HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      const [reached] = lab.reached.splice(0)
      expect([host, statusesOf(answer)[0]]).toEqual([
        host,
        reached === undefined ? expect.toSatisfy(s => s >= 400) : 200,
      ])
      const asked = lab.checks.splice(0).map(({ first }) => first('x-forwarded-host'))
      if (reached !== undefined) expect([asked, reached.headers]).toEqual([[host], expect.arrayContaining([host])])
    }
  })

  it.each(smuggled)('A35 with %s hides no other one', async (_name, headers, rest) => {
    const bytes = `POST /public/first HTTP/1.1\r\nHost: wiki.localhost\r\n${headers}\r\n${rest}`
    await talk(lab.port, `${bytes}${closing('GET /secrets HTTP/1.1')}`)
    expect(lab.reached.filter(({ target }) => target !== '/public/first')).toEqual([])
    expect(lab.reached.flatMap(one => one.headers)).not.toContain('admin')
  })

  it('brings its body through untouched, in one piece or in chunks, announced or not', async () => {
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    for (const [headers, sent] of [
      [`Content-Length: ${body.length}\r\n`, body],
      [`Content-Length: ${body.length}\r\nExpect: 100-continue\r\n`, body],
      ['Transfer-Encoding: chunked\r\n', chunks],
      ['Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n', chunks],
    ] as const) {
      const answer = await talk(lab.port, closing('PUT /public/upload HTTP/1.1', headers, sent))
      expect([headers, answer]).toEqual([headers, expect.stringContaining(`"bodyLength":${body.length}`)])
      expect(answer.startsWith('HTTP/1.1 100')).toBe(headers.includes('Expect'))
    }
    expect(lab.checks.flatMap(({ lines }) => lines.map(([name]) => name))).not.toContain('expect')
  })

  it('keeps its repeated headers apart and in order, for the check and for the application', async () => {
    const lines = 'X-One: a\r\nX-Two: b\r\nX-One: c, d\r\nX-One:\r\n'
    const answer = await talk(lab.port, closing('GET /public HTTP/1.0', lines))
    expect(statusesOf(answer)).toEqual([200])
    expect(lab.checks[0]?.lines.filter(([name]) => name === 'x-one').map(([, value]) => value)).toEqual([
      'a',
      'c, d',
      '',
    ])
    const { headers = [] } = lab.reached[0] ?? {}
    expect(headers.filter((_, place) => headers[place - 1]?.toLowerCase() === 'x-one')).toEqual(['a', 'c, d', ''])
  })

  it('tells the check of no header that nobody sent', async () => {
    const own = [
      'host',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-method',
      'x-forwarded-proto',
      'x-forwarded-uri',
    ]
    const names = async (headers: string) => {
      await talk(lab.port, closing('GET /public HTTP/1.1', headers))
      return lab.checks.splice(0).flatMap(({ lines }) => lines.map(([name]) => name).sort())
    }
    expect(await names('')).toEqual(own)
    expect(await names('Accept: a\r\nTE: trailers\r\nKeep-Alive: 1\r\n')).toEqual(['accept', ...own])
    expect(await names('User-Agent: b\r\nX-Sallyport-Absent: user-agent\r\n')).toEqual([
      'host',
      'user-agent',
      ...own.slice(1),
    ])
  })

  it('that is refused is answered with the page, the cookies and the headers of the check', async () => {
    const headers =
      'Location: https://auth.localhost/login?a=b,c\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Odd:\r\n'
    for (const status of [302, 303, 401, 403, 431, 503]) {
      lab.judge = () => refusing(status, `${headers}Connection: X-Odd\r\n`, 'the page')
      const answer = await talk(lab.port, closing('GET /public HTTP/1.1'))
      expect([status, statusesOf(answer)]).toEqual([status, [status]])
      for (const line of headers.trim().split('\r\n')) expect(answer.toLowerCase()).toContain(line.toLowerCase())
      expect(answer.endsWith('\r\n\r\nthe page')).toBe(true)
      expect(answer.toLowerCase()).not.toContain('connection: x-odd')
      const head = await talk(lab.port, closing('HEAD /public HTTP/1.1'))
      expect([statusesOf(head), head.endsWith('\r\n\r\n')]).toEqual([[status], true])
    }
    expect(lab.reached).toEqual([])
  })

  it('for a WebSocket is asked about as one, in each spelling of its words', async () => {
    for (const [from, to] of [
      ['', ''],
      ['Connection: Upgrade', 'Connection: keep-alive, UPGRADE'],
      ['Upgrade: websocket', 'Upgrade: WebSocket'],
    ] as const) {
      const { status, socket } = await send(lab.port, handshake('http://wiki.localhost', '/public').replace(from, to))
      socket.destroy()
      const [check] = lab.checks.splice(0)
      expect([to, status, check?.first('upgrade')]).toEqual([to, 101, 'websocket'])
    }
  })
})
