/** What was used of which grant, and what a change would do: over made-up clusters and logs. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { aggregated } from '../../rbac/reach/aggregation.ts'
import { changedBy } from '../../rbac/reach/change/change.ts'
import { excessOf, unusedShare } from '../../rbac/reach/excess/excess.ts'
import { defaultChoice } from '../../rbac/reach/excess/minimal.ts'
import { isDefaultRole, roleProposals, subjectProposal } from '../../rbac/reach/excess/proposals.ts'
import { effectOf } from '../../rbac/reach/excess/what-if.ts'
import type { AccessQuestion } from '../../rbac/reach/grant.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import type { BindingObject, ClusterObjects, RoleObject } from '../../rbac/reach/objects.ts'
import { askerOf, subjectOf } from '../../rbac/reach/subject.ts'
import { readAuditEvent } from '../../rbac/reach/usage/audited-call.ts'
import { createUsageCollector, type Usage } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'
import { auditEvent } from './audit-events.ts'
import { binding, clusterBinding, clusterOf, clusterRole, role, rule } from './made-objects.ts'

interface Call {
  readonly subject: string
  readonly question: AccessQuestion
  readonly reason?: string
}

const usageOf = (...calls: readonly Call[]): Usage => {
  const collector = createUsageCollector()
  for (const [at, { subject, question, reason }] of calls.entries()) {
    const reading = readAuditEvent(auditEvent({ id: `${at}`, ...(reason !== undefined && { reason }) }))
    if ('question' in reading) collector.add({ ...reading, question, asker: askerOf(subjectOf(subject), ['ops']) })
  }
  return collector.usage()
}

const ask = (verb: string, resource: string, namespace?: string, name?: string): AccessQuestion => ({
  verb,
  group: '',
  resource,
  ...(namespace !== undefined && { namespace }),
  ...(name !== undefined && { name }),
})

describe('of a small cluster', () => {
  const objects = clusterOf({
    roles: [
      clusterRole('reader', [
        rule('get list', 'pods configmaps'),
        rule('get', 'secrets', { resourceNames: ['a', 'b'] }),
      ]),
      role('shop', 'writer', [rule('create update', 'pods')]),
    ],
    bindings: [
      clusterBinding('reader', 'user:alice', 'group:ops'),
      binding('shop', 'Role/writer', 'user:alice'),
      clusterBinding('nowhere', 'user:alice'),
    ],
  })
  const named = (kind: string, name: string) =>
    `RBAC: allowed by ${kind} "${name}" of ClusterRole "reader" to User "alice"`
  const usage = usageOf(
    { subject: 'user:alice', question: ask('get', 'pods', 'shop'), reason: named('ClusterRoleBinding', 'reader') },
    {
      subject: 'user:alice',
      question: ask('get', 'secrets', 'shop', 'a'),
      reason: named('ClusterRoleBinding', 'other'),
    },
    { subject: 'user:alice', question: ask('get', 'pods', 'bank'), reason: named('RoleBinding', 'writer/shop') },
    { subject: 'user:alice', question: ask('delete', 'nodes') },
    { subject: 'user:bob', question: ask('list', 'configmaps') },
  )
  const excess = excessOf(objects, grantsOf(objects), usage)
  const of = (subject: string) => excess.identities.find(one => one.subject === subject)

  test('rights are counted each once, and used by whoever used them', () => {
    expect(of('user:alice')).toMatchObject({ granted: 8, used: 2, calls: 4 })
    expect(of('group:ops')).toMatchObject({ granted: 6, used: 3, calls: 5 })
    expect(unusedShare({ granted: 8, used: 2, unseen: 2 })).toBe(0.5)
    expect(of('group:ops')?.bindings[0]?.by).toEqual(['user:alice', 'user:bob'])
    expect(of('user:alice')?.bindings.map(({ used, granted }) => [used, granted])).toEqual([
      [2, 6],
      [0, 2],
    ])
  })

  test('what the server says of bindings is held against ours, and what nothing allows is said', () => {
    expect(excess.reasons).toEqual({ agreed: 1, differs: 1, gone: 1, unnamed: 2 })
    expect(excess.unexplained.map(({ question }) => question)).toEqual([ask('delete', 'nodes')])
  })

  test('default roles and aggregated ones are left alone, and why is said', () => {
    const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
    const made = clusterOf({
      roles: [
        clusterRole('default', [rule('get', 'pods')], { labels }),
        clusterRole('sum', [rule('get', 'pods')], { aggregation: [] }),
        clusterRole('exact', [rule('get', 'pods')]),
        clusterRole('wide', [rule('*', '*')]),
      ],
      bindings: ['default', 'sum', 'exact', 'wide'].map(name => clusterBinding(name, 'user:alice')),
    })
    const grants = grantsOf(made)
    const { attribution } = excessOf(made, grants, usageOf({ subject: 'user:alice', question: ask('get', 'pods') }))
    const proposals = roleProposals(grants, attribution, defaultChoice, made.roles)
    expect(proposals.map(({ role: one, leftAlone }) => [one.name, leftAlone])).toEqual([
      ['default', 'default-role'],
      ['sum', 'aggregated'],
      ['exact', 'exact'],
      ['wide', undefined],
    ])
    expect(isDefaultRole(clusterRole('x', []))).toBe(false)
  })
})

describe('what is not in the log itself', () => {
  const rbac = { apiGroups: ['rbac.authorization.k8s.io'] }
  const bind = rule('create', 'rolebindings', rbac)
  const right = rule('bind', 'clusterroles', { ...rbac, resourceNames: ['view'] })
  const asked = { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'rolebindings', namespace: 'shop' }
  const bound = { ...asked, verb: 'bind', resource: 'clusterroles', name: 'view' }
  const other = { ...bound, namespace: 'bank' }

  test('M10 stays in the other role of whoever did what asks for it', () => {
    const made = clusterOf({
      roles: [clusterRole('binder', [bind]), clusterRole('lent', [right])],
      bindings: [clusterBinding('binder', 'user:alice'), clusterBinding('lent', 'group:ops')],
    })
    const grants = grantsOf(made)
    const { attribution, identities } = excessOf(made, grants, usageOf({ subject: 'user:alice', question: asked }))
    const rulesOf = (name: string) =>
      roleProposals(grants, attribution, defaultChoice, made.roles).find(one => one.role.name === name)?.rules
    expect(rulesOf('lent')).toEqual([{ ...right, verbs: ['bind'] }])
    expect(identities.find(({ subject }) => subject === 'group:ops')?.unseen).toBe(1)
    const choice = { ...defaultChoice, mostNamespaces: 10 }
    const { roles } = subjectProposal('group:ops', grants, attribution, choice)
    expect(roles.map(({ namespace, rules }) => [namespace, rules])).toEqual([['shop', [right]]])
    const after = grantsOf(inPlaceOf(made, 'group:ops', roles))
    expect(after.allowing(askerOf(subjectOf('user:alice'), ['ops']), bound)).toBeDefined()
    expect(after.allowing(askerOf(subjectOf('user:alice'), ['ops']), other)).toBeUndefined()
  })

  test('stays where an owner may be of no namespace, and in one place where it was asked for in many', () => {
    const rules = [
      rule('create', 'configmaps'),
      rule('update', 'tenants/finalizers', { apiGroups: ['example.com'] }),
      right,
      bind,
    ]
    const made = clusterOf({ roles: [clusterRole('all', rules)], bindings: [clusterBinding('all', 'user:alice')] })
    const grants = grantsOf(made)
    const uses = ['shop', 'bank', 'lab'].flatMap(namespace => [
      { subject: 'user:alice', question: { ...asked, namespace } },
      { subject: 'user:alice', question: { verb: 'create', group: '', resource: 'configmaps', namespace } },
    ])
    const { attribution } = excessOf(made, grants, usageOf(...uses))
    const placesOf = (mostNamespaces: number) =>
      subjectProposal('user:alice', grants, attribution, { ...defaultChoice, mostNamespaces }).roles.map(
        ({ namespace = '', unseen }) => [namespace, ...unseen],
      )
    expect(placesOf(3)).toEqual([
      ['', 'update tenants/finalizers.example.com'],
      ['shop', 'bind clusterroles.rbac.authorization.k8s.io'],
      ['bank', 'bind clusterroles.rbac.authorization.k8s.io'],
      ['lab', 'bind clusterroles.rbac.authorization.k8s.io'],
    ])
    expect(placesOf(2)).toEqual([
      ['', 'update tenants/finalizers.example.com', 'bind clusterroles.rbac.authorization.k8s.io'],
    ])
  })

  test('M11 a role keeps what is used of it through an aggregated one, however many are between', () => {
    const selector = (part: string) => [{ matchLabels: { part }, matchExpressions: [] }]
    const written = [
      clusterRole('part', [rule('get list', 'pods'), rule('get', 'nodes')], { labels: { part: 'middle' } }),
      clusterRole('middle', [], { labels: { part: 'sum' }, aggregation: selector('middle') }),
      clusterRole('sum', [], { aggregation: selector('sum') }),
    ]
    const made = clusterOf({
      roles: aggregated(written),
      bindings: [clusterBinding('part', 'user:bob'), clusterBinding('sum', 'user:alice')],
    })
    const grants = grantsOf(made)
    const { attribution } = excessOf(made, grants, usageOf({ subject: 'user:alice', question: ask('get', 'pods') }))
    const part = roleProposals(grants, attribution, defaultChoice, made.roles).find(one => one.role.name === 'part')
    expect(part).toMatchObject({ rules: [rule('get', 'pods')], subjects: ['user:alice', 'user:bob'] })
  })
})

describe('for any cluster and any use of it', () => {
  const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })
  const rules: fc.Arbitrary<readonly Rule[]> = fc.array(
    fc.record({
      apiGroups: fc.constant(['']),
      resources: some(['pods', 'secrets', '*']),
      verbs: some(['get', 'list', 'create', '*']),
      resourceNames: fc.constantFrom([], [], ['a'], ['a', 'b']),
    }),
    { minLength: 1, maxLength: 3 },
  )
  const namespaces = ['shop', 'bank', 'lab']
  const subjects = ['user:alice', 'sa:shop/web', 'group:ops']
  const worlds = fc.record({
    wide: rules,
    narrow: rules,
    wideTo: fc.uniqueArray(fc.constantFrom(...subjects), { minLength: 1 }),
    narrowTo: fc.uniqueArray(fc.constantFrom(...subjects), { minLength: 1 }),
    calls: fc.array(
      fc.record({
        subject: fc.constantFrom('user:alice', 'service-account:shop/web'),
        question: fc
          .tuple(
            fc.constantFrom('get', 'list', 'create'),
            fc.constantFrom('pods', 'secrets', 'nodes'),
            fc.constantFrom(...namespaces, undefined),
            fc.constantFrom('a', 'b', 'c', undefined),
          )
          .map(([verb, resource, namespace, name]) => ask(verb, resource, namespace, name)),
      }),
      { maxLength: 12 },
    ),
    mostNamespaces: fc.constantFrom(0, 1, 10),
  })

  const clusterFrom = (world: {
    wide: readonly Rule[]
    narrow: readonly Rule[]
    wideTo: string[]
    narrowTo: string[]
  }) =>
    clusterOf({
      roles: [clusterRole('wide', world.wide), role('shop', 'narrow', world.narrow)],
      bindings: [clusterBinding('wide', ...world.wideTo), binding('shop', 'Role/narrow', ...world.narrowTo)],
    })
  const allowedOnes = (objects: ClusterObjects, calls: readonly Call[]) => {
    const grants = grantsOf(objects)
    return calls.filter(({ subject, question }) => grants.allowing(askerOf(subjectOf(subject), ['ops']), question))
  }

  test('narrower roles break no use, and let nobody do more', () => {
    fc.assert(
      fc.property(worlds, world => {
        const objects = clusterFrom(world)
        const usage = usageOf(...allowedOnes(objects, world.calls))
        const grants = grantsOf(objects)
        const { attribution } = excessOf(objects, grants, usage)
        const roles = roleProposals(grants, attribution, defaultChoice, objects.roles).map(
          ({ role: old, rules: own }) => ({
            ...old,
            rules: own,
          }),
        )
        const effect = effectOf(objects, { objects: { roles, bindings: [] }, removed: [] }, usage)
        expect(effect.broken).toEqual([])
        expect(effect.subjects.flatMap(({ gained }) => gained)).toEqual([])
        const after = changedBy(objects, { objects: { roles, bindings: [] }, removed: [] }).objects
        expect(allowedOnes(after, world.calls)).toEqual(allowedOnes(objects, world.calls))
      }),
      { numRuns: 500 },
    )
  })

  test('roles of one subject, put in place of its own bindings, break no use, and let it do nothing more', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom('user:alice', 'service-account:shop/web'), (world, subject) => {
        const objects = clusterFrom(world)
        const usage = usageOf(...allowedOnes(objects, world.calls))
        const grants = grantsOf(objects)
        const { attribution } = excessOf(objects, grants, usage)
        const choice = { ...defaultChoice, mostNamespaces: world.mostNamespaces }
        const after = inPlaceOf(objects, subject, subjectProposal(subject, grants, attribution, choice).roles)
        expect(allowedOnes(after, world.calls)).toEqual(allowedOnes(objects, world.calls))
        const everything = ['get', 'list', 'create', 'delete'].flatMap(verb =>
          ['pods', 'secrets', 'nodes'].flatMap(resource =>
            [...namespaces, undefined].flatMap(namespace =>
              ['a', 'b', 'c', undefined].map(name => ({ subject, question: ask(verb, resource, namespace, name) })),
            ),
          ),
        )
        const before = new Set(allowedOnes(objects, everything))
        expect(allowedOnes(after, everything).filter(one => !before.has(one))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})

/** Without the subject's own bindings, and with these roles for it. */
function inPlaceOf(
  objects: ClusterObjects,
  subject: string,
  roles: readonly { readonly namespace?: string; readonly rules: readonly Rule[] }[],
): ClusterObjects {
  const short = subject.replace('service-account:', 'sa:')
  const [kind, name = ''] = [short.split(':')[0], short.slice(short.indexOf(':') + 1)]
  const isHim = ({ kind: is, name: own }: BindingObject['subjects'][number]): boolean =>
    kind === 'sa' ? is === 'ServiceAccount' && own === name.split('/')[1] : is.toLowerCase() === kind && own === name
  const others = objects.bindings.map(one => ({ ...one, subjects: one.subjects.filter(other => !isHim(other)) }))
  const made: RoleObject[] = roles.map(({ namespace, rules }) =>
    namespace === undefined ? clusterRole('minimal', rules) : role(namespace, 'minimal', rules),
  )
  const bindings = roles.map(({ namespace }) =>
    namespace === undefined ? clusterBinding('minimal', short) : binding(namespace, 'Role/minimal', short),
  )
  return { ...objects, roles: [...objects.roles, ...made], bindings: [...others, ...bindings] }
}
