/** Moves whose parts come from several bindings: of names, of groups, in one namespace and in all. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import type { BindingObject, RoleObject } from '../../rbac/reach/objects.ts'
import { reachersOf, reviewOf } from '../../rbac/reach/review.ts'
import { binding, clusterBinding, clusterOf, clusterRole, rule } from './made-objects.ts'

const apiGroups = ['rbac.authorization.k8s.io']
const onRoles = (verbs: string, resources: string, ...names: string[]): Rule =>
  rule(verbs, resources, { apiGroups, ...(names.length > 0 && { resourceNames: names }) })
const onCore = (verbs: string, resources: string, ...names: string[]): Rule =>
  rule(verbs, resources, names.length > 0 ? { resourceNames: names } : {})

/** Who is given which rule; with a namespace there, else in the whole cluster. */
type Given = readonly [rule: Rule, subject: string, namespace?: string]
type Memberships = Readonly<Record<string, readonly string[]>>

function reviewed(given: readonly Given[], memberships: Memberships = {}) {
  const roles: RoleObject[] = [clusterRole('view', []), clusterRole('admin', [])]
  const bindings: BindingObject[] = []
  for (const [at, [one, subject, namespace]] of given.entries()) {
    roles.push(clusterRole(`r${at}`, [one]))
    const inside = namespace === undefined ? clusterBinding(`r${at}`, subject) : undefined
    bindings.push(inside ?? binding(namespace ?? '', `ClusterRole/r${at}`, subject))
  }
  return reviewOf(clusterOf({ roles, bindings }), { memberships: new Map(Object.entries(memberships)) })
}

const found = (move: string, given: readonly Given[], memberships?: Memberships): string[] =>
  reviewed(given, memberships)
    .findings.filter(one => one.move === move)
    .map(({ subject, namespace = '*', severity, targets }) => `${subject} ${namespace} ${severity} ${targets.join()}`)
    .sort()

const [alice, ops, account] = ['user:alice', 'group:ops', 'sa:shop/x']
const [accounts, ofShop] = ['group:system:serviceaccounts', 'group:system:serviceaccounts:shop']
const bind = onRoles('bind', 'clusterroles')
const bindView = onRoles('bind', 'clusterroles', 'view')
const writeBindings = onRoles('create', 'rolebindings')
const writeClusterBindings = onRoles('create', 'clusterrolebindings')

describe('M34 a part that is limited to names hides no other', () => {
  test('of the whole cluster, beside what is given in the namespace', () => {
    expect(
      found('RB01', [
        [bind, alice],
        [bindView, alice, 'shop'],
        [writeBindings, alice, 'shop'],
      ]),
    ).toContain('user:alice shop critical namespace:shop')
  })

  test('of a group, beside what the subject has itself', () => {
    expect(
      found('RB01', [
        [bind, ofShop],
        [bindView, account],
        [writeClusterBindings, account],
      ]),
    ).toContain('service-account:shop/x * critical sink:cluster-admin')
    expect(
      found('RB01', [
        [bind, account],
        [writeBindings, account],
        [writeClusterBindings, accounts],
      ]),
    ).toContain('service-account:shop/x * critical sink:cluster-admin')
  })

  test('and what is as near, and for all names, is told alone', () => {
    const { findings } = reviewed([
      [bind, account],
      [writeClusterBindings, account],
      [bindView, ofShop],
    ])
    const own = findings.filter(({ subject, move }) => subject === 'service-account:shop/x' && move === 'RB01')
    expect(own.map(({ grants }) => grants.map(({ subject }) => subject))).toEqual([
      ['service-account:shop/x', 'service-account:shop/x'],
    ])
  })
})

