/** Several questions at once: defaults, order, and when to stop. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { about, type QuestionWorld, startQuestions } from './world.ts'

const policy = `
p, client:apps/payroll, authzen, /app:todo, evaluate|assert, -, allow
p, user:ISSUER#alice,   app:todo, /todo/1,  can_read|can_update, -, allow
p, user:ISSUER#alice,   app:todo, /todo/2,  can_update, active, allow
p, user:ISSUER#bob,     app:todo, /todo/1,  can_read, -, allow
`
const conditions = 'active: { property: { of: resource, name: status, in: [active] } }\n'
const todo = { name: 'todo', types: ['todo'], actions: ['can_read', 'can_update'] }

let world: QuestionWorld
beforeAll(async () => {
  world = await startQuestions(policy, { conditions, applications: [todo] })
})
afterAll(() => world.close())

const { subject: alice, action: read, resource: first } = about('user:alice', 'can_read', 'todo:1')
const [second, bob, update] = [{ type: 'todo', id: '2' }, { type: 'user', id: 'bob' }, { name: 'can_update' }]

async function decisions(message: object): Promise<readonly (boolean | undefined)[]> {
  const { status, body } = await world.question('evaluations', message)
  expect(status).toBe(200)
  expect(body).not.toHaveProperty('decision')
  return (body as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision)
}

describe('several questions at once', () => {
  it.each([
    [
      'what is the same stands once',
      { subject: alice, action: read, evaluations: [{ resource: first }, { resource: second }] },
      [true, false],
    ],
    [
      'order is kept',
      { subject: bob, resource: first, evaluations: [{ action: update }, { action: read }] },
      [false, true],
    ],
    [
      'all of it in each',
      {
        evaluations: [
          { subject: alice, action: update, resource: first },
          { subject: bob, action: update, resource: first },
        ],
      },
      [true, false],
    ],
    [
      'one of its own takes the place',
      {
        subject: alice,
        action: read,
        resource: first,
        evaluations: [{}, { subject: bob }, { action: update, subject: bob }],
      },
      [true, true, false],
    ],
    [
      'a type that is the same',
      {
        subject: alice,
        action: read,
        resource: { type: 'todo' },
        evaluations: [{ resource: { id: '1' } }, { resource: { id: '2' } }],
      },
      [true, false],
    ],
    [
      'properties are those of one resource',
      {
        subject: alice,
        action: update,
        resource: { ...second, properties: { status: 'active' } },
        evaluations: [{}, { resource: { id: '2' } }, { resource: second }],
      },
      [true, false, false],
    ],
    [
      'one that cannot be read is a no',
      { subject: alice, action: read, evaluations: [{ resource: first }, {}, 'x', { resource: first }] },
      [true, false, false, true],
    ],
    [
      'one that may not be asked is a no',
      {
        subject: alice,
        action: { name: 'GET' },
        evaluations: [
          { resource: { type: 'url', id: 'https://wiki.example.com/' } },
          { action: read, resource: first },
        ],
      },
      [false, true],
    ],
  ])('%s', async (_, message, expected) => {
    expect(await decisions(message)).toEqual(expected)
  })

  const four = {
    subject: alice,
    action: read,
    evaluations: [{ resource: first }, { resource: second }, { resource: first }, { action: update, resource: first }],
  }
  it.each([
    [undefined, [true, false, true, true]],
    ['execute_all', [true, false, true, true]],
    ['deny_on_first_deny', [true, false]],
    ['permit_on_first_permit', [true]],
  ])('%s', async (semantic, expected) => {
    const options = { ...(semantic !== undefined && { evaluations_semantic: semantic }), another_option: 'value' }
    expect(await decisions({ ...four, options })).toEqual(expected)
  })

  it('stops at what cannot be read as at a no, and says at which it stopped', async () => {
    const options = { evaluations_semantic: 'deny_on_first_deny' }
    const { body } = await world.question('evaluations', {
      ...four,
      options,
      evaluations: [{ resource: first }, {}, { resource: first }],
    })
    expect(body).toEqual({
      evaluations: [
        { decision: true },
        {
          decision: false,
          context: { error: { status: 400, message: 'resource is missing' }, reason: 'deny_on_first_deny' },
        },
      ],
    })
    const wrong = await world.question('evaluations', { ...four, options: { evaluations_semantic: 'all' } })
    expect(wrong.status).toBe(400)
  })

  it.each([
    ['without a list', { subject: alice, action: read, resource: first }],
    ['with an empty list', { subject: alice, action: read, resource: first, evaluations: [] }],
  ])('%s it is one question', async (_, message) => {
    expect(await world.question('evaluations', message)).toMatchObject({ status: 200, body: { decision: true } })
  })
})
