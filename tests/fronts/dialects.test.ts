/** Each dialect reads its own headers, once, from a trusted peer, and nothing else. */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { extAuthz } from '../../app/fronts/ext-authz.ts'
import { forwardAuth } from '../../app/fronts/forward-auth.ts'
import type { Front, FrontSettings, ParsedSubrequest } from '../../app/fronts/front.ts'
import { fronts } from '../../app/fronts/fronts.ts'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import { asksOf, asksOfOthers, type FrontName, type Headers, lineOf } from '../dialects.ts'

const settings: FrontSettings = {
  trustedProxies: createTrustedProxies(['127.0.0.0/8']),
  identityHeaderNames: new Set(['remote-user', 'remote-groups']),
  webSocketOrigins: new Set(['https://partner.example.org']),
  canonical: {},
  deniedPages: () => ({ html: '', contentSecurityPolicy: '' }),
  formPages: () => ({ html: '', contentSecurityPolicy: '' }),
}
const original = { method: 'GET', url: 'https://wiki.example.com/a?b=1' }
const elsewhere = { method: 'POST', url: 'http://evil.example/public' }

function parse(front: Front, headers: Headers, peerAddress = '127.0.0.1'): ParsedSubrequest {
  const line = lineOf(front.name as FrontName, original)
  return front.parse({ ...line, rawHeaders: headers.flat(), peerAddress })
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof OperationalError) return error.code
    throw error
  }
  return undefined
}

