/** Rules of Authelia as rows: never wider than a small evaluator of the original, which knows nothing of rows. */

import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { createOutcomes } from './import-outcomes.ts'

interface Rule {
  readonly domain?: string[]
  readonly domain_regex?: string[]
  readonly policy: string
  readonly resources?: string[]
  readonly methods?: string[]
  readonly networks?: string[]
  readonly subject?: (string | string[])[]
  readonly query?: unknown
}

const importRules = async (rules: readonly Rule[], defaultPolicy = 'deny') => {
  const text = stringify({ access_control: { default_policy: defaultPolicy, rules } })
  const { policy, findings } = await convert(
    { format: 'authelia', usernameClaim: 'login' },
    { name: 'configuration.yml', text },
  )
  return { snapshot: await policyOf(policy.csv, policy.conditions || undefined), policy, findings }
}

const person = (login: string, groups: string[], amr: string[]): Identity => ({
  kind: 'user',
  subject: `https://idp.example#${login}`,
  provider: 'idp',
  groups,
  claims: { login, groups },
  authTime: 0,
  amr,
})

interface Attempt {
  readonly who: { readonly login: string; readonly groups: string[]; readonly mfa: boolean } | undefined
  readonly host: string
  readonly path: string
  readonly query: string
  readonly method: string
  readonly address: string
}

/** The first rule that fits; somebody unknown is asked for a login by every rule with subjects. */
function isAllowedThere(rules: readonly Rule[], defaultPolicy: string, attempt: Attempt): boolean {
  const { who } = attempt
  const isSubject = (name: string): boolean =>
    name.startsWith('user:') ? who?.login === name.slice(5) : who?.groups.includes(name.slice(6)) === true
  const fits = (rule: Rule): boolean =>
    ((rule.domain ?? []).some(domain => {
      if (domain.startsWith('{user}'))
        return (
          attempt.host.endsWith(domain.slice(6)) &&
          [undefined, attempt.host].includes(who && who.login + domain.slice(6))
        )
      return domain.startsWith('*.') ? attempt.host.endsWith(domain.slice(1)) : domain === attempt.host
    }) ||
      (rule.domain_regex ?? []).some(pattern => new RegExp(pattern).test(attempt.host))) &&
    (rule.resources?.some(pattern => new RegExp(pattern).test(attempt.path + attempt.query)) ?? true) &&
    (rule.methods?.includes(attempt.method) ?? true) &&
    (rule.networks === undefined || attempt.address.startsWith('10.')) &&
    (who === undefined || (rule.subject?.some(names => [names].flat().every(isSubject)) ?? true)) &&
    (rule.query === undefined || attempt.query !== '')
  const first = rules.find(fits)
  const level = first?.policy ?? defaultPolicy
  const isForAnybody =
    first === undefined ||
    (first.subject === undefined &&
      fits({ ...first, domain: first.domain?.filter(domain => !domain.startsWith('{')) ?? [] }))
  if (who === undefined) return level === 'bypass' && isForAnybody
  return level === 'two_factor' ? who.mfa : level !== 'deny'
}

const patterns = [
  '^/admin([/?].*)?$',
  '^/admin',
  '^/public/',
  '^/public/.*$',
  '^/$',
  '^/api/v[0-9]+/.*',
  '^/(a|admin)/x.*$',
  'admin',
  '^/a',
  '^/api/?',
  '^/admin/?$',
  '^/a.*|^/api',
  '^/api(/.*)?$',
  '^/admin/x$',
  '^/v[0-9]+([/?].*)?$',
  '^/v[0-9]{1,2}$',
]
const optional = <T>(arbitrary: fc.Arbitrary<T>, weight = 3) => fc.option(arbitrary, { nil: undefined, freq: weight })
const some = <T>(...values: T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })
const rule: fc.Arbitrary<Rule> = fc
  .record({
    hosts: fc.oneof(
      {
        weight: 6,
        arbitrary: some(
          ...['app.example.com', '*.example.com', 'other.example.com', '*.app.example.com', 'third.test'],
          ...['{user}.example.com', 'alice.example.com'],
        ).map(domain => ({ domain })),
      },
      {
        weight: 1,
        arbitrary: some('^other', 'test$', '^(a|o).*example', '^.*\\.example\\.com$').map(domain_regex => ({
          domain_regex,
        })),
      },
    ),
    policy: fc.constantFrom('bypass', 'one_factor', 'two_factor', 'deny'),
    resources: optional(some(...patterns), 1),
    methods: optional(some('GET', 'POST', 'HEAD'), 4),
    networks: optional(fc.constant(['10.1.2.3/8']), 4),
    subject: optional(
      some<string | string[]>('group:ops', 'user:alice', ['group:ops', 'group:dev'], ['user:bob', 'group:dev']),
      2,
    ),
    query: optional(fc.constant([{ operator: 'present', key: 'a' }]), 12),
  })
  .map(({ hosts, ...one }) => ({ ...hosts, ...one }))
  .map(one => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as unknown as Rule)
  .filter(one => one.policy !== 'bypass' || one.subject === undefined)
