/**
 * Nothing that anybody sends to a page of the auth host, or to a reserved path, is answered with a 5xx while store and
 * provider are up: every route, every parameter, cookies, forms and their content types.
 */
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fc } from '../properties.ts'
import { startService, TestBrowser, type TestService } from '../service.ts'
import { payloads } from './payloads.ts'

const policy = `
p, anyone,        wiki.example.com,   /public/**, read, -, allow
p, authenticated, wiki.example.com,   /**,        *,    -, allow
p, authenticated, *.apps.example.com, /**,        *,    -, allow
`

const lists = [
  'openredirects.txt',
  'crlfinjection.txt',
  'path-traversal-directory_traversal.txt',
  'path-traversal-deep.txt',
]
const listed = lists.flatMap(name => payloads(name) ?? [])

/** Each was, somewhere, a way to make a server fail. */
const known = [
  'http://xn--a/',
  'https://xn--a.apps.example.com/',
  'http://[::1/',
  'http://a:99999/',
  'https://wiki.example.com:0x50/',
  'https://wiki.example.com/%',
  'https://wiki.example.com/%ff%fe',
  `https://${'a.'.repeat(126)}com/`,
  `https://wiki.example.com/${'%F0%9F%8F%B0'.repeat(600)}`,
  '%',
  '%zz',
  '%00',
  '%ED%A0%80',
  '%C0%AE',
  '\u{d800}',
  '\u{ffff}\u{202e}',
  '__proto__',
  'constructor',
  'toString',
  '[object Object]',
  '-1',
  '1e999',
  '9'.repeat(400),
  'null',
  '[]',
  '{"a":1}',
  'eyJhbGciOiJub25lIn0.e30.',
  'eyJhbGciOiJFUzI1NiJ9.e30.AAAA',
  'a.b.c',
  's%3Aabc.def',
  'j%3A%7B%22a%22',
  '=;=;=',
  '"',
  'a@b',
  `${'a'.repeat(300)}@corp.example`,
  'A'.repeat(7000),
] as const

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'] as const
const paths = [
  '/',
  '/login',
  '/login/remember',
  '/callback',
  '/callback/corp',
  '/callback/other',
  '/logout',
  '/signed-out',
  '/session',
  '/session/end',
  '/session/end-others',
  '/backchannel-logout/corp',
  '/backchannel-logout/other',
  '/frontchannel-logout/corp',
  '/frontchannel-logout/other',
  '/.well-known/jwks.json',
  '/.sallyport/handoff',
  '/.sallyport/sign-out',
  '/.sallyport/denied',
  '/verify/auth-request',
  '/verify/forward-auth',
] as const
const parameters = [
  'rd',
  'handoff',
  'provider',
  'state',
  'code',
  'error',
  'error_description',
  'iss',
  'sid',
  'ticket',
  'after',
  'prompt',
  'max_age',
  'acr_values',
  'amr',
  'login_hint',
  'email',
  'remember',
  'token',
  'session',
  'logout_token',
  'id_token',
  'response',
  'session_state',
  'fragment',
  '__proto__',
  'constructor',
] as const
const cookies = ['login', 'browser', 'provider', 'remember', 'step-up', ''].map(
  name => `sallyport${name === '' ? '' : '-'}${name}`,
)
const headers = [
  'Accept',
  'Origin',
  'Referer',
  'Sec-Fetch-Site',
  'Sec-Fetch-Mode',
  'User-Agent',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Uri',
  'X-Forwarded-Method',
  'X-Original-URL',
  'X-Original-Method',
  'Authorization',
  'If-None-Match',
  'If-Modified-Since',
  'Range',
  'Accept-Language',
  'X-Sallyport-Request-Id',
] as const
const contentTypes = [
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=rot13',
  'application/x-www-form-urlencoded; charset=utf-16',
  'application/x-www-form-urlencoded; charset="',
  'application/json',
  'multipart/form-data; boundary=a',
  'text/plain',
  'application/jwt',
  ';',
  '',
] as const

