/** What is remembered is what would be decided: for random questions in random order, and after everything that can change. */

import { describe, expect, it } from 'vitest'
import { createRememberedDecisions } from '../../app/policy/remembered-decisions.ts'
import type { Context } from '../../rbac/context.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

const conditions = `
office: { source-network: [10.0.0.0/8] }
fresh: { authentication-age: 15m }
mfa: { authentication-method: [mfa] }
managed: { header: { name: x-device, in: [managed] } }
certified: { client-certificate: { san-dns: [a.example.com] } }
workday: { time-window: { days: mon-fri, from: "09:00", to: "18:00", zone: UTC } }
soon: { date-window: { until: 2026-01-02 } }
sales: { claim: { name: department, in: [sales] } }
`
const rows = `
p, group:ops,     a.example.com, /**,       *,    -,                allow
p, authenticated, a.example.com, /office,   *,    office,           allow
p, authenticated, a.example.com, /fresh,    *,    fresh,            allow
p, authenticated, a.example.com, /mfa,      *,    mfa,              allow
p, authenticated, a.example.com, /managed,  *,    managed,          allow
p, authenticated, a.example.com, /cert,     *,    certified,        allow
p, authenticated, a.example.com, /work,     *,    workday & !soon,  allow
p, authenticated, a.example.com, /sales,    *,    sales,            allow
p, anyone,        a.example.com, /public,   read, -,                allow
p, group:out,     a.example.com, /**,       *,    office,           deny
p, authenticated, a.example.com, /shadow,   *,    managed,          shadow-deny
`
const user = (more: Partial<User>): User => ({
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'idp',
  groups: [],
  claims: {},
  ...more,
})
const identities: readonly Identity[] = [
  anonymous,
  user({}),
  user({ groups: ['ops'] }),
  user({ groups: ['ops', 'out'] }),
  user({ authTime: 1_767_261_600, amr: ['mfa'], claims: { department: 'sales' } }),
]
const paths = ['/office', '/fresh', '/mfa', '/managed', '/cert', '/work', '/sales', '/public', '/shadow', '/else']
const certificate = { fingerprint: 'ab', sanDns: ['a.example.com'], sanEmail: [], sanUri: [] }

const requests: fc.Arbitrary<AccessRequest> = fc.record({
  domain: fc.constantFrom('a.example.com', 'b.example.com'),
  resource: fc.constantFrom(...paths),
  action: fc.constantFrom('GET', 'POST'),
  url: fc.constant(''),
})
const contexts: fc.Arbitrary<Context> = fc.record({
  // A Thursday morning, a Saturday, and no time at all.
  now: fc.constantFrom(1_767_261_600, 1_767_261_600 + 86_400, 1_767_261_600 + 3 * 86_400, Number.NaN),
  clientAddress: fc.constantFrom(undefined, '10.1.2.3', '192.0.2.1'),
  header: fc.constantFrom(
    undefined,
    () => 'managed',
    () => undefined,
  ),
  clientCertificate: fc.constantFrom(undefined, null, certificate),
})
const questions = fc.array(fc.tuple(requests, fc.constantFrom(...identities), contexts), {
  minLength: 20,
  maxLength: 200,
})

describe('remembered decisions', () => {
  it('are those that would be made anew, whatever was asked before', async () => {
    const policy = await policyOf(rows, conditions)
    fc.assert(
      fc.property(questions, asked => {
        const remembered = createRememberedDecisions({ maxBytes: 4_000 })
        for (const [request, identity, context] of asked) {
          expect(remembered({ request, identity, context }, policy)).toEqual(
            decide({ request, identity, context }, policy),
          )
        }
      }),
      { numRuns: 200 },
    )
  })

  it('H02 end with the policy that made them', async () => {
    const remembered = createRememberedDecisions()
    const request = { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' }
    const [allowing, denying] = [
      await policyOf('p, anyone, a.example.com, /**, *, -, allow\n'),
      await policyOf('p, anyone, a.example.com, /**, *, -, deny\n'),
    ]
    for (const [policy, effect] of [
      [allowing, 'allow'],
      [denying, 'deny'],
      [allowing, 'allow'],
    ] as const) {
      expect(remembered({ request, identity: anonymous, context: { now: 0 } }, policy).effect).toBe(effect)
      expect(remembered({ request, identity: anonymous, context: { now: 0 } }, policy).effect).toBe(effect)
    }
  })

  it('are made once for each question, and anew for one that hangs on the context', async () => {
    const policy = await policyOf(rows, conditions)
    const remembered = createRememberedDecisions()
    const [, , ops] = identities as [Identity, Identity, Identity]
    const ask = (resource: string, identity: Identity) =>
      remembered(
        {
          request: { domain: 'a.example.com', resource, action: 'GET', url: '' },
          identity,
          context: {
            now: 1_767_261_600,
          },
        },
        policy,
      )
    expect(ask('/else', ops)).toBe(ask('/else', ops))
    expect(ask('/office', user({}))).not.toBe(ask('/office', user({})))
  })

  it('H02 H03 no two questions share an answer, however their fields could be joined', async () => {
    const policy = await policyOf(
      'p, anyone, a.example.com, /GET/x, *, -, allow\np, anyone, "a.example.co", /x, *, -, deny\n',
    )
    const remembered = createRememberedDecisions()
    const parts = ['', 'a', 'G', 'GET', '/x', '/GET/x', 'a.example.com', 'a.example.co', '3:GET', ' 1 ']
    for (const domain of parts) {
      for (const action of parts) {
        for (const resource of parts) {
          const request = { domain, resource, action, url: '' }
          expect(remembered({ request, identity: anonymous, context: { now: 0 } }, policy)).toEqual(
            decide({ request, identity: anonymous, context: { now: 0 } }, policy),
          )
        }
      }
    }
  })

  it('H04 take a bounded amount of memory, however many paths are asked for', async () => {
    const policy = await policyOf('p, anyone, a.example.com, /**, *, -, allow\n')
    const remembered = createRememberedDecisions({ maxBytes: 10_000 })
    const ask = (resource: string) =>
      remembered(
        {
          request: { domain: 'a.example.com', resource, action: 'GET', url: '' },
          identity: anonymous,
          context: { now: 0 },
        },
        policy,
      )
    const first = ask('/first')
    expect(ask('/first')).toBe(first)
    for (let path = 0; path < 100; path += 1) ask(`/${path}`)
    expect(ask('/first')).not.toBe(first)
    expect(ask('/first')).toEqual(first)
  })

  it('a failure is never remembered', async () => {
    const policy = await policyOf('p, anyone, a.example.com, /**, *, -, allow\n')
    const broken = {
      ...policy,
      narrow: () => {
        throw new Error('a bug')
      },
    } as typeof policy
    const remembered = createRememberedDecisions()
    const request = { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' }
    const errors: unknown[] = []
    for (let time = 1; time <= 2; time += 1) {
      expect(
        remembered({ request, identity: anonymous, context: { now: 0 } }, broken, error => errors.push(error)),
      ).toMatchObject({
        reason: 'evaluation-failed',
      })
      expect(errors).toHaveLength(time)
    }
  })
})
