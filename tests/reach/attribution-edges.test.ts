/** Which use is of which grant, where names are too many to keep, and what a change then takes from whom. */
import { describe, expect, test } from 'vitest'
import { aggregated } from '../../rbac/reach/aggregation.ts'
import { compress } from '../../rbac/reach/excess/compress.ts'
import { excessOf } from '../../rbac/reach/excess/excess.ts'
import { defaultChoice } from '../../rbac/reach/excess/minimal.ts'
import { roleProposals, subjectProposal } from '../../rbac/reach/excess/proposals.ts'
import { effectOf } from '../../rbac/reach/excess/what-if.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import type { Usage } from '../../rbac/reach/usage/usage.ts'
import { auditEvent } from './audit-events.ts'
import { binding, clusterBinding, clusterOf, clusterRole, role, rule } from './made-objects.ts'
import { collected } from './usage-of.ts'

const secret = (name: string, namespace?: string) =>
  auditEvent({ verb: 'get', resource: 'secrets', name, ...(namespace !== undefined && { namespace }) })
const excess = (objects: ClusterObjects, usage: Usage) => excessOf(objects, grantsOf(objects), usage)
const alice = 'user:alice'
const readers = (resourceNames: readonly string[]) =>
  clusterOf({
    roles: [clusterRole('reader', [rule('get', 'secrets', resourceNames.length === 0 ? {} : { resourceNames })])],
    bindings: [clusterBinding('reader', alice)],
  })

describe('a use', () => {
  test('of names that were not kept may have been of any that the rule has', () => {
    const many = collected([secret('x', 'shop'), secret('b', 'shop')], { names: 1 })
    const all = collected([secret('x', 'shop'), secret('b', 'shop')])
    const usedOf = (usage: Usage) => excess(readers(['a', 'b']), usage).identities[0]
    expect(usedOf(many)).toMatchObject({ granted: 2, used: 2 })
    expect(usedOf(all)).toMatchObject({ granted: 2, used: 1 })
  })

  test('is of no binding of another namespace', () => {
    const objects = clusterOf({
      roles: [role('shop', 'near', [rule('get', 'secrets')]), role('bank', 'far', [rule('get', 'secrets')])],
      bindings: [binding('shop', 'Role/near', alice), binding('bank', 'Role/far', alice)],
    })
    const { identities, unexplained } = excess(objects, collected([secret('a', 'shop'), secret('a', 'lab')]))
    expect(identities[0]?.bindings.map(one => [one.binding.name, one.used])).toEqual([
      ['near', 1],
      ['far', 0],
    ])
    expect(unexplained.map(({ question }) => question)).toMatchObject([{ namespace: 'lab' }])
  })

  test('that is asked besides is missed by nobody who lacks it', () => {
    const objects = clusterOf({
      roles: [clusterRole('shell', [rule('get', 'pods/exec')])],
      bindings: [clusterBinding('shell', alice)],
    })
    const exec = { verb: 'get', subresource: 'exec', namespace: 'shop', name: 'web-0', code: 101 }
    expect(excess(objects, collected([auditEvent(exec)])).unexplained).toEqual([])
  })
})

describe('an identity', () => {
  const of = (objects: ClusterObjects, usage: Usage, subject: string) =>
    excess(objects, usage).identities.find(one => one.subject === subject)
  const [early, late] = ['2026-02-01T00:00:00Z', '2026-05-31T00:00:00Z']
  const seconds = (text: string): number => Date.parse(text) / 1000

  test('that holds nothing and calls is one, and each refusal counts', () => {
    const objects = clusterOf({ roles: [clusterRole('empty', [])], bindings: [clusterBinding('empty', alice)] })
    const refused = auditEvent({ decision: 'forbid', code: 403 })
    const usage = collected([refused, { ...refused, auditID: 'again' }])
    expect(of(objects, usage, alice)).toMatchObject({ bindings: [], calls: 2, denied: 2 })
  })

  test('has the right of each namespace for itself', () => {
    const roles = ['shop', 'bank'].map(namespace => role(namespace, 'reader', [rule('get', 'secrets')]))
    const bindings = ['shop', 'bank'].map(namespace => binding(namespace, 'Role/reader', alice))
    const usage = collected([secret('a', 'shop')])
    expect(of(clusterOf({ roles, bindings }), usage, alice)).toMatchObject({ granted: 2, used: 1 })
  })

  test('was last seen with the latest call of any member, in whatever order they are read', () => {
    const objects = clusterOf({
      roles: [clusterRole('reader', [rule('list', 'pods')])],
      bindings: [clusterBinding('reader', 'group:ops')],
    })
    const call = (user: string, at: string) => auditEvent({ user, at, groups: ['ops'] })
    const usage = collected([call('bob', late), call('alice', early)])
    expect(of(objects, usage, 'group:ops')).toMatchObject({
      calls: 2,
      lastSeen: seconds(late),
      bindings: [{ lastUsed: seconds(late), by: ['user:alice', 'user:bob'] }],
    })
  })
})

