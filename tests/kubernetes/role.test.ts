/** The role that lets the gateway speak for people: by name, for those who may come, and for nobody else. */

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { type Impersonation, impersonationOf, NamelessError } from '../../app/kubernetes/person.ts'
import { type ImpersonationMode, impersonationModes } from '../../app/kubernetes/rights/impersonation-mode.ts'
import { authenticationGroup, groupOf, verbOf } from '../../app/kubernetes/rights/impersonator.ts'
import { namesOfPeople, peopleOf } from '../../app/kubernetes/rights/people.ts'
import { exactRole } from '../../app/kubernetes/rights/role-objects.ts'
import type { User } from '../../rbac/identity.ts'
import { type Rule, rulesAllow } from '../../rbac/kubernetes/rule.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { fc } from '../properties.ts'

const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
const compile = (...rows: string[]): Promise<PolicySnapshot> =>
  compilePolicy({ model, files: [{ name: 'kube.csv', text: `${rows.join('\n')}\n` }] })

const names = namesOfPeople({ groupPrefix: 'sallyport:', userClaim: 'email' })
const holder = { kind: 'ServiceAccount', namespace: 'sallyport', name: 'sallyport' } as const

const person = (name: string, ...groups: string[]): User => ({
  kind: 'user',
  subject: `https://idp.example#${name}`,
  provider: 'corp',
  groups,
  claims: { email: `${name}@example.com` },
  email: `${name}@example.com`,
})
const alice = person('alice', 'ops', 'staff')
const bob = person('bob', 'contractors')
const mallory = person('mallory', 'outside')

const roleOf = (policy: PolicySnapshot, people: readonly User[], mode: ImpersonationMode = 'legacy') =>
  exactRole({ cluster: 'prod', mode, holder }, { names, policy, people })

const rulesOf = (...given: Parameters<typeof roleOf>): readonly Rule[] =>
  roleOf(...given).roles.flatMap(({ rules }) => rules)

/** As YAML on one line for each rule. */
const shown = (rules: readonly Rule[]): string =>
  rules.map(rule => stringify(rule, { collectionStyle: 'flow', lineWidth: 0 }).trim()).join('\n')

