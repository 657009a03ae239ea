/** Random policies and questions, held against a plain Casbin enforcer with the same links, and its own functions and roles. */
import { type Enforcer, newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import { expect, test } from 'vitest'
import { trapIn } from '../../rbac/casbin/findings.ts'
import { fc } from '../properties.ts'
import { ask, compileCase, host, person } from './casbin-policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the Casbin policies: ${seed} (repeat with SEED=${seed})\n`)

const effects = [
  'some(where (p.eft == allow))',
  'some(where (p.eft == allow)) && !some(where (p.eft == deny))',
  'priority(p.eft) || deny',
]
const paths = ['keyMatch', 'keyMatch2', 'keyMatch3', 'keyMatch4', 'keyMatch5', 'globMatch', 'regexMatch']
const modelOf = (effect: string, path: string, hasDomain: boolean): string => `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = priority, sub, dom, obj, act, eft
[role_definition]
g = _, _${hasDomain ? ', _' : ''}
[policy_effect]
e = ${effect}
[matchers]
m = g(r.sub, p.sub${hasDomain ? ', r.dom' : ''}) && r.dom == p.dom && ${path}(r.obj, p.obj) && regexMatch(r.act, p.act)
`
const subjects = ['alice', 'bob', 'group:ops', 'group:dev', 'admin', 'reader', 'anyone', 'email:a@b.c']
const hosts = [host, 'other.example.com']
const patterns = ['/a', '/a/*', '/a/:x', '/a/{x}', '/*', '/a/b', '/{x}/{x}', '/a/*/c', '^/a$', '/a.b', '/a/{x}/{y}']
const row = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(...subjects),
    fc.constantFrom(...hosts),
    fc.constantFrom(...patterns),
    fc.constantFrom('GET', '^POST$', '(GET)|(POST)', '.*'),
    fc.constantFrom('allow', 'allow', 'deny'),
  )
  .map(fields => `p, ${fields.join(', ')}`)
const link = (hasDomain: boolean) =>
  fc
    .tuple(fc.constantFrom(...subjects), fc.constantFrom('admin', 'reader', 'staff'), fc.constantFrom(...hosts))
    .map(([member, role, domain]) => `g, ${member}, ${role}${hasDomain ? `, ${domain}` : ''}`)
const policies = fc
  .record({ effect: fc.constantFrom(...effects), path: fc.constantFrom(...paths), hasDomain: fc.boolean() })
  .chain(model =>
    fc.record({
      model: fc.constant(model),
      rows: fc.uniqueArray(row, { minLength: 1, maxLength: 12 }),
      links: fc.uniqueArray(link(model.hasDomain), { maxLength: 6 }),
    }),
  )
const questions = fc.array(
  fc.record({
    groups: fc.subarray(['ops', 'dev']),
    hasEmail: fc.boolean(),
    domain: fc.constantFrom(...hosts),
    path: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/b/b', '/a/b/', '/axb', '/public/a'),
    action: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
  }),
  { minLength: 1, maxLength: 8 },
)

/** What Casbin answers to the request, unless a row that denies meets it with another slash, or the GET of a HEAD. */
async function stock(enforcer: Enforcer, values: readonly string[], hasDeny: boolean): Promise<boolean> {
  const [sub = '', dom = '', obj = '', act = ''] = values
  if (!(await enforcer.enforce(sub, dom, obj, act))) return false
  if (!hasDeny) return true
  const other = obj.endsWith('/') ? obj.slice(0, -1) : `${obj}/`
  for (const path of obj === '/' ? [obj] : [obj, other]) {
    for (const method of act === 'HEAD' ? ['HEAD', 'GET'] : [act]) {
      const [isAllowed, reason] = await enforcer.enforceEx(sub, dom, path, method)
      if (!isAllowed && reason.length > 0 && reason.at(-1) === 'deny') return false
    }
  }
  return true
}

/** From Alice to each name, in every domain; those that the policy has are left alone. */
function freshLinks(names: readonly string[], links: readonly string[], hasDomain: boolean): string[][] {
  const pairs = names.map(name => ['alice', name])
  const all = hasDomain ? pairs.flatMap(pair => hosts.map(one => [...pair, one])) : pairs
  return all.filter(rule => !links.includes(`g, ${rule.join(', ')}`))
}

test('what is answered is what a plain Casbin enforcer answers', { timeout: 120_000 }, async () => {
  let [allowed, asked] = [0, 0]
  await fc.assert(
    fc.asyncProperty(policies, questions, async ({ model, rows, links }, all) => {
      const conf = modelOf(model.effect, model.path, model.hasDomain)
      const csv = [...rows, ...links].join('\n')
      const policy = await compileCase(conf, csv, { domains: hosts }).catch(() => undefined)
      // Placeholders of another function, and nobody who could come: refused, and so nothing to compare.
      if (policy === undefined) return
      const enforcer = await newEnforcer(newModelFromString(conf), new StringAdapter(csv))
      const hasDeny = rows.some(text => text.endsWith('deny'))
      for (const { groups, hasEmail, domain, path, action } of all) {
        const names = [...(hasEmail ? ['email:a@b.c'] : []), ...groups.map(group => `group:${group}`)]
        const wanted = freshLinks([...names, 'anyone', 'authenticated'], links, model.hasDomain)
        for (const rule of wanted) await enforcer.addGroupingPolicy(...rule)
        const expected = await stock(enforcer, ['alice', domain, path, action], hasDeny)
        for (const rule of wanted) await enforcer.removeGroupingPolicy(...rule)
        const identity = person('alice', { groups, ...(hasEmail ? { email: 'a@b.c' } : {}) })
        const answer = ask(policy, identity, `${action} https://${domain}${path}`)
        expect(answer.errors).toEqual([])
        expect({ ...answer, isAllowed: answer.effect === 'allow' }).toMatchObject({ isAllowed: expected })
        asked += 1
        if (expected) allowed += 1
      }
    }),
    { seed, numRuns: 100 },
  )
  // Neither all nor nothing, or the comparison would show little.
  expect(asked).toBeGreaterThan(100)
  expect(allowed).toBeGreaterThan(asked / 50)
})

test('an expression that looks for itself anywhere is named', () => {
  expect(trapIn('regexMatch', '(GET)|(POST)')?.message).toContain('anywhere')
  expect(trapIn('regexMatch', '^GET$|POST$')?.message).toContain('anywhere')
  expect(trapIn('regexMatch', '^((GET)|(POST))$')).toBeUndefined()
  expect(trapIn('keyMatch', '/files/*/meta')?.message).toContain('nothing after it')
  expect(trapIn('keyMatch', '/public*')?.message).toContain('nothing after it')
  expect(trapIn('keyMatch', '/public/*')).toBeUndefined()
  expect(trapIn('keyMatch2', '/a/*/b')?.message).toContain('passes over slashes')
  expect(trapIn('keyMatch2', '/a.b')?.message).toContain('any character')
})
