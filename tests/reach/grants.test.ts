/** Who is granted what: each rule of the API server's authorizer, one by one. */
import { describe, expect, it } from 'vitest'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { aggregated } from '../../rbac/reach/aggregation.ts'
import type { AccessQuestion } from '../../rbac/reach/grant.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { askerOf, idOf, subjectOf, userSubject } from '../../rbac/reach/subject.ts'
import { fc } from '../properties.ts'
import { account, binding, clusterBinding, clusterOf, clusterRole, role, rule } from './made-objects.ts'

/** `get pods`, `create apps/deployments/scale payments core`, `get /healthz`. */
function question(text: string): AccessQuestion {
  const [verb = '', what = '', namespace = '-', name] = text.split(' ')
  if (what.startsWith('/')) return { verb, path: what }
  const parts = what.split('/')
  const group = what.includes('.') || parts[0] === 'apps' ? (parts.shift() ?? '') : ''
  const [resource = '', subresource] = parts
  return {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== '-' && { namespace }),
    ...(name !== undefined && { name }),
  }
}

const alice = askerOf(userSubject('alice'))
const everywhere = (...rules: Rule[]) =>
  grantsOf(clusterOf({ roles: [clusterRole('r', rules)], bindings: [clusterBinding('r', 'user:alice')] }))
const isAllowed = (rules: Rule, asked: string) => everywhere(rules).allowing(alice, question(asked)) !== undefined

describe('a rule', () => {
  const table: readonly (readonly [string, Rule, readonly string[], readonly string[]])[] = [
    [
      'of one verb',
      rule('get', 'pods'),
      ['get pods', 'get pods payments core'],
      ['list pods', 'get pods/log', 'get secrets'],
    ],
    ['of every verb', rule('*', 'pods'), ['get pods', 'impersonate pods', '* pods'], ['get pods/exec']],
    ['of one group', rule('get', 'pods'), [], ['get apps/pods', 'get metrics.k8s.io/pods']],
    ['of every group', rule('get', 'pods', { apiGroups: ['*'] }), ['get pods', 'get metrics.k8s.io/pods'], []],
    ['of no group', rule('get', 'pods', { apiGroups: [] }), [], ['get pods']],
    ['of a subresource', rule('get', 'pods/log'), ['get pods/log'], ['get pods', 'get pods/exec']],
    [
      'of a subresource of everything',
      rule('update', '*/scale', { apiGroups: ['apps'] }),
      ['update apps/deployments/scale'],
      ['update apps/deployments', 'update apps/deployments/status'],
    ],
    ['with what is no pattern', rule('get', 'pods/*'), ['get pods/*'], ['get pods/exec', 'get pods']],
    ['of a subresource without a name', rule('get', '*/'), [], ['get pods', 'get pods/']],
    [
      'of every resource',
      rule('get', '*'),
      ['get pods', 'get pods/exec', 'get nodes', 'get userextras/scopes'],
      ['get apps/pods'],
    ],
    [
      'of names',
      rule('get', 'pods', { resourceNames: ['core'] }),
      ['get pods payments core', 'get pods - core'],
      ['get pods payments', 'get pods payments other', 'get pods payments *'],
    ],
    [
      'of a name that is no pattern',
      rule('get', 'pods', { resourceNames: ['*'] }),
      ['get pods payments *'],
      ['get pods payments core'],
    ],
    [
      'of names, when something is made',
      rule('create delete deletecollection', 'pods', { resourceNames: ['core'] }),
      ['delete pods payments core'],
      ['create pods payments', 'deletecollection pods payments'],
    ],
    [
      'of names, when a field selector has one',
      rule('list watch', 'secrets', { resourceNames: ['tls'] }),
      ['list secrets payments tls', 'watch secrets payments tls'],
      ['list secrets payments'],
    ],
    [
      'of a URL',
      { nonResourceURLs: ['/healthz'], verbs: ['get'] },
      ['get /healthz'],
      ['get /healthz/etcd', 'post /healthz', 'get /'],
    ],
    ['of URLs', { nonResourceURLs: ['/logs/*'], verbs: ['get'] }, ['get /logs/', 'get /logs/a/b'], ['get /logs']],
    [
      'of URLs, with two stars',
      { nonResourceURLs: ['/logs/**'], verbs: ['get'] },
      ['get /logs/a', 'get /logs/'],
      ['get /logs'],
    ],
    ['of every URL', { nonResourceURLs: ['*'], verbs: ['get'] }, ['get /', 'get /metrics'], ['get pods']],
    [
      'of a star within a URL',
      { nonResourceURLs: ['/apis/*/v1'], verbs: ['get'] },
      ['get /apis/*/v1'],
      ['get /apis/apps/v1'],
    ],
    ['of every resource, for URLs', rule('*', '*', { apiGroups: ['*'] }), ['* pods'], ['get /healthz']],
    [
      'of constrained impersonation',
      rule('impersonate-on:user-info:get', 'pods'),
      ['impersonate-on:user-info:get pods'],
      ['get pods', 'impersonate-on:user-info:list pods', 'impersonate pods'],
    ],
  ]
  it.each(table)('%s', (_, given, allowed, refused) => {
    expect(allowed.filter(asked => !isAllowed(given, asked))).toEqual([])
    expect(refused.filter(asked => isAllowed(given, asked))).toEqual([])
  })
})

