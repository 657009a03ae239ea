/** The line of a decision says what the line of its event says, for every kind of identity and decision. */

import { describe, expect, it } from 'vitest'
import type { Access } from '../../app/audit/access-event.ts'
import { createAccessFormat } from '../../app/audit/format-access.ts'
import { createLineFormat } from '../../app/audit/format-line.ts'
import type { Decision } from '../../rbac/decision.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { accessEvent } from '../access-event.ts'
import { fc } from '../properties.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const text = fc.string({ unit: 'binary', maxLength: 8 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const list = fc.array(text, { maxLength: 3 })

const user = fc.record({
  kind: fc.constant('user' as const),
  subject: text,
  provider: text,
  groups: fc.oneof(list, fc.constant(Array<string>(65).fill('g'))),
  claims: fc.constant({ secret: 'planted' }),
  email: maybe(text),
  authTime: maybe(fc.integer()),
  amr: maybe(list),
  acr: maybe(text),
})
const machine = fc.record({
  kind: fc.constant('machine' as const),
  subject: text,
  provider: text,
  groups: list,
  claims: fc.constant({}),
  client: text,
})
const identities = fc.oneof(fc.constant(anonymous), user, machine) as fc.Arbitrary<Identity>
const decisions = fc.oneof(
  fc.record({ effect: fc.constant('allow'), rule: text, revision: text, shadow: maybe(list) }),
  fc.record({ effect: fc.constant('deny'), reason: fc.constant('rule-denied'), rule: maybe(text), revision: text }),
  fc.record({
    effect: fc.constant('challenge'),
    reason: fc.constant('user-unauthenticated'),
    login: fc.constant({}),
    revision: text,
  }),
) as fc.Arbitrary<Decision>
const accesses: fc.Arbitrary<Access> = fc.record({
  question: fc.record({
    front: fc.constantFrom('auth-request', 'forward-auth'),
    requestId: text,
    request: fc.record({ domain: text, resource: text, action: text, url: fc.constant('https://planted.example') }),
    clientAddress: maybe(text),
    kubernetes: maybe(
      fc.record({ cluster: text, verb: text, resource: text, name: text, rules: list, token: fc.constant('planted') }),
    ),
  }),
  authentication: fc.record(
    {
      identity: identities,
      sessionDigest: maybe(text),
      impersonation: fc.record({ by: user as fc.Arbitrary<Identity>, user: text, groups: list }),
    },
    { requiredKeys: ['identity', 'sessionDigest'] },
  ),
  decision: decisions,
  durationMicroseconds: fc.nat(),
})

function freezeDeeply<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  Object.values(value).forEach(freezeDeeply)
  return Object.freeze(value)
}

const plain = {
  requestId: 'r',
  clientAddress: '192.0.2.7',
  sessionDigest: 's',
  domain: 'd',
  resource: '/',
  action: 'GET',
}

/** An allowed request of this person, plain but for what is given. */
function accessOf(identity: Identity, given: Partial<typeof plain> = {}): Access {
  const { requestId, clientAddress, sessionDigest, ...request } = { ...plain, ...given }
  return {
    question: { front: 'forward-auth', requestId, clientAddress, request: { ...request, url: '' } },
    authentication: { identity, sessionDigest },
    decision: { effect: 'allow', rule: 'a.csv:1', revision: 'x' },
    durationMicroseconds: 1,
  }
}

describe('the line of a decision', () => {
  it('says what its event says, the second time as the first', () => {
    const [formatAccess, formatLine] = [createAccessFormat(), createLineFormat()]
    fc.assert(
      fc.property(accesses, fc.boolean(), (access, isFrozen) => {
        const asked = isFrozen ? freezeDeeply(access) : access
        const expected = JSON.parse(formatLine(accessEvent(asked), at))
        for (let time = 1; time <= 2; time += 1) {
          const line = formatAccess(asked, at)
          expect(line).toMatch(/^[^\n]*\n$/)
          expect(line).not.toContain('planted')
          expect(JSON.parse(line)).toEqual(expected)
        }
      }),
    )
  })

  it.each(['requestId', 'clientAddress', 'sessionDigest', 'domain', 'resource', 'action'] as const)(
    'escapes %s where all others are plain',
    name => {
      const planted = 'a"\n\u2028\\b\u202e'
      const access = accessOf(anonymous, { [name]: planted })
      const line = createAccessFormat()(access, at)
      expect(line).toMatch(/^[ -~]+\n$/)
      expect(line).toBe(createLineFormat()(accessEvent(access), at))
    },
  )

  it('has the time at which it was written', () => {
    const format = createAccessFormat()
    const access = accessOf(anonymous)
    for (const moment of [at, at, at + 1, at + 86_400_000, at]) {
      expect(JSON.parse(format(access, moment)).time).toBe(new Date(moment).toISOString())
    }
  })

  it('sees what has changed, unless it cannot', () => {
    const format = createAccessFormat()
    const groups = ['ops']
    const identity = { kind: 'user', subject: 's', provider: 'p', groups, claims: {} } as const
    // Frozen, but for its list.
    const frozen = Object.freeze(identity)
    expect(JSON.parse(format(accessOf(frozen), at)).groups).toEqual(['ops'])
    groups.push('dev')
    expect(JSON.parse(format(accessOf(frozen), at)).groups).toEqual(['ops', 'dev'])
  })
})
