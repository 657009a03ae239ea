/**
 * Properties of decisions over random policies and requests, one of them against a reference: a plain Casbin enforcer
 * over all rows, with the domain in its matcher and Casbin's own role manager.
 */

import { newEnforcer, newModelFromString } from 'casbin'
import { expect, test } from 'vitest'
import type { Context } from '../../rbac/context.ts'
import { decide, decideWithTrace } from '../../rbac/decide.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the random policies: ${seed} (repeat with SEED=${seed})\n`)

const conditionsFile = `office: { source-network: [10.0.0.0/8] }
managed: { header: { name: x-device, in: [managed] } }
own: { same: [path:2, claim:dir] }
`
const concreteDomains = [
  'a.example.com',
  'b.example.com',
  'x.a.example.com',
  'other.test',
  'console',
  'kube:prod',
  'tokens',
]
const domainPatterns = [
  'a.example.com',
  'b.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
  '{claim:dir}.example.com',
  '@some',
  'console',
  'kube:prod',
  'tokens',
]
const groups = ['ops', 'dev', 'role:admin', 'a,b']
const subjects = [
  'anyone',
  'authenticated',
  'user:https://idp.example#alice',
  'group:ops',
  'group:dev',
  'group:role:admin',
  'group:a,b',
  'role:admin',
  'role:reader',
]
const resources = [
  '/**',
  '/',
  '/a',
  '/a/**',
  '/a/*',
  '/b/*/c',
  '/*/x',
  '/a/x*',
  '/b/**',
  're:/a/?.*',
  're:/a/x+',
  're:/b/.*|/ab',
  '/{claim:dir}/**',
  '/a/{claim:dir}',
  '/{claim:dir}/{claim:dir}/c',
  '/** except /a/**',
  '/** except /b/*/c /',
  '/a/** except /a/x* /a/*/c',
  '/{claim:dir}/** except /a/x',
]
const paths = ['/', '/a', '/a/', '/a/x', '/a/xy', '/a/b/c', '/b', '/b/q/c', '/b/q/c/d', '/ab']
const methods = ['GET', 'POST', 'HEAD', 'DELETE']

/** Each of the ends, in seconds of 1970. */
const endOf = new Map([
  ['until:1970-01-01', 86_400],
  ['until:1970-01-01@Asia/Tokyo', 54_000],
  ['until:1970-01-02T06:00:00Z', 108_000],
])

interface RandomRow {
  readonly subject: string
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly condition: string
  readonly effect: string
}

interface RandomRole {
  readonly member: string
  readonly role: string
  readonly domain: string
}

const pick = (values: readonly string[]) => fc.constantFrom(...values)
/** One value half of the time: rows and requests have to meet. */
const mostly = (value: string, others: readonly string[]) =>
  fc.oneof({ weight: others.length, arbitrary: fc.constant(value) }, { weight: others.length, arbitrary: pick(others) })