const attempt: fc.Arbitrary<Attempt> = fc.record({
  who: fc.option(
    fc.record({ login: fc.constantFrom('alice', 'bob'), groups: fc.subarray(['ops', 'dev']), mfa: fc.boolean() }),
    { nil: undefined },
  ),
  host: fc.constantFrom(
    ...['app.example.com', 'other.example.com', 'x.app.example.com', 'example.com', 'third.test'],
    ...['alice.example.com', 'bob.example.com'],
  ),
  path: fc.constantFrom(
    '/',
    '/a',
    '/a/',
    '/ab',
    '/admin',
    '/admin/',
    '/admin/x',
    '/admin/x/',
    '/administrator',
    '/public',
    '/public/',
    '/public/x',
    '/api',
    '/api/',
    '/apix',
    '/api/v1/x',
    '/a/x',
    '/v1',
    '/v12/',
    '/v1/x/',
    '/v1x',
  ),
  query: fc.constantFrom('', '', '?a=1'),
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  address: fc.constantFrom('10.0.0.1', '192.0.2.1'),
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)

test(`an import never allows what the rules refused (SEED=${seed})`, async () => {
  const { count, seen } = createOutcomes()
  const property = fc.asyncProperty(
    fc.array(rule, { minLength: 1, maxLength: 5 }),
    fc.constantFrom('deny', 'deny', 'one_factor', 'two_factor'),
    fc.array(attempt, { minLength: 40, maxLength: 40 }),
    async (rules, defaultPolicy, attempts) => {
      const { snapshot, policy } = await importRules(rules, defaultPolicy)
      for (const one of attempts) {
        const { who, host: domain, path, method, address } = one
        const request: AccessRequest = { domain, resource: path, action: method, url: '' }
        const identity =
          who === undefined ? anonymous : person(who.login, who.groups, who.mfa ? ['pwd', 'mfa'] : ['pwd'])
        const is =
          decide({ request, identity, context: { now: 0, clientAddress: address } }, snapshot).effect === 'allow'
        count({ was: isAllowedThere(rules, defaultPolicy, one), is }, () => `${JSON.stringify(one)}\n${policy.csv}`)
      }
    },
  )
  await fc.assert(property, { numRuns: 600, seed })
  // A conversion that allows nothing would be sound as well.
  expect(seen.kept).toBeGreaterThan(seen.lost / 2)
  expect(seen.refused).toBeGreaterThan(2000)
})

describe('what is said', () => {
  test('a pattern that says how it goes on is kept as it is, and one that ends by choice', async () => {
    const rowsOf = async (pattern: string, withSlashAndQuery: boolean) => {
      const rule = { domain: ['app.example.com'], resources: [pattern], policy: 'bypass' }
      const text = stringify({ access_control: { default_policy: 'deny', rules: [rule] } })
      const { rows } = await convert({ format: 'authelia', withSlashAndQuery }, { name: 'configuration.yml', text })
      return rows.map(({ resource }) => resource)
    }
    expect(await rowsOf('^/api/v[0-9]+/public([/?].*)?$', false)).toEqual(['re:/api/v[0-9]+/public(?:/.*)?'])
    for (const [pattern, resource] of [
      ['^/api/v[0-9]+/health$', 're:/api/v[0-9]+/health'],
      ['^/api/v[0-9]+(/.*)?$', 're:/api/v[0-9]+(?:/.*)?'],
    ] as const) {
      expect(await rowsOf(pattern, false)).toEqual([])
      expect(await rowsOf(pattern, true)).toEqual([resource])
    }
    expect(await rowsOf('^/.+([/?].*)?$', true)).toEqual([])
  })

  test('one factor within a network, two without: whoever is within is not denied for want of the second', async () => {
    const rules = [
      { domain: ['app.example.com'], networks: ['10.0.0.0/8'], policy: 'one_factor' },
      { domain: ['app.example.com'], policy: 'two_factor' },
      { domain: ['*.example.com'], policy: 'one_factor' },
    ]
    const effectOf = async (given: readonly Rule[], address: string | undefined, amr: string[]) => {
      const { snapshot } = await importRules(given)
      const request = { domain: 'app.example.com', resource: '/', action: 'GET', url: '' }
      const context = { now: 0, clientAddress: address }
      return decide({ request, identity: person('bob', [], amr), context }, snapshot).effect
    }
    expect(await effectOf(rules, '10.1.2.3', ['pwd'])).toBe('allow')
    for (const address of ['192.0.2.1', undefined]) {
      expect(await effectOf(rules, address, ['pwd'])).toBe('deny')
      expect(await effectOf(rules, address, ['pwd', 'mfa'])).toBe('allow')
    }
    // What speaks of some of it alone spares nobody.
    const [within, ...others] = rules
    for (const narrower of [{ resources: ['^/a'] }, { methods: ['POST'] }, { subject: ['group:ops'] }]) {
      expect(await effectOf([{ ...within, policy: 'one_factor', ...narrower }, ...others], '10.1.2.3', ['pwd'])).toBe(
        'deny',
      )
    }
  })

  test('an earlier rule is cut out of a later, wider one, and still asks for its second factor', async () => {
    const { snapshot } = await importRules([
      { domain: ['app.example.com'], resources: ['^/admin([/?].*)?$'], policy: 'two_factor' },
      { domain: ['app.example.com'], policy: 'bypass' },
    ])
    const effect = (resource: string, amr: string[]) =>
      decide(
        {
          request: { domain: 'app.example.com', resource, action: 'GET', url: '' },
          identity: person('alice', [], amr),
          context: {
            now: 0,
          },
        },
        snapshot,
      ).effect
    expect([
      effect('/admin/x', ['pwd']),
      effect('/admin', ['mfa']),
      effect('/administrator', ['pwd']),
      effect('/', ['pwd']),
    ]).toEqual(['challenge', 'allow', 'allow', 'allow'])
  })

  test('a bypass behind a rule about people asks for a login: nobody is known there before', async () => {
    const { snapshot, findings } = await importRules([
      { domain: ['app.example.com'], methods: ['POST'], subject: ['group:ops'], policy: 'two_factor' },
      { domain: ['app.example.com'], policy: 'bypass' },
    ])
    const effect = (identity: Identity) =>
      decide(
        {
          request: { domain: 'app.example.com', resource: '/x', action: 'POST', url: '' },
          identity,
          context: { now: 0 },
        },
        snapshot,
      ).effect
    expect(effect(anonymous)).toBe('challenge')
    expect(effect(person('alice', [], ['pwd']))).toBe('allow')
    expect(findings.map(({ what }) => what)).toContain('bypass at app.example.com asks for a login')
  })

  test('a pattern of hosts that spells some hosts out is those hosts', async () => {
    const rows = async (pattern: string) => {
      const text = stringify({ access_control: { rules: [{ domain_regex: pattern, policy: 'one_factor' }] } })
      return (await convert({ format: 'authelia' }, { name: 'c.yml', text })).rows.map(({ domain }) => domain)
    }
    expect(await rows('^wiki\\.example\\.com$')).toEqual(['wiki.example.com'])
    const hosts = ['a.x.example', 'a.y.example', 'b.x.example', 'b.y.example']
    expect(await rows('^(?:a|b)\\.(x|y)\\.example$')).toEqual(hosts)
    for (const wider of [
      ...['wiki\\.example\\.com$', '^wiki\\.example\\.com', '^wiki.example\\.com$', '^a|b\\.example\\.com$'],
      ...[
        '^(?P<User>\\w+)\\.example\\.com$',
        '^wikis?\\.example\\.com$',
        '^(a|b)+\\.example$',
        '^Wiki\\.example\\.com$',
      ],
      ...['^((a|b))\\.example$', '^[ab]\\.example$', '^(?i)a\\.example$', '^(a|)\\.example$', '^(a-){2}\\.example$'],
    ])
      expect([wider, await rows(wider)]).toEqual([wider, []])
  })

  test('a free pattern of hosts keeps out of later rules for hosts that it cannot mean', async () => {
    const rows = async (pattern: string) => {
      const rules = [
        { domain_regex: pattern, policy: 'two_factor' },
        { domain: ['app.example.com', '*.example.com'], policy: 'bypass' },
      ]
      const { rows: kept } = await convert({ format: 'authelia' }, { name: 'c.yml', text: stringify({ rules }) })
      return kept.map(({ subject, domain }) => `${subject} ${domain}`)
    }
    expect(await rows('^wiki-.*$')).toEqual(['anyone app.example.com'])
    expect(await rows('^APP-?')).toEqual([])
    // It surely means that host, and so is a rule for it.
    expect(await rows('example')).toEqual(['authenticated app.example.com'])
    expect(await rows('^(?P<User>\\w+)\\.example')).toEqual([])
    expect(await rows('[')).toEqual([])
  })

  test('a host with the name of whoever asks is theirs alone, and gives way to what comes first', async () => {
    const own = { domain: ['{user}.example.com'], policy: 'one_factor' }
    const allows = async (rules: Rule[], login: string, domain: string): Promise<boolean> => {
      const request = { domain, resource: '/', action: 'GET', url: '' }
      const { snapshot } = await importRules(rules)
      const context = { now: 0 }
      return decide({ request, identity: person(login, [], ['pwd']), context }, snapshot).effect === 'allow'
    }
    expect(await allows([own], 'alice', 'alice.example.com')).toBe(true)
    expect(await allows([own], 'alice', 'bob.example.com')).toBe(false)
    expect(await allows([own], 'alice', 'x.alice.example.com')).toBe(false)
    const denied = { domain: ['alice.example.com'], policy: 'deny' }
    expect(await allows([denied, own], 'alice', 'alice.example.com')).toBe(false)
    expect(await allows([denied, own], 'bob', 'bob.example.com')).toBe(true)
    expect(await allows([own, { domain: ['*.example.com'], policy: 'two_factor' }], 'bob', 'bob.example.com')).toBe(
      true,
    )
    expect(await allows([{ ...own, domain: [...own.domain, '*.example.com'] }], 'alice', 'bob.example.com')).toBe(true)
    expect(await allows([{ ...own, policy: 'bypass' }], 'alice', 'alice.example.com')).toBe(false)
    const text = stringify({ access_control: { rules: [own] } })
    expect((await convert({ format: 'authelia' }, { name: 'c.yml', text })).rows).toEqual([])
    const grouped = stringify({ rules: [{ domain: '{group}.example.com', policy: 'one_factor' }] })
    expect(
      (await convert({ format: 'authelia' }, { name: 'c.yml', text: grouped })).rows.map(({ domain }) => domain),
    ).toEqual(['{group}.example.com'])
  })

  test('what cannot be said is listed with its line and allows nothing', async () => {
    const text = `access_control:
  rules:
    - domain: app.example.com
      policy: one_factor
      subjct: group:ops
    - domain_regex: ^app-.*$
      policy: bypass
    - domain: '{user}.example.com'
      policy: one_factor
`
    const { findings, rows } = await convert({ format: 'authelia' }, { name: 'c.yml', text })
    expect(rows).toEqual([])
    expect(findings.filter(({ kind }) => kind === 'left-out').map(({ line, what }) => `${line} ${what}`)).toEqual([
      '5 subjct',
      '6 domain_regex',
      '8 domain {user}.example.com',
    ])
  })
})