describe('a binding', () => {
  const reader = [rule('get', 'pods nodes'), { nonResourceURLs: ['/metrics'], verbs: ['get'] }]

  it('of a ClusterRole in a namespace counts there, and for nothing that has none', () => {
    const grants = grantsOf(
      clusterOf({ roles: [clusterRole('r', reader)], bindings: [binding('payments', 'ClusterRole/r', 'user:alice')] }),
    )
    const allowed = ['get pods payments', 'get pods books', 'get pods', 'get nodes', 'get /metrics'].filter(
      asked => grants.allowing(alice, question(asked)) !== undefined,
    )
    expect(allowed).toEqual(['get pods payments'])
    expect(grants.dead).toMatchObject([
      { reason: 'cluster-resource-in-namespace', what: ['nodes'] },
      { reason: 'non-resource-in-namespace', what: ['/metrics'] },
    ])
  })

  it('of the right to bind ClusterRoles counts in its namespace, where the API server asks for it', () => {
    const rules = [rule('bind', 'clusterroles', { apiGroups: ['rbac.authorization.k8s.io'] })]
    const roles = [clusterRole('binder', rules)]
    const grants = grantsOf(clusterOf({ roles, bindings: [binding('payments', 'ClusterRole/binder', 'user:alice')] }))
    expect(grants.dead).toEqual([])
  })

  it('finds a Role in its own namespace alone', () => {
    const roles = [role('payments', 'r', reader), clusterRole('c', reader)]
    const inBooks = clusterOf({ roles, bindings: [binding('books', 'Role/r', 'user:alice')] })
    expect(grantsOf(inBooks).of('user:alice')).toEqual([])
    expect(grantsOf(inBooks).dead).toMatchObject([{ reason: 'no-such-role' }])
    const wide = { ...clusterBinding('r', 'user:alice'), roleRef: { kind: 'Role' as const, name: 'r' } }
    expect(grantsOf(clusterOf({ roles, bindings: [wide] })).dead).toMatchObject([{ reason: 'no-such-role' }])
  })

  it('names a service account as such, as a user, or by its groups', () => {
    const asked = question('get pods payments')
    for (const spelling of [
      'sa:payments/deployer',
      'user:system:serviceaccount:payments:deployer',
      'group:system:serviceaccounts',
      'group:system:serviceaccounts:payments',
      'group:system:authenticated',
    ]) {
      const grants = grantsOf(
        clusterOf({ roles: [clusterRole('r', reader)], bindings: [clusterBinding('r', spelling)] }),
      )
      const deployer = askerOf(subjectOf('service-account:payments/deployer'))
      expect(grants.allowing(deployer, asked), spelling).toBeDefined()
      expect(grants.heldBy(deployer).length).toBe(2)
      expect(grants.allowing(askerOf(userSubject('system:anonymous')), asked)).toBeUndefined()
      if (spelling.includes('payments'))
        expect(grants.allowing(askerOf(subjectOf('service-account:books/deployer')), asked)).toBeUndefined()
    }
  })

  it('takes a service account without namespace for one of its own, and for nobody where it has none', () => {
    const roles = [clusterRole('r', reader)]
    const near = grantsOf(clusterOf({ roles, bindings: [binding('payments', 'ClusterRole/r', 'sa:deployer')] }))
    expect(near.subjects).toEqual(['service-account:payments/deployer'])
    const nobody = grantsOf(clusterOf({ roles, bindings: [clusterBinding('r', 'sa:deployer')] }))
    expect(nobody.subjects).toEqual([])
    expect(nobody.dead).toMatchObject([{ reason: 'subject-without-namespace' }])
  })

  it('that is dead says why', () => {
    const roles = [clusterRole('r', [rule('get list', 'namespaces'), rule('list', 'namespaces')])]
    const bindings = [binding('payments', 'ClusterRole/r', 'sa:gone', 'sa:deployer'), clusterBinding('r')]
    const serviceAccounts = [account('payments', 'deployer')]
    const { dead } = grantsOf(clusterOf({ roles, bindings, serviceAccounts }))
    expect(dead.map(({ reason, what, subject }) => what?.join() ?? subject ?? reason)).toEqual([
      'namespaces',
      'service-account:payments/gone',
      'no-subjects',
    ])
    expect(dead[0]?.rule?.verbs).toEqual(['list'])
    // Nothing is known of accounts that nobody could read.
    const unread = clusterOf({ roles, bindings, kindsRead: new Set(['RoleBinding']) })
    expect(grantsOf(unread).dead.map(({ reason }) => reason)).not.toContain('no-such-service-account')
  })

  it('is not needed by system:masters', () => {
    const grants = grantsOf(clusterOf({}))
    expect(grants.allowing(askerOf(userSubject('alice'), ['system:masters']), question('get pods'))).toBe('masters')
    expect(grants.allowing(askerOf(subjectOf('group:system:masters')), question('get /'))).toBe('masters')
    expect(grants.allowing(askerOf(userSubject('system:masters')), question('get /'))).toBeUndefined()
  })

  it('of anybody is found once for each that it names', () => {
    const roles = [clusterRole('r', [rule('list', 'pods'), rule('get', 'pods'), rule('get', '*')])]
    const bindings = [
      clusterBinding('r', 'user:alice', 'user:alice', 'group:ops'),
      binding('books', 'ClusterRole/r', 'sa:a'),
    ]
    const found = grantsOf(clusterOf({ roles, bindings })).allowingAnybody(question('get pods payments'))
    expect(found.map(({ subject, ruleIndex }) => `${subject} ${ruleIndex}`)).toEqual(['user:alice 1', 'group:ops 1'])
  })
})