describe('the role of the gateway', () => {
  it.each(impersonationModes)('J105 names workloads as rows do, and lends their names to nobody: %s', async mode => {
    const policy = await compile(
      'p, service-account:prod/ci/deployer, kube:prod, /payments/**, get, -, allow',
      'p, role:robots, kube:prod, /payments/**, list, -, allow',
      'g, client:corp/robot, role:robots, kube:prod',
      'p, certificate:mesh/spiffe://a/b, kube:other, /payments/**, get, -, allow',
      'p, client:corp/denied, kube:prod, /payments/**, get, -, deny',
      'p, group:ops, kube:prod, /-/core/users/client:corp%252Fother, impersonate, -, allow',
    )
    const { impersonable } = roleOf(policy, [alice], mode)
    expect(impersonable.users).toEqual(['alice@example.com', 'client:corp/robot', 'service-account:prod/ci/deployer'])
    expect(impersonable.notCovered).toContainEqual(
      expect.objectContaining({ rule: 'kube.csv:6', why: 'names of workloads are never lent' }),
    )
  })

  it('names those who are logged in with all of their groups, and what the policy names', async () => {
    const policy = await compile(
      'p, group:ops, kube:prod, /payments/**, get, -, allow',
      'p, group:corp/on-call, kube:prod, /payments/**, get, -, allow',
      'p, role:auditors, kube:prod, /-/**, list, -, allow',
      'g, email:carol@example.com, role:auditors, kube:prod',
      'p, user:https://idp.example#dave, kube:prod, /payments/**, get, -, allow',
      'p, group:contractors, kube:prod, /payments/**, *, -, deny',
      'p, group:outside, kube:other, /payments/**, *, -, allow',
      'p, group:shadows, kube:prod, /payments/**, *, -, shadow-allow',
    )
    const role = roleOf(policy, [alice, bob, mallory])
    expect(shown(role.roles[0]?.rules ?? [])).toBe(
      [
        '{ apiGroups: [ "" ], resources: [ users ], verbs: [ impersonate ], resourceNames: [ alice@example.com, carol@example.com ] }',
        '{ apiGroups: [ "" ], resources: [ groups ], verbs: [ impersonate ], resourceNames: [ sallyport:on-call, sallyport:ops, sallyport:staff ] }',
        '{ apiGroups: [ authentication.k8s.io ], resources: [ uids ], verbs: [ impersonate ], resourceNames: [ https://idp.example#alice, https://idp.example#dave ] }',
        '{ apiGroups: [ authentication.k8s.io ], resources: [ userextras/sallyport.dev/session ], verbs: [ impersonate ] }',
      ].join('\n'),
    )
    expect(role.notCovered.map(({ who, rule }) => `${rule} ${who}`)).toEqual([
      'kube.csv:1 group:ops',
      'kube.csv:2 group:corp/on-call',
      'kube.csv:3 email:carol@example.com',
      'kube.csv:5 user:https://idp.example#dave',
    ])
  })

  it('names nobody for rows that are for everybody, and says so', async () => {
    const policy = await compile('p, authenticated, kube:prod, /**, *, -, allow')
    for (const mode of impersonationModes) {
      const empty = roleOf(policy, [], mode)
      expect(empty.impersonable).toMatchObject({ users: [], groups: [], uids: [] })
      expect(empty.notCovered).toMatchObject([{ who: 'authenticated', rule: 'kube.csv:1' }])
      expect(rulesOf(policy, [], mode).filter(({ resources = [] }) => resources.includes('users'))).toEqual([])
    }
    expect(roleOf(policy, [mallory]).impersonable.users).toEqual(['mallory@example.com'])
  })

  it('L20 leaves out who would be one of the cluster itself, or answer for all', async () => {
    const policy = await compile('p, authenticated, kube:prod, /**, *, -, allow')
    const unprefixed = namesOfPeople({ groupPrefix: '', userClaim: 'email' })
    const people = [person('eve', 'system:masters'), person('star', '*'), alice]
    const role = exactRole({ cluster: 'prod', mode: 'legacy', holder }, { names: unprefixed, policy, people })
    expect(role.impersonable).toMatchObject({ users: ['alice@example.com'], groups: ['ops', 'staff'] })
    expect(role.notCovered.map(({ who }) => who)).toEqual(['eve@example.com', 'star@example.com', 'authenticated'])
  })

  it('L04 names whom rows lend to --as by name, and tells of those that lend by pattern', async () => {
    const policy = await compile(
      'p, group:ops, kube:prod, /-/core/users/bob@example.com, impersonate, -, allow',
      'p, group:ops, kube:prod, /-/core/groups/sallyport:on-call, *, -, allow',
      'p, group:ops, kube:prod, /-/authentication.k8s.io/uids/https:%252F%252Fidp.example%2523bob, impersonate, -, allow',
      'p, group:ops, kube:prod, /-/core/users/*, impersonate, -, allow',
      'p, group:ops, kube:prod, /-/core/groups/system:masters, impersonate, -, allow',
      'p, group:ops, kube:prod, /payments/**, *, -, allow',
    )
    const role = roleOf(policy, [])
    expect(role.impersonable).toMatchObject({
      users: ['bob@example.com'],
      groups: ['sallyport:on-call', 'sallyport:ops'],
      uids: ['https://idp.example#bob'],
    })
    expect(role.notCovered.map(({ rule, why }) => `${rule} ${why}`)).toEqual([
      'kube.csv:1 each of them is covered once they have logged in',
      'kube.csv:4 it lends names that a role cannot name one by one',
      'kube.csv:5 names that begin with system: are never lent',
    ])
  })

  it('L04 names the extras that rows lend, with their values, and who may ask for them', async () => {
    const extra = (value: string, key: string): string =>
      `p, group:ops, kube:prod, /-/authentication.k8s.io/userextras/${value}/${key}, impersonate, -, allow`
    const policy = await compile(
      'p, group:ops, kube:prod, /-/core/users/breakglass, impersonate, -, allow',
      'p, group:contractors, kube:prod, /payments/**, get, -, allow',
      extra('*', 'example.com%252Fwhy'),
      extra('ticket-1', 'example.com%252Fwhy'),
      extra('emea', 'example.com%252Fregion'),
      extra('apac', 'example.com%252Fregion'),
      extra('blue', 'team'),
      extra('tick*', 'example.com%252Fticket'),
      extra('*', '*'),
      'p, group:ops, kube:prod, /-/authentication.k8s.io/userextras/**, impersonate, -, allow',
      extra('all', '%2A'),
      extra('all', 'Example.com%252Fwhy'),
      extra('all', 'authentication.kubernetes.io%252Fnode-name'),
      extra('stolen', 'sallyport.dev%252Fsession'),
    )
    const speakingOfExtras = (mode: ImpersonationMode) =>
      shown(
        rulesOf(policy, [alice, bob], mode).filter(({ resources = [] }) => resources[0]?.startsWith('userextras')),
      ).replaceAll('apiGroups: [ authentication.k8s.io ], ', '')
    expect(speakingOfExtras('legacy')).toBe(
      [
        '{ resources: [ userextras/sallyport.dev/session, userextras/example.com/why ], verbs: [ impersonate ] }',
        '{ resources: [ userextras/example.com/region ], verbs: [ impersonate ], resourceNames: [ apac, emea ] }',
        '{ resources: [ userextras/sallyport.dev/impersonated-by ], verbs: [ impersonate ], resourceNames: [ alice@example.com ] }',
        '{ resources: [ userextras/team ], verbs: [ impersonate ], resourceNames: [ blue ] }',
      ].join('\n'),
    )
    expect(speakingOfExtras('constrained')).not.toContain('userextras/team')
    const notCovered = (mode: ImpersonationMode) =>
      roleOf(policy, [alice, bob], mode)
        .notCovered.filter(({ why }) => !why.includes('logged in'))
        .map(({ rule, why }) => `${rule} ${why}`)
    const unsayable = 'it lends names that a role cannot name one by one'
    const never = [
      `kube.csv:8 ${unsayable}`,
      `kube.csv:9 ${unsayable}`,
      `kube.csv:10 ${unsayable}`,
      `kube.csv:11 ${unsayable}`,
      'kube.csv:12 the extra Example.com/why is never lent',
      'kube.csv:13 the extra authentication.kubernetes.io/node-name is never lent',
      'kube.csv:14 the extra sallyport.dev/session is never lent',
    ]
    expect(notCovered('legacy')).toEqual(never)
    expect(notCovered('constrained')).toEqual([
      'kube.csv:7 constrained impersonation knows no extra without a domain in front: team',
      ...never,
    ])
  })

  it.each([
    ['/-/core/users/bob@example.com', 'impersonate', true],
    ['/-/core/users/*', 'get|impersonate', true],
    ['/-/core/**', '*', true],
    ['/**', '*', true],
    ['/*/core/users/*', '*', true],
    ['re:/x', 'impersonate', true],
    ['/**', 'get|list', false],
    ['/payments/**', '*', false],
    ['/-/core/users', '*', false],
    ['/-/core/groups/**', 'impersonate', false],
  ])('asks for nobody else unless a row may lend a user: %s, %s: %s', async (resource, action, may) => {
    const policy = await compile(`p, group:ops, kube:prod, ${resource}, ${action}, -, allow`)
    const { extras } = roleOf(policy, [alice]).impersonable
    const asked = { key: 'sallyport.dev/impersonated-by', values: ['alice@example.com'] }
    expect(extras).toEqual([{ key: 'sallyport.dev/session' }, ...(may ? [asked] : [])])
  })

  it('caps what the gateway does as people in constrained mode, with what kubectl asks first', async () => {
    const policy = await compile(
      'p, group:ops, kube:prod, /nonResourceURLs/healthz, get, -, allow',
      'p, group:ops, kube:prod, /payments/core/pods, list|watch, -, allow',
      'p, group:ops, kube:prod, /payments/core/pods/web-0/exec, create, -, allow',
      'p, group:ops, kube:prod, /payments/apps/**, get, -, allow',
      'p, group:ops, kube:prod, /*/core/configmaps/settings, get|update, -, allow',
      'p, group:ops, kube:prod, /-/core/users/*, impersonate, -, allow',
      'p, group:ops, kube:prod, re:/x/.*, get, -, allow',
    )
    const role = roleOf(policy, [], 'constrained')
    const [whole, inPayments, ...others] = role.roles
    expect(others).toEqual([])
    expect(inPayments?.metadata).toMatchObject({ namespace: 'payments' })
    expect(shown(inPayments?.rules ?? [])).toBe(
      [
        '{ apiGroups: [ "" ], resources: [ pods ], verbs: [ impersonate-on:user-info:list, impersonate-on:user-info:watch ] }',
        '{ apiGroups: [ "" ], resourceNames: [ web-0 ], resources: [ pods/exec ], verbs: [ impersonate-on:user-info:create, impersonate-on:user-info:get ] }',
        '{ apiGroups: [ apps ], resources: [ "*" ], verbs: [ impersonate-on:user-info:get ] }',
      ].join('\n'),
    )
    const actions = (whole?.rules ?? []).filter(({ verbs }) => verbs.some(verb => verb.startsWith('impersonate-on:')))
    expect(shown(actions)).toBe(
      [
        '{ nonResourceURLs: [ /api, /api/*, /apis, /apis/*, /openapi, /openapi/*, /version, /version/ ], verbs: [ impersonate-on:user-info:get ] }',
        '{ apiGroups: [ authorization.k8s.io ], resources: [ selfsubjectaccessreviews, selfsubjectrulesreviews ], verbs: [ impersonate-on:user-info:create ] }',
        '{ apiGroups: [ authentication.k8s.io ], resources: [ selfsubjectreviews ], verbs: [ impersonate-on:user-info:create ] }',
        '{ nonResourceURLs: [ /healthz ], verbs: [ impersonate-on:user-info:get ] }',
        '{ apiGroups: [ "" ], resourceNames: [ settings ], resources: [ configmaps ], verbs: [ impersonate-on:user-info:get, impersonate-on:user-info:update ] }',
      ].join('\n'),
    )
    expect(role.notCovered).toContainEqual(expect.objectContaining({ who: 're:/x/.*', rule: 'kube.csv:7' }))
    // Threat: a rule for `impersonate` beside it lets everything pass again.
    expect(role.roles.flatMap(({ rules }) => rules).flatMap(({ verbs }) => verbs)).not.toContain('impersonate')
  })
})

