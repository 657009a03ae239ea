/** `log.level: debug`: each step of a check and of a login is told, and nothing in it opens anything. */
import { afterEach, describe, expect, it } from 'vitest'
import { header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const policy =
  'p, group:ops, wiki.example.com, /admin/**, *, -, allow\np, authenticated, wiki.example.com, /notes/**, read, -, allow\n'
const page = 'https://wiki.example.com/notes/today?token=hush-hush-4711'

let world: TestService
afterEach(() => world.close())

type Line = Readonly<Record<string, unknown>>
const lines = (): readonly Line[] =>
  world
    .logText()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
const debugOf = (requestId: string | undefined): readonly Line[] =>
  lines().filter(({ level, requestId: of }) => level === 'debug' && of === requestId)

describe('the story of a request', () => {
  it('is told at debug, from its arrival to its answer', async () => {
    world = await startService({ policy, settings: { log: { level: 'debug' } } })
    const denied = await world.ask('auth-request', { url: page, headers: navigation })
    expect(lines()).toContainEqual(
      expect.objectContaining({
        msg: 'check arrived',
        front: 'auth-request',
        peer: '127.0.0.1',
        path: '/verify/auth-request',
      }),
    )
    const told = debugOf(header(denied, 'x-sallyport-request-id'))
    expect(told).toMatchObject([
      {
        msg: 'check read',
        domain: 'wiki.example.com',
        resource: '/notes/today',
        action: 'GET',
        clientAddress: '203.0.113.9',
      },
      { msg: 'asker known', who: 'anonymous' },
      {
        msg: 'decided',
        decision: { effect: 'challenge', reason: 'user-unauthenticated', revision: expect.any(String) },
      },
      { msg: 'check answered', status: 401 },
    ])
    // What is told is also done.
    const id = header(denied, 'x-sallyport-request-id')
    const explained = await fetch(`http://127.0.0.1:${world.adminPort}/explain/${id}`)
    expect(explained.status).toBe(200)
    // The log is written in the breaks of the service, and another event may be there: that its policy was loaded.
    await expect.poll(() => world.auditEvents().filter(({ requestId }) => requestId === id)).toHaveLength(1)
  })

  it('goes on with a login: each call to the provider, each event, each page', async () => {
    world = await startService({ policy, settings: { log: { level: 'debug' } } })
    const browser = new TestBrowser()
    const cookie = await world.logIn('alice', page, browser)
    const allowed = await world.ask('auth-request', { url: page, cookie })
    expect(debugOf(header(allowed, 'x-sallyport-request-id'))).toMatchObject([
      { msg: 'check read' },
      { msg: 'asker known', who: 'user', subject: `${world.provider.issuer}#alice`, session: expect.any(String) },
      { msg: 'decided', decision: { effect: 'allow', rule: 'policy.csv:2' } },
      { msg: 'check answered', status: 200 },
    ])
    const of = (wanted: string) => lines().filter(({ msg }) => msg === wanted)
    expect(of('provider answered').map(({ path, status }) => [path, status])).toEqual(
      expect.arrayContaining([
        ['/.well-known/openid-configuration', 200],
        ['/token', 200],
      ]),
    )
    expect(of('event').map(({ event }) => event)).toEqual(
      expect.arrayContaining(['login.started', 'login.succeeded', 'session.handed-off']),
    )
    await expect
      .poll(() => of('page answered').map(({ path, status }) => [path, status]))
      .toEqual(expect.arrayContaining([['/callback/corp', 303]]))
    const secrets = [
      cookie.split('=')[1] ?? '',
      'hush-hush-4711',
      'the client secret of a test',
      ...(await cookiesOf(browser)),
    ]
    for (const secret of secrets) expect(world.logText().includes(secret), secret.slice(0, 4)).toBe(false)
    expect(world.logText()).not.toMatch(/code=(?!\[redacted)|ticket=(?!\[redacted)|state=(?!\[redacted)/)
  })

  it('is not told at info, where nothing stands in the way of a check', async () => {
    world = await startService({ policy, settings: { log: { level: 'info' } } })
    const cookie = await world.logIn('alice', page)
    await world.ask('auth-request', { url: page, cookie })
    expect(lines().filter(({ level }) => level === 'debug')).toEqual([])
  })
})

const cookiesOf = async ({ jar }: TestBrowser): Promise<readonly string[]> =>
  (await jar.getCookies(world.publicUrl)).map(({ value }) => value).filter(value => value.length > 8)
