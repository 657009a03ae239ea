/** Random policies and questions, held against a plain Casbin enforcer with the same links, and its own functions and roles. */
import { type Enforcer, newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import { expect, test } from 'vitest'
import { trapIn } from '../../rbac/casbin/findings.ts'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { type AccessRequest, canonicaliseUrl, MalformedRequestError } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'
import { compileCase, host, person } from './casbin-policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the Casbin policies: ${seed} (repeat with SEED=${seed})\n`)

interface Shape {
  readonly effect: string
  /** How `r.sub` is compared: itself, by its roles, or by its roles in a domain. */
  readonly links: 'none' | 'roles' | 'domains'
  readonly path: string
  readonly action: string
  /** Whether hosts are compared as addresses. */
  readonly isByAddress: boolean
  readonly hasPriority: boolean
}
const shapes: fc.Arbitrary<Shape> = fc.record({
  effect: fc.constantFrom(
    'some(where (p.eft == allow))',
    'some(where (p.eft == allow)) && !some(where (p.eft == deny))',
    'priority(p.eft) || deny',
  ),
  links: fc.constantFrom('none', 'roles', 'domains'),
  path: fc.constantFrom('keyMatch', 'keyMatch2', 'keyMatch3', 'keyMatch4', 'keyMatch5', 'globMatch', 'regexMatch', ''),
  action: fc.constantFrom('regexMatch(r.act, p.act)', 'r.act == p.act', '(r.act == p.act || p.act == ".*")'),
  isByAddress: fc.boolean(),
  hasPriority: fc.boolean(),
})
const subjectTerms = { none: 'r.sub == p.sub', roles: 'g(r.sub, p.sub)', domains: 'g(r.sub, p.sub, r.dom)' } as const
const modelOf = ({ effect, links, path, action, isByAddress, hasPriority }: Shape): string => `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = ${hasPriority ? 'priority, ' : ''}sub, dom, obj, act, eft
${links === 'none' ? '' : `[role_definition]\ng = _, _${links === 'domains' ? ', _' : ''}`}
[policy_effect]
e = ${effect}
[matchers]
m = ${[
  subjectTerms[links],
  isByAddress ? 'ipMatch(r.dom, p.dom)' : 'r.dom == p.dom',
  path === '' ? 'r.obj == p.obj' : `${path}(r.obj, p.obj)`,
  action,
].join(' && ')}
`
const subjects = [
  'alice',
  'alice',
  'alice',
  'group:ops',
  'group:dev',
  'admin',
  'reader',
  'anyone',
  'email:a@b.c',
  'bob',
]
const names = [host, 'other.example.com']
const addresses = ['10.0.0.1', '10.0.1.7']
const hostsOf = ({ isByAddress }: Shape): readonly string[] => (isByAddress ? addresses : names)
const placeholders = ['/a', '/a/{x}', '/{x}', '/{x}/{x}', '/{x}/{y}', '/*', '/a/*/c']
const patterns: Readonly<Record<string, readonly string[]>> = {
  keyMatch: ['/a', '/a/*', '/*', '/a/b', '/a/*/c'],
  keyMatch2: ['/a', '/a/:x', '/:x', '/:x/:y', '/a/*', '/*', '/a.b'],
  keyMatch3: placeholders,
  keyMatch4: placeholders,
  keyMatch5: placeholders,
  globMatch: ['/a', '/*', '/a/*', '/a/**', '/*/b', '/**'],
  regexMatch: ['^/a$', '/a', '^/a/.*$', '.*', '^/[ab](/|$)', '/a.b'],
  '': ['/', '/a', '/a/b', '/a/b/', '/a;x=1/b', '/a%2Fb'],
}
/** What no request has is refused. */
function methodsOf({ action }: Shape): readonly string[] {
  if (action === 'r.act == p.act') return ['GET', 'POST', 'PUT']
  return action.startsWith('(') ? ['GET', 'POST', '.*', '.*'] : ['GET', '^POST$', '(GET)|(POST)', '.*', '.*']
}
const rowOf = (shape: Shape): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...(shape.hasPriority ? ['1, ', '2, ', '3, '] : [''])),
      fc.constantFrom(...subjects),
      fc.constantFrom(...hostsOf(shape), ...(shape.isByAddress ? ['10.0.0.0/24', '10.0.0.0/16'] : [])),
      fc.constantFrom(...(patterns[shape.path] ?? [])),
      fc.constantFrom(...methodsOf(shape)),
      fc.constantFrom('allow', 'allow', ...(shape.effect.endsWith('== allow))') ? [] : ['deny'])),
    )
    .map(([priority, ...fields]) => `p, ${priority}${fields.join(', ')}`)
const linkOf = (shape: Shape): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...subjects),
      fc.constantFrom('admin', 'reader', 'staff'),
      fc.constantFrom(...hostsOf(shape)),
    )
    .map(([member, role, domain]) => `g, ${member}, ${role}${shape.links === 'domains' ? `, ${domain}` : ''}`)
const policies = shapes.chain(shape =>
  fc.record({
    shape: fc.constant(shape),
    rows: fc.uniqueArray(rowOf(shape), { minLength: 1, maxLength: 12 }),
    links: fc.uniqueArray(linkOf(shape), { maxLength: shape.links === 'none' ? 0 : 6 }),
  }),
)

