/** Usage at its edges: what comes late, what is asked besides, what does not fit, and who has other groups the next time. */
import { describe, expect, test } from 'vitest'
import { readAuditEvent } from '../../rbac/reach/usage/audited-call.ts'
import { createRecentKeys } from '../../rbac/reach/usage/recent-keys.ts'
import { auditEvent } from './audit-events.ts'
import { collected } from './usage-of.ts'

const gateway = 'system:serviceaccount:sallyport:gateway'
const [early, late] = ['2026-02-01T00:00:00Z', '2026-05-31T00:00:00Z']
const seconds = (text: string): number => Date.parse(text) / 1000

describe('what is asked besides', () => {
  const applied = { verb: 'patch', resource: 'configmaps', namespace: 'shop', name: 'web', code: 201 }

  test('is a call of its own as soon as somebody makes it', () => {
    const created = { verb: 'create', resource: 'configmaps', namespace: 'shop', code: 201 }
    const creates = (events: readonly unknown[]) =>
      collected(events).askers[0]?.used.filter(({ kind }) => kind.verb === 'create')
    expect(creates([auditEvent(applied)])).toMatchObject([{ isBesides: true, count: 1 }])
    expect(creates([auditEvent(applied), auditEvent(created)])).toMatchObject([{ isBesides: false, count: 2 }])
  })

  test('is create, of a PUT that made it as well', () => {
    const put = auditEvent({ ...applied, verb: 'update' })
    expect(collected([put]).askers[0]?.used.map(({ kind }) => kind.verb)).toEqual(['update', 'create'])
  })

  test('is not asked where the call itself is refused', () => {
    const refused = { verb: 'get', subresource: 'exec', namespace: 'shop', name: 'web-0', code: 403 }
    const usage = collected([auditEvent({ ...refused, decision: 'forbid' })])
    expect(usage.askers[0]).toMatchObject({ used: [], denied: [{ count: 1 }] })
  })

  test('is counted where it does not fit, and so is what an impersonator used', () => {
    const as = { user: gateway, impersonated: { username: 'alice' } }
    expect(collected([auditEvent(applied)], { rights: 1 }).counts.leftOut).toBe(1)
    expect(collected([auditEvent(as)], { rights: 1 }).counts.leftOut).toBe(1)
    expect(collected([auditEvent(as)], { rights: 2 }).counts.leftOut).toBe(0)
  })
})

test('what the authorizer forbade was not used, whatever the code', () => {
  const hidden = auditEvent({ decision: 'forbid', code: 404 })
  expect(collected([hidden]).askers[0]).toMatchObject({ used: [], denied: [{ count: 1 }] })
})

test('what nothing is written of was refused by its code', () => {
  const outcome = (code: number) => readAuditEvent(auditEvent({ code, more: { annotations: {} } }))
  expect([200, 404, 401, 403].map(outcome)).toMatchObject(
    ['allowed', 'allowed', 'denied', 'denied'].map(one => ({ outcome: one })),
  )
})

test('two calls of one Audit-ID and one moment are two, of the oldest events as well', () => {
  const same = { id: 'mine', resource: 'secrets' }
  const calls = ['/api/v1/namespaces/shop/secrets', '/api/v1/namespaces/bank/secrets'].map(uri => ({ ...same, uri }))
  expect(collected(calls.map(auditEvent)).counts).toMatchObject({ calls: 2, repeated: 0 })
  const old = (timestamp: string) => ({ ...auditEvent(same), requestReceivedTimestamp: undefined, timestamp })
  expect(collected([old(early), old(late), old(late)]).counts).toMatchObject({ calls: 2, repeated: 1 })
})

describe('who', () => {
  test('is in the groups of everybody, where a cloud leaves groups out', () => {
    const { user: _, ...event } = auditEvent()
    const [web] = collected([{ ...event, user: { username: 'system:serviceaccount:shop:web' } }]).askers
    expect(web?.asker.groups).toEqual(['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:shop'])
  })

  test('with other groups is judged by other bindings', () => {
    const usage = collected([auditEvent({ groups: ['ops'] }), auditEvent({ groups: ['dev'], at: late })])
    expect(usage.askers.map(({ asker, calls }) => [asker.groups, calls])).toEqual([
      [['ops'], 1],
      [['dev'], 1],
    ])
  })

  test('asks as somebody else has made no call of its own, and the token was its own', () => {
    const legacy = { 'authorization.k8s.io/decision': 'allow', 'authentication.k8s.io/legacy-token': gateway }
    const as = auditEvent({ user: gateway, impersonated: { username: 'alice' }, more: { annotations: legacy } })
    const [alice, asker] = collected([as]).askers
    expect(alice).toMatchObject({ calls: 1, impersonated: 1 })
    expect(alice).not.toHaveProperty('legacyTokenUsed')
    expect(asker).toMatchObject({
      calls: 0,
      impersonated: 0,
      used: [{ count: 1 }],
      legacyTokenUsed: expect.any(Number),
    })
  })

  test('comes when there is no room is counted, and takes none', () => {
    const usage = collected([auditEvent(), ...['bob', 'carol'].map(user => auditEvent({ user }))], { rights: 1 })
    expect(usage.askers.map(({ asker }) => asker.id)).toEqual(['user:alice'])
    expect(usage.counts).toMatchObject({ calls: 3, leftOut: 2 })
  })
})

test('files come in any order: the first is the earliest, and the last the latest', () => {
  const legacy = {
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authentication.k8s.io/legacy-token': 'x' },
  }
  const of = (at: string) => auditEvent({ at, more: legacy })
  const times = { first: seconds(early), last: seconds(late) }
  for (const order of [
    [early, late],
    [late, early],
  ])
    expect(collected(order.map(of))).toMatchObject({
      ...times,
      askers: [{ ...times, legacyTokenUsed: seconds(late), used: [times] }],
    })
})

test('a subresource is made of the object that it is of, where the address is not known as well', () => {
  const token = { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: 'shop', name: 'web' }
  expect(readAuditEvent(auditEvent({ ...token, uri: '' }))).toMatchObject({ question: { name: 'web' } })
  const made = auditEvent({ verb: 'create', namespace: 'shop', name: 'web-0', uri: '' })
  expect(readAuditEvent(made)).not.toHaveProperty('question.name')
})

test('keys are remembered for one generation more than fits', () => {
  const keys = createRecentKeys(2)
  expect(['a', 'b', 'c', 'd'].map(keys.add)).toEqual([true, true, true, true])
  expect(['a', 'b', 'c', 'd'].map(keys.has)).toEqual([true, true, true, true])
  keys.add('e')
  expect(['a', 'b', 'c', 'd', 'e'].map(keys.has)).toEqual([false, false, true, true, true])
})
