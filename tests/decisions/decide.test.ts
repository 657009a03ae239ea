/** What the golden cases cannot say: failures inside, the other effects of the model, and that nothing can be changed. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Context } from '../../rbac/context.ts'
import { decide, decideWithTrace } from '../../rbac/decide.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { parsePolicyTests } from '../../rbac/testing/policy-test.ts'
import { model, policyOf } from './policies.ts'

const request = canonicaliseUrl('GET', 'https://wiki.example.com/a')
const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', groups: ['ops'], claims: {} }
const context: Context = { now: 1_000_000 }
const open = 'p, anyone, wiki.example.com, /**, *, -, allow'
const managed = 'managed: { header: { name: x-device, in: [managed] } }'
const broken: Context = {
  now: 0,
  header: () => {
    throw new Error('no headers today')
  },
}

describe('H01 what goes wrong inside is a denial', () => {
  test('a fact that cannot be read', async () => {
    const policy = await policyOf(`p, anyone, wiki.example.com, /**, *, managed, allow\n${open}`, managed)
    const errors: unknown[] = []
    const decision = decide({ request, identity: alice, context: broken }, policy, error => errors.push(error))
    expect(decision).toEqual({ effect: 'deny', reason: 'evaluation-failed', revision: policy.revision })
    expect(errors).toEqual([new Error('no headers today')])
  })

  test('and the next decision is not disturbed by it', async () => {
    const policy = await policyOf(`p, anyone, wiki.example.com, /**, *, managed, allow`, managed)
    decide({ request, identity: alice, context: broken }, policy)
    expect(decide({ request, identity: alice, context: { now: 0, header: () => 'managed' } }, policy).effect).toBe(
      'allow',
    )
  })

  test('a log that fails too', async () => {
    const policy = await policyOf(`p, anyone, wiki.example.com, /**, *, managed, allow`, managed)
    const onError = () => {
      throw new Error('disk full')
    }
    expect(decide({ request, identity: alice, context: broken }, policy, onError)).toMatchObject({
      reason: 'evaluation-failed',
    })
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'a clock that shows %s, which would switch a deny row off',
    async now => {
      const policy = await policyOf(
        `${open}\np, anyone, wiki.example.com, /**, *, fresh, deny`,
        'fresh: { authentication-age: 1h }',
      )
      expect(decide({ request, identity: { ...alice, authTime: 0 }, context: { now } }, policy)).toMatchObject({
        reason: 'evaluation-failed',
      })
    },
  )

  test.each([[undefined], [null], [{}], [{ kind: 'admin' }], [{ kind: 'user' }]])(
    'an identity that is %j',
    async identity => {
      const policy = await policyOf(open)
      expect(decide({ request, identity: identity as unknown as Identity, context }, policy)).toMatchObject({
        reason: 'evaluation-failed',
      })
    },
  )

  test('a decision asked for inside a decision, which must not see the rows of the other', async () => {
    const policy = await policyOf(
      `p, group:ops, wiki.example.com, /**, *, managed, allow\np, anyone, open.example.com, /**, *, -, allow`,
      managed,
    )
    const inner: unknown[] = []
    const nosy: Context = {
      now: 0,
      header: () => {
        inner.push(
          decide(
            { request: canonicaliseUrl('GET', 'https://open.example.com/'), identity: anonymous, context },
            policy,
          ),
        )
        return 'nothing'
      },
    }
    expect(decide({ request, identity: alice, context: nosy }, policy)).toMatchObject({
      effect: 'deny',
      reason: 'condition-failed',
    })
    expect(inner[0]).toMatchObject({ effect: 'deny', reason: 'evaluation-failed' })
  })

  test('but not in a shadow row, which is never enforced', async () => {
    const policy = await policyOf(`${open}\np, anyone, wiki.example.com, /**, *, managed, shadow-deny`, managed)
    const errors: unknown[] = []
    expect(decide({ request, identity: alice, context: broken }, policy, error => errors.push(error))).toMatchObject({
      effect: 'allow',
    })
    expect(errors).toHaveLength(1)
  })
})

describe('claims', () => {
  test.each(['constructor', '__proto__/polluted', 'toString', 'department/length'])(
    '%s is no claim that an issuer made',
    async name => {
      const policy = await policyOf(
        `p, anyone, wiki.example.com, /**, *, it, allow`,
        `it: { claim: { name: ${name}, in: [5, x] } }`,
      )
      expect(decide({ request, identity: { ...alice, claims: { department: 'sales' } }, context }, policy).effect).toBe(
        'deny',
      )
    },
  )

  test.each([
    ['a claim', 'role', Object.create({ role: 'x' })],
    ['a nested claim', 'realm/role', { realm: Object.create({ role: 'x' }) }],
    ['a claim that holds one', 'realm/role', Object.create({ realm: { role: 'x' } })],
  ])('%s that is inherited and not its own was asserted by nobody', async (_, name, claims) => {
    const policy = await policyOf(
      'p, anyone, wiki.example.com, /**, *, it, allow',
      `it: { claim: { name: ${name}, in: [x] } }`,
    )
    expect(decide({ request, identity: { ...alice, claims }, context }, policy).effect).toBe('deny')
    expect(
      decide({ request, identity: { ...alice, claims: { role: 'x', realm: { role: 'x' } } }, context }, policy).effect,
    ).toBe('allow')
  })
})

describe('the effect of the model decides', () => {
  const effect = 'some(where (p.eft == allow)) && !some(where (p.eft == deny))'
  const rows = [
    'p, group:ops, wiki.example.com, /**, *, -, allow',
    'p, anyone,    wiki.example.com, /**, *, -, deny',
    'p, group:dev, wiki.example.com, /**, *, -, allow',
  ]
  const compile = (text: string) =>
    compilePolicy({ model: model.replace(effect, text), files: [{ name: 'policy.csv', text: rows.join('\n') }] })
  const dev: User = { ...alice, groups: ['dev'] }

  test('a deny row wins, as shipped', async () => {
    const policy = await compile(effect)
    expect(decide({ request, identity: alice, context }, policy)).toMatchObject({
      effect: 'deny',
      rule: 'policy.csv:2',
    })
  })

  test('the first row that applies wins under priority', async () => {
    const policy = await compile('priority(p.eft) || deny')
    expect(decide({ request, identity: alice, context }, policy)).toMatchObject({
      effect: 'allow',
      rule: 'policy.csv:1',
    })
    expect(decide({ request, identity: dev, context }, policy)).toMatchObject({
      effect: 'deny',
      reason: 'rule-denied',
      rule: 'policy.csv:2',
    })
  })

  test('an allow row wins under allow-override', async () => {
    const policy = await compile('some(where (p.eft == allow))')
    expect(decide({ request, identity: dev, context }, policy)).toMatchObject({ effect: 'allow', rule: 'policy.csv:3' })
    expect(decide({ request, identity: anonymous, context }, policy)).toMatchObject({
      effect: 'deny',
      reason: 'rule-denied',
    })
  })
})

describe('nothing can be changed', () => {
  test('a snapshot, its rows and its domains are frozen', async () => {
    const policy = await policyOf(open)
    for (const value of [policy, policy.rows, policy.domains, policy.rows[0]]) expect(Object.isFrozen(value)).toBe(true)
  })

  test('the same input gives the same decision', async () => {
    const policy = await policyOf(open)
    const decisions = Array.from({ length: 50 }, () =>
      JSON.stringify(decide({ request, identity: alice, context }, policy)),
    )
    expect(new Set(decisions).size).toBe(1)
  })

  test('an empty policy denies everything, before Casbin is asked', async () => {
    const policy = await policyOf('')
    expect(decide({ request, identity: alice, context }, policy)).toMatchObject({
      effect: 'deny',
      reason: 'no-policy-for-domain',
    })
    expect(decide({ request, identity: anonymous, context }, policy)).toMatchObject({
      effect: 'deny',
      reason: 'no-policy-for-domain',
    })
  })

  test('the default policy admits the administrators to the console and nobody to anything else', async () => {
    const text = readFileSync(new URL('../../rbac/policy.csv', import.meta.url), 'utf8')
    const policy = await policyOf(text)
    const console = { domain: 'console', resource: '/sessions', action: 'GET', url: 'console/sessions' }
    const admin: User = { ...alice, groups: ['sallyport-admins'] }
    expect(policy.domains).toEqual(['console'])
    expect(decide({ request: console, identity: admin, context }, policy).effect).toBe('allow')
    expect(decide({ request: console, identity: alice, context }, policy).effect).toBe('deny')
    expect(decide({ request, identity: admin, context }, policy)).toMatchObject({ reason: 'no-policy-for-domain' })
  })
})

test('the trace tells hit, miss and may, and stops at the first miss', async () => {
  const policy = await policyOf(
    [
      'p, anyone, wiki.example.com, /b, GET, -, allow',
      'p, anyone, wiki.example.com, /a, POST, -, allow',
      'p, group:dev, wiki.example.com, /a, GET, -, allow',
      'p, group:ops, wiki.example.com, /a, GET, office, allow',
      'p, group:ops, wiki.example.com, /a, GET, -, deny',
      'p, group:ops, wiki.example.com, /a, GET, -, allow',
    ].join('\n'),
    'office: { source-network: [10.0.0.0/8] }',
  )
  const lines: string[] = []
  decideWithTrace({ request, identity: alice, context }, policy, {
    trace: (row, field, outcome) => lines.push(`${row.id.slice(-1)} ${field} ${outcome}`),
    onError: () => {},
  })
  expect(lines).toEqual([
    '1 resource miss',
    '2 resource hit',
    '2 action miss',
    '3 resource hit',
    '3 action hit',
    '3 subject miss',
    '4 resource hit',
    '4 action hit',
    '4 subject hit',
    '4 condition may',
    '5 resource hit',
    '5 action hit',
    '5 subject hit',
    '5 condition hit',
  ])
})

describe('a test file that cannot be read says where', () => {
  const parse = (text: string) => parsePolicyTests({ name: 'a.test.yaml', text }, { now: 0 })
  test.each([
    [
      'an unknown key',
      '- { name: a, identity: anonymous, request: GET https://a/, wants: deny }',
      'a.test.yaml:1:3: unknown key "wants"; did you mean "want"?',
    ],
    [
      'an unknown effect',
      '- { name: a, identity: anonymous, request: GET https://a/, want: denied }',
      'a.test.yaml:1:3: a: want: expected allow, challenge or deny',
    ],
    [
      'a request that is none',
      '- { name: a, identity: anonymous, request: https://a/, want: deny }',
      'a.test.yaml:1:3: a: request: the method is not a token of A to Z',
    ],
    [
      'an identity that is none',
      '- { name: a, identity: alice, request: GET https://a/, want: deny }',
      'a.test.yaml:1:3: a: identity: expected anonymous, or a mapping with user, service-account, client or certificate',
    ],
    ['no list', 'hello', 'a.test.yaml:1:1: expected a list of cases, or a mapping with policy and cases'],
  ])('%s', (_, text, message) => {
    expect(() => parse(text)).toThrow(message)
  })

  test('a bare list names no policy, and its cases have the clock of the run', () => {
    const file = parse('- { name: a, identity: anonymous, request: GET https://a/, want: deny }')
    expect(file.policy).toBeUndefined()
    expect(file.cases).toMatchObject([{ name: 'a', line: 1, context: { now: 0 }, want: { effect: 'deny' } }])
  })
})
