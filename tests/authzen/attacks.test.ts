/** What somebody tries who asks, or asks in somebody's place. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type AskOptions, about, type QuestionWorld, startQuestions } from './world.ts'

const policy = `
p, client:apps/payroll,   authzen, /app:todo,         *, -, allow
p, client:apps/payroll,   authzen, /wiki.example.com, evaluate|search, -, allow
p, client:apps/payroll,   authzen, /other.example.com, evaluate, -, allow
p, client:apps/plain,     authzen, /**,               evaluate|search, -, allow
p, authenticated,         authzen, /secret.example.com, *, -, deny
p, user:ISSUER#alice,     app:todo, /todo/*,          can_read, -, allow
p, user:ISSUER#alice,     app:todo, /todo/a%252Fb,    can_read, -, deny
p, group:ops,             app:todo, /todo/*,          can_delete, -, allow
p, group:contractors,     app:todo, /todo/2,          can_read, -, deny
p, user:ISSUER#bob,       app:todo, /todo/*,          can_read, -, allow
p, user:ISSUER#alice,     wiki.example.com, /pages/**, read, -, allow
p, user:ISSUER#alice,     wiki.example.com, /admin/**, *, -, deny
p, user:ISSUER#bob,       wiki.example.com, /pages/**, read, -, allow
p, user:ISSUER#alice,     secret.example.com, /**,    *, -, allow
`
const todo = { name: 'todo', types: ['todo'], actions: ['can_read', 'can_delete'] }
const usual = about('user:alice', 'can_read', 'todo:1')

let world: QuestionWorld
beforeAll(async () => {
  world = await startQuestions(policy, {
    applications: [todo],
    hosts: [{ host: 'wiki.example.com', bearerFrom: ['apps'] }],
  })
})
afterAll(() => world.close())

const ask = (message: unknown, options?: AskOptions) => world.question('evaluation', message, options)

describe('who asks', () => {
  const without: readonly (readonly [string, () => string | undefined])[] = [
    ['J148 without a token', () => undefined],
    ['J148 with what is no token', () => 'nonsense'],
    ['J148 with a token for hosts', () => world.token('payroll', { aud: 'sallyport' })],
    ['J148 with a token that has expired', () => world.token('payroll', { exp: 1_700_000_000 })],
    [
      'J148 with a token for somebody else as well',
      () => world.token('payroll', { aud: ['x', 'https://auth.example.com/access'] }),
    ],
  ]
  it.each(without)('%s: 401, and nothing is judged', async (_, tokenOf) => {
    const before = world.auditEvents().length
    const { status, headers, body } = await ask(usual, { token: tokenOf() })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toMatch(/^Bearer/)
    expect(body).toEqual(expect.any(String))
    expect(
      world
        .auditEvents()
        .slice(before)
        .filter(({ front }) => front === 'authzen'),
    ).toEqual([])
  })

  it('J148 a token of these questions is worth nothing at a host', async () => {
    const headers = [['Authorization', `Bearer ${world.token('payroll')}`]] as const
    const answer = await world.send('GET /verify/auth-request HTTP/1.1', headers)
    expect(answer.status).not.toBe(200)
  })

  it('J149 asks about what no row gives: the same for what there is and what there is not, and it is written down', async () => {
    const at = (host: string) => about('user:alice', 'GET', `url:https://${host}/pages/a`)
    const [there, nowhere] = [await ask(at('secret.example.com')), await ask(at('no-such-host.example.com'))]
    expect(there.status).toBe(403)
    expect([nowhere.status, nowhere.body]).toEqual([there.status, there.body])
    expect((await ask(at('secret.example.com'), { as: 'plain' })).status).toBe(403)
    await vi.waitFor(() =>
      expect(world.auditEvents()).toContainEqual(
        expect.objectContaining({
          event: 'access.denied',
          domain: 'authzen',
          resource: '/secret.example.com',
          action: 'evaluate',
          machine: 'client:apps/plain',
          reason: 'rule-denied',
        }),
      ),
    )
    const search = await world.question('search/action', {
      subject: usual.subject,
      resource: { type: 'url', id: 'https://other.example.com/' },
    })
    expect(search.status).toBe(403)
  })
})

describe('what is asked', () => {
  it.each([
    ['somebody who is not known', about('user:nobody', 'can_read', 'todo:1')],
    ['somebody of another issuer', about('user:https://other.example#alice', 'can_read', 'todo:1')],
    ['a kind of subject that is not known', about('starship:alice', 'can_read', 'todo:1')],
    ['an action that is not known', about('user:alice', 'can_fly', 'todo:1')],
    ['a type that is not known', about('user:alice', 'can_read', 'starship:1')],
    ['a host that is not known', about('user:alice', 'GET', 'url:https://unknown.example.com/')],
    ['a workload that is not known', about('client:elsewhere/x', 'can_read', 'todo:1')],
  ])('J150 %s looks like a deny', async (_, message) => {
    const denied = await ask(about('user:alice', 'can_delete', 'todo:1'), { as: 'plain' })
    const answer = await ask(message, { as: 'plain' })
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({ decision: false })
    const plain = ({ headers: { date: _date, 'x-request-id': _id, etag: _etag, ...rest } }: typeof answer) => rest
    expect(plain(answer)).toEqual(plain(denied))
  })

  it('J151 says who somebody is, and may not', async () => {
    const message = about('user:alice', 'can_delete', 'todo:1')
    const said = { ...message, subject: { ...message.subject, properties: { groups: ['ops'], group: 'ops' } } }
    expect((await ask(said, { as: 'plain' })).body).toEqual({ decision: false })
    expect((await ask({ ...said, context: { groups: ['ops'] } }, { as: 'plain' })).body).toEqual({ decision: false })
    expect((await ask(said)).body).toMatchObject({ decision: true })
  })

  it('J151 says of somebody with a session what that does not: the session counts', async () => {
    await world.logIn('bob', 'https://wiki.example.com/pages/a')
    const message = about('user:bob', 'can_delete', 'todo:1')
    const said = { ...message, subject: { ...message.subject, properties: { groups: ['ops'] } } }
    expect((await ask(said)).body).toMatchObject({ decision: false })
  })

  it('J152 leaves out the groups of somebody whom a row denies by one', async () => {
    expect((await ask(about('user:alice', 'can_read', 'todo:2'), { as: 'plain' })).body).toEqual({ decision: false })
    expect((await ask(about('user:alice', 'can_read', 'todo:3'), { as: 'plain' })).body).toEqual({ decision: true })
  })

  it.each([
    'https://wiki.example.com/pages/%2e%2e/admin',
    'https://wiki.example.com/pages/../admin',
    'https://wiki.example.com/pages%2Fa',
    'https://wiki.example.com/pages/a;x',
    'https://wiki.example.com/pages\\..\\admin',
    'https://wiki.example.com/pages/%zz',
    'https://wiki.example.com/pages/a b',
    'https://alice@wiki.example.com/pages/a',
    'https://wiki.example.com:443:1/pages/a',
    'https://wiki.example.com',
    'javascript://wiki.example.com/pages/a',
    '//wiki.example.com/pages/a',
    'wiki.example.com/pages/a',
    'https:///pages/a',
    'https://tokens/x',
    'https://authzen/app:todo',
    `https://wiki.example.com/${'a'.repeat(8_300)}`,
  ])('J153 an address that no front would judge is refused: %s', async url => {
    const { status, body } = await ask(about('user:alice', 'GET', `url:${url}`))
    expect(status).toBe(400)
    expect(body).toEqual(expect.stringMatching(/^resource/))
  })

  it.each([
    ['https://WIKI.example.com./pages/a', true],
    ['https://wiki.example.com:8443/pages/a', true],
    ['http://wiki.example.com/%70ages/a/', true],
    ['https://wiki.example.com/pages//a', true],
    ['https://wiki.example.com/%61dmin/x', false],
  ])('J153 another spelling of an address is judged as the same: %s is %s', async (url, decision) => {
    expect((await ask(about('user:alice', 'GET', `url:${url}`))).body).toMatchObject({ decision })
  })

  it.each(['get', 'CONNECT', 'GET POST', 'GET\n', 'X'.repeat(100)])('J153 a method that is none: %j', async method => {
    expect((await ask(about('user:alice', method, 'url:https://wiki.example.com/pages/a'))).status).toBe(400)
  })

  it('J153 a route is read as its address', async () => {
    const at = (id: string, properties: object) => ({
      ...about('user:alice', 'GET', 'route:/'),
      resource: { type: 'route', id, properties },
    })
    expect((await ask(at('/pages/a', { host: 'wiki.example.com' }))).body).toMatchObject({ decision: true })
    expect((await ask(at('/admin/a', { host: 'wiki.example.com' }))).body).toMatchObject({ decision: false })
    for (const [id, properties] of [
      ['/pages/a', {}],
      ['pages/a', { host: 'wiki.example.com' }],
      ['.evil.example/pages/a', { host: 'wiki.example.com' }],
      ['/pages/%2e%2e/x', { host: 'wiki.example.com' }],
      ['/pages/a', { host: 'wiki.example.com/x?' }],
      ['/pages/a', { host: ['wiki.example.com'] }],
    ] as const) {
      expect((await ask(at(id, properties))).status, JSON.stringify([id, properties])).toBe(400)
    }
  })

  it('J154 an id is one name, whatever it holds', async () => {
    const reads = async (id: string) => (await ask(about('user:alice', 'can_read', `todo:${id}`))).body
    expect(await reads('a/b')).toMatchObject({ decision: false })
    // Another object, which no row denies.
    expect(await reads('a%2Fb')).toMatchObject({ decision: true })
    expect(await reads('a%252Fb')).toMatchObject({ decision: true })
    expect(await reads('a')).toMatchObject({ decision: true })
    expect(await reads('../todo/2')).toMatchObject({ decision: true })
    for (const id of ['', 'a\u0000b', 'a\nb', '\ud800', 'x'.repeat(600)]) {
      const answer = await ask({ ...usual, resource: { type: 'todo', id } })
      expect(answer.status, JSON.stringify(id)).toBe(400)
    }
  })
})

describe('what is sent', () => {
  const text = JSON.stringify(usual)
  const nested = (depth: number) => `{"context":{"x":${'['.repeat(depth)}${']'.repeat(depth)}},${text.slice(1)}`

  it.each([
    ['an empty body', 400, ''],
    ['no JSON', 400, '{"subject":'],
    ['a list', 400, '[]'],
    ['a text', 400, '"x"'],
    ['null', 400, 'null'],
    ['a name twice', 400, text.replace('{"subject":', '{"subject":{"type":"user","id":"bob"},"subject":')],
    ['a name twice, escaped', 400, text.replace('"id":"alice"', '"id":"bob","\\u0069d":"alice"')],
    ['too deep', 400, nested(40)],
    ['a mark at the beginning', 400, `\ufeff${text}`],
    ['more than is read', 413, `{"context":{"x":"${'a'.repeat(300_000)}"},${text.slice(1)}`],
    ['no subject', 400, JSON.stringify({ ...usual, subject: undefined })],
    ['a subject that is a text', 400, JSON.stringify({ ...usual, subject: 'alice' })],
    ['a subject without a type', 400, JSON.stringify({ ...usual, subject: { id: 'alice' } })],
    ['a subject without an id', 400, JSON.stringify({ ...usual, subject: { type: 'user' } })],
    ['an id that is a number', 400, JSON.stringify({ ...usual, subject: { type: 'user', id: 1 } })],
    ['an action without a name', 400, JSON.stringify({ ...usual, action: {} })],
    [
      'an action that is inherited',
      400,
      '{"__proto__":{"action":{"name":"can_read"}},"subject":{"type":"user","id":"alice"},"resource":{"type":"todo","id":"1"}}',
    ],
    ['a resource that is null', 400, JSON.stringify({ ...usual, resource: null })],
    ['properties that are a list', 400, JSON.stringify({ ...usual, resource: { ...usual.resource, properties: [] } })],
    ['a context that is a text', 400, JSON.stringify({ ...usual, context: 'x' })],
    ['a time that is none', 400, JSON.stringify({ ...usual, context: { time: 'yesterday' } })],
    ['a long id', 400, JSON.stringify({ ...usual, subject: { type: 'user', id: 'a'.repeat(600) } })],
  ])('J155 %s: %i', async (_, status, body) => {
    const answer = await ask(undefined, { text: body })
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual(expect.any(String))
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  it.each([
    ['another type', 400, { 'content-type': 'text/plain' }],
    ['a form', 400, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['another character set', 400, { 'content-type': 'application/json; charset=utf-16' }],
    ['of a page', 400, { origin: 'https://evil.example' }],
    ['of a browser', 400, { 'sec-fetch-site': 'same-origin' }],
    ['a name of its own that is too long', 400, { 'x-request-id': 'a'.repeat(300) }],
  ])('J155 %s: %i', async (_, status, headers) => {
    expect((await ask(usual, { headers })).status).toBe(status)
  })

  it('J155 a compressed body is not unpacked, and what is no UTF-8 is no JSON', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])
    expect((await rawQuestion(bytes)).status).toBe(400)
    expect((await rawQuestion(gzipSync(text), { 'content-encoding': 'gzip' })).status).toBe(415)
  })

  const rawQuestion = (body: Buffer, headers: Record<string, string> = {}) => ask(undefined, { text: body, headers })

  it('J155 a hundred questions at once and no more, each with its own answer', async () => {
    const evaluations = (count: number) => ({ ...usual, evaluations: Array.from({ length: count }, () => ({})) })
    const answer = await world.question('evaluations', evaluations(100))
    expect((answer.body as { evaluations: unknown[] }).evaluations).toHaveLength(100)
    expect((await world.question('evaluations', evaluations(101))).status).toBe(400)
    expect((await world.question('evaluations', { ...usual, evaluations: {} })).status).toBe(400)
  })

  it('J155 nothing is answered for other methods, addresses and hosts', async () => {
    const at = async (path: string, options = {}) =>
      (await request(`${world.publicUrl}${path}`, { method: 'POST', body: text, ...options })).status
    expect(await at('/access/v1/evaluation?access_token=x')).toBe(400)
    expect(await at('/access/v1/Evaluation')).toBe(404)
    expect(await at('/access/v1/evaluation/')).toBe(404)
    expect(await at('/access/v1/evaluation', { method: 'GET', body: undefined })).toBe(404)
  })

  it('J155 asks more often than it may', async () => {
    const slow = await startQuestions(policy, { applications: [todo], authzen: { rateLimit: 3 } })
    try {
      const statuses: number[] = []
      for (let count = 0; count < 4; count += 1) statuses.push((await slow.question('evaluation', usual)).status)
      expect(statuses).toEqual([200, 200, 200, 429])
    } finally {
      await slow.close()
    }
  })
})