describe('a subject', () => {
  it('has one id, from which it comes back', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom('system:serviceaccount:a:b', 'system:serviceaccount:a/b:c'),
    )
    fc.assert(
      fc.property(name, text => {
        expect(subjectOf(idOf(userSubject(text)))).toEqual(userSubject(text))
        expect(idOf(userSubject(text))).not.toBe(idOf({ kind: 'group', name: text }))
      }),
    )
  })
  it('that could be taken for a service account is not made one of another name', () => {
    const strange = [
      'system:serviceaccount:a/b:c',
      'system:serviceaccount:a:b/c',
      'system:serviceaccount:a:b:c',
      'system:serviceaccount::c',
      'system:serviceaccount:a:',
    ]
    expect(strange.map(text => userSubject(text).kind)).toEqual(strange.map(() => 'user'))
  })
  it.each(['service-account:a', 'service-account:a/b/c', 'user:', 'alice', 'node:x'])('%s is none', id => {
    expect(() => subjectOf(id)).toThrow('no subject')
  })
})

describe('aggregation', () => {
  const pods = rule('get', 'pods')
  const jobs = rule('get', 'jobs', { apiGroups: ['batch'] })
  const by = (...selectors: (readonly [string, string])[]) =>
    selectors.map(([key, value]) => ({ matchLabels: { [key]: value }, matchExpressions: [] }))
  const rulesOf = (roles: Parameters<typeof aggregated>[0], name: string) =>
    aggregated(roles).find(one => one.name === name)?.rules

  it('goes through as many roles as there are', () => {
    const roles = [
      clusterRole('admin', [], { aggregation: by(['to-admin', 'true']) }),
      clusterRole('edit', [rule('get', 'written')], {
        aggregation: by(['to-edit', 'true']),
        labels: { 'to-admin': 'true' },
      }),
      clusterRole('a', [pods], { labels: { 'to-edit': 'true' } }),
      clusterRole('b', [jobs, pods], { labels: { 'to-admin': 'true', 'to-edit': 'true' } }),
    ]
    expect(rulesOf(roles, 'edit')).toEqual([pods, jobs])
    expect(rulesOf(roles, 'admin')).toEqual([jobs, pods])
  })

  it('knows the operators of selectors, and takes what any selector selects', () => {
    const operators: readonly (readonly ['In' | 'NotIn' | 'Exists' | 'DoesNotExist', readonly string[], string])[] = [
      ['In', ['x', 'other'], 'x'],
      ['NotIn', ['x'], 'none y'],
      ['Exists', [], 'x y'],
      ['DoesNotExist', [], 'none'],
    ]
    for (const [operator, values, expected] of operators) {
      const selector = { matchLabels: { all: '1' }, matchExpressions: [{ key: 'k', operator, values }] }
      const roles = [
        clusterRole('sum', [], { aggregation: [selector] }),
        ...['x', 'y', 'none'].map(name =>
          clusterRole(name, [rule('get', name)], { labels: { all: '1', ...(name !== 'none' && { k: name }) } }),
        ),
      ]
      expect(
        rulesOf(roles, 'sum')
          ?.flatMap(({ resources }) => resources)
          .join(' '),
        operator,
      ).toBe(expected)
    }
    const either = [
      clusterRole('sum', [], { aggregation: by(['k', 'y'], ['k', 'x']) }),
      clusterRole('x', [pods], { labels: { k: 'x' } }),
      clusterRole('y', [jobs], { labels: { k: 'y' } }),
    ]
    expect(rulesOf(either, 'sum')).toEqual([jobs, pods])
  })

  it('never selects the role itself, nor a Role', () => {
    const aggregation = [{ matchLabels: {}, matchExpressions: [] }]
    const roles = [clusterRole('sum', [pods], { aggregation }), role('payments', 'r', [jobs])]
    // With nothing to write the controller writes nothing.
    expect(rulesOf(roles, 'sum')).toEqual([pods])
    const other = clusterRole('other', [jobs])
    expect(rulesOf([...roles, other], 'sum')).toEqual([jobs])
  })

  it('in a circle keeps what one of them was given', () => {
    const roles = [
      clusterRole('one', [pods], { aggregation: by(['k', 'two']), labels: { k: 'one' } }),
      clusterRole('two', [], { aggregation: by(['k', 'one'], ['k', 'more']), labels: { k: 'two' } }),
      clusterRole('more', [jobs], { labels: { k: 'more' } }),
      clusterRole('above', [], { aggregation: by(['k', 'one']) }),
    ]
    for (const name of ['one', 'two', 'above']) expect(rulesOf(roles, name), name).toEqual([pods, jobs])
  })

  it('through a long chain, and among roles that all select each other, ends', () => {
    const chain = Array.from({ length: 3000 }, (_, at) =>
      clusterRole(`r${at}`, at === 0 ? [pods] : [], {
        labels: { k: String(at) },
        ...(at > 0 && { aggregation: by(['k', String(at - 1)]) }),
      }),
    )
    expect(rulesOf(chain, 'r2999')).toEqual([pods])
    const aggregation = [{ matchLabels: {}, matchExpressions: [] }]
    const all = Array.from({ length: 300 }, (_, at) => clusterRole(`r${at}`, at === 0 ? [pods] : [], { aggregation }))
    expect(rulesOf(all, 'r299')).toEqual([pods])
  })
})
