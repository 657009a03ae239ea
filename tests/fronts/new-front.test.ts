/**
 * A new proxy is one file and one line: `tests/fronts/toy-front.ts` is such a file. Its line in the table gives it an
 * endpoint, a label in the metrics and a word in audit events, and nothing else has to know of it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authRequest } from '../../app/fronts/auth-request.ts'
import type { FrontKind, FrontSettings } from '../../app/fronts/front.ts'
import { createFrontRoutes } from '../../app/fronts/front-routes.ts'
import { fronts } from '../../app/fronts/fronts.ts'
import { header, navigation, startService, type TestService } from '../service.ts'
import { toy } from './toy-front.ts'

const wiki = 'https://wiki.example.com'
const policy = `
p, group:ops, wiki.example.com, /**,        *,    -, allow
p, anyone,    wiki.example.com, /public/**, read, -, allow
`

describe('a front of one file', () => {
  let world: TestService
  beforeAll(async () => {
    world = await startService({ policy, fronts: [...fronts, toy] })
  })
  afterAll(() => world.close())

  const ask = (path: string, headers: readonly (readonly [string, string])[] = []) =>
    world.send('GET /verify/toy HTTP/1.1', [['X-Toy', `GET ${wiki}${path}`], ...headers])
  const metrics = async () => (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()

  it('is asked on its endpoint, and judges as every other one does', async () => {
    const cookie = await world.logIn('alice', `${wiki}/a`)
    const answer = await ask('/a', [['Cookie', cookie]])
    expect(answer.status).toBe(200)
    expect(header(answer, 'remote-email')).toBe('alice@example.com')
    expect((await ask('/a')).status).toBe(418)
    expect((await ask('/a', navigation)).status).toBe(418)
  })

  it('is the word of its audit events and the label of its metrics', async () => {
    const before = await metrics()
    expect(before).toContain('sallyport_refused_total{front="toy",code="ERR_REQUEST_MALFORMED"} 0')
    const answer = await ask('/public/a')
    expect(await world.eventOf(answer)).toMatchObject({ event: 'access.allowed', front: 'toy' })
    expect(await metrics()).toMatch(/sallyport_checks_total\{front="toy",effect="allow",reason="rule-matched"\} [1-9]/)
    const twice = await ask('/public/a', [['X-Toy', 'GET x']])
    expect(twice.status).toBe(400)
    expect(await world.eventOf(twice)).toMatchObject({ event: 'access.refused', front: 'toy' })
    expect(await metrics()).toContain('sallyport_refused_total{front="toy",code="ERR_REQUEST_MALFORMED"} 1')
  })

  it('answers reserved paths in place, and has no other path', async () => {
    expect((await ask('/.sallyport/handoff')).status).toBe(403)
    for (const path of ['/verify/toys', '/verify/to', '/verify/Toy', '/verify/'])
      expect((await world.send(`GET ${path} HTTP/1.1`, [['X-Toy', `GET ${wiki}/public/a`]])).status).not.toBe(200)
  })
})

describe('a table of fronts', () => {
  const routesOf = (kinds: readonly FrontKind[]) =>
    createFrontRoutes(
      kinds,
      { identityHeaderNames: new Set<string>() } as unknown as FrontSettings,
      {} as never,
      (_execute, front) => front,
    )
  const named = (name: string, isRoutedHere = false): FrontKind => ({ ...toy, name, isRoutedHere })

  it('says what is answered where', () => {
    const { exact, below } = routesOf([...fronts, toy])
    expect([...exact]).toEqual([
      ['/verify/auth-request', 'auth-request'],
      ['/.sallyport/denied', 'auth-request'],
      ['/.sallyport/form', 'auth-request'],
      ['/verify/forward-auth', 'forward-auth'],
      ['/verify/ext-authz', 'ext-authz'],
      ['/verify/toy', 'toy'],
    ])
    expect(below).toEqual([
      { prefix: '/.sallyport/', endpoint: 'auth-request' },
      { prefix: '/verify/ext-authz/', endpoint: 'ext-authz' },
    ])
    expect(routesOf([toy]).below).toEqual([])
  })

  it.each(['', 'Toy', 'toy/../x', 'toy"', 'a b', '-toy', 'täy'])('takes no name such as %j', name => {
    expect(() => routesOf([named(name)])).toThrow('names of fronts')
  })

  it('takes no name twice, and one front at most to which reserved paths are routed', () => {
    expect(() => routesOf([...fronts, named('forward-auth')])).toThrow('each once')
    expect(() => routesOf([authRequest, named('toy', true)])).toThrow('reserved paths')
  })
})
