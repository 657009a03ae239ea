/**
 * Scenarios of the working group (github.com/openid/authzen, `interop/authzen-interop-website/docs/scenarios`: search, idp, todo,
 * api-gateway; `certification/authorization-api-1_0-scenario.md`), their tables as they are published, and a policy for each.
 *
 * Rows compare with values that they write. So what is said of owners, and of departments of records, is written out: a row for each
 * pair of the tables, where another engine has one rule over attributes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AskOptions, type QuestionWorld, startQuestions } from './world.ts'

const records = `
101 Legal alice     102 Legal bob          103 Legal carol   104 Accounting dan  105 Legal erin
106 Accounting felix 107 Sales alice       108 Legal bob     109 Accounting carol 110 Sales dan
111 Accounting erin 112 Legal felix        113 Sales alice   114 Accounting bob  115 Finance carol
116 Legal dan       117 Legal erin         118 Accounting felix 119 Legal alice  120 Accounting bob`
const recordList = [...records.matchAll(/(\d+) (\w+) (\w+)/g)].map(([, id = '', department = '', owner = '']) => ({
  id,
  department,
  owner,
}))
const users = [
  { id: 'alice', role: 'manager', department: 'Sales' },
  { id: 'bob', role: 'employee', department: 'Legal' },
  { id: 'carol', role: 'contractor', department: 'Legal' },
  { id: 'dan', role: 'manager', department: 'Finance' },
  { id: 'erin', role: 'employee', department: 'Finance' },
  { id: 'felix', role: 'contractor', department: 'Accounting' },
]
/** "Which records can this user …", as published. */
const reachable: Readonly<Record<string, readonly string[]>> = {
  'alice view': '101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120'.split(' '),
  'alice edit': ['101', '107', '110', '113', '119'],
  'alice delete': ['101', '107', '113', '119'],
  'bob view': '101 102 103 105 108 112 114 116 117 119 120'.split(' '),
  'bob edit': ['102', '108', '114', '120'],
  'bob delete': ['102', '108', '114', '120'],
  'carol view': '101 102 103 105 108 109 112 115 116 117 119'.split(' '),
  'carol edit': ['103', '109', '115'],
  'carol delete': ['103', '109', '115'],
  'dan view': '101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120'.split(' '),
  'dan edit': ['104', '110', '115', '116'],
  'dan delete': ['104', '110', '116'],
  'erin view': ['105', '111', '115', '117'],
  'erin edit': ['105', '111', '117'],
  'erin delete': ['105', '111', '117'],
  'felix view': '104 106 109 111 112 114 118 120'.split(' '),
  'felix edit': ['106', '112', '118'],
  'felix delete': ['106', '112', '118'],
}
const recordActions = ['view', 'edit', 'delete']

const recordRows = recordList.flatMap(({ id, department, owner }) => [
  `p, user:ISSUER#${owner}, app:records, /record/${id}, *, -, allow`,
  `p, role:of-${department}, app:records, /record/${id}, view, -, allow`,
  `p, role:manager, app:records, /record/${id}, view, -, allow`,
  `p, role:manager-of-${department}, app:records, /record/${id}, edit, -, allow`,
])
const userRoles = users.flatMap(({ id, role, department }) => [
  `g, user:ISSUER#${id}, role:of-${department}, app:records`,
  ...(role === 'manager'
    ? [
        `g, user:ISSUER#${id}, role:manager, app:records`,
        `g, user:ISSUER#${id}, role:manager-of-${department}, app:records`,
      ]
    : []),
])

const people = {
  rick: 'CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
  morty: 'CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
  summer: 'CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
  beth: 'CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
  jerry: 'CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
} as const
type Name = keyof typeof people
const names = Object.keys(people) as readonly Name[]
const addresses: Readonly<Record<Name, string>> = {
  rick: 'rick@the-citadel.com',
  morty: 'morty@the-citadel.com',
  summer: 'summer@the-smiths.com',
  beth: 'beth@the-smiths.com',
  jerry: 'jerry@the-smiths.com',
}
const roles: Readonly<Record<Name, readonly string[]>> = {
  rick: ['admin', 'evil_genius'],
  morty: ['editor'],
  summer: ['editor'],
  beth: ['viewer'],
  jerry: ['viewer'],
}
const editors = names.filter(name => roles[name].includes('editor'))