describe('M34 a part comes from a group', () => {
  test('in a namespace where nothing is given to the subject itself', () => {
    expect(
      found('RB01', [
        [bind, account],
        [writeBindings, accounts, 'shop'],
      ]),
    ).toEqual(['service-account:shop/x * medium ', 'service-account:shop/x shop critical namespace:shop'])
  })

  test('in a namespace where something is done as somebody of another', () => {
    const whom = rule('impersonate:serviceaccount', 'serviceaccounts', { apiGroups: ['authentication.k8s.io'] })
    expect(
      found('ID07', [
        [whom, account, 'payments'],
        [onCore('impersonate-on:serviceaccount:get', 'pods'), accounts, 'books'],
      ]),
    ).toEqual(['service-account:shop/x books medium '])
  })

  test('and the whole from another: then each is that of its group alone', () => {
    const given: Given[] = [
      [bind, ops],
      [writeClusterBindings, ops],
      [onCore('get', 'pods'), 'group:staff'],
    ]
    expect(found('RB01', given, { [alice]: ['ops', 'staff'] })).toEqual(['group:ops * critical sink:cluster-admin'])
  })

  test('and another part from a second one: the move of whoever is in both, bound himself or not', () => {
    const given: Given[] = [
      [bind, ops],
      [writeClusterBindings, 'group:staff'],
    ]
    const both = { [alice]: ['ops', 'staff'], 'user:bob': ['ops'] }
    const together = 'user:alice * critical sink:cluster-admin'
    expect(found('RB01', given, both)).toEqual(['group:ops * medium ', together])
    const elsewhere: Given = [onCore('get', 'pods'), 'group:staff', 'shop']
    expect(found('RB01', [...given, elsewhere], both)).toEqual(['group:ops * medium ', together])
    expect(found('RB01', [...given, [onCore('get', 'pods'), alice]], both)).toContain(together)
    expect(reachersOf(reviewed(given, both), 'sink:cluster-admin').map(({ subject }) => subject)).toContain(alice)
    expect(
      found(
        'RB01',
        [
          [bind, ops, 'shop'],
          [writeBindings, 'group:staff', 'shop'],
        ],
        both,
      ),
    ).toContain('user:alice shop critical namespace:shop')
  })

  test('and names of one beside all of another: what both give together', () => {
    const given: Given[] = [
      [bind, ops],
      [bindView, 'group:staff'],
      [writeClusterBindings, 'group:staff'],
    ]
    expect(found('RB01', given, { [alice]: ['ops', 'staff'] })).toContain('user:alice * critical sink:cluster-admin')
  })
})

test('what a group has, or what holds everywhere, is not told once more where the subject is given something else', () => {
  const mint = onCore('create', 'serviceaccounts/token')
  const who = (...given: Given[]) =>
    found('ID09', [...given, [onCore('get', 'pods'), account, 'shop']]).map(text => text.split(' ', 2).join(' '))
  expect(who([mint, ofShop, 'shop'])).toEqual([`${ofShop} shop`])
  expect(who([mint, account])).toEqual(['service-account:shop/x *'])
})

test('what a group has instead is not told as what the subject has', () => {
  const { findings } = reviewed([
    [writeBindings, account],
    [writeClusterBindings, accounts],
  ])
  const told = findings.flatMap(({ move, subject, grants }) =>
    move === 'RB03' ? [`${subject}: ${grants.map(grant => grant.subject).join()}`] : [],
  )
  expect(told.sort()).toEqual([`${accounts}: ${accounts}`, 'service-account:shop/x: service-account:shop/x'])
})

