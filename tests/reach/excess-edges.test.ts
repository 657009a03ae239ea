/** The least that is to be kept, and what counts as used, at their edges: by one rule, or few, and what was done by it. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { excessOf } from '../../rbac/reach/excess/excess.ts'
import { hiddenIn, mayBeHidden } from '../../rbac/reach/excess/hidden-rights.ts'
import { defaultChoice, type MinimalChoice, minimalRules } from '../../rbac/reach/excess/minimal.ts'
import { createRightsOfRules } from '../../rbac/reach/excess/rights.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import type { Asker } from '../../rbac/reach/subject.ts'
import type { UsedKind, UsedRight } from '../../rbac/reach/usage/usage.ts'
import { auditEvent } from './audit-events.ts'
import { binding, clusterBinding, clusterOf, clusterRole, role, rule } from './made-objects.ts'
import { collected } from './usage-of.ts'

const asker: Asker = { id: 'user:alice', groups: [] }

function used(
  kind: UsedKind,
  more: { names?: readonly string[]; moreNames?: number; unnamed?: number } = {},
): UsedRight {
  const { names = [], moreNames = 0, unnamed = 0 } = more
  const counted = new Map(names.map(name => [name, 1]))
  const times = { count: 1, first: 0, last: 0 }
  return { kind, ...times, unnamed, names: counted, moreNames, bindings: new Map(), isBesides: false }
}

const on = (resource: string, verb = 'get'): UsedKind => ({ verb, group: '', resource, namespace: 'shop' })
const least = (one: Rule, right: UsedRight, choice: Partial<MinimalChoice> = {}, names?: readonly string[]) =>
  minimalRules([{ rule: one, uses: [{ right, asker, ...(names !== undefined && { names }) }], hidden: [] }], {
    ...defaultChoice,
    ...choice,
  }).rules

describe('names', () => {
  const open = rule('get', 'secrets')

  test('are those that were used, unless there were more than are known', () => {
    expect(least(open, used(on('secrets'), { names: ['a', 'b'] }))).toEqual([{ ...open, resourceNames: ['a', 'b'] }])
    for (const names of ['stable', 'always'] as const) {
      expect(least(open, used(on('secrets'), { names: ['a'], moreNames: 1 }), { names })).toEqual([open])
      expect(least(open, used(on('secrets'), { names: ['a'], unnamed: 1 }), { names })).toEqual([open])
    }
  })

  test('are ten at most, and none that a controller or the server has made up', () => {
    const some = (count: number) => Array.from({ length: count }, (_, at) => `n${at}`)
    const named = (names: readonly string[], resource = 'secrets', choice: Partial<MinimalChoice> = {}) =>
      least(rule('get', resource), used(on(resource), { names }), choice)[0]?.resourceNames?.length
    expect([10, 11].map(count => named(some(count)))).toEqual([10, undefined])
    expect(named(some(11), 'secrets', { names: 'always' })).toBe(11)
    expect(named(['web'], 'secrets', { names: 'never' })).toBeUndefined()
    expect(named(['web'], 'pods')).toBeUndefined()
    expect(named(['web-x7k2p'])).toBeUndefined()
  })

  test('never of a create or of a deletion of many, which have none', () => {
    for (const verb of ['create', 'deletecollection']) {
      const right = used(on('secrets', verb), { names: ['a'] })
      expect(least(rule(verb, 'secrets'), right, { names: 'always' })).toEqual([rule(verb, 'secrets')])
    }
  })

  test('of a rule that has them stay the used ones, of pods too', () => {
    const narrow = rule('get', 'pods', { resourceNames: ['a', 'b'] })
    expect(least(narrow, used(on('pods'), { names: ['a'] }), {}, ['a'])).toEqual([{ ...narrow, resourceNames: ['a'] }])
    expect(least(narrow, used(on('pods'), { names: ['a'] }), { names: 'never' }, ['a'])).toEqual([narrow])
  })

  test('go where one of the rules had none and was used so', () => {
    const [all, one] = [rule('get', 'pods'), rule('get', 'pods', { resourceNames: ['a'] })]
    const right = used(on('pods'), { names: ['a', 'b'] })
    const uses = [
      { rule: one, uses: [{ right, asker, names: ['a'] }], hidden: [] },
      { rule: all, uses: [{ right, asker }], hidden: [] },
    ]
    expect(minimalRules(uses, defaultChoice).rules).toEqual([all])
  })

  test('of one rule are no names of the wildcards of another', () => {
    const [wide, narrow] = [rule('*', 'configmaps'), rule('get', '*', { resourceNames: ['a'] })]
    const right = used(on('configmaps'), { names: ['a', 'b'] })
    const uses = [
      { rule: wide, uses: [{ right, asker }], hidden: [] },
      { rule: narrow, uses: [{ right, asker, names: ['a'] }], hidden: [] },
    ]
    expect(minimalRules(uses, { ...defaultChoice, isWide: true }).rules).toEqual([
      { ...narrow, resourceNames: ['a'] },
      { ...wide, resourceNames: ['a', 'b'] },
    ])
  })
})

describe('a wildcard', () => {
  const rightsOf = (one: Rule, events: readonly unknown[] = []) =>
    createRightsOfRules([clusterRole('one', [one])], collected(events))
      .of(one)
      .flatMap(right => ('path' in right ? [] : [right]))
  const example = { apiGroups: ['example.com'] }

  test('is of its group, and as many rights as there are kinds', () => {
    const apps = rightsOf(rule('get', '*', { apiGroups: ['apps'] }))
    expect(apps.length).toBeGreaterThan(5)
    expect(apps.filter(({ group }) => group !== 'apps')).toEqual([])
  })

  test('of a subresource that nobody knows is to read it and to write it', () => {
    expect(rightsOf(rule('*', 'widgets/parts', example)).map(({ verb }) => verb)).toEqual(['get', 'patch', 'update'])
  })

  test('holds what only the log knows of', () => {
    const event = auditEvent({ verb: 'polish', resource: 'widgets', group: 'example.com' })
    const polish = { verb: 'polish', group: 'example.com', resource: 'widgets' }
    expect(rightsOf(rule('*', '*', { apiGroups: ['*'] }), [event])).toContainEqual(polish)
  })
})

describe('a right that no log shows', () => {
  const rbac = 'rbac.authorization.k8s.io'
  const certificates = 'certificates.k8s.io'
  const requests = 'certificatesigningrequests'
  const did = (verb: string, group: string, whole: string): UsedKind => {
    const [resource = '', subresource] = whole.split('/')
    return { verb, group, resource, ...(subresource !== undefined && { subresource }), namespace: 'shop' }
  }

  test.each([
    ['bind', rbac, 'roles', ['create', 'rolebindings'], ['create', 'roles']],
    ['bind', rbac, 'clusterroles', ['patch', 'rolebindings'], ['get', 'rolebindings']],
    ['bind', rbac, 'clusterroles', ['update', 'clusterrolebindings'], ['delete', 'clusterrolebindings']],
    ['escalate', rbac, 'roles', ['update', 'roles'], ['update', 'rolebindings']],
    ['escalate', rbac, 'clusterroles', ['create', 'clusterroles'], ['list', 'clusterroles']],
    ['approve', certificates, 'signers', ['update', `${requests}/approval`], ['update', `${requests}/status`]],
    ['sign', certificates, 'signers', ['patch', `${requests}/status`], ['patch', `${requests}/approval`]],
    ['attest', certificates, 'signers', ['update', 'clustertrustbundles'], ['get', 'clustertrustbundles']],
    ['update', 'apps', 'deployments/finalizers', ['create', 'anything'], ['get', 'anything']],
    ['use', 'security.openshift.io', 'securitycontextconstraints', ['create', 'anything'], ['list', 'anything']],
  ] as const)(
    '%s on %s %s may be behind a call that asks for it, and behind no other',
    (verb, group, resource, yes, no) => {
      const right = { verb, group, resource }
      expect(mayBeHidden(right, [did(yes[0], group, yes[1])])).toBe(true)
      expect(mayBeHidden(right, [did(no[0], group, no[1])])).toBe(false)
      expect(mayBeHidden({ ...right, verb: 'get' }, [did(yes[0], group, yes[1])])).toBe(false)
    },
  )

  test('is each name of its rule, and in a wildcard', () => {
    const [view, edit] = ['view', 'edit'].map(name => ({ verb: 'bind', group: rbac, resource: 'roles', name }))
    const named = rule('bind', 'roles', { apiGroups: [rbac], resourceNames: ['view', 'edit'] })
    const done = [did('create', rbac, 'rolebindings')]
    expect(hiddenIn(named, done)).toEqual([view, edit])
    expect(hiddenIn(rule('*', '*', { apiGroups: ['*'] }), done).map(({ resource }) => resource)).toEqual([
      'roles',
      'clusterroles',
    ])
    const kept = minimalRules([{ rule: named, uses: [], hidden: hiddenIn(named, done) }], defaultChoice)
    expect(kept.rules).toEqual([{ ...named, resourceNames: ['edit', 'view'] }])
  })

  test('was asked for where the call was made', () => {
    const bind = { apiGroups: [rbac] }
    const objects = clusterOf({
      roles: [
        role('shop', 'lent', [rule('bind', 'roles', bind)]),
        clusterRole('binder', [rule('create', 'rolebindings', bind)]),
      ],
      bindings: [binding('shop', 'Role/lent', 'user:alice'), clusterBinding('binder', 'user:alice')],
    })
    const unseen = (namespace: string) => {
      const event = auditEvent({ verb: 'create', resource: 'rolebindings', group: rbac, namespace })
      return excessOf(objects, grantsOf(objects), collected([event])).identities[0]?.unseen
    }
    expect(['shop', 'bank'].map(unseen)).toEqual([1, 0])
  })
})

describe('URLs', () => {
  const urls: Rule = { nonResourceURLs: ['/healthz', '/healthz/*', '/metrics'], verbs: ['*'] }
  const events = ['/healthz/ping', '/metrics'].map(uri => ({
    ...auditEvent({ verb: 'get', uri }),
    objectRef: undefined,
  }))
  const objects = clusterOf({ roles: [clusterRole('urls', [urls])], bindings: [clusterBinding('urls', 'user:alice')] })

  test('were used where one of them covers what was asked for, by the verb that a wildcard stands for', () => {
    const { identities } = excessOf(objects, grantsOf(objects), collected(events))
    expect(identities.find(({ subject }) => subject === 'user:alice')).toMatchObject({ granted: 3, used: 2 })
  })

  test('were used by the verb that was asked, and by no other', () => {
    const verbs = ['get', 'post']
    const roles = [clusterRole('urls', [{ nonResourceURLs: ['/metrics'], verbs }])]
    const both = clusterOf({ roles, bindings: [clusterBinding('urls', 'user:alice')] })
    expect(excessOf(both, grantsOf(both), collected(events)).identities[0]).toMatchObject({ granted: 2, used: 1 })
  })

  test('stay as wide as they were where wildcards are to stay, and no wider', () => {
    const right = (path: string) => used({ verb: 'get', path })
    expect(least(urls, right('/healthz/ping'))).toEqual([{ nonResourceURLs: ['/healthz/ping'], verbs: ['get'] }])
    expect(least(urls, right('/healthz/ping'), { isWide: true })).toEqual([
      { nonResourceURLs: ['/healthz/*'], verbs: ['get'] },
    ])
  })
})
