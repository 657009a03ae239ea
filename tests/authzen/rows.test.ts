/** Rows of the domains `authzen` and `app:…`: how they are written, what they cover, and what is refused. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCall } from '../../rbac/asking/calls/parse-call.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { whoCanCall } from '../../rbac/asking/who-can.ts'
import type { User } from '../../rbac/identity.ts'
import { matchablePath } from '../../rbac/matchable-path.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { objectOfPath, requestForObject } from '../../rbac/request/object-request.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
const applications = [{ name: 'todo', types: ['todo', 'list'], actions: ['read', 'can_read', 'can_update'] }]
const alice: User = { kind: 'user', subject: 'i#alice', provider: 'corp', groups: [], claims: {} }

const effectOf = async (text: string, call: string) =>
  explain({ request: parseCall(call).request, identity: alice, context: { now: 0 } }, await policyOf(text)).decision
    .effect

describe('a row', () => {
  it.each([
    ['p, authenticated, app:todo, /todo/1, can_read, -, allow', 'can_read app:todo /todo/1', 'allow'],
    ['p, authenticated, app:todo, /todo/1, read, -, allow', 'read app:todo /todo/1', 'allow'],
    // Words are no groups of methods there.
    ['p, authenticated, app:todo, /todo/1, read, -, allow', 'GET app:todo /todo/1', 'deny'],
    ['p, authenticated, app:todo, /todo/1, write, -, allow', 'can_read app:todo /todo/1', 'deny'],
    ['p, authenticated, app:todo, /todo/1, *, -, allow', 'can_read app:todo /todo/1', 'allow'],
    ['p, authenticated, app:todo, /todo/*, *, -, allow', 'can_read app:list /todo/1', 'deny'],
    ['p, authenticated, *, /**, *, -, allow', 'can_read app:todo /todo/1', 'deny'],
    ['p, authenticated, *, /**, *, -, allow', 'evaluate authzen /app:todo', 'deny'],
    ['p, authenticated, authzen, /app:todo, evaluate, -, allow', 'evaluate authzen /app:todo', 'allow'],
    ['p, authenticated, authzen, /app:todo, evaluate, -, allow', 'search authzen /app:todo', 'deny'],
    ['p, authenticated, authzen, /*.example.com, *, -, allow', 'evaluate authzen /wiki.example.com', 'allow'],
    ['p, role:r, app:todo, /todo/1, read, -, allow\ng, user:i#alice, role:r, *', 'read app:todo /todo/1', 'deny'],
    [
      'p, authenticated, app:todo, /todo/1, read, -, allow\np, role:r, app:todo, /todo/1, read, -, deny\ng, user:i#alice, role:r, *',
      'read app:todo /todo/1',
      'deny',
    ],
  ])('%s: %s is %s', async (text, call, effect) => {
    expect(await effectOf(text, call)).toBe(effect)
  })

  it.each([
    ['app:tdo, /todo/1, read', 'unknown application "tdo", meant "todo"'],
    ['app:Todo, /todo/1, read', 'lower-case'],
    ['app:, /todo/1, read', 'lower-case'],
    ['app:todo, /tdo/1, read', 'unknown type of object "tdo"'],
    ['app:todo, /todo/1, can_raed', 'unknown action of app:todo "can_raed"'],
    ['app:todo, /todo/1, can read', 'one word'],
    ['app:todo, /todo, read', '/<type>/<id>'],
    ['app:todo, /todo/a/b, read', '%252F'],
    ['authzen, /app:todo, evalute', 'unknown question "evalute"'],
    ['authzen, /Wiki.example.com, evaluate', 'the domain authzen takes'],
    ['authzen, /app:todo/x, evaluate', 'the domain authzen takes'],
  ])('%s does not load: %s', async (fields, message) => {
    const text = `p, authenticated, ${fields}, -, deny\n`
    const compiled = compilePolicy({ model, files: [{ name: 'policy.csv', text }], applications })
    const words = message.replace(', meant "todo"', '')
    await expect(compiled).rejects.toThrow(words)
  })

  it('is what who-can answers with', async () => {
    const policy = await policyOf('p, anyone, app:todo, /todo/1, can_read, -, allow')
    // Nobody asks about nobody.
    expect(whoCanCall(parseCall('can_read app:todo /todo/1'), policy).subjects).toMatchObject([
      { subject: 'authenticated', isAlways: true },
    ])
  })
})

describe('an object', () => {
  it('has one path, and a path has one object', () => {
    const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(id, id, (one, other) => {
        const pathOf = (text: string): string | undefined => {
          try {
            return matchablePath(requestForObject('todo', { type: 'todo', id: text }, 'read').resource)
          } catch {
            return undefined
          }
        }
        const [left, right] = [pathOf(one), pathOf(other)]
        if (left === undefined) return
        expect(objectOfPath(left)).toEqual({ type: 'todo', id: one })
        expect(left.split('/')).toHaveLength(3)
        if (one !== other) expect(right).not.toBe(left)
      }),
    )
  })
})
