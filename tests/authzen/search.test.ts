/** Who, what and how: lists that hold all, or an error that says why there is none. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AskOptions, type QuestionWorld, startQuestions } from './world.ts'

const policy = `
p, client:apps/payroll, authzen, /**, search|evaluate, -, allow
p, client:apps/other,   authzen, /**, search|explain,  -, allow
p, client:apps/trusted, authzen, /**, *, -, allow
p, user:ISSUER#alice,   app:todo, /todo/1,   can_read, -, allow
p, role:readers,        app:todo, /todo/1,   can_read, -, allow
p, user:ISSUER#bob,     app:todo, /todo/1,   can_read, -, deny
p, user:ISSUER#alice,   app:todo, /todo/a%252Fb, can_read, -, allow
p, user:ISSUER#alice,   app:todo, /todo/über, can_read|can_update, -, allow
p, user:ISSUER#alice,   app:todo, /list/1,   can_read, -, allow
p, user:ISSUER#alice,   app:todo, /todo/office, can_read, office, allow
p, group:ops,           app:todo, /todo/2,   can_read, -, allow
p, client:apps/robot,   app:todo, /todo/2,   can_read, -, allow
p, authenticated,       app:todo, /todo/3,   can_read, -, allow
p, user:ISSUER#carol,   app:todo, /todo/*,   can_update, -, allow
p, user:ISSUER#carol,   app:todo, /list/**,  can_read, -, allow
p, email:dan@corp.example, app:todo, /todo/4, can_read, -, allow
p, user:https://other.example#eve, app:todo, /todo/5, can_read, -, allow
p, user:ISSUER#alice,   wiki.example.com, /pages/my page, read, -, allow
p, user:ISSUER#alice,   wiki.example.com, /admin, POST, -, allow
p, user:ISSUER#alice,   wiki.example.com, /admin, custom:BREW, -, allow
g, user:ISSUER#bob,     role:readers, app:todo
g, user:ISSUER#carol,   role:readers, app:todo
`
const conditions = 'office: { source-network: [10.0.0.0/8] }\n'
const todo = { name: 'todo', types: ['todo', 'list'], actions: ['can_read', 'can_update'] }

let world: QuestionWorld
beforeAll(async () => {
  world = await startQuestions(policy, { conditions, applications: [todo] })
})
afterAll(() => world.close())

const search = (wanted: string, message: unknown, options?: AskOptions) =>
  world.question(`search/${wanted}`, message, options)

interface Found {
  readonly results: readonly { readonly type?: string; readonly id?: string; readonly name?: string }[]
  readonly page: { readonly next_token: string; readonly count: number }
}
async function found(wanted: string, message: unknown, options?: AskOptions): Promise<readonly string[]> {
  const { status, body } = await search(wanted, message, options)
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return (body as Found).results.map(({ id, name }) => id ?? name ?? '')
}

const who = (type: string, action: string, id: string) => ({
  subject: { type },
  action: { name: action },
  resource: { type: 'todo', id },
})
const what = (id: string, action: string, type = 'todo') => ({
  subject: { type: 'user', id },
  action: { name: action },
  resource: { type },
})

describe('who may', () => {
  it.each([
    ['user', 'can_read', '1', ['alice', 'carol']],
    ['client', 'can_read', '1', []],
    ['client', 'can_read', '2', ['apps/robot']],
    ['email', 'can_read', '4', ['dan@corp.example']],
    ['user', 'can_read', '5', []],
    ['user', 'can_update', '1', ['carol']],
    ['user', 'can_fly', '1', []],
    ['spaceship', 'can_read', '1', []],
  ])('%s %s %s: %j', async (type, action, id, expected) => {
    expect(await found('subject', who(type, action, id))).toEqual(expected)
  })

  it.each([
    ['a group', who('user', 'can_read', '2')],
    ['everybody', who('user', 'can_read', '3')],
    ['everybody, so every client', who('client', 'can_read', '3')],
    ['whoever has an address', who('user', 'can_read', '4')],
  ])('J156 %s is no list: an error, and no rows to whoever may not be told', async (_, message) => {
    const { status, body } = await search('subject', message)
    expect(status).toBe(422)
    expect(body).toMatch(/^rows admit people by their groups, or everybody, so that a list would not be all$/)
    expect((await search('subject', message, { as: 'other' })).body).toMatch(/: policy\.csv:\d+$/)
  })
})

describe('on what', () => {
  it.each([
    ['alice', 'can_read', ['1', '3', 'a/b', 'über']],
    ['alice', 'can_update', ['über']],
    ['bob', 'can_read', ['3']],
    ['nobody', 'can_read', ['3']],
    ['nobody', 'can_update', []],
  ])('%s %s: %j', async (id, action, expected) => {
    expect(await found('resource', what(id, action))).toEqual(expected)
  })

  it('asks conditions for what is said', async () => {
    const message = { ...what('alice', 'can_read'), context: { ip: '10.0.0.1' } }
    expect(await found('resource', message, { as: 'trusted' })).toContain('office')
    expect(await found('resource', message)).not.toContain('office')
  })

  it('J156 a pattern is no list', async () => {
    expect((await search('resource', what('carol', 'can_update'))).status).toBe(422)
    // Another pattern, of another type, is none here.
    expect(await found('resource', what('carol', 'can_read'))).toEqual(['1', '3'])
  })

  it('finds addresses of a host that is named', async () => {
    const resource = { type: 'url', properties: { host: 'wiki.example.com' } }
    const message = { ...what('alice', 'GET'), resource }
    expect(await found('resource', message)).toEqual(['https://wiki.example.com/pages/my%20page'])
    const route = { ...message, resource: { ...resource, type: 'route' } }
    expect(await found('resource', route)).toEqual(['/pages/my%20page'])
    expect((await search('resource', { ...message, resource: { type: 'url' } })).status).toBe(400)
  })

  it('nothing is found of a type that is not known', async () => {
    expect(await found('resource', what('alice', 'can_read', 'spaceship'))).toEqual([])
  })
})

describe('how', () => {
  const how = (id: string, resource: object) => ({ subject: { type: 'user', id }, resource })
  it.each([
    ['alice', { type: 'todo', id: '1' }, ['can_read']],
    ['alice', { type: 'todo', id: 'über' }, ['can_read', 'can_update']],
    ['carol', { type: 'todo', id: '9' }, ['can_update']],
    ['nobody', { type: 'todo', id: '1' }, []],
    ['alice', { type: 'spaceship', id: '1' }, []],
    ['alice', { type: 'url', id: 'https://wiki.example.com/admin' }, ['BREW', 'POST']],
  ])('%s on %j: %j', async (id, resource, expected) => {
    expect(await found('action', how(id, resource))).toEqual(expected)
  })
})

describe('pages', () => {
  const message = what('alice', 'can_read')
  const page = (of: object, given: object, options?: AskOptions) => search('resource', { ...of, page: given }, options)
  const tokenOf = ({ body }: Awaited<ReturnType<typeof page>>) => (body as Found).page.next_token

  it('follow each other to the end, each with what it says', async () => {
    const seen: string[] = []
    let token = ''
    for (let count = 0; count < 4; count += 1) {
      const answer = await page(message, { limit: 1, ...(token !== '' && { token }) })
      seen.push(...(answer.body as Found).results.map(({ id = '' }) => id))
      expect((answer.body as Found).page.count).toBe(1)
      token = tokenOf(answer)
      expect(token === '').toBe(count === 3)
    }
    expect(seen).toEqual(['1', '3', 'a/b', 'über'])
  })

  it('J156 a token is for its own question, asker and wanted thing alone, and not for long', async () => {
    const token = tokenOf(await page(message, { limit: 1 }))
    const reordered = { resource: message.resource, action: message.action, subject: message.subject }
    expect((await page(reordered, { limit: 2, token })).status).toBe(200)
    expect((await search('resource', { ...message, page: { limit: 1, next_token: token } })).status).toBe(200)
    const [body = '', mac = ''] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ after: '', until: 9_999_999_999 })).toString('base64url')
    for (const [other, given, options] of [
      [what('bob', 'can_read'), token],
      [what('alice', 'can_update'), token],
      [{ ...message, context: { a: 1 } }, token],
      [message, `${forged}.${mac}`],
      [message, `${body}.${mac}.x`],
      [message, `${body}.`],
      [message, 'x'],
      [message, 7],
      [message, 'x'.repeat(5_000)],
      [message, token, { as: 'trusted' }],
    ] as const) {
      expect((await page(other, { limit: 1, token: given }, options)).status, JSON.stringify(given)).toBe(400)
    }
    world.moveClock(301)
    expect((await page(message, { limit: 1, token })).status).toBe(400)
  })

  it.each([0, -1, 1.5, '1', null])('a limit that is none: %j', async limit => {
    expect((await page(message, { limit })).status).toBe(400)
  })

  it('no more than a hundred stand on one', async () => {
    expect((await page(message, { limit: 1_000_000 })).status).toBe(200)
  })
})

describe('a search', () => {
  it.each([
    ['subject', { resource: { type: 'todo', id: '1' }, subject: { type: 'user' } }],
    ['subject', who('user', 'can_read', '')],
    ['resource', { action: { name: 'can_read' }, resource: { type: 'todo' } }],
    ['resource', { ...what('alice', 'can_read'), subject: { type: 'user' } }],
    ['action', { subject: { type: 'user', id: 'alice' } }],
  ])('for a %s that lacks something is refused: %j', async (wanted, message) => {
    expect((await search(wanted, message)).status).toBe(400)
  })

  it('is written down once', async () => {
    const { headers } = await search('subject', who('user', 'can_read', '1'), {
      headers: { 'x-request-id': 'search-1' },
    })
    expect(headers['x-request-id']).toBe('search-1')
    await vi.waitFor(() => {
      const events = world.auditEvents().filter(({ askedId }) => askedId === 'search-1')
      expect(events).toMatchObject([
        {
          event: 'authzen.searched',
          askedBy: 'client:apps/payroll',
          wanted: 'subject',
          domain: 'app:todo',
          resource: '/todo/1',
          action: 'can_read',
          found: 2,
        },
      ])
    })
  })
})