describe('M34 a create that is limited to names', () => {
  const create = onCore('create', 'pods', 'a', 'b')
  const reach = 'service-accounts:shop,secrets:shop,sink:node'

  test.each<[string, Given[]]>([
    ['of another rule', [[onCore('patch', 'pods', 'b', 'c'), alice, 'shop']]],
    ['of all names', [[onCore('patch', 'pods'), alice, 'shop']]],
    ['of the whole cluster', [[onCore('patch', 'pods'), alice]]],
    ['of a group', [[onCore('patch', 'pods'), 'group:system:authenticated', 'shop']]],
  ])('is one together with a patch %s', (_, more) => {
    expect(found('WL01', [[create, alice, 'shop'], ...more])).toEqual([`user:alice shop high ${reach}`])
  })

  test.each<[string, Given[]]>([
    ['by itself', []],
    ['with a patch of other names', [[onCore('patch', 'pods', 'c'), alice, 'shop']]],
    ['with a patch elsewhere', [[onCore('patch', 'pods'), alice, 'books']]],
    ['with a patch of something else', [[onCore('patch', 'secrets'), alice, 'shop']]],
    ['with a patch of somebody else', [[onCore('patch', 'pods'), 'user:bob', 'shop']]],
  ])('is none %s', (_, more) => {
    expect(found('WL01', [[create, alice, 'shop'], ...more])).toEqual([])
  })

  test('reaches the names alone that may be patched', () => {
    const rules: Given[] = [
      [onCore('create', 'serviceaccounts', 'gone', 'lost'), alice, 'shop'],
      [onCore('patch', 'serviceaccounts', 'gone'), alice, 'shop'],
      [onCore('get', 'pods'), 'sa:shop/gone', 'shop'],
      [onCore('get', 'pods'), 'sa:shop/lost', 'shop'],
    ]
    expect(found('ID17', rules)).toEqual(['user:alice shop medium service-account:shop/gone'])
  })
})

describe('M35 names that the API server compares', () => {
  test('escalate is asked with the name of the role that is written', () => {
    const named = (...more: Given[]) => found('RB02', [[onRoles('escalate', 'clusterroles', 'a'), alice], ...more])
    const whole = ['user:alice * critical sink:cluster-admin']
    const half = ['user:alice * medium ']
    expect(named([onRoles('update', 'clusterroles', 'a', 'b'), alice])).toEqual(whole)
    expect(named([onRoles('patch', 'clusterroles'), alice])).toEqual(whole)
    expect(named([onRoles('update', 'clusterroles', 'b'), alice])).toEqual(half)
    expect(named([onRoles('create', 'clusterroles'), alice])).toEqual(half)
    expect(found('RB02', [[onRoles('escalate create', 'clusterroles'), alice]])).toEqual(whole)
  })

  test('an empty one is that of a request without a name, which most cannot be', () => {
    const ids = (verbs: string, resource: string): string[] =>
      reviewed([[onCore(verbs, resource, ''), alice, 'shop']]).findings.map(({ move }) => move)
    expect(ids('list', 'secrets')).toEqual(['ID10'])
    expect(ids('create', 'pods')).toEqual(['WL01'])
    expect(ids('deletecollection', 'pods').sort()).toEqual(['CP10', 'WL14'])
    expect(ids('get update patch', 'secrets')).toEqual([])
    expect(ids('create', 'serviceaccounts/token')).toEqual([])
    expect(ids('impersonate', 'serviceaccounts')).toEqual([])
    expect(found('RB01', [[onRoles('bind', 'clusterroles', ''), alice]])).toEqual([])
  })

  test('a verb is a wildcard or none, and without groups of the API a rule grants nothing', () => {
    const onBehalf = (verb: string, more: Partial<Rule> = {}) =>
      found('ID06', [
        [rule('impersonate:user-info', 'users', { apiGroups: ['authentication.k8s.io'] }), alice],
        [rule(verb, 'pods', more), alice],
      ])
    expect(onBehalf('impersonate-on:user-info:list')).toHaveLength(1)
    for (const verb of ['impersonate-on:user-info:*', 'impersonate-on:user-info:', 'impersonate-on:*'])
      expect(onBehalf(verb), verb).toEqual([])
    expect(onBehalf('impersonate-on:user-info:list', { apiGroups: [] })).toEqual([])
    expect(found('RB06', [[rule('*', 'pods'), alice]])).toHaveLength(1)
    expect(found('RB06', [[rule('*', 'pods', { apiGroups: [] }), alice]])).toEqual([])
  })

  test.each([
    ['/metrics', 'low'],
    ['/metr*', 'low'],
    ['/d*', 'medium'],
    ['/l*', 'medium'],
    ['/debug/pprof/heap', 'medium'],
    ['*', 'medium'],
  ])('%s is as bad as what it covers', (url, severity) => {
    expect(found('CP07', [[{ verbs: ['get'], nonResourceURLs: [url] }, alice]])).toEqual([`user:alice * ${severity} `])
  })
})
