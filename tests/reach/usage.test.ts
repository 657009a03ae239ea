/** What an audit event says of rights, and what many of them come to. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AuditedCall, readAuditEvent } from '../../rbac/reach/usage/audited-call.ts'
import { readReason } from '../../rbac/reach/usage/reason.ts'
import { createUsageCollector, defaultLimits, type Usage } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'
import { auditEvent } from './audit-events.ts'

const dataFolder = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')

const callOf = (event: unknown): AuditedCall => {
  const reading = readAuditEvent(event)
  if (!('question' in reading)) throw new Error(JSON.stringify(reading))
  return reading
}

const collect = (...events: unknown[]): Usage => {
  const collector = createUsageCollector()
  for (const event of events) collector.add(readAuditEvent(event))
  return collector.usage()
}

const linesOf = (usage: Usage): string[] =>
  usage.askers.flatMap(({ asker, used, denied }) =>
    [...used.map(right => ['', right] as const), ...denied.map(right => ['denied ', right] as const)].map(
      ([how, { kind, count, names, unnamed }]) => {
        const place = 'path' in kind ? '' : `${kind.namespace ?? '-'}/${kind.group}/`
        const what = 'path' in kind ? kind.path : [kind.resource, kind.subresource].filter(Boolean).join('/')
        const named = [unnamed > 0 ? '(no name)' : '', ...[...names].map(([name, times]) => `${name}:${times}`)]
        return `${asker.id} ${how}${kind.verb} ${place}${what} ${count}x ${named.join(' ').trim()}`.trimEnd()
      },
    ),
  )

describe('what was asked', () => {
  test('the name is that of the address: what is made has none, whatever the event adds later', () => {
    const made = callOf(auditEvent({ verb: 'create', namespace: 'shop', name: 'web-0', code: 201 }))
    expect(made.question).toEqual({ verb: 'create', group: '', resource: 'pods', namespace: 'shop' })
    const token = { resource: 'serviceaccounts', subresource: 'token', namespace: 'shop', name: 'deployer' }
    expect(callOf(auditEvent({ verb: 'create', ...token })).question).toMatchObject({ name: 'deployer' })
  })

  test('a list or watch has the name that its field selector lets through, and no other', () => {
    const secrets = { resource: 'secrets', namespace: 'shop', name: 'db' }
    const asked = (verb: string, query: string) =>
      callOf(auditEvent({ ...secrets, verb, uri: `/api/v1/namespaces/shop/secrets?${query}` })).question
    expect(asked('list', 'fieldSelector=metadata.name%3Ddb')).toMatchObject({ name: 'db' })
    expect(asked('list', 'limit=500')).not.toHaveProperty('name')
    expect(asked('watch', 'watch=true&fieldSelector=metadata.name%3Ddb')).toMatchObject({ verb: 'watch', name: 'db' })
  })

  test('deletecollection has no name, and a non-resource URL has its decoded path without the query', () => {
    const all = auditEvent({ verb: 'deletecollection', namespace: 'shop', name: 'x', uri: '' })
    expect(callOf(all).question).not.toHaveProperty('name')
    const path = { ...auditEvent({ verb: 'get', uri: '/openapi%2Fv3?hash=1' }), objectRef: undefined }
    expect(callOf(path).question).toEqual({ verb: 'get', path: '/openapi/v3' })
  })

  test('what is made by a PUT or apply is asked for create as well, and so is a stream over WebSocket', () => {
    const applied = { verb: 'patch', resource: 'configmaps', namespace: 'shop', name: 'web' }
    expect(callOf(auditEvent({ ...applied, code: 201 })).alsoAsked).toEqual([
      { verb: 'create', group: '', resource: 'configmaps', namespace: 'shop', name: 'web' },
    ])
    expect(callOf(auditEvent(applied)).alsoAsked).toEqual([])
    const exec = auditEvent({ verb: 'get', subresource: 'exec', namespace: 'shop', name: 'web-0', code: 101 })
    expect(callOf(exec).alsoAsked).toMatchObject([{ verb: 'create', subresource: 'exec', name: 'web-0' }])
  })
})

describe('who was asked', () => {
  const user = 'system:serviceaccount:sallyport:gateway'
  const authentication = 'authentication.k8s.io'

  test('the impersonated did it, and the impersonator used a right for each name of hers', () => {
    const extra = { 'sallyport.dev/session': ['s-1'] }
    const impersonated = { username: 'alice', uid: 'a-1', groups: ['ops', 'system:authenticated'], extra }
    const call = callOf(auditEvent({ user, impersonated, namespace: 'shop' }))
    expect(call.asker).toEqual({ id: 'user:alice', groups: ['ops', 'system:authenticated'] })
    expect(call.impersonator?.asker.id).toBe('service-account:sallyport/gateway')
    const [subresource] = Object.keys(extra)
    expect(call.impersonator?.questions).toEqual([
      { verb: 'impersonate', group: '', resource: 'users', name: 'alice' },
      { verb: 'impersonate', group: '', resource: 'groups', name: 'ops' },
      { verb: 'impersonate', group: authentication, resource: 'uids', name: 'a-1' },
      { verb: 'impersonate', group: authentication, resource: 'userextras', subresource, name: 's-1' },
    ])
  })

  test('the groups of a service account come by themselves', () => {
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']
    const call = callOf(auditEvent({ impersonated: { username: 'system:serviceaccount:shop:web', groups } }))
    expect(call.asker.id).toBe('service-account:shop/web')
    expect(call.impersonator?.questions).toEqual([
      { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: 'shop', name: 'web' },
    ])
  })

  test('constrained impersonation has verbs of its own, of the identity and of the action', () => {
    const impersonated = { username: 'alice' }
    const one = auditEvent({ user, impersonated, constraint: 'impersonate:user-info', namespace: 'shop' })
    expect(callOf(one).impersonator?.questions).toEqual([
      { verb: 'impersonate:user-info', group: authentication, resource: 'users', name: 'alice' },
      { verb: 'impersonate-on:user-info:list', group: '', resource: 'pods', namespace: 'shop' },
    ])
    const asNode = { impersonated: { username: 'system:node:n1' }, constraint: 'impersonate:associated-node' }
    expect(callOf(auditEvent({ user, ...asNode })).impersonator?.questions[0]).toMatchObject({ name: '*' })
  })

  test('a refused impersonation names nobody: it is a refusal of the one who tried, and uses nothing', () => {
    const refused = auditEvent({ user: 'mallory', code: 403, more: { annotations: {} } })
    expect(linesOf(collect(refused))).toEqual(['user:mallory denied list -//pods 1x (no name)'])
  })

  test('a call that the impersonated may not make still took the right to ask as her', () => {
    const refused = auditEvent({ user, impersonated: { username: 'alice' }, decision: 'forbid', code: 403 })
    expect(linesOf(collect(refused))).toEqual([
      'user:alice denied list -//pods 1x (no name)',
      'service-account:sallyport/gateway impersonate -//users 1x alice:1',
    ])
  })
})

describe('what counts', () => {
  test('what the authorizer allowed was used, whatever came of it; what it forbade was not', () => {
    const answers = [
      auditEvent({ verb: 'get', name: 'gone', code: 404 }),
      auditEvent({ verb: 'create', resource: 'rolebindings', code: 403, decision: 'allow' }),
      auditEvent({ verb: 'delete', name: 'x', code: 403, decision: 'forbid' }),
    ]
    expect(answers.map(event => callOf(event).outcome)).toEqual(['allowed', 'allowed', 'denied'])
  })

  test('each call once: a watch that begins and ends, a file that was copied, and nothing before a decision', () => {
    const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'ResponseComplete']
    const usage = collect(...stages.map(stage => auditEvent({ verb: 'watch', id: 'w', namespace: 'shop', stage })))
    expect(linesOf(usage)).toEqual(['user:alice watch shop//pods 1x (no name)'])
    expect(usage.counts).toMatchObject({ calls: 1, repeated: 2, withoutDecision: 1 })
  })

  test('a client that sends the same Audit-ID each time hides no call behind its first', () => {
    const same = (verb: string, at: string) =>
      auditEvent({ user: 'mallory', id: 'mine', verb, resource: 'secrets', uri: '/api/v1/secrets', at })
    const usage = collect(
      same('list', '2026-03-01T12:00:00.000001Z'),
      same('list', '2026-03-01T12:00:00.000002Z'),
      same('deletecollection', '2026-03-01T12:00:00.000002Z'),
    )
    expect(linesOf(usage)).toEqual([
      'user:mallory list -//secrets 2x (no name)',
      'user:mallory deletecollection -//secrets 1x (no name)',
    ])
  })

  test('events that say nothing are counted, each by its reason', () => {
    const usage = collect(
      null,
      'I1129 12:00:00 a line of klog',
      { kind: 'Event', apiVersion: 'v1', reason: 'Scheduled' },
      { ...auditEvent(), stage: undefined },
      { ...auditEvent(), user: {} },
      { ...auditEvent({ code: 401 }), user: {} },
      { ...auditEvent(), requestReceivedTimestamp: 'yesterday', stageTimestamp: 7 },
      { ...auditEvent(), objectRef: undefined, requestURI: 'nowhere' },
    )
    expect(usage.askers).toEqual([])
    expect(usage.counts.unauthenticated).toBe(1)
    expect(usage.counts.unreadable).toEqual({
      'it is no object': 2,
      'it is no event of audit.k8s.io': 1,
      'it has no known stage': 1,
      'it names no user': 1,
      'it has no time': 1,
      'what was asked for cannot be read': 1,
    })
  })

  test('anything at all is read, or said not to be', () => {
    const isRead = (value: unknown) => {
      const reading = readAuditEvent(value)
      return 'unreadable' in reading || 'skipped' in reading || 'question' in reading
    }
    fc.assert(fc.property(fc.anything(), isRead))
    const broken = fc.record(Object.fromEntries(Object.keys(auditEvent()).map(key => [key, fc.anything()])))
    fc.assert(fc.property(broken, more => isRead({ ...auditEvent(), ...more })))
  })

  test('what does not fit is counted, and what fits goes on counting', () => {
    const collector = createUsageCollector(undefined, { ...defaultLimits, rights: 3, names: 2 })
    const add = (verb: string, name?: string) =>
      collector.add(readAuditEvent(auditEvent({ verb, namespace: 'shop', ...(name !== undefined && { name }) })))
    for (let at = 0; at < 5; at += 1) add('get', `web-${at}`)
    for (const verb of ['list', 'watch', 'update', 'patch', 'list']) add(verb)
    const usage = collector.usage()
    expect(usage.counts).toMatchObject({ calls: 10, leftOut: 2 })
    const kept = usage.askers[0]?.used.map(({ count, names, moreNames }) => [count, names.size, moreNames])
    expect(kept).toEqual([
      [5, 2, 3],
      [2, 0, 0],
      [1, 0, 0],
    ])
  })

  test('calls before the time that is asked for are too old, and nothing else', () => {
    const collector = createUsageCollector(Date.UTC(2026, 1, 1) / 1000)
    collector.add(readAuditEvent(auditEvent({ at: '2026-01-31T23:59:59Z' })))
    collector.add(readAuditEvent(auditEvent({ at: '2026-02-01T00:00:00Z' })))
    expect(collector.usage()).toMatchObject({ counts: { calls: 1, tooOld: 1 }, first: Date.UTC(2026, 1, 1) / 1000 })
  })
})

test('the reason names the binding, whatever it is called', () => {
  const reason = 'RBAC: allowed by RoleBinding "pods/shop" of Role "reader" to ServiceAccount "web/shop"'
  expect(readReason(reason)).toEqual({
    kind: 'RoleBinding',
    name: 'pods',
    namespace: 'shop',
    role: { kind: 'Role', name: 'reader' },
    subject: 'service-account:shop/web',
  })
  const odd = 'RBAC: allowed by ClusterRoleBinding "a\\"b" of ClusterRole "system:c" to Group "d e"'
  expect(readReason(odd)).toMatchObject({ name: 'a"b', subject: 'group:d e' })
  for (const other of ['', 'ABAC: allowed', 'RBAC: allowed by RoleBinding "x', `${reason} and more`]) {
    expect(readReason(other)).toBeUndefined()
  }
})

test.skipIf(!existsSync(dataFolder))('the shared log of a demo', () => {
  const events = readFileSync(join(dataFolder, 'k8s/audit/audit2rbac-demo.ndjson'), 'utf8').trim().split('\n')
  const usage = collect(...events.map(line => JSON.parse(line) as unknown))
  expect(linesOf(usage).filter(line => !line.includes(' get /'))).toMatchInlineSnapshot(`
    [
      "user:bob list default//pods 2x (no name)",
      "user:bob denied list default//pods 2x (no name)",
      "user:bob denied list ns1//pods 1x (no name)",
      "user:bob denied list -//nodes 1x (no name)",
      "user:system:admin impersonate -//users 32x bob:29 alice:3",
      "user:system:admin impersonate ns1//serviceaccounts 5x sa1:5",
      "service-account:ns1/sa1 list -//pods 1x (no name)",
      "service-account:ns1/sa1 denied list default//pods 2x (no name)",
      "service-account:ns1/sa1 denied list -//nodes 1x (no name)",
      "service-account:ns1/sa1 denied list -//pods 1x (no name)",
      "user:alice denied list ns1//pods 1x (no name)",
      "user:alice denied list ns1//configmaps 1x (no name)",
      "user:alice denied list ns1//secrets 1x (no name)",
    ]
  `)
  expect(usage.counts).toMatchObject({ calls: 37, unreadable: {} })
})