const policy = `
p, client:apps/payroll, authzen, /**, *, -, allow
${recordRows.join('\n')}
${userRoles.join('\n')}
p, role:somebody,    app:todo, /user/*, can_read_user, -, allow
p, role:somebody,    app:todo, /todo/*, can_read_todos, -, allow
p, role:admin,       app:todo, /todo/*, can_create_todo|can_delete_todo, -, allow
p, role:editor,      app:todo, /todo/*, can_create_todo, -, allow
p, role:evil_genius, app:todo, /todo/*, can_update_todo, -, allow
${editors.map(name => `p, user:ISSUER#${people[name]}, app:todo, /todo/*, can_update_todo|can_delete_todo, of-${name}, allow`).join('\n')}
p, role:somebody,    app:gateway, /route/%252Fusers%252F%7BuserId%7D, GET, -, allow
p, role:somebody,    app:gateway, /route/%252Ftodos, GET, -, allow
p, role:admin,       app:gateway, /route/%252Ftodos, POST, -, allow
p, role:editor,      app:gateway, /route/%252Ftodos, POST, -, allow
p, role:evil_genius, app:gateway, /route/%252Ftodos%252F%7BtodoId%7D, PUT, -, allow
p, role:editor,      app:gateway, /route/%252Ftodos%252F%7BtodoId%7D, PUT|DELETE, -, allow
p, role:admin,       app:gateway, /route/%252Ftodos%252F%7BtodoId%7D, DELETE, -, allow
${['app:todo', 'app:gateway']
  .flatMap(domain =>
    names.flatMap(name =>
      ['somebody', ...roles[name]].map(role => `g, user:ISSUER#${people[name]}, role:${role}, ${domain}`),
    ),
  )
  .join('\n')}