describe.each(fronts.map(kind => [kind.name, kind] as const))('%s', (own, { create }) => {
  const front = create(settings)
  const asks = asksOf(own, original)
  const carriers = asks.map(([name]) => name)
  const without = (name: string): Headers => asks.filter(([header]) => header !== name)
  const replaced = (name: string, value: string): Headers => [...without(name), [name, value]]

  /** The same question about another method, which one dialect states in the line of the request itself. */
  const parseMethod = (method: string, more: Headers = []) => {
    const asked = { ...original, method }
    const rawHeaders = [...asksOf(own, asked), ...more].flat()
    return front.parse({ ...lineOf(own, asked), rawHeaders, peerAddress: '127.0.0.1' })
  }

  it('rebuilds the original request', () => {
    const { request } = parse(front, asks)
    expect(request).toEqual({
      domain: 'wiki.example.com',
      resource: '/a',
      action: 'GET',
      url: 'https://wiki.example.com/a?b=1',
    })
  })

  it('A01 A15 refuses a peer that is no trusted proxy, whatever it says', () => {
    expect(codeOf(() => parse(front, asks, '203.0.113.9'))).toBe('ERR_PROXY_UNTRUSTED')
    expect(codeOf(() => parse(front, [...asks, ['Remote-User', 'alice']], ''))).toBe('ERR_PROXY_UNTRUSTED')
  })

  it.each(carriers)('needs %s: missing, empty and repeated are malformed (A06, D01)', name => {
    expect(codeOf(() => parse(front, without(name)))).toBe('ERR_REQUEST_MALFORMED')
    expect(codeOf(() => parse(front, replaced(name, '')))).toBe('ERR_REQUEST_MALFORMED')
    const [, value] = asks.find(([header]) => header === name) ?? ['', '']
    expect(codeOf(() => parse(front, [...asks, [name, value]]))).toBe('ERR_REQUEST_MALFORMED')
    expect(codeOf(() => parse(front, [...asks, [name.toLowerCase(), value]]))).toBe('ERR_REQUEST_MALFORMED')
  })

  it('A02 A03 A10 ignores the headers of every other dialect', () => {
    const foreign: Headers = [
      ['X-Original-URI', '/public'],
      ['X-Rewrite-URL', '/public'],
      ['X-Forwarded-Prefix', '/public'],
      ['X-Forwarded-Port', '1'],
      ['Forwarded', 'host=evil.example;proto=http'],
      // What two dialects read is stated by both; it may come once.
      ...asksOfOthers(own, elsewhere).filter(([name]) => !carriers.includes(name)),
    ]
    expect(parse(front, [...asks, ...foreign]).request).toEqual(parse(front, asks).request)
  })

  it('A04 A05 never reads an underscore alias, and counts it', () => {
    const aliases: Headers = [
      ['X_Forwarded_Host', 'evil.example'],
      ['x_original_url', 'https://evil.example/'],
      ['X-Forwarded_Uri', '/public'],
    ]
    expect(parse(front, [...asks, ...aliases]).request).toEqual(parse(front, asks).request)
    expect(parse(front, [...asks, ...aliases]).headers.aliasCount).toBe(3)
    expect(parse(front, asks).headers.aliasCount).toBe(0)
  })

  it('A11 refuses a Connection header that names what the proxy wrote', () => {
    for (const named of [...carriers, 'Remote-User', 'X-Forwarded-For', 'Cookie']) {
      const headers: Headers = [...asks, ['Connection', `close, ${named}`]]
      expect(
        codeOf(() => parse(front, headers)),
        named,
      ).toBe('ERR_REQUEST_MALFORMED')
    }
    expect(codeOf(() => parse(front, [...asks, ['Connection', 'keep-alive, TE']]))).toBeUndefined()
  })

  it('D02 takes capital letters only for a method', () => {
    for (const method of ['get', 'GET ', 'GET\tX', 'GET$$GET', 'G'.repeat(1024), 'GET,POST']) {
      expect(
        codeOf(() => parseMethod(method)),
        method,
      ).toBe('ERR_REQUEST_MALFORMED')
    }
  })

  it('D03 takes no notice of a method override', () => {
    expect(parseMethod('DELETE', [['X-HTTP-Method-Override', 'GET']]).request.action).toBe('DELETE')
  })

  it('joins several Cookie headers, as HTTP/2 clients send them', () => {
    expect(parse(front, [...asks, ['Cookie', 'a=1'], ['cookie', 'b=2']]).cookie).toBe('a=1; b=2')
    expect(parse(front, asks).cookie).toBe('')
  })

  describe('a person is waiting', () => {
    const accept: readonly [string, string] = ['Accept', 'text/html,application/xhtml+xml,*/*;q=0.8']

    it('when a browser navigates', () => {
      expect(parse(front, [...asks, accept]).isInteractive).toBe(true)
      expect(parse(front, [...asks, accept, ['Sec-Fetch-Mode', 'navigate']]).isInteractive).toBe(true)
      // In an app of Android, whose name stands there, or whatever the app says instead.
      for (const app of ['com.example.app', 'browser', 'Example', '', 'fetch', 'XMLHttpRequest2']) {
        expect(parse(front, [...asks, accept, ['X-Requested-With', app]]).isInteractive, app).toBe(true)
      }
    })

    it.each([
      ['asks for JSON', [['Accept', 'application/json']]],
      ['says nothing of HTML', [['Accept', '*/*']]],
      ['is an XHR', [accept, ['X-Requested-With', 'XMLHttpRequest']]],
      ['is an XHR of a library with letters of its own', [accept, ['X-Requested-With', 'xmlHttpRequest']]],
      [
        'is a script by another word',
        [
          ['Accept', 'text/html'],
          ['X-Requested-With', 'fetch'],
          ['Sec-Fetch-Mode', 'cors'],
        ],
      ],
      ['is a script in an app', [accept, ['X-Requested-With', 'com.example.app'], ['Sec-Fetch-Mode', 'cors']]],
      ['is a fetch', [accept, ['Sec-Fetch-Mode', 'cors']]],
    ] as const)('but not when the request %s', (_what, extra) => {
      expect(parse(front, [...asks, ...extra]).isInteractive).toBe(false)
    })

    it('but not when the method is POST', () => {
      expect(parseMethod('GET', [accept]).isInteractive).toBe(true)
      expect(parseMethod('POST', [accept]).isInteractive).toBe(false)
    })
  })

  it.each([
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Connection', 'keep-alive, upgrade'],
    ['Connection', 'keep-alive,UPGRADE '],
    ['Sec-WebSocket-Key', ''],
    ['Sec-WebSocket-Key1', '1'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Protocol', 'chat'],
    ['Sec-WebSocket-Extensions', 'permessage-deflate'],
    ['Sec-Fetch-Mode', 'websocket'],
  ])('J90 is an upgrade by one sign alone: %s: %s', (name, value) => {
    expect(parse(front, [...asks, [name, value]]).isUpgrade).toBe(true)
  })

  it.each([
    ['Connection', 'keep-alive'],
    ['Connection', 'close, x-upgrade, upgrade-insecure-requests'],
    ['Upgrade-Insecure-Requests', '1'],
    ['Sec-Fetch-Mode', 'navigate'],
  ])('is none by %s: %s', (name, value) => {
    expect(parse(front, [...asks, [name, value]]).isUpgrade).toBe(false)
  })

  describe('a WebSocket handshake', () => {
    const handshake: Headers = [
      ['Accept', 'text/html'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['Sec-WebSocket-Version', '13'],
    ]

    it('D06 is never redirected', () => {
      expect(parse(front, [...asks, ...handshake]).isInteractive).toBe(false)
    })

    it('D06 may come from its own origin, from a listed one, or from a program', () => {
      for (const origin of ['https://wiki.example.com', 'https://partner.example.org']) {
        expect(
          codeOf(() => parse(front, [...asks, ...handshake, ['Origin', origin]])),
          origin,
        ).toBeUndefined()
      }
      expect(codeOf(() => parse(front, [...asks, ...handshake]))).toBeUndefined()
    })

    it('D09 no other protocol than a WebSocket is switched to, however it is written', () => {
      const wanted = (...values: string[]) =>
        codeOf(() => parse(front, [...asks, ...values.map(value => ['Upgrade', value] as const)]))
      for (const value of ['websocket', 'WebSocket', ' websocket\t'])
        expect([value, wanted(value)]).toEqual([value, undefined])
      const others = [
        'h2c',
        'H2C',
        'h2c, websocket',
        'websocket, h2c',
        'websocket,',
        'websocket/13',
        'websocket;h2c',
        'TLS/1.0',
        '"websocket"',
        'web\u017focket',
        '',
      ]
      for (const value of others) expect([value, wanted(value)]).toEqual([value, 'ERR_REQUEST_MALFORMED'])
      expect(wanted('websocket', 'h2c')).toBe('ERR_REQUEST_MALFORMED')
      expect(wanted('websocket', 'websocket')).toBe('ERR_REQUEST_MALFORMED')
      expect(codeOf(() => parse(front, [...asks, ['HTTP2-Settings', 'AAMAAABkAAQAAP__']]))).toBeUndefined()
    })

    it.each([
      'https://evil.example',
      'http://wiki.example.com',
      'https://wiki.example.com:8443',
      'null',
      'https://wiki.example.com.evil.example',
    ])('D06 is refused from %s', origin => {
      expect(codeOf(() => parse(front, [...asks, ...handshake, ['Origin', origin]]))).toBe('ERR_ORIGIN_FOREIGN')
      expect(codeOf(() => parse(front, [...asks, ['Upgrade', 'websocket'], ['Origin', origin]]))).toBe(
        'ERR_ORIGIN_FOREIGN',
      )
    })
  })
})

describe('ext-authz', () => {
  const front = extAuthz.create(settings)
  const asks = asksOf('ext-authz', original)
  const targeted = (target: string, headers: Headers = asks) =>
    front.parse({ method: 'GET', target, rawHeaders: headers.flat(), peerAddress: '127.0.0.1' })
  const codeOfTarget = (target: string) => codeOf(() => targeted(target))

  it('A19 judges exactly what follows its own path', () => {
    expect(targeted('/verify/ext-authz/verify/ext-authz/a?b=/c').request).toMatchObject({
      resource: '/verify/ext-authz/a',
      url: 'https://wiki.example.com/verify/ext-authz/a?b=/c',
    })
    expect(targeted('/verify/ext-authz//a').request.resource).toBe('/a')
  })

  it.each([
    '/verify/ext-authz',
    '/verify/ext-authz?a=/b',
    '/verify/ext-authz*',
    '/verify/ext-authz#/a',
    '/verify/ext-authzed/a',
    '/Verify/ext-authz/a',
    '//verify/ext-authz/a',
    '/verify//ext-authz/a',
    '/verify/ext-authz/../../a',
    '/verify/ext-authz/%2e%2e/a',
    'http://wiki.example.com/verify/ext-authz/a',
    '/a',
    '',
  ])('A19 refuses the target %j, which states no path below it', target => {
    expect(codeOfTarget(target)).toBe('ERR_REQUEST_MALFORMED')
  })

  it('A20 takes host and scheme from Host and X-Forwarded-Proto alone', () => {
    const more: Headers = [
      [':authority', 'evil.example'],
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Envoy-Original-Path', '/public'],
      ['X-Envoy-Original-Host', 'evil.example'],
      ['X-Forwarded-Uri', '/public'],
    ]
    expect(targeted('/verify/ext-authz/a?b=1', [...asks, ...more]).request).toEqual(parse(front, asks).request)
    for (const value of ['wiki.example.com, evil.example', 'wiki.example.com@evil.example', 'wiki.example.com/a']) {
      const headers: Headers = [['Host', value], ...asks.slice(1)]
      expect([value, codeOf(() => targeted('/verify/ext-authz/a', headers))]).toEqual([value, 'ERR_REQUEST_MALFORMED'])
    }
  })
})

describe('forward-auth', () => {
  const front = forwardAuth.create(settings)
  const asks = asksOf('forward-auth', original)
  const replaced = (name: string, value: string): Headers => [
    ...asks.filter(([header]) => header !== name),
    [name, value],
  ]

  it.each(['javascript', 'https ,http', 'https, http', 'HTTPS:', 'ws', ' https'])(
    'A09 refuses the scheme %s',
    scheme => {
      expect(codeOf(() => parse(front, replaced('X-Forwarded-Proto', scheme)))).toBe('ERR_REQUEST_MALFORMED')
    },
  )

  it.each([
    'good.example.com, evil.com',
    'good.example.com,evil.com',
    'a b',
    'user@wiki.example.com',
    'wiki.example.com/x',
  ])('A07 C04 refuses the host %s', host => {
    expect(codeOf(() => parse(front, replaced('X-Forwarded-Host', host)))).toBe('ERR_REQUEST_MALFORMED')
  })

  it.each(['https://evil.com/', '//evil.com/a', 'a', '*', '?x'])('B13 refuses or collapses the target %s', target => {
    const code = codeOf(() => parse(front, replaced('X-Forwarded-Uri', target)))
    if (code === undefined)
      expect(parse(front, replaced('X-Forwarded-Uri', target)).request.domain).toBe('wiki.example.com')
    else expect(code).toBe('ERR_REQUEST_MALFORMED')
  })

  it.each(['/a\u0001b', '/a\tb', '/a\u0080b', '/a\\b'])('A16 refuses control and raw characters in %j', target => {
    expect(codeOf(() => parse(front, replaced('X-Forwarded-Uri', target)))).toBe('ERR_REQUEST_MALFORMED')
  })

  it('B17 answers an overlong target quickly with its own code', () => {
    expect(codeOf(() => parse(front, replaced('X-Forwarded-Uri', `/${'a'.repeat(9000)}`)))).toBe('ERR_REQUEST_TOO_LONG')
    expect(codeOf(() => parse(front, replaced('X-Forwarded-Uri', `/${'a'.repeat(64_000)}`)))).toBe(
      'ERR_REQUEST_TOO_LONG',
    )
  })
})
