/** A: whom to believe. The parsing itself is in tests/fronts, the proxies' part in tests/proxies. */
import { once } from 'node:events'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asksOf, type FrontName } from '../dialects.ts'
import { dialectHeaders } from '../raw-exchange.ts'
import { header, navigation, type TestService } from '../service.ts'
import { payloads } from './payloads.ts'
import { expectAnonymous, expectDenied, fronts, startWorld, wiki } from './world.ts'

let world: TestService
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

/** The header of a dialect that holds the path, for a page that is open to anybody. */
const carrierOf = (front: FrontName) => asksOf(front, { method: 'GET', url: `${wiki}/public/a` }).at(-1) ?? ['', '']

describe.each(fronts)('%s', (front: FrontName) => {
  it('A01 A15 refuses a peer that is no trusted proxy, and reflects nothing of what it claims', async () => {
    const stranger = await startWorld({ settings: { server: { trustedProxies: ['192.0.2.1'] } } })
    try {
      const forged = [['Remote-User', 'alice']] as const
      const answer = await stranger.ask(front, { url: `${wiki}/public/a`, headers: forged })
      expectDenied(answer)
      expect(answer.status).toBe(403)
      expect(JSON.stringify([...answer.headers])).not.toContain('alice')
      expect(await stranger.eventOf(answer)).toMatchObject({ event: 'access.refused', code: 'ERR_PROXY_UNTRUSTED' })
    } finally {
      await stranger.close()
    }
  })

  it('A02 A03 judges the address in its own headers, whatever the other dialect says', async () => {
    const others = [
      ['X-Original-URI', '/public/a'],
      ['X-Rewrite-URL', '/public/a'],
      ...(front === 'auth-request'
        ? [
            ['X-Forwarded-Uri', '/public/a'],
            ['X-Forwarded-Host', 'wiki.example.com'],
            ['X-Forwarded-Method', 'GET'],
          ]
        : [
            ['X-Original-URL', `${wiki}/public/a`],
            ['X-Original-Method', 'GET'],
          ]),
    ] as unknown as readonly (readonly [string, string])[]
    expectDenied(await world.ask(front, { url: `${wiki}/admin`, headers: others }))
  })

  // Where the check is the request itself, its Host is the one of the request.
  it.runIf(front !== 'ext-authz')(
    'C10 judges the host of its own headers, whatever the Host header of the subrequest is',
    async () => {
      const statusOf = async (path: string, host: string) => {
        const headers = { ...Object.fromEntries(dialectHeaders(front, { url: `${wiki}${path}` })), host }
        const [response] = await once(get({ port: world.port, path: `/verify/${front}`, headers }), 'response')
        response.resume()
        return response.statusCode
      }
      expect(await statusOf('/admin', 'a.apps.example.com')).toBe(401)
      expect(await statusOf('/public/a', 'unknown.example.com')).toBe(200)
    },
  )

  it('A04 A05 ignores aliases with underscores, and counts them', async () => {
    const aliases = [
      ['X_Forwarded_Uri', '/public/a'],
      ['x_original_url', `${wiki}/public/a`],
    ] as const
    expectDenied(await world.ask(front, { url: `${wiki}/admin`, headers: aliases }))
    const metrics = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
    expect(metrics).toMatch(new RegExp(`sallyport_ignored_headers_total\\{front="${front}"\\} [1-9]`))
  })

  it('A06 refuses a header that comes twice, even with the same value', async () => {
    const repeated = [carrierOf(front)]
    const answer = await world.ask(front, { url: `${wiki}/public/a`, headers: repeated })
    expect(answer.status).toBe(400)
  })

  it('A07 refuses a list where one value belongs', async () => {
    const answer = await world.ask(front, { url: 'https://wiki.example.com, evil.com/public/a' })
    expect(answer.status).toBe(400)
  })

  it('A08 A09 refuses every scheme but http and https', async () => {
    for (const scheme of ['javascript', 'https ,http', 'ws', 'HTTPS,', 'ftp', 'data']) {
      const answer = await world.ask(front, { url: `${scheme}://wiki.example.com/public/a` })
      expect(answer.status, scheme).toBe(400)
    }
  })

  it('A10 never uses X-Forwarded-Prefix, X-Forwarded-Port or Forwarded', async () => {
    const spoofed = [
      ['X-Forwarded-Prefix', '/public'],
      ['X-Forwarded-Port', '1'],
      ['Forwarded', 'host=apps.example.com;proto=https'],
    ] as const
    expectDenied(await world.ask(front, { url: `${wiki}/admin`, headers: spoofed }))
    expectAnonymous(await world.ask(front, { url: `${wiki}/public/a`, headers: spoofed }))
  })

  it('A11 refuses a Connection header that would make a hop drop our headers', async () => {
    for (const named of [carrierOf(front)[0], 'Remote-User', 'X-Sallyport-Assertion']) {
      const answer = await world.ask(front, { url: `${wiki}/public/a`, headers: [['Connection', `close, ${named}`]] })
      expect(answer.status, named).toBe(400)
    }
  })

  it('A12 A13 takes the address that a trusted hop appended, and no other, for a network condition', async () => {
    const cookie = await world.logIn('carol', `${wiki}/`)
    const from = (value: string) =>
      world.ask(front, { url: `${wiki}/office`, cookie, headers: [['X-Forwarded-For', value]] })
    expect((await from('198.51.100.7')).status).toBe(200)
    for (const spoofed of [
      '198.51.100.7, 203.0.113.5',
      'a',
      '',
      '198.51.100.7:99',
      '[::1]',
      '198.51.100.7 ',
      '198.51.100.7,,',
    ]) {
      if (spoofed.trim() === '198.51.100.7') continue
      expect((await from(spoofed)).status, spoofed).toBe(403)
    }
    expect((await from(`${'198.51.100.7,'.repeat(900)}198.51.100.7`)).status).toBe(403)
  })

  it('A16 refuses control characters, folded lines and raw bytes in the address', async () => {
    for (const bad of ['/public/\u0001a', '/public/\u007fa', '/public/a\tb', '/public/\u00e9', '/public/a b']) {
      const answer = await world.ask(front, { url: `${wiki}${bad}` })
      expect(answer.status, JSON.stringify(bad)).toBe(400)
    }
    const folded = await world.ask(front, { url: `${wiki}/public/a`, headers: [['X-A', 'b\r\n folded']] })
    expectDenied(folded)
  })

  const lines = payloads('crlfinjection.txt')
  it.runIf(lines !== undefined)(
    'A16 answers every line of the list of CRLF injections without splitting its answer',
    async () => {
      for (const line of lines ?? []) {
        const path = line.startsWith('/') ? line : `/${line}`
        const answer = await world.ask(front, { url: `${wiki}/admin${path}`, headers: navigation })
        expect(answer.status, line).not.toBe(200)
        expect(header(answer, 'location') ?? '', line).not.toMatch(/[\r\n]/)
        expect([...answer.headers.keys()], line).not.toContain('set-cookie2')
        expect(answer.body, line).not.toMatch(/<script>/i)
      }
    },
  )
})