p, user:ISSUER#ann,  app:fixture, /fixture/record-1, read|write, -, allow
p, user:ISSUER#ann,  app:fixture, /fixture/record-1, delete, soft, allow
p, user:ISSUER#ann,  app:fixture, /fixture/record-2, write, archived, deny
p, user:ISSUER#ben,  app:fixture, /fixture/record-1, read, -, allow
p, user:ISSUER#ben,  app:fixture, /fixture/record-2, write, archived & admin, allow
`
const conditions = [
  ...editors.map(name => `of-${name}: { property: { of: resource, name: ownerID, in: [${addresses[name]}] } }`),
  'soft: { property: { of: action, name: soft, in: [true] } }',
  'archived: { property: { of: resource, name: status, in: [archived] } }',
  'admin: { claim: { name: role, in: [admin] } }',
].join('\n')

let world: QuestionWorld
beforeAll(async () => {
  world = await startQuestions(policy, {
    conditions,
    applications: [
      { name: 'records', types: ['record'], actions: recordActions },
      {
        name: 'todo',
        types: ['todo', 'user'],
        actions: ['can_read_user', 'can_read_todos', 'can_create_todo', 'can_update_todo', 'can_delete_todo'],
      },
      { name: 'gateway', types: ['route'], actions: ['GET', 'POST', 'PUT', 'DELETE'] },
      { name: 'fixture', types: ['fixture'], actions: ['read', 'write', 'delete'] },
    ],
  })
})
afterAll(() => world.close())

async function results(wanted: string, message: object, options?: AskOptions): Promise<readonly string[]> {
  const { status, body } = await world.question(`search/${wanted}`, message, options)
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return (body as { results: { id?: string; name?: string }[] }).results.map(({ id, name }) => id ?? name ?? '')
}
const canReach = (user: string, action: string, id: string): boolean =>
  reachable[`${user} ${action}`]?.includes(id) === true

describe('the scenarios search and idp', () => {
  it.each(Object.entries(reachable))('which records can %s', async (asked, expected) => {
    const [id, name] = asked.split(' ')
    const message = { subject: { type: 'user', id }, action: { name }, resource: { type: 'record' } }
    expect(await results('resource', message)).toEqual(expected)
  })

  it.each(recordActions)('who can %s each record', async name => {
    for (const { id } of recordList) {
      const message = { subject: { type: 'user' }, action: { name }, resource: { type: 'record', id } }
      const expected = users.map(user => user.id).filter(user => canReach(user, name, id))
      expect([id, await results('subject', message)]).toEqual([id, expected])
    }
  })

  it('what each can do with each record', async () => {
    for (const { id } of recordList.filter((_, index) => index % 3 === 0)) {
      for (const user of users) {
        const message = { subject: { type: 'user', id: user.id }, resource: { type: 'record', id } }
        const expected = recordActions.filter(action => canReach(user.id, action, id)).sort()
        expect([user.id, id, await results('action', message)]).toEqual([user.id, id, expected])
      }
    }
  })

  it('whoever and whatever is not in the tables finds nothing', async () => {
    const [resource, action] = [{ type: 'record', id: '999' }, { name: 'view' }]
    expect(await results('subject', { subject: { type: 'user' }, action, resource })).toEqual([])
    expect(await results('resource', { subject: { type: 'user', id: 'eve' }, action, resource })).toEqual([])
    expect(await results('action', { subject: { type: 'user', id: 'eve' }, resource })).toEqual([])
  })

  it('evaluations say the same of all 360', async () => {
    for (const user of users) {
      const asked = recordList.flatMap(({ id }) => recordActions.map(name => ({ id, name })))
      const message = {
        subject: { type: 'user', id: user.id },
        evaluations: asked.map(({ id, name }) => ({ action: { name }, resource: { type: 'record', id } })),
      }
      const { body } = await world.question('evaluations', message)
      const decisions = (body as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision)
      expect(decisions).toEqual(asked.map(({ id, name }) => canReach(user.id, name, id)))
    }
  })
})

describe('the scenario todo', () => {
  const owned = (name: Name) => ({
    type: 'todo',
    id: '7240d0db-8ff0-41ec-98b2-34a096273b9f',
    properties: { ownerID: addresses[name] },
  })
  const todo = { type: 'todo', id: 'todo-1' }
  it.each([
    ['can_read_user', { type: 'user', id: 'beth@the-smiths.com' }, names],
    ['can_read_todos', todo, names],
    ['can_create_todo', todo, ['rick', 'morty', 'summer']],
    ['can_update_todo', owned('morty'), ['rick', 'morty']],
    ['can_update_todo', owned('rick'), ['rick']],
    ['can_update_todo', owned('beth'), ['rick']],
    ['can_delete_todo', owned('morty'), ['rick', 'morty']],
    ['can_delete_todo', owned('summer'), ['rick', 'summer']],
    ['can_delete_todo', owned('jerry'), ['rick']],
    ['can_update_todo', todo, ['rick']],
  ])('%s of %j: %j', async (name, resource, expected) => {
    const evaluations = names.map(person => ({ subject: { type: 'user', id: people[person] } }))
    const { body } = await world.question('evaluations', { action: { name }, resource, context: {}, evaluations })
    const allowed = names.filter(
      (_, index) => (body as { evaluations: { decision: boolean }[] }).evaluations[index]?.decision,
    )
    expect(allowed).toEqual(expected)
  })
})

describe('the scenario of API gateways', () => {
  it.each([
    ['GET', '/users/{userId}', names],
    ['GET', '/todos', names],
    ['POST', '/todos', ['rick', 'morty', 'summer']],
    ['PUT', '/todos/{todoId}', ['rick', 'morty', 'summer']],
    ['DELETE', '/todos/{todoId}', ['rick', 'morty', 'summer']],
  ])('%s %s: %j', async (name, id, expected) => {
    const decisions = await Promise.all(
      names.map(person =>
        world.decides({
          subject: { type: 'identity', id: people[person] },
          action: { name },
          resource: { type: 'route', id },
          context: {},
        }),
      ),
    )
    expect(names.filter((_, index) => decisions[index])).toEqual(expected)
  })
})

describe('the fixture of the certification', () => {
  const ask = (id: string, action: object, record: string, further: object = {}) =>
    world.decides({ subject: { type: 'user', id, ...further }, action, resource: { type: 'fixture', id: record } })
  it('rules 1 to 4: names alone', async () => {
    expect(await ask('ann', { name: 'read' }, 'record-1')).toBe(true)
    expect(await ask('ann', { name: 'write' }, 'record-1')).toBe(true)
    expect(await ask('ben', { name: 'read' }, 'record-1')).toBe(true)
    expect(await ask('ben', { name: 'write' }, 'record-1')).toBe(false)
  })

  it('rules 5 to 8: properties', async () => {
    const archived = { type: 'fixture', id: 'record-2', properties: { status: 'archived' } }
    const write = (subject: object) =>
      world.decides({ subject: { type: 'user', ...subject }, action: { name: 'write' }, resource: archived })
    expect(await write({ id: 'ann' })).toBe(false)
    expect(await write({ id: 'ben', properties: { role: 'admin' } })).toBe(true)
    expect(await write({ id: 'ben' })).toBe(false)
    expect(await ask('ann', { name: 'delete', properties: { soft: true } }, 'record-1')).toBe(true)
    expect(await ask('ann', { name: 'delete', properties: { soft: false } }, 'record-1')).toBe(false)
  })

  it('unknown fields, further properties and a context change nothing', async () => {
    const message = {
      subject: { type: 'user', id: 'ann', properties: { department: 'Sales' }, x: 1 },
      action: { name: 'read', properties: { method: 'GET' } },
      resource: { type: 'fixture', id: 'record-1', properties: { owner: 'ben' } },
      context: { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' },
      futureField: { nested: true },
    }
    expect(await world.decides(message)).toBe(true)
  })

  it('searches of core, with a page of one', async () => {
    const [resource, action] = [{ type: 'fixture', id: 'record-1' }, { name: 'read' }]
    expect(await results('subject', { subject: { type: 'user' }, action, resource })).toEqual(['ann', 'ben'])
    expect(await results('subject', { subject: { type: 'user' }, action, resource, page: { limit: 1 } })).toEqual([
      'ann',
    ])
    expect(
      await results('resource', { subject: { type: 'user', id: 'ann' }, action, resource: { type: 'fixture' } }),
    ).toEqual(['record-1'])
    expect(await results('action', { subject: { type: 'user', id: 'ann' }, resource })).toEqual(['read', 'write'])
    const ben = { type: 'user', id: 'ben', properties: { role: 'admin' } }
    const archived = { type: 'fixture', id: 'record-2', properties: { status: 'archived' } }
    expect(await results('action', { subject: ben, resource: archived })).toEqual(['write'])
  })

  it('the metadata names the addresses', async () => {
    const { request } = await import('../../cli/demo/browser.ts')
    const { status, headers, body } = await request(`${world.publicUrl}/.well-known/authzen-configuration`)
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
    expect(JSON.parse(body)).toEqual({
      policy_decision_point: world.publicUrl,
      access_evaluation_endpoint: `${world.publicUrl}/access/v1/evaluation`,
      access_evaluations_endpoint: `${world.publicUrl}/access/v1/evaluations`,
      search_subject_endpoint: `${world.publicUrl}/access/v1/search/subject`,
      search_resource_endpoint: `${world.publicUrl}/access/v1/search/resource`,
      search_action_endpoint: `${world.publicUrl}/access/v1/search/action`,
    })
  })
})
