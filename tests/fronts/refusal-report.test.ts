/** What an operator sees of subrequests that cannot be judged: which address, which rule, and not a line for each. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { asOperational } from '../../app/errors.ts'
import { createExecutor } from '../../app/fronts/executor.ts'
import { fronts } from '../../app/fronts/fronts.ts'
import { createRefusalReport } from '../../app/fronts/refusal-report.ts'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import { asksOf, lineOf } from '../dialects.ts'

const at = (url: string) => `https://wiki.example.com${url}`

interface Line {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
}

let events: Readonly<Record<string, unknown>>[]
let lines: Line[]

beforeEach(() => {
  events = []
  lines = []
  vi.useFakeTimers({ toFake: ['setTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const level = (name: string) => (fields: object) => void lines.push({ level: name, fields: { ...fields } })
const report = () =>
  createRefusalReport({
    audit: { write: event => void events.push({ ...event }), flush: async () => undefined },
    logger: { warn: level('warn'), error: level('error'), debug: level('debug') },
    count: () => undefined,
  })

describe.each(fronts.map(kind => [kind.name, kind] as const))('%s', (name, { create }) => {
  function ask(onRefused: ReturnType<typeof report>, url: string, peerAddress = '127.0.0.1') {
    const front = create({
      trustedProxies: createTrustedProxies(['127.0.0.0/8']),
      identityHeaderNames: new Set(['remote-user']),
      webSocketOrigins: new Set(),
      canonical: {},
      deniedPages: () => ({ html: '', contentSecurityPolicy: '' }),
      formPages: () => ({ html: '', contentSecurityPolicy: '' }),
    })
    const never = (): never => expect.unreachable('nothing of this may be judged')
    const execute = createExecutor(front, {
      verify: never,
      handoff: { answer: never, denied: never },
      pages: () => ({ error: never }),
      newRequestId: () => 'r1',
      onRefused,
      onAliases: () => undefined,
    })
    const original = { method: 'GET', url }
    return execute({ ...lineOf(name, original), rawHeaders: asksOf(name, original).flat(), peerAddress })
  }

  it.each([
    ['/a%2Fb?token=hush', '/a%2Fb', 'the path holds an encoded slash'],
    ['/public/../admin?x', '/public/../admin', 'the path holds a dot segment'],
    ['/a%00b', '/a%00b', 'the path holds a control character'],
    ['/a;b=1', '/a;b=1', 'the path holds a matrix parameter'],
  ])('%s', (target, path, detail) => {
    ask(report(), at(target))
    const why = { detail, askedFor: at(path) }
    expect(events).toEqual([
      { event: 'access.refused', requestId: 'r1', front: name, code: 'ERR_REQUEST_MALFORMED', ...why },
    ])
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { requestId: 'r1', front: name, code: 'ERR_REQUEST_MALFORMED', ...why, times: 1 },
      },
    ])
  })

  it('says nothing of a query, a fragment or a password, and not more than 500 characters', () => {
    const onRefused = report()
    ask(onRefused, 'https://alice:hush@wiki.example.com/a%2Fb?token=hush')
    ask(onRefused, at('/a%2Fb#hush?hush'))
    ask(onRefused, at(`/a%2F${'x'.repeat(2_000)}`))
    const all = JSON.stringify([events, lines])
    expect(all).not.toContain('hush')
    expect(all).not.toContain('alice')
    const texts = events.map(({ askedFor }) => String(askedFor))
    expect(Math.max(...texts.map(({ length }) => length))).toBe(501)
  })

  it('has one line for a burst, with how many there were, and the last of them', () => {
    const onRefused = report()
    for (const count of [1, 2, 3]) ask(onRefused, at(`/a%2F${count}`))
    ask(onRefused, at('/a/../b'))
    expect(events).toHaveLength(4)
    const told = () => lines.map(({ fields }) => [fields.askedFor, fields.times])
    const first = [
      [at('/a%2F1'), 1],
      [at('/a/../b'), 1],
    ]
    expect(told()).toEqual(first)
    vi.advanceTimersByTime(10_000)
    expect(told()).toEqual([...first, [at('/a%2F3'), 2]])
    vi.advanceTimersByTime(60_000)
    expect(told()).toHaveLength(3)
  })

  it('names a proxy that is not trusted, once for as many as there are', () => {
    const onRefused = report()
    for (const last of [1, 2, 3]) ask(onRefused, at('/'), `203.0.113.${last}`)
    expect(lines).toMatchObject([
      {
        level: 'warn',
        fields: { code: 'ERR_PROXY_UNTRUSTED', detail: 'peer 203.0.113.1 is not a trusted proxy', times: 1 },
      },
    ])
    expect(events.map(({ detail }) => detail)).toContain('peer 203.0.113.3 is not a trusted proxy')
  })
})

it('says of other failures no more than their code, as their words may quote what came', () => {
  const onRefused = report()
  const refusal = { front: 'auth-request', requestId: 'r1' }
  for (const code of ['ERR_BEARER_INVALID', 'ERR_STORE_UNAVAILABLE'] as const)
    onRefused({ ...refusal, code, error: asOperational(undefined, code, 'hush') })
  onRefused({ ...refusal, code: 'ERR_REQUEST_MALFORMED', error: new Error('hush') })
  expect(JSON.stringify(events)).not.toContain('hush')
  expect(lines.map(line => line.level)).toEqual(['debug', 'error', 'debug'])
})
