/** Messages that say nothing, or two things, or too much: each is an answer that denies. */
import { describe, expect, it } from 'vitest'
import { createAuthorization } from '../../app/ext-authz/authorization.ts'
import { readCheckRequest } from '../../app/ext-authz/check-request.ts'
import { writeCheckResponse } from '../../app/ext-authz/check-response.ts'
import type { Executor } from '../../app/fronts/executor.ts'
import type { Subrequest } from '../../app/fronts/front.ts'
import { fc } from '../properties.ts'
import { decode, encode, requestAbout } from './client.ts'

const limits = { maxHeaderLines: 1000, maxHeaderBytes: 32 * 1024 }
const url = 'https://wiki.example.com/a?b=1'
const read = (message: object) => readCheckRequest(encode(message), limits)
const withHttp = (http: object) => requestAbout({ url, http })

describe('a message', () => {
  it('is the method, the target and the lines of the request, byte for byte', () => {
    const headers = [
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-b', '\u00e4\u00ff'],
    ] as const
    expect(read(requestAbout({ url, headers, method: 'VERSION-CONTROL' }))).toEqual({
      method: 'VERSION-CONTROL',
      target: '/a?b=1',
      rawHeaders: [
        ...['x-forwarded-proto', 'https', 'x-a', '1', 'x-a', '2', 'x-b', '\u00e4\u00ff'],
        ...[':authority', 'wiki.example.com', ':scheme', 'https', ':source', '203.0.113.9'],
      ],
    })
  })

  it('is the same with headers that are joined, and with a query that stands alone', () => {
    const joined = { header_map: null, headers: { ':path': '/a?b=1', cookie: 'a=1' }, path: '/a', query: 'b=1' }
    expect(read(withHttp(joined))).toMatchObject({
      target: '/a?b=1',
      rawHeaders: ['cookie', 'a=1', ':authority', ...Array(5).fill(expect.any(String))],
    })
  })

  it.each([
    ['is empty', {}],
    ['has no request', { attributes: {} }],
    ['has no request of HTTP', { attributes: { request: {} } }],
    ['has a fragment', withHttp({ fragment: 'a' })],
    ['states the query twice', withHttp({ query: 'b=1' })],
    ['has a path that is not that of the headers', withHttp({ path: '/public' })],
    ['has a method that is not that of the headers', withHttp({ method: 'POST' })],
    ['has a host that is not that of the headers', withHttp({ host: 'evil.example' })],
    ['states headers in both forms', withHttp({ headers: { cookie: 'a=1' } })],
    ['has a path that Envoy may have mended', withHttp({ header_map: null, headers: {}, path: '/a!' })],
    [
      'has a header of two values',
      withHttp({ header_map: { headers: [{ key: 'a', value: '1', raw_value: Buffer.from('2') }] } }),
    ],
  ])('A21 that %s is refused', (_what, message) => {
    expect(() => read(message)).toThrow()
  })

  it('A22 with more headers than are read is refused whole', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, at) => [`x-${at}`, ''] as const)
    expect(read(requestAbout({ url, headers: lines(999) })).rawHeaders.length).toBe(2 * (1000 + 3))
    expect(() => read(requestAbout({ url, headers: lines(1001) }))).toThrow('headers')
    expect(() => read(requestAbout({ url, headers: [['x-a', 'x'.repeat(33_000)]] }))).toThrow('bytes')
  })

  it('A21 of any bytes at all is denied, and ends nothing', () => {
    const asked: Subrequest[] = []
    const execute: Executor = subrequest => {
      asked.push(subrequest)
      return { status: subrequest.method === 'GET' ? 200 : 400, headers: [], body: '' }
    }
    const { Check } = createAuthorization({ execute, limits, onRefused: () => {} })
    const answerTo = (request: Buffer) => {
      let answer: Buffer | undefined
      const call = { request, cancelled: false, getPeer: () => '127.0.0.1:1' }
      ;(Check as (call: object, done: (error: unknown, bytes: Buffer) => void) => void)(call, (_error, bytes) => {
        answer = bytes
      })
      return decode(answer as Buffer)
    }
    const whole = encode(requestAbout({ url }))
    expect(answerTo(whole).status.code).toBe(0)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(answerTo(Buffer.from(bytes)).http_response).toBe('denied_response')
      }),
      { numRuns: 2_000 },
    )
    for (let length = 0; length < whole.length; length += 1) {
      const { status, http_response: kind } = answerTo(whole.subarray(0, length))
      expect([length, status.code === 0, kind]).toEqual([length, false, 'denied_response'])
    }
  })
})

describe('an answer', () => {
  it('sets a cookie beside those of the application where it is an allow', () => {
    const { ok_response: allowed } = decode(
      writeCheckResponse({ status: 200, headers: [['Set-Cookie', 'a=; Max-Age=0', 'Remote-User', '']], body: '' }),
    )
    expect(allowed).toMatchObject({
      headers: [],
      headers_to_remove: ['remote-user'],
      response_headers_to_add: [{ header: { key: 'set-cookie', value: 'a=; Max-Age=0' }, append: { value: true } }],
    })
  })

  it('A24 says a value byte for byte, and none that is no UTF-8 or more than bytes', () => {
    const written = (value: string) => writeCheckResponse({ status: 200, headers: [['Cookie', value]], body: '' })
    expect(written('a=d\u00c3\u00a4rk').includes(Buffer.from('a=d\u00c3\u00a4rk', 'latin1'))).toBe(true)
    expect(decode(written('a=d\u00c3\u00a4rk')).ok_response?.headers[0]?.header.value).toBe('a=d\u00e4rk')
    for (const value of ['d\u00e4rk', '\u010a', 'a\u{1f600}']) expect(() => written(value)).toThrow('no UTF-8')
  })

  it.each([0, 100, 201, 204, 299, 302, 400, 401, 403, 404, 414, 431, 500, 503])(
    'A21 of status %i is no allow',
    status => {
      const { status: code, http_response: kind } = decode(writeCheckResponse({ status, headers: [], body: '' }))
      expect([code.code === 0, kind]).toEqual([false, 'denied_response'])
    },
  )

  it('A21 of whatever throws, rejects or cannot be written is no allow', async () => {
    const fails = () => {
      throw new TypeError('a bug')
    }
    const executors: readonly Executor[] = [
      fails,
      async () => fails(),
      () => ({ status: 200, headers: [null as never], body: '' }),
    ]
    for (const execute of executors) {
      const { Check } = createAuthorization({ execute, limits, onRefused: () => {} })
      const bytes = await new Promise<Buffer>(resolve =>
        (Check as (call: object, done: (error: unknown, bytes: Buffer) => void) => void)(
          { request: encode(requestAbout({ url })), cancelled: false, getPeer: () => '127.0.0.1:1' },
          (_error, answer) => resolve(answer),
        ),
      )
      expect(decode(bytes)).toMatchObject({
        http_response: 'denied_response',
        denied_response: { status: { code: 500 } },
      })
    }
  })
})
