/** Conditions on headers, of calls that come from a trusted proxy or from anybody. */
import { expect, test } from 'vitest'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import { createVouchedHeaders } from '../../app/fronts/vouched-headers.ts'
import { createJudge } from '../../app/kubernetes/judge.ts'
import { decide } from '../../rbac/decide.ts'
import { policyOf } from '../decisions/policies.ts'

const policy = await policyOf(
  `
p, group:ops, kube:prod, /payments/core/pods,     list, managed,  allow
p, group:ops, kube:prod, /payments/core/services, list, -,        allow
p, group:ops, kube:prod, /payments/core/services, list, !managed, deny
`,
  'managed: { header: { name: x-device, in: [managed] } }\n',
)
const now = 1_800_000_000
const user = { kind: 'user', subject: 'i#alice', provider: 'corp', groups: ['ops'], claims: {} } as const
const judge = createJudge({
  clusters: new Map([
    ['prod', { groupPrefix: '', userClaim: 'email', userOf: () => 'alice', calledBy: () => undefined }],
  ]),
  identify: async () => ({ sessionId: 's', sessionDigest: 'd', login: { identity: user } as never }),
  readHeaders: createVouchedHeaders(createTrustedProxies(['10.0.0.0/8'])),
  decide: situation => decide(situation, policy),
  verify: ({ request, headers }) => {
    const known = headers.areVouchedFor === false ? {} : { header: (name: string) => headers.any(name) }
    return { decision: decide({ request, identity: user, context: { now, ...known } }, policy) } as never
  },
  watch: () => () => undefined,
  onFinished: () => undefined,
  now: () => now,
})

test.each([
  ['a trusted proxy', '10.0.0.1', 'pods', 'managed', 'let in'],
  ['a trusted proxy', '10.0.0.1', 'pods', 'other', 403],
  ['a trusted proxy', '10.0.0.1', 'services', 'managed', 'let in'],
  ['a trusted proxy', '10.0.0.1', 'pods', 'managed twice', 403],
  ['a trusted proxy', '10.0.0.1', 'services', 'managed twice', 403],
  ['anybody', '192.0.2.7', 'pods', 'managed', 403],
  ['anybody', '192.0.2.7', 'services', 'managed', 403],
])('J66 J159 of %s at %s, who asks for %s as %s: %s', async (_who, peerAddress, resource, device, expected) => {
  const verdict = await judge({
    requestId: 'r',
    cluster: 'prod',
    method: 'GET',
    target: `/api/v1/namespaces/payments/${resource}`,
    host: 'k8s.example.com',
    credentials: { authorization: 'Bearer t' },
    clientAddress: peerAddress,
    peerAddress,
    rawHeaders: device === 'managed twice' ? ['X-Device', 'managed', 'X-Device', 'managed'] : ['X-Device', device],
  })
  expect('status' in verdict ? verdict.status : 'let in').toBe(expected)
})