/** Spellings of paths, and every path that a server may read them as; none where no server may be asked. */
const spellings: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...['/', '/a', '/a/b', '/a/b/c', '/b/b', '/a/b/', '/axb', '/public/a'].map(path => [path, [path]] as const),
  ['/%61', ['/a']],
  ['/a/%62', ['/a/b']],
  ['/a?b=/../c', ['/a']],
  ['/a/../b/b', []],
  ['/a/%2e%2e/b', []],
  ['//a', ['/a']],
  ['/a%00', []],
  ['/a;x=1/b', ['/a;x=1/b', '/a/b']],
  ['/a%2Fb', ['/a%2Fb', '/a/b']],
  ['/a%2fb', ['/a%2Fb', '/a/b']],
  ['/A', ['/A']],
  ['/a%2Ab', ['/a*b']],
  ['/a%25', ['/a%25']],
])
const questions = fc.array(
  fc.record({
    groups: fc.subarray(['ops', 'dev']),
    hasEmail: fc.boolean(),
    at: fc.nat(1),
    path: fc.constantFrom(...spellings.keys()),
    action: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
  }),
  { minLength: 4, maxLength: 12 },
)

/** Whether Casbin allows every reading, and no row that denies meets one with another slash, or the GET of a HEAD. */
function stock(enforcer: Enforcer, [dom, act]: readonly [string, string], readings: readonly string[]): boolean {
  return readings.every(path => {
    const [isOpen, opening] = enforcer.enforceExSync('alice', dom, path, act)
    if (!isOpen) return false
    const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
    return (path === '/' ? [path] : [path, other]).every(spelt =>
      (act === 'HEAD' ? ['HEAD', 'GET'] : [act]).every(method => {
        const [isAllowed, reason] = enforcer.enforceExSync('alice', dom, spelt, method)
        return isAllowed || reason.at(-1) !== 'deny' || isBefore(enforcer, opening, reason)
      }),
    )
  })
}

/** By priority the first row that matches decides. */
function isBefore(enforcer: Enforcer, one: readonly string[], other: readonly string[]): boolean {
  const model = enforcer.getModel().model
  if (!model.get('e')?.get('e')?.value.startsWith('priority')) return false
  const rows = (model.get('p')?.get('p')?.policy ?? []).map(row => row.join())
  return rows.indexOf(one.join()) < rows.indexOf(other.join())
}

/** With links from Alice to each name, in every domain, as long as `work` takes; those that the policy has stay. */
async function linked(
  enforcer: Enforcer,
  { shape, links, to }: { readonly shape: Shape; readonly links: readonly string[]; readonly to: readonly string[] },
  work: () => void,
): Promise<void> {
  if (shape.links === 'none') return work()
  const pairs = to.map(name => ['alice', name])
  const all: readonly (readonly string[])[] =
    shape.links === 'domains' ? pairs.flatMap(pair => hostsOf(shape).map(one => [...pair, one])) : pairs
  const fresh = all.filter(link => !links.includes(`g, ${link.join(', ')}`))
  const roles = enforcer.getRoleManager()
  for (const [member = '', role = '', ...domain] of fresh) await roles.addLink(member, role, ...domain)
  work()
  for (const [member = '', role = '', ...domain] of fresh) await roles.deleteLink(member, role, ...domain)
}

test('what is answered is what a plain Casbin enforcer answers', { timeout: 120_000 }, async () => {
  let [allowed, asked] = [0, 0]
  const compared = new Set<string>()
  await fc.assert(
    fc.asyncProperty(policies, questions, async ({ shape, rows, links }, all) => {
      const conf = modelOf(shape)
      const csv = [...rows, ...links].join('\n')
      const policy = await compileCase(conf, csv, { domains: [...hostsOf(shape)] }).catch(() => undefined)
      // Placeholders of another function, and nobody who could come: refused, and so nothing to compare.
      if (policy === undefined) return
      const enforcer = await newEnforcer(newModelFromString(conf), new StringAdapter(csv))
      for (const { groups, hasEmail, at, path, action } of all) {
        const domain = hostsOf(shape)[at] ?? host
        const to = [...(hasEmail ? ['email:a@b.c'] : []), ...groups.map(group => `group:${group}`)]
        const readings = spellings.get(path) ?? []
        let expected = false
        await linked(enforcer, { shape, links, to: [...to, 'anyone', 'authenticated'] }, () => {
          expected = readings.length > 0 && stock(enforcer, [domain, action], readings)
        })
        const identity = person('alice', { groups, ...(hasEmail ? { email: 'a@b.c' } : {}) })
        const answer = askCanonical(policy, identity, { action, url: `https://${domain}${path}` })
        expect({ ...answer, path }).toEqual({ isAllowed: expected, errors: [], isAsked: readings.length > 0, path })
        compared.add(`${shape.effect} ${shape.links}`).add(shape.path)
        asked += 1
        if (expected) allowed += 1
      }
    }),
    { seed, numRuns: 80 },
  )
  // Neither all nor nothing, or the comparison would show little.
  expect(asked).toBeGreaterThan(100)
  expect(allowed).toBeGreaterThan(asked / 50)
  expect(compared.size).toBeGreaterThan(10)
})

/** The question as it comes over the wire; one that is malformed is asked of nobody. */
function askCanonical(policy: PolicySnapshot, identity: User, { action, url }: { action: string; url: string }) {
  const errors: unknown[] = []
  let request: AccessRequest
  try {
    // Hosts whose applications need them: where they are refused, nobody is asked.
    request = canonicaliseUrl(action, url, { allowEncodedSlash: () => true, allowSemicolon: () => true })
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    return { isAllowed: false, errors, isAsked: false }
  }
  const decision = decide({ request, identity, context: { now: 0 } }, policy, error => errors.push(error))
  return { isAllowed: decision.effect === 'allow', errors, isAsked: true }
}

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
