/** B, C, D: what was asked for. The canonicaliser's own cases are in tests/decisions; here the service answers them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processorMsOf } from '../pace.ts'
import { header, navigation, type TestService } from '../service.ts'
import { payloads } from './payloads.ts'
import { expectAnonymous, expectDenied, fronts, startWorld, wiki } from './world.ts'

let world: TestService
let alice: string
let bob: string
beforeAll(async () => {
  world = await startWorld()
  alice = await world.logIn('alice', `${wiki}/`)
  bob = await world.logIn('bob', `${wiki}/`)
})
afterAll(() => world.close())

describe.each(fronts)('%s', front => {
  const get = (path: string, cookie = '') =>
    world.ask(front, { url: `${wiki}${path}`, ...(cookie === '' ? {} : { cookie }) })

  it.each([
    ['B01', '/public/../admin'],
    ['B02', '/public/%2e%2e/admin'],
    ['B02', '/public/%2E./admin'],
    ['B02', '/public/.%2e/admin'],
    ['B03', '/public/..%2fadmin'],
    ['B03', '/public/..%2Fadmin'],
    ['B03', '/public/..%5cadmin'],
    ['B04', '/admin%252f..%252fpublic'],
    ['B05', '//admin'],
    ['B05', '///admin'],
    ['B05', '/public//../admin'],
    ['B06', '/./admin'],
    ['B06', '/admin/.'],
    ['B06', '/admin/'],
    ['B07', '/public/..;/admin'],
    ['B07', '/admin;x=1'],
    ['B07', '/admin%3bx'],
    ['B08', '/public\\..\\admin'],
    ['B09', '/ad\tmin'],
    ['B10', '/admin#/public/'],
    ['B11', '/admin?x=/public/'],
    ['B11', '/admin?/../public/'],
    ['B12', '/%c0%ae%c0%ae/admin'],
    ['B12', '/admin%'],
    ['B12', '/admin%zz'],
    ['B12', '/admin%00'],
    ['B12', '/admin%u002e'],
    ['B16', '/admin%20'],
    ['B16', '/admin.'],
    ['B16', '/admin.json'],
  ])('%s does not let Bob through with %s', async (_id, path) => {
    const answer = await get(path, bob)
    expectDenied(answer, path)
  })

  it('B01 B02 dot segments are refused even for those who may open both pages', async () => {
    for (const path of ['/public/../admin', '/admin/../public/a', '/admin/%2e%2e/public/a', '/./admin', '/admin/.']) {
      expect((await get(path, alice)).status, path).toBe(400)
    }
  })

  it('B05 B06 are the same page for Alice, who may', async () => {
    for (const path of ['//admin', '/admin//', '/admin/', '/admin']) {
      const answer = await get(path, alice)
      expect(answer.status, path).toBe(200)
      expect(world.auditEvents().length).toBeGreaterThan(0)
    }
  })

  it('B19 what was matched is what is logged', async () => {
    const event = await world.eventOf(await get('/public/%7euser//x/%e2%82%ac'))
    expect(event).toMatchObject({ event: 'access.allowed', resource: '/public/~user/x/%E2%82%AC' })
  })

  const traversal = [
    ...(payloads('path-traversal-directory_traversal.txt') ?? []),
    ...(payloads('path-traversal-deep.txt') ?? []),
  ]
  it.runIf(traversal.length > 0)(
    'B no line of the traversal lists gets from the public path to another',
    async () => {
      const allowed = new Map<string, string>()
      for (const path of traversal.flatMap(line => [`/public/${line}`, `/public/${line}/admin`])) {
        const answer = await get(path)
        if (answer.status === 200) allowed.set(header(answer, 'x-sallyport-request-id') ?? '', path)
        else expectDenied(answer, path)
      }
      await expect.poll(() => eventsOf(allowed).length).toBe(allowed.size)
      for (const event of eventsOf(allowed)) {
        expect(String(event.resource), allowed.get(String(event.requestId))).toMatch(/^\/public(\/|$)/)
      }
    },
    120_000,
  )

  const eventsOf = (requests: ReadonlyMap<string, string>) =>
    world.auditEvents().filter(event => requests.has(String(event.requestId)))

  it('B14 B15 sees no likeness between letters: fullwidth, other case', async () => {
    for (const path of ['/Admin', '/ADMIN', '/%EF%BD%81dmin', '/admin%EF%BC%8F']) {
      expect((await get(path, alice)).status, path).toBe(403)
    }
  })

  it('B17 answers overlong addresses at once', async () => {
    for (const length of [8_200, 30_000, 64_000]) {
      const answer = async () => expectDenied(await get(`/public/${'a'.repeat(length)}`))
      expect(await processorMsOf(answer)).toBeLessThan(2_000)
    }
  })

  it('C01 C02 C03 know a host in every spelling', async () => {
    for (const host of ['WIKI.Example.COM', 'wiki.example.com.', 'wiki.example.com:443']) {
      expectAnonymous(await world.ask(front, { url: `https://${host}/public/a` }), host)
      expectDenied(await world.ask(front, { url: `https://${host}/admin` }), host)
    }
    expect((await world.ask(front, { url: 'https://wiki.example.com../public/a' })).status).toBe(400)
  })

  it.each([
    'wiki.example.com@evil.com',
    'evil.com#wiki.example.com',
    'user:p@wiki.example.com',
    'wiki.example.com:',
    'wiki.example.com:0x50',
    'wiki..example.com',
    '.wiki.example.com',
    'wiki_example.com',
    '\u00ff.example.com',
    '127.1',
    '0x7f.1',
    '',
  ])('C04 C07 C08 C11 refuses the host %j', async host => {
    expect((await world.ask(front, { url: `https://${host}/public/a` })).status).toBe(400)
  })

  it.each(['evilapps.example.com', 'apps.example.com', 'x.apps.example.com.evil.tld', 'xapps.example.com'])(
    'C05 C09 knows no rule for %s, and denies',
    async host => {
      expect((await world.ask(front, { url: `https://${host}/` })).status).toBe(403)
    },
  )

  it('C05 a wildcard covers what is below it, at any depth', async () => {
    for (const host of ['a.apps.example.com', 'a.b.apps.example.com']) {
      expectAnonymous(await world.ask(front, { url: `https://${host}/` }), host)
    }
  })

  it('D01 judges the original method', async () => {
    expectAnonymous(await world.ask(front, { url: `${wiki}/public/a` }))
    expectDenied(await world.ask(front, { method: 'POST', url: `${wiki}/public/a` }))
  })

  it('D02 refuses what is no method', async () => {
    for (const method of ['get', 'GET\tX', 'GET$$GET', 'A'.repeat(1024), 'GET,POST', '']) {
      expect((await world.ask(front, { method, url: `${wiki}/public/a` })).status, method).toBe(400)
    }
  })

  it('D08 CONNECT names no path, so no rule can allow it', async () => {
    for (const url of [`${wiki}/`, `${wiki}/public/a`, `${wiki}/all/a`]) {
      // Where the method is that of the check itself, the connection ends without an answer: to Envoy that is an error, and no pass.
      const refused = front === 'ext-authz' ? 0 : 400
      expect((await world.ask(front, { method: 'CONNECT', url })).status, url).toBe(refused)
    }
  })

  it('D03 D05 D07 overrides count for nothing, HEAD reads, odd methods have no rule', async () => {
    const override = [['X-HTTP-Method-Override', 'GET']] as const
    expectDenied(await world.ask(front, { method: 'DELETE', url: `${wiki}/public/a`, headers: override }))
    expectAnonymous(await world.ask(front, { method: 'HEAD', url: `${wiki}/public/a` }))
    for (const method of ['TRACE', 'MKCOL', 'VERSION-CONTROL', 'M-SEARCH']) {
      expectDenied(await world.ask(front, { method, url: `${wiki}/public/a` }), method)
    }
  })

  it('D04 an OPTIONS that is no preflight has no door of its own', async () => {
    expectDenied(await world.ask(front, { method: 'OPTIONS', url: `${wiki}/admin` }))
  })

  it('D06 a WebSocket without a session is 401, and one of a foreign page is refused even with one', async () => {
    const handshake = [
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['Sec-WebSocket-Version', '13'],
      ...navigation,
    ] as const
    const anonymous = await world.ask(front, { url: `${wiki}/admin`, headers: [...handshake, ['Origin', wiki]] })
    expect(anonymous.status).toBe(401)
    expect(header(anonymous, 'x-sallyport-redirect')).toBeUndefined()
    const foreign = [...handshake, ['Origin', 'https://evil.example']] as const
    expect((await world.ask(front, { url: `${wiki}/admin`, cookie: alice, headers: foreign })).status).toBe(403)
    const own = [...handshake, ['Origin', wiki]] as const
    expect((await world.ask(front, { url: `${wiki}/admin`, cookie: alice, headers: own })).status).toBe(200)
  })
})

it('D08 a target that is no path is answered by no page, so that no proxy takes it for an allow', async () => {
  const keys = '/.well-known/jwks.json'
  expect((await world.send(`GET ${keys} HTTP/1.1`, [])).status).toBe(200)
  for (const target of [`http://y${keys}`, `http://127.0.0.1:${world.port}${keys}`, `//y${keys}`, '*', 'y']) {
    expect((await world.send(`GET ${target} HTTP/1.1`, [])).status, target).not.toBe(200)
  }
})
