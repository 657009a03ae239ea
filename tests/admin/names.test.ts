/** Under which names the admin listener answers: a page whose own name was pointed at it (DNS rebinding) reads nothing. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startService, type TestService } from '../service.ts'

const policy = 'p, authenticated, wiki.example.com, /**, *, -, allow\n'
const paths = ['/healthz', '/readyz', '/metrics', '/policy', '/sessions?all=true', '/explain/x', '/', '/workers']

let service: TestService
beforeAll(async () => {
  service = await startService({ policy, settings: { admin: { hosts: ['Metrics.internal'] } } })
})
afterAll(() => service.close())

/** One request with exactly this Host; `undefined`: none at all, as only a program can send it. */
async function ask(path: string, host: string | undefined, method = 'GET', more: string[][] = []): Promise<number> {
  const version = host === undefined ? 'HTTP/1.0' : 'HTTP/1.1'
  const hosts = host === undefined ? [] : [['Host', host]]
  return statusOf(service.adminPort, `${method} ${path} ${version}`, [...hosts, ...more])
}

function statusOf(port: number, requestLine: string, headers: string[][], body = ''): Promise<number> {
  const text = `${requestLine}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}Connection: close\r\n\r\n${body}`
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', data => {
      answer += String(data)
    })
    socket.on('error', reject).on('close', () => resolve(Number(answer.split(' ')[1] ?? 0)))
  })
}

describe('the admin listener', () => {
  it.each([
    ['localhost:9181'],
    ['LOCALHOST'],
    ['sallyport.localhost:1'],
    ['127.0.0.1:9181'],
    ['[::1]:9181'],
    ['10.1.2.3:9181'],
    ['metrics.internal:9181'],
    ['METRICS.INTERNAL'],
    [undefined],
  ])('answers what collects metrics as %s', async host => {
    expect([await ask('/metrics', host), await ask('/healthz', host), await ask('/readyz', host)]).toEqual([
      200, 200, 200,
    ])
  })

  it.each([
    ['rebound.evil.example'],
    ['rebound.evil.example:9181'],
    ['localhost.evil.example'],
    ['localhost.'],
    ['127.0.0.1.evil.example'],
    ['127.1'],
    ['2130706433'],
    ['0x7f.0.0.1'],
    ['metrics.internal.evil.example'],
    ['notmetrics.internal'],
    ['metrics.internal@evil.example'],
    ['evil.example#metrics.internal'],
    [''],
    ['[::1'],
  ])('I11 answers 421 as %s, whatever is asked', async host => {
    for (const path of paths) expect([path, await ask(path, host)]).toEqual([path, 421])
    expect(
      await ask('/policy/reload', host, 'POST', [
        ['Content-Type', 'application/json'],
        ['Content-Length', '0'],
      ]),
    ).toBe(421)
  })

  it('answers a body that cannot be read with the status of the mistake, and logs one line without a stack', async () => {
    const before = service.logText().length
    const json = ['Content-Type', 'application/json']
    const cases = [
      [[json, ['Content-Length', '2000']], 413],
      [[json, ['Content-Length', '2']], 400],
      [
        [
          ['Content-Type', 'application/json; charset=rot13'],
          ['Content-Length', '2'],
        ],
        415,
      ],
      [[json, ['Content-Encoding', 'rot13'], ['Content-Length', '2']], 415],
      [
        [
          ['Content-Type', 'text/plain'],
          ['Content-Length', '2'],
        ],
        415,
      ],
    ] as const
    for (const [headers, status] of cases) {
      const length = headers.find(([name]) => name === 'Content-Length')?.[1]
      const body = '{'.padEnd(Number(length), ' ')
      const lines = [['Host', 'localhost'], ...headers].map(([name, value]) => [name ?? '', value ?? ''])
      expect([status, await statusOf(service.adminPort, 'POST /policy/reload HTTP/1.1', lines, body)]).toEqual([
        status,
        status,
      ])
    }
    const written = service.logText().slice(before)
    expect(written).not.toMatch(/stack|rot13/)
    expect(written.match(/cannot be read/g)).toHaveLength(4)
  })
})