/** What the API server asks about an impersonation, as it is in its source and in docs. */
function questionsAbout({ user, groups, uid, extra }: Impersonation, mode: ImpersonationMode) {
  const verb = verbOf[mode]
  return [
    { verb, group: groupOf[mode], resource: 'users', name: user },
    ...groups.map(name => ({ verb, group: groupOf[mode], resource: 'groups', name })),
    { verb, group: authenticationGroup, resource: 'uids', name: uid },
    ...Object.entries(extra).flatMap(([subresource, values]) =>
      values.map(name => ({ verb, group: authenticationGroup, resource: 'userextras', subresource, name })),
    ),
  ]
}

describe('whoever the gateway may make of people', () => {
  const word = fc.stringMatching(/^[a-z]{1,3}$/)
  const groups = fc.array(fc.constantFrom('ops', 'staff', 'on-call', 'contractors', 'system:masters', '*', 'a,b'), {
    maxLength: 5,
  })
  const people = fc.uniqueArray(
    fc.tuple(word, groups).map(([name, its]) => person(name, ...its)),
    { maxLength: 6, selector: ({ subject }) => subject },
  )
  const stranger = fc.tuple(word, groups).map(([name, its]) => person(name, ...its))
  let policy: PolicySnapshot
  beforeAll(async () => {
    policy = await compile('p, authenticated, kube:prod, /**, *, -, allow')
  })
  const passes = (rules: readonly Rule[], impersonation: Impersonation, mode: ImpersonationMode): boolean =>
    questionsAbout(impersonation, mode).every(asked => rulesAllow(rules, asked))
  const asPerson = (who: User): Impersonation | undefined => {
    try {
      return impersonationOf(who, 'digest', names)
    } catch (error) {
      if (error instanceof NamelessError) return undefined
      throw error
    }
  }

  it.each(impersonationModes)('L20 passes with the role of the mode %s, and nobody else does', mode => {
    fc.assert(
      fc.property(people, stranger, (known, stranger) => {
        const rules = rulesOf(policy, known, mode)
        const made = known.flatMap(who => asPerson(who) ?? [])
        expect(made.filter(one => !passes(rules, one, mode))).toEqual([])
        const other = known.some(({ subject }) => subject === stranger.subject) ? undefined : asPerson(stranger)
        expect(other !== undefined && passes(rules, other, mode)).toBe(false)
      }),
    )
  })

  it.each(impersonationModes)('L04 has names in every rule of the mode %s, and none of the other mode', mode => {
    fc.assert(
      fc.property(people, known => {
        const rules = rulesOf(policy, known, mode)
        const asked = ['system:masters', 'system:admin', '*', 'nobody'].flatMap(name =>
          ['users', 'groups'].map(resource => ({ verb: verbOf[mode], group: groupOf[mode], resource, name })),
        )
        expect(asked.filter(one => rulesAllow(rules, one))).toEqual([])
        expect(rules.flatMap(({ verbs }) => verbs)).not.toContain(verbOf[mode === 'legacy' ? 'constrained' : 'legacy'])
        const speaking = rules.filter(({ verbs }) => verbs.includes(verbOf[mode]))
        expect(speaking.flatMap(({ resources = [], apiGroups = [] }) => [...resources, ...apiGroups])).not.toContain(
          '*',
        )
        const nameless = speaking.filter(({ resourceNames = [] }) => resourceNames.length === 0)
        expect(nameless.flatMap(({ resources }) => resources)).toEqual(['userextras/sallyport.dev/session'])
      }),
    )
  })
})

describe('people of the list of sessions', () => {
  it('are those whom it says what they are called in clusters, each once', () => {
    const inClusters = { groups: ['ops'], names: { email: 'alice@example.com', 'realm/upn': 'alice' } }
    const session = { subject: 'https://idp.example#alice', provider: 'corp', email: 'alice@example.com' }
    const people = peopleOf([{ ...session, inClusters }, { ...session, inClusters }, session])
    expect(people).toHaveLength(1)
    const [found] = people
    if (found === undefined) throw new Error('nobody was found')
    const called = (userClaim: string) => namesOfPeople({ groupPrefix: '', userClaim }).userOf(found)
    expect([called('email'), called('realm/upn'), called('sub')]).toEqual(['alice@example.com', 'alice', undefined])
  })
})