/** What denies GET denies HEAD. */
const webActionOf = (effect: string, action: string) => (effect.endsWith('deny') ? action.replace('only:', '') : action)
const rowWith = (effects: readonly string[]): fc.Arbitrary<RandomRow> =>
  fc
    .record({
      subject: mostly('authenticated', subjects),
      domain: mostly('*.example.com', domainPatterns),
      resource: mostly('/**', resources),
      web: mostly('*', ['read', 'write', 'GET', 'GET|POST', 'HEAD', 'only:GET', 'only:GET|POST']),
      kube: pick(['*', 'get', 'get|create']),
      token: pick(['*', 'create', 'create|introspect']),
      tokenHost: pick(['/**', '/wiki.example.com', '/*.example.com', '/other.test']),
      condition: mostly('-', ['office', '!office', 'managed', 'office & managed', '!managed & office', 'own', '!own']),
      end: mostly('', [...endOf.keys()]),
      effect: pick(effects),
    })
    .map(row =>
      isReserved(row.domain)
        ? {
            ...row,
            resource: /[{ ]/.test(row.resource) ? '/**' : row.resource,
            condition: row.condition.replace(/!?own/, '-'),
          }
        : row,
    )
    // Rows that deny do not end.
    .map(({ end, ...row }) =>
      end === '' || row.effect.endsWith('deny')
        ? row
        : { ...row, condition: row.condition === '-' ? end : `${row.condition} & ${end}` },
    )
    .map(({ web, kube, token, tokenHost, ...row }) =>
      row.domain === 'tokens'
        ? { ...row, resource: tokenHost, action: token }
        : { ...row, action: row.domain.startsWith('kube:') ? kube : webActionOf(row.effect, web) },
    )
const roleRow: fc.Arbitrary<RandomRole> = fc.record({
  member: pick([...subjects.slice(1), 'role:reader']),
  role: pick(['role:admin', 'role:reader']),
  domain: pick(domainPatterns.filter(pattern => !/^[{@]/.test(pattern))),
})
const policyArbitrary = fc.record({
  rows: fc.uniqueArray(rowWith(['allow', 'allow', 'allow', 'deny', 'shadow-allow', 'shadow-deny']), {
    minLength: 1,
    maxLength: 12,
    selector: row => JSON.stringify(row),
  }),
  roles: fc.uniqueArray(roleRow, { maxLength: 5, selector: row => JSON.stringify(row) }),
})

const identityArbitrary: fc.Arbitrary<Identity> = fc.oneof(
  fc.constant<Identity>({ kind: 'anonymous' }),
  fc
    .record({
      sub: pick(['alice', 'bob']),
      groups: fc.uniqueArray(pick(groups), { maxLength: 2 }),
      dir: fc.option(pick(['a', 'x', 'b', 'A', 'X', '', '..', 'a/b', '*', 'q']), { nil: undefined }),
    })
    .map(
      ({ sub, groups: held, dir }): Identity => ({
        kind: 'user',
        subject: `https://idp.example#${sub}`,
        provider: 'idp',
        groups: held,
        claims: dir === undefined ? {} : { dir },
      }),
    ),
)

interface Case {
  readonly request: AccessRequest
  readonly identity: Identity
  readonly context: Context
}
const caseArbitrary: fc.Arbitrary<Case> = fc
  .record({
    identity: identityArbitrary,
    domain: mostly('a.example.com', concreteDomains),
    resource: pick(paths),
    method: pick(methods),
    verb: pick(['get', 'create']),
    tokenHost: pick(['/wiki.example.com', '/other.test']),
    address: fc.option(pick(['10.0.0.1', '192.0.2.1']), { nil: undefined }),
    device: fc.option(fc.constant('managed'), { nil: undefined }),
    now: fc.constantFrom(0, 53_999, 54_000, 86_399, 86_400, 107_999, 108_000),
  })
  .map(({ identity, domain, resource, method, verb, tokenHost, address, device, now }) => ({
    identity,
    request:
      domain === 'tokens'
        ? { domain, resource: tokenHost, action: 'create', url: '' }
        : { domain, resource, action: domain.startsWith('kube:') ? verb : method, url: '' },
    context: { now, header: () => device, ...(address === undefined ? {} : { clientAddress: address }) },
  }))

const quoted = (text: string): string => `"${text}"`
const some = ['a.example.com', '*.a.example.com', 'other.test']
const csvOf = (rows: readonly RandomRow[], roles: readonly RandomRole[] = []): string =>
  [
    `h, some, ${some.join(' ')}`,
    ...rows.map(row =>
      ['p', quoted(row.subject), row.domain, row.resource, row.action, row.condition, row.effect].join(', '),
    ),
    ...roles.map(row => ['g', quoted(row.member), row.role, row.domain].join(', ')),
  ].join('\n')

/** Written from docs/policy.md alone, without any code of rbac/. */
const referenceModel = `
[request_definition]
r = who, dom, obj, act, facts
[policy_definition]
p = sub, dom, obj, act, cond, eft
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = covers(r.dom, p.dom) && isOneOf(r.who, p.sub, r.dom, p.eft) && fits(r.obj, p.obj) && does(r.act, p.act) && holds(r.facts, p.cond, p.eft, bound(r.facts, r.dom, p.dom, r.obj, p.obj))
`

interface ReferenceFacts extends Context {
  readonly dir: string | undefined
  /** The second segment of the path. */
  readonly segment: string | undefined
}

const isReserved = (domain: string): boolean => ['console', 'tokens'].includes(domain) || domain.startsWith('kube:')

const covers = (domain: string, pattern: string): boolean => {
  if (pattern === '@some') return some.some(host => covers(domain, host))
  const isHost = !isReserved(domain)
  if (pattern === '*') return isHost
  if (/^[*{]/.test(pattern)) return isHost && domain.endsWith(pattern.slice(pattern.indexOf('.')))
  return domain === pattern
}

type Degree = 0 | 0.5 | 1
const least = (...degrees: readonly number[]): Degree => Math.min(1, ...degrees) as Degree

/** What stands in a place is what the person is called, is not, or nobody can tell. */
function called({ dir }: ReferenceFacts, place: string | undefined): Degree {
  if (dir === undefined) return 0.5
  if (place === undefined) return 0
  if (dir === place) return 1
  return /^[a-z]+$/i.test(dir) && dir.toLowerCase() !== place.toLowerCase() ? 0 : 0.5
}

function bound(facts: ReferenceFacts, domain: string, pattern: string, path: string, resource: string): Degree {
  const label = domain.replace('.example.com', '')
  const ofHost = pattern.startsWith('{') ? [called(facts, label.includes('.') ? undefined : label)] : []
  const segments = path.split('/')
  const ofPath = resource
    .replace(/ .*/, '')
    .split('/')
    .map((part, at) => (part.startsWith('{') ? called(facts, segments[at]) : 1))
  return least(...ofHost, ...ofPath)
}

const fits = (path: string, written: string): boolean => {
  const [pattern = '', ...exceptions] = written.split(/ except | (?=\/)/)
  if (exceptions.some(exception => fits(path, exception))) return false
  // These patterns mean the same to JavaScript and RE2.
  if (pattern.startsWith('re:')) return new RegExp(`^(?:${pattern.slice(3)})$`).test(path.replace(/(?<=.)\/$/, ''))
  const text = pattern
    .replaceAll(/\{[^}]*\}/g, '*')
    .replace(/\*\*$|\*/g, star => (star === '**' ? '\u0000' : '[^/]+'))
    .replace('/\u0000', '(/.*)?')
  return new RegExp(`^${text}/?$`).test(path)
}

const does = (action: string, pattern: string): boolean => {
  if (pattern === '*') return true
  const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(action)
  return pattern.split('|').some(token => {
    if (token === 'read') return isRead
    if (token === 'write') return !isRead
    if (token === 'only:GET') return action === 'GET'
    return token === action || (token === 'GET' && action === 'HEAD')
  })
}

const holds = (facts: ReferenceFacts, condition: string, effect: string, bounds: Degree): boolean => {
  const truthOf = (name: string): Degree => {
    if (name.startsWith('until:')) return facts.now < (endOf.get(name) ?? 0) ? 1 : 0
    if (name === 'own') return called(facts, facts.segment)
    if (name === 'managed') return facts.header?.('x-device') === 'managed' ? 1 : 0
    if (facts.clientAddress === undefined) return 0.5
    return facts.clientAddress.startsWith('10.') ? 1 : 0
  }
  const terms = condition === '-' ? [] : condition.split(' & ')
  const truths = terms.map(term => (term.startsWith('!') ? 1 - truthOf(term.slice(1)) : truthOf(term)))
  const truth = least(bounds, ...truths)
  return effect === 'deny' ? truth !== 0 : truth === 1
}

const namesOfCase = (identity: Identity): string[] =>
  identity.kind === 'anonymous'
    ? ['anyone']
    : ['anyone', 'authenticated', `user:${identity.subject}`, ...identity.groups.map(group => `group:${group}`)]

async function createReference(rows: readonly RandomRow[], roles: readonly RandomRole[]) {
  const enforcer = await newEnforcer(newModelFromString(referenceModel))
  await enforcer.addFunction('covers', covers)
  await enforcer.addFunction('fits', fits)
  await enforcer.addFunction('does', does)
  await enforcer.addFunction('holds', holds)
  const manager = enforcer.getRoleManager()
  const placeOf = (domain: string, effect: string): string => `${domain} of ${effect}`
  await enforcer.addFunction('isOneOf', (names: string[], subject: string, domain: string, effect: string) =>
    names.some(name => manager.syncedHasLink?.(name, subject, placeOf(domain, effect)) ?? false),
  )
  const isHeld = (concrete: string, pattern: string, effect: string): boolean =>
    covers(concrete, pattern) || (pattern === '*' && effect === 'deny')
  const links = roles.flatMap(({ member, role, domain }) =>
    concreteDomains.flatMap(concrete =>
      ['allow', 'deny']
        .filter(effect => isHeld(concrete, domain, effect))
        .map(effect => [member, role, placeOf(concrete, effect)]),
    ),
  )
  const policies = rows.map(row => [row.subject, row.domain, row.resource, row.action, row.condition, row.effect])
  await enforcer.addFunction('bound', bound)
  for (const rule of policies) await enforcer.addPolicy(...rule)
  const unique = new Map(links.map(link => [link.join(' '), link]))
  for (const link of unique.values()) await enforcer.addGroupingPolicy(...link)
  return ({ identity, request, context }: Case): boolean =>
    enforcer.enforceSync(namesOfCase(identity), request.domain, request.resource, request.action, {
      ...context,
      dir: identity.kind === 'anonymous' ? undefined : identity.claims.dir,
      segment: request.resource.split('/')[2] || undefined,
    })
}

test('the indexed policy answers as one plain Casbin enforcer over all rows, 100,000 times', {
  timeout: 300_000,
}, async () => {
  const seen = { allow: 0, refuse: 0 }
  const property = fc.asyncProperty(
    policyArbitrary,
    fc.array(caseArbitrary, { minLength: 50, maxLength: 50 }),
    async ({ rows, roles }, cases) => {
      const policy = await policyOf(csvOf(rows, roles), conditionsFile)
      const reference = await createReference(rows, roles)
      for (const one of cases) {
        const decision = decide({ request: one.request, identity: one.identity, context: one.context }, policy)
        if (decision.effect === 'deny') expect(decision.reason).not.toBe('evaluation-failed')
        const isAllowed = reference(one)
        if ((decision.effect === 'allow') !== isAllowed) expect.fail(JSON.stringify({ one, decision, isAllowed }))
        seen[isAllowed ? 'allow' : 'refuse'] += 1
      }
    },
  )
  await fc.assert(property, { numRuns: 2000, seed })
  expect(seen.allow + seen.refuse).toBeGreaterThanOrEqual(100_000)
  expect(seen.allow).toBeGreaterThan(8000)
  expect(seen.refuse).toBeGreaterThan(8000)
})

// Enough rows of one domain and one subject for every level of the index.
const largePolicyArbitrary = fc.record({
  rows: fc.uniqueArray(rowWith(['allow', 'allow', 'allow', 'deny', 'shadow-allow', 'shadow-deny']), {
    minLength: 40,
    maxLength: 300,
    selector: row => JSON.stringify(row),
  }),
  roles: fc.uniqueArray(roleRow, { maxLength: 5, selector: row => JSON.stringify(row) }),
})

test('the rows that the index finds lead to the decision that all rows of the domain lead to', async () => {
  const spared = { rows: 0, ofRows: 0 }
  const property = fc.asyncProperty(
    largePolicyArbitrary,
    fc.array(caseArbitrary, { minLength: 25, maxLength: 25 }),
    async ({ rows, roles }, cases) => {
      const policy = await policyOf(csvOf(rows, roles), conditionsFile)
      const shown = { count: 0 }
      const counted = {
        ...policy,
        enforce: (...[among, evaluation]: Parameters<typeof policy.enforce>) => {
          shown.count += among.length
          return policy.enforce(among, evaluation)
        },
      }
      for (const { request, identity, context } of cases) {
        const narrowed = decide({ request, identity, context }, counted)
        const { enforced, shadow } = policy.candidatesFor(request.domain)
        const whole = decideWithTrace({ request, identity, context }, policy, { trace: () => {}, onError: () => {} })
        expect(narrowed).toEqual(whole)
        spared.ofRows += enforced.length + shadow.length
      }
      spared.rows += shown.count
    },
  )
  await fc.assert(property, { numRuns: 150, seed })
  expect(spared.rows).toBeLessThan(spared.ofRows / 4)
})

const grown = (added: fc.Arbitrary<RandomRow>) =>
  fc
    .record({
      policy: policyArbitrary,
      row: added,
      at: fc.nat(12),
      cases: fc.array(caseArbitrary, { minLength: 12, maxLength: 12 }),
    })
    .filter(({ policy, row }) => !policy.rows.some(other => JSON.stringify(other) === JSON.stringify(row)))

async function decideBoth({
  policy,
  row,
  at,
  cases,
}: {
  policy: { rows: RandomRow[]; roles: RandomRole[] }
  row: RandomRow
  at: number
  cases: Case[]
}) {
  const before = await policyOf(csvOf(policy.rows, policy.roles), conditionsFile)
  const after = await policyOf(csvOf(policy.rows.toSpliced(at, 0, row), policy.roles), conditionsFile)
  return cases.map(({ request, identity, context }) => [
    decide({ request, identity, context }, before).effect,
    decide({ request, identity, context }, after).effect,
  ])
}

test('adding a deny row never admits anyone', async () => {
  const property = fc.asyncProperty(grown(rowWith(['deny'])), async input => {
    for (const [before, after] of await decideBoth(input)) expect(before !== 'allow' && after === 'allow').toBe(false)
  })
  await fc.assert(property, { numRuns: 300, seed })
})

test('adding an allow row never shuts anyone out', async () => {
  const property = fc.asyncProperty(grown(rowWith(['allow'])), async input => {
    for (const [before, after] of await decideBoth(input)) expect(before === 'allow' && after !== 'allow').toBe(false)
  })
  await fc.assert(property, { numRuns: 300, seed })
})

test('adding a shadow row changes no decision', async () => {
  const property = fc.asyncProperty(grown(rowWith(['shadow-allow', 'shadow-deny'])), async input => {
    for (const [before, after] of await decideBoth(input)) expect(after).toBe(before)
  })
  await fc.assert(property, { numRuns: 300, seed })
})

test('a decision with its trace is the decision, and the row that decided was hit in every field', async () => {
  const property = fc.asyncProperty(
    policyArbitrary,
    caseArbitrary,
    async ({ rows, roles }, { request, identity, context }) => {
      const policy = await policyOf(csvOf(rows, roles), conditionsFile)
      const seen = new Map<string, string[]>()
      const trace = (row: { id: string }, field: string, outcome: string): void => {
        seen.set(row.id, [...(seen.get(row.id) ?? []), `${field} ${outcome}`])
      }
      const decision = decideWithTrace({ request, identity, context }, policy, { trace, onError: () => {} })
      expect(decision).toEqual(decide({ request, identity, context }, policy))
      if (decision.effect === 'challenge' || decision.rule === undefined) return
      expect(seen.get(decision.rule)?.slice(0, 3)).toEqual(['resource hit', 'action hit', 'subject hit'])
      if (decision.effect === 'allow') expect(seen.get(decision.rule)?.[3]).toBe('condition hit')
      if (decision.effect === 'deny' && decision.reason === 'rule-denied')
        expect(seen.get(decision.rule)?.[3]).toMatch(/^condition (hit|may)$/)
    },
  )
  await fc.assert(property, { numRuns: 500, seed })
})