test('a role of a namespace keeps what that of the whole cluster names too little for', () => {
  const objects = readers([])
  const grants = grantsOf(objects)
  const usage = collected([secret('a'), secret('a', 'shop'), secret('b', 'shop')], { names: 1 })
  const { attribution } = excessOf(objects, grants, usage)
  const choice = { ...defaultChoice, mostNamespaces: 5 }
  expect(subjectProposal(alice, grants, attribution, choice).roles.map(one => [one.namespace, one.rules])).toEqual([
    [undefined, [rule('get', 'secrets', { resourceNames: ['a'] })]],
    ['shop', [rule('get', 'secrets')]],
  ])
})

test('what was done with a role of a namespace stays there, however few namespaces are many', () => {
  const objects = clusterOf({
    roles: [role('shop', 'reader', [rule('get create', 'secrets'), rule('update', 'services/finalizers')])],
    bindings: [binding('shop', 'Role/reader', alice)],
  })
  const grants = grantsOf(objects)
  const made = auditEvent({ verb: 'create', resource: 'secrets', namespace: 'shop' })
  const { attribution } = excessOf(objects, grants, collected([secret('a', 'shop'), made]))
  const { roles } = subjectProposal(alice, grants, attribution, { ...defaultChoice, mostNamespaces: 0 })
  expect(roles.map(({ namespace }) => namespace)).toEqual(['shop'])
})

test('a part of an aggregated role keeps what was used of it, and nothing of the other parts', () => {
  const part = { labels: { part: 'sum' } }
  const written = [
    clusterRole('one', [rule('get', 'secrets')], part),
    clusterRole('other', [rule('list', 'pods')], part),
    clusterRole('sum', [], { aggregation: [{ matchLabels: { part: 'sum' }, matchExpressions: [] }] }),
  ]
  const objects = clusterOf({ roles: aggregated(written), bindings: [clusterBinding('sum', alice)] })
  const grants = grantsOf(objects)
  const { attribution } = excessOf(objects, grants, collected([secret('a', 'shop'), auditEvent({ verb: 'list' })]))
  const proposals = roleProposals(grants, attribution, { ...defaultChoice, names: 'never' }, objects.roles)
  expect(proposals.flatMap(one => (one.role.name === 'sum' ? [] : [[one.role.name, one.rules]]))).toEqual([
    ['one', [rule('get', 'secrets')]],
    ['other', [rule('list', 'pods')]],
  ])
})

test('any name is more than some, whichever comes first', () => {
  const some = { verb: 'get', group: '', resource: 'secrets', names: ['a'] }
  const { names: _, ...any } = some
  for (const needs of [
    [some, any],
    [any, some],
  ])
    expect(compress(needs)).toEqual([rule('get', 'secrets')])
})

describe('a change', () => {
  const changed = (before: ClusterObjects, after: ClusterObjects, usage: Usage) => {
    const { roles, bindings } = after
    const kept = new Set(bindings.map(one => `${one.kind} ${one.name}`))
    const removed = before.bindings.filter(one => !kept.has(`${one.kind} ${one.name}`))
    return effectOf(before, { objects: { roles, bindings }, removed }, usage)
  }

  test('to names may break what was used by names that were not kept', () => {
    const usage = collected([secret('a', 'shop'), secret('b', 'shop')], { names: 1 })
    expect(changed(readers([]), readers(['a']), usage).broken).toMatchObject([
      { question: { verb: 'get', resource: 'secrets', namespace: 'shop' } },
    ])
    expect(changed(readers([]), readers(['a']), collected([secret('a', 'shop')])).broken).toEqual([])
  })

  test('breaks nothing that was refused before', () => {
    const usage = collected([secret('a', 'shop'), secret('c', 'shop')])
    const { broken } = changed(readers(['a', 'b']), readers(['b']), usage)
    expect(broken.map(({ question }) => question)).toMatchObject([{ name: 'a' }])
  })

  test('from a namespace to the whole cluster is a gain, and back a loss', () => {
    const near = clusterOf({
      roles: [clusterRole('reader', [rule('get', 'secrets')])],
      bindings: [binding('shop', 'ClusterRole/reader', alice)],
    })
    const wide = readers([])
    const [usage, key] = [collected([]), rule('get', 'secrets').resources?.join()]
    expect(changed(near, wide, usage).subjects).toMatchObject([{ subject: alice, gained: [`cluster: get /${key}`] }])
    expect(changed(wide, near, usage).subjects).toMatchObject([{ subject: alice, lost: 1, gained: [] }])
    const carol = clusterOf({ roles: wide.roles, bindings: [clusterBinding('reader', 'user:carol')] })
    expect(changed(wide, carol, usage).subjects.map(({ subject, gained }) => [subject, gained.length])).toEqual([
      [alice, 0],
      ['user:carol', 1],
    ])
  })
})