interface Sent {
  readonly method: string
  readonly target: string
  readonly cookies: readonly string[]
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

const value = fc.oneof(
  fc.constantFrom(...known, ...(listed.length === 0 ? ['/'] : listed)),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.uint8Array({ maxLength: 24 }).map(bytes => Buffer.from(bytes).toString('base64url')),
)
/** As one of the ways in which a client may write a value; of a text that is no Unicode the way is its own. */
const written = fc.tuple(value, fc.integer({ min: 0, max: 3 })).map(([text, way]) => {
  const encoded = encodeURIComponent(wellFormed(text))
  return [encoded, encoded.replaceAll('%', '%25'), encoded.toLowerCase(), text][way] ?? encoded
})
const pair = (names: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom('', '', '', '[]', '[a]'), written)
    .map(([name, more, text]) => `${name}${more}=${text}`)
const query = fc.array(pair(parameters), { maxLength: 5 }).map(pairs => pairs.join('&'))
const path = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...paths) },
  fc
    .tuple(fc.constantFrom('/', '/callback/', '/login/', '/backchannel-logout/', '/.sallyport/'), written)
    .map(parts => parts.join('')),
)
const body = fc.oneof(
  query.map(text => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  query.map(text => gzipSync(text)),
  fc.constantFrom(Buffer.alloc(3_000, 'a=b&'), Buffer.alloc(20_000, 'x'), Buffer.alloc(0)),
)
const sent: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom(...methods),
  target: fc.tuple(path, query).map(([where, asked]) => (asked === '' ? where : `${where}?${asked}`)),
  cookies: fc.array(pair(cookies), { maxLength: 3 }),
  headers: fc
    .tuple(
      fc.array(fc.tuple(fc.constantFrom(...headers), value), { maxLength: 3 }),
      fc.constantFrom(...contentTypes),
      fc.constantFrom('', '', '', 'gzip', 'deflate', 'br', 'rot13'),
    )
    .map(([some, type, encoding]) => [
      ...some,
      ['Content-Type', type] as const,
      ...(encoding === '' ? [] : [['Content-Encoding', encoding] as const]),
    ]),
  body,
})

/** Lone surrogates have no bytes, and become what every decoder writes for them. */
const wellFormed = (text: string): string => Buffer.from(text).toString()

/** What a request line and a header cannot hold would only be the parser's to refuse. */
const inTarget = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\p{Cc}\s]/gu, '+')
const inHeader = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/\p{Cc}/gu, '')

const patient = { timeout: 120_000 }

