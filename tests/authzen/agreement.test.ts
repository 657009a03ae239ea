/** An evaluation says what a front says of the same person, address and method; a search says what evaluations say of each. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loopback } from '../../cli/demo/ports.ts'
import { fc } from '../properties.ts'
import { about, type QuestionWorld, startQuestions } from './world.ts'

const always = `
p, client:apps/payroll, authzen, /**, evaluate|search, -, allow
p, authenticated, wiki.example.com, /begin, read, -, allow
`
const conditions = `
fresh: { authentication-age: 1h }
stale: { authentication-age: 1s }
mfa: { authentication-method: [mfa] }
`
const host = 'wiki.example.com'
const todo = { name: 'todo', types: ['todo'], actions: ['read', 'write'] }

const subject = fc.constantFrom(
  'anyone',
  'authenticated',
  'user:ISSUER#alice',
  'user:ISSUER#bob',
  'group:ops',
  'group:contractors',
  'group:corp/ops',
  'group:nobody',
  'email:alice@example.com',
  'email-domain:example.com',
  'role:r',
)
const path = fc.constantFrom('/a', '/a/b', '/a/*', '/a/**', '/**', '/b/c', '/b/*')
const method = fc.constantFrom('GET', 'read', 'write', '*', 'POST|PUT')
const condition = fc.constantFrom('-', '-', '-', 'fresh', 'stale', '!stale', 'mfa', '!mfa')
const effect = fc.constantFrom('allow', 'allow', 'allow', 'deny')
const row = fc
  .tuple(subject, path, method, condition, effect)
  .map(([who, where, what, when, then]) => `p, ${who}, ${host}, ${where}, ${what}, ${when}, ${then}`)
const member = fc.constantFrom('user:ISSUER#alice', 'group:contractors', 'email:bob@example.com')
const rowsOfHost = fc
  .tuple(fc.uniqueArray(row, { minLength: 1, maxLength: 8 }), member)
  .map(([rows, who]) => `${rows.join('\n')}\ng, ${who}, role:r, ${host}\n`)

let world: QuestionWorld
let cookies: Record<'alice' | 'bob', string>
beforeAll(async () => {
  world = await startQuestions(always, { conditions, applications: [todo] })
  const begin = `https://${host}/begin`
  cookies = { alice: await world.logIn('alice', begin), bob: await world.logIn('bob', begin) }
})
afterAll(() => world.close())

async function load(text: string): Promise<void> {
  writeFileSync(join(world.directory, 'policy.csv'), always + text.replaceAll('ISSUER', world.issuer))
  const answer = await fetch(`http://${loopback}:${world.adminPort}/policy/reload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  })
  if (!answer.ok) throw new Error(await answer.text())
}

describe('for a person with a session', () => {
  it('an evaluation is what the front says', async () => {
    let [allowed, denied] = [0, 0]
    await fc.assert(
      fc.asyncProperty(rowsOfHost, async rows => {
        await load(rows)
        for (const person of ['alice', 'bob'] as const) {
          for (const asked of ['/a', '/a/b', '/b/c', '/a/%62', '/x']) {
            for (const action of ['GET', 'POST']) {
              const url = `https://${host}${asked}`
              const answer = await world.ask('auth-request', { url, method: action, cookie: cookies[person] })
              const decision = await world.decides(about(`user:${person}`, action, `url:${url}`))
              expect([person, action, url, decision]).toEqual([person, action, url, answer.status === 200])
              if (decision) allowed += 1
              else denied += 1
            }
          }
        }
      }),
      // The first policy lets both in somewhere, whatever the others come to.
      { numRuns: 12, examples: [[`p, anyone, ${host}, /**, GET, -, allow`]] },
    )
    // Neither of them is all that there was.
    expect(Math.min(allowed, denied)).toBeGreaterThan(5)
  })
})

describe('for names alone', () => {
  const name = fc.constantFrom('alice', 'bob', 'carol')
  const id = fc.constantFrom('1', '2', '3')
  const named = fc
    .tuple(name, id, fc.constantFrom('read', 'write', '*'), effect)
    .map(([who, what, action, then]) => `p, user:ISSUER#${who}, app:todo, /todo/${what}, ${action}, -, ${then}`)
  it('searches find those of whom an evaluation says yes, and nobody else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(named, { minLength: 1, maxLength: 8 }), async rows => {
        await load(`${rows.join('\n')}\n`)
        const people = ['alice', 'bob', 'carol']
        const decides = (who: string, action: string, what: string) =>
          world.decides(about(`user:${who}`, action, `todo:${what}`))
        const search = async (wanted: string, message: object) => {
          const { status, body } = await world.question(`search/${wanted}`, message)
          expect(status).toBe(200)
          return (body as { results: { id?: string; name?: string }[] }).results.map(one => one.id ?? one.name)
        }
        const kept = async (items: readonly string[], test: (item: string) => Promise<boolean>) => {
          const verdicts = await Promise.all(items.map(test))
          return items.filter((_, index) => verdicts[index])
        }
        const { subject: alice, resource: first } = about('user:alice', 'read', 'todo:1')
        const read = { name: 'read' }
        expect(await search('subject', { subject: { type: 'user' }, action: read, resource: first })).toEqual(
          await kept(people, who => decides(who, 'read', '1')),
        )
        expect(await search('resource', { subject: alice, action: read, resource: { type: 'todo' } })).toEqual(
          await kept(['1', '2', '3'], what => decides('alice', 'read', what)),
        )
        expect(await search('action', { subject: alice, resource: first })).toEqual(
          await kept(['read', 'write'], action => decides('alice', action, '1')),
        )
      }),
      { numRuns: 10 },
    )
  })
})