describe.each([
  ['asked to be remembered', true],
  ['not asked', false],
])('I10 a person who is %s', (_name, remember) => {
  let service: TestService
  /** Cookies of nobody, of somebody who is logging in, and of somebody who is logged in. */
  let visitors: readonly string[]
  let state: string
  beforeAll(async () => {
    service = await startService({
      policy,
      settings: { sessions: { remember } },
      providers: corp => [
        { ...corp, emailDomains: ['corp.example'], logout: { backChannel: true, frontChannel: true } },
        { ...corp, name: 'other', logout: { backChannel: true, frontChannel: true } },
      ],
    })
    const browser = new TestBrowser()
    const cookie = async (): Promise<string> => browser.jar.getCookieString(service.publicUrl)
    if (remember)
      await browser.request(`${service.publicUrl}/login/remember?provider=corp`, { method: 'POST', body: '' })
    const started = await browser.request(`${service.publicUrl}/login?provider=corp`)
    const authorize = started.headers.get('location') ?? ''
    state = new URL(authorize).searchParams.get('state') ?? ''
    const starting = await cookie()
    if (remember)
      await browser.request(`${service.publicUrl}/login/remember?provider=corp`, { method: 'POST', body: '' })
    const again = await browser.request(`${service.publicUrl}/login?provider=corp`)
    await browser.request(await browser.visitor.logIn(again.headers.get('location') ?? '', 'alice'))
    visitors = ['', starting, await cookie()]
    expect(visitors[2]).toContain('sallyport-login=')
  })
  afterAll(() => service.close())

  async function send(request: Sent, visitor: number): Promise<number> {
    const { host } = new URL(service.publicUrl)
    const own = visitors[visitor] ?? ''
    const cookie = [...(own === '' ? [] : [own]), ...request.cookies].join('; ')
    const lines = [
      `${request.method} ${inTarget(request.target).replaceAll('STATE', state)} HTTP/1.1`,
      `Host: ${host}`,
      'Connection: close',
      `Content-Length: ${request.body.length}`,
      ...(cookie === '' ? [] : [`Cookie: ${inHeader(cookie)}`]),
      ...request.headers.map(([name, text]) => `${name}: ${inHeader(text)}`),
    ]
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    return statusOf(service.port, Buffer.concat([head, request.body]))
  }

  /** 5xx, no answer, or a line of the log that calls a person. */
  async function expectAnswer(request: Sent, visitor: number): Promise<void> {
    const before = service.logText().length
    const status = await send(request, visitor)
    const isFine = status >= 200 && status < 500
    const complaints =
      service
        .logText()
        .slice(before)
        .match(/^.*"level":"(?:error|fatal)".*$/m) ?? []
    if (!isFine || complaints.length > 0)
      throw new Error(
        `${status}: ${JSON.stringify({ ...request, body: request.body.toString('latin1') })}\n${complaints.join('\n')}`,
      )
  }

  const plain: Omit<Sent, 'target'> = { method: 'GET', cookies: [], headers: [], body: Buffer.alloc(0) }

  it('gets an answer for every known payload in every parameter of the pages', patient, async () => {
    for (const [index, text] of known.entries()) {
      const encoded = encodeURIComponent(wellFormed(text))
      for (const where of [
        '/login',
        '/callback/corp',
        '/session',
        '/frontchannel-logout/corp',
        '/.sallyport/handoff',
      ]) {
        const asked = parameters.map(name => `${name}=${encoded}`)
        for (const one of where === '/login' ? asked : [asked.join('&').slice(0, 9000)]) {
          await expectAnswer({ ...plain, target: `${where}?${one}` }, index % 3)
        }
      }
    }
  })

  it('gets an answer for an answer of a provider that nobody gave', patient, async () => {
    for (const text of known) {
      const encoded = encodeURIComponent(wellFormed(text)).slice(0, 6000)
      for (const name of ['code', 'error', 'iss', 'response']) {
        const browser = new TestBrowser()
        if (remember) await browser.request(`${service.publicUrl}/login/remember`, { method: 'POST', body: '' })
        const started = await browser.request(`${service.publicUrl}/login?provider=corp`)
        const fresh = new URL(started.headers.get('location') ?? '').searchParams.get('state') ?? ''
        const cookie = await browser.jar.getCookieString(service.publicUrl)
        await expectAnswer(
          { ...plain, cookies: [cookie], target: `/callback/corp?state=${fresh}&${name}=${encoded}` },
          0,
        )
      }
    }
  })

  it('gets an answer for each line of the lists', patient, async () => {
    for (const [index, line] of listed.entries()) {
      const name = parameters[index % parameters.length] ?? ''
      const where = paths[index % paths.length] ?? ''
      await expectAnswer({ ...plain, target: `${where}?${name}=${encodeURIComponent(line)}` }, index % 3)
    }
  })

  const form = 'application/x-www-form-urlencoded'
  it.each([
    ['a charset that nobody has', `${form}; charset=rot13`, '', 'a=b', 415],
    ['an encoding that nobody has', form, 'rot13', 'a=b', 415],
    ['what is not the encoding that it says', form, 'gzip', 'a=b', 400],
    ['more than a form can hold', form, '', 'x'.repeat(20_000), 413],
  ])(
    'hears about %s in a form, and the log gets one line without a stack',
    async (_what, type, encoding, text, status) => {
      const ofEncoding = encoding === '' ? [] : [['Content-Encoding', encoding] as const]
      const posted = {
        ...plain,
        method: 'POST',
        headers: [['Content-Type', type] as const, ...ofEncoding],
        body: Buffer.from(text),
      }
      for (const target of ['/login?provider=corp', '/logout', '/session/end', '/backchannel-logout/corp']) {
        const before = service.logText().length
        expect([target, await send({ ...posted, target }, 2)]).toEqual([target, status])
        const lines = service
          .logText()
          .slice(before)
          .split('\n')
          // What was sent before is told of together, ten seconds later.
          .filter(line => line !== '' && !/"level":"debug"|"times":/.test(line))
        expect(lines.map(line => (JSON.parse(line) as { level: string }).level)).toEqual(['warn'])
        expect(lines[0]).not.toMatch(/stack|rot13/)
      }
    },
  )

  it('gets an answer for anything', patient, async () => {
    await fc.assert(fc.asyncProperty(sent, fc.integer({ min: 0, max: 2 }), expectAnswer), {
      numRuns: 1_500,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: false,
    })
  })
})

/** 0: the connection ended without an answer. */
function statusOf(port: number, bytes: Buffer): Promise<number> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('latin1').on('data', chunk => {
      answer += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)))
  })
}
