/**
 * What the commands say of a call is what the gateway does with it: the same verdict, by the same question and the same row.
 *
 * Both sides are run whole: the judge of the gateway with the line that it writes, and what the commands are made of.
 */

import { describe, expect, it } from 'vitest'
import { createDecisionRecorder } from '../../app/admin/decision-recorder.ts'
import { explanationOf } from '../../app/admin/explain-routes.ts'
import { createAccessFormat } from '../../app/audit/format-access.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import type { GatewayCall } from '../../app/kubernetes/gateway/gateway-call.ts'
import { createJudge, type FinishedCall, type JudgeDependencies } from '../../app/kubernetes/judge.ts'
import type { DecidedQuestion } from '../../app/verify.ts'
import { parseDecision, parseEvent } from '../../cli/policy/recorded-decision.ts'
import { judgeCall } from '../../rbac/asking/calls/call.ts'
import { type CallExplanation, explainCall } from '../../rbac/asking/calls/explain-call.ts'
import { parseCall } from '../../rbac/asking/calls/parse-call.ts'
import { replayCall } from '../../rbac/asking/calls/replay-call.ts'
import { createUsage } from '../../rbac/asking/usage.ts'
import { whoCanCall } from '../../rbac/asking/who-can.ts'
import { evaluateCondition } from '../../rbac/conditions/condition.ts'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import type { RawKubernetesCall } from '../../rbac/kubernetes/request.ts'
import { readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { runPolicyTests } from '../../rbac/testing/policy-test-run.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { kubernetesCalls } from './arbitrary-calls.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5)
const now = at / 1000
const conditions = 'mfa: { authentication-method: [otp] }\n'

const resources = [
  '/**',
  '/payments/**',
  '/payments/core/**',
  '/payments/core/pods/*/exec',
  '/payments/core/*/*/proxy',
  '/*/core/secrets',
  '/payments/core/services',
  '/payments/core/services/keys',
  '/payments/apps/deployments',
  '/payments/apps/deployments/web',
  '/-/**',
  '/nonResourceURLs/**',
  '/nonResourceURLs/metrics',
]
const rows = fc
  .record({
    subject: fc.constantFrom('group:ops', 'group:ops', 'group:dev', 'authenticated', 'anyone', 'role:on-call'),
    resource: fc.constantFrom(...resources),
    action: fc.constantFrom('*', 'get|list|watch', 'create', 'patch', 'get|patch|update', 'create|update', 'get'),
    condition: fc.constantFrom('-', '-', '-', 'mfa', '!mfa'),
    effect: fc.constantFrom('allow', 'allow', 'allow', 'deny', 'shadow-deny'),
  })
  .map(row => `p, ${row.subject}, kube:prod, ${row.resource}, ${row.action}, ${row.condition}, ${row.effect}`)
/** Such that a first question often passes, and the others have something to decide. */
const openings = fc.constantFrom(
  'p, group:ops, kube:prod, /payments/**, get|patch|update, -, allow',
  'p, group:ops, kube:prod, /payments/**, *, -, allow',
  'p, group:ops, kube:prod, /payments/**, create, -, allow',
)
const policies = fc
  .tuple(openings, fc.uniqueArray(rows, { minLength: 1, maxLength: 6 }))
  .map(([opening, lines]) => [...new Set([opening, ...lines, 'g, group:dev, role:on-call, kube:prod', ''])].join('\n'))

const userOf = (groups: readonly string[], amr?: readonly string[]): User => ({
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  email: 'alice@example.com',
  groups,
  claims: {},
  ...(amr === undefined ? {} : { amr }),
})
const people = fc.constantFrom(userOf(['ops']), userOf(['dev'], ['pwd']), userOf(['ops', 'dev'], ['otp']), userOf([]))

/** What the gateway does, with the line that it writes of its decision. */
async function throughGateway(policy: PolicySnapshot, identity: User, raw: RawKubernetesCall) {
  const lines: string[] = []
  const finished: FinishedCall[] = []
  const decided: DecidedQuestion[] = []
  const format = createAccessFormat()
  const dependencies: JudgeDependencies = {
    clusters: new Map([['prod', { groupPrefix: 'sallyport:', userClaim: 'email', userOf: () => 'alice' } as never]]),
    identify: async () => ({ sessionId: 's', sessionDigest: 'digest', login: { identity } as never }),
    readHeaders: ({ rawHeaders }) => readHeaders(rawHeaders),
    decide: situation => decide(situation, policy),
    verify(question, authentication) {
      const { request, headers, clientAddress } = question
      const context = { now, header: (name: string) => headers.any(name), clientAddress }
      const decision = decide({ request, identity, context }, policy)
      decided.push({ requestId: 'r', request, identity, context, decision, kubernetes: question.kubernetes })
      lines.push(format({ question, authentication, decision, durationMicroseconds: 1 }, at))
      return { decision } as never
    },
    watch: () => () => undefined,
    onFinished: call => void finished.push(call),
    now: () => now,
  }
  const upgrade =
    raw.upgrades?.[0] === undefined ? {} : { upgrade: raw.upgrades[0] === 'websocket' ? 'websocket' : 'spdy' }
  const call: GatewayCall = {
    requestId: 'r',
    cluster: 'prod',
    method: raw.method,
    target: raw.target,
    host: 'k8s.example.com',
    credentials: { authorization: 'Bearer token' },
    clientAddress: '192.0.2.7',
    peerAddress: '192.0.2.7',
    rawHeaders: headersOf(raw).flat(),
    ...(upgrade as Pick<GatewayCall, 'upgrade'>),
  }
  const verdict = await createJudge(dependencies)(call)
  if (!('status' in verdict)) {
    verdict.finished({ status: 200, bytesReceived: 1, bytesSent: 2, durationMs: 3, ending: 'complete' })
  }
  return {
    isAllowed: !('status' in verdict),
    verdict,
    line: lines[0] ?? '',
    decided: decided[0],
    finished: finished[0],
  }
}

const headersOf = ({ upgrades = [], contentTypes = [] }: RawKubernetesCall): [string, string][] => [
  ...upgrades.map((value): [string, string] => ['upgrade', value]),
  ...contentTypes.map((value): [string, string] => ['content-type', value]),
]

function written(raw: RawKubernetesCall) {
  const headers = new Map(headersOf(raw))
  return parseCall(`${raw.method} kube:prod ${raw.target}`, name => headers.get(name))
}

describe('a call', () => {
  it('is answered by every command as by the gateway: verdict, question and row', async () => {
    let furtherRefused = 0
    await fc.assert(
      fc.asyncProperty(policies, people, kubernetesCalls, async (csv, identity, raw) => {
        fc.pre(readKubernetesRequest(raw).kind !== 'refused')
        const policy = await policyOf(csv, conditions)
        const gateway = await throughGateway(policy, identity, raw)
        const event = JSON.parse(gateway.line)
        const effect = { 'access.allowed': 'allow', 'access.denied': 'deny', 'access.challenged': 'challenge' }[
          event.event as 'access.allowed'
        ]
        expect(effect === 'allow').toBe(gateway.isAllowed)
        const counted = { effect, rule: event.rule, action: event.action, resource: event.resource }

        const call = written(raw)
        const context = { now, clientAddress: '192.0.2.7' }
        const { decision, request } = judgeCall(call, { identity, context }, policy)
        const said = {
          effect: decision.effect,
          rule: decision.rule,
          action: request.action,
          resource: request.resource,
        }
        expect(said).toEqual(counted)

        const explained = explainCall(call, { identity, context }, policy, { tries: 5 })
        expect(explained.decision).toEqual(decision)
        expect(explained.request).toEqual({ domain: 'kube:prod', action: event.action, resource: event.resource })
        if (event.action !== call.request.action || event.resource !== call.request.resource) furtherRefused += 1

        const recorded = parseDecision(parseEvent(gateway.line) ?? {})
        const replayed = recorded && replayCall(policy, recorded)
        expect(replayed).toMatchObject({ kind: 'certain', decision: { effect } })
        expect(replayed?.kind === 'certain' && replayed.decision.rule).toBe(event.rule)

        const headers = headersOf(raw).map(([name, value]) => `${name}: '${value}'`)
        const { groups, amr } = identity
        const who = `{ user: alice, email: alice@example.com, issuer: 'https://idp.example', groups: ${JSON.stringify(groups)}${amr === undefined ? '' : `, amr: ${JSON.stringify(amr)}`} }`
        const text = `- name: it\n  identity: ${who}\n  request: '${raw.method} kube:prod ${raw.target}'\n  headers: { ${headers.join(', ')} }\n  want: { effect: ${effect}${event.rule === undefined ? '' : `, rule: '${event.rule}'`} }\n`
        const [result] = await runPolicyTests(policy, [{ name: 'a.test.yaml', text }], { now })
        expect(result?.failures).toEqual([])

        if (gateway.finished !== undefined) expect(event.kubernetes).toEqual(gateway.finished.kubernetes)
      }),
      { numRuns: 150 },
    )
    // Whoever asked the first question alone would have said something else of these.
    expect(furtherRefused).toBeGreaterThan(0)
  }, 300_000)

  it('lists those who may, and whoever may is listed, alone or with what they lack', async () => {
    await fc.assert(
      fc.asyncProperty(policies, people, kubernetesCalls, async (csv, identity, raw) => {
        fc.pre(readKubernetesRequest(raw).kind !== 'refused')
        const policy = await policyOf(csv, conditions)
        const call = written(raw)
        const { subjects, inPart, denies } = whoCanCall(call, policy)
        const { isAllowed } = await throughGateway(policy, identity, raw)
        const names = new Set(['authenticated', ...identity.groups.map(group => `group:${group}`)])
        const listed = subjects.filter(({ subject }) => names.has(subject))
        const partly = inPart.filter(({ subject }) => names.has(subject))
        if (isAllowed) expect(listed.length + partly.length).toBeGreaterThan(0)
        if (isAllowed && listed.length === 0) {
          // Together they lack nothing.
          const lacking = call.questions.filter(
            ({ need, action, resource }) =>
              need === 'allow' &&
              partly.every(({ lacks }) => lacks.some(one => one.action === action && one.resource === resource)),
          )
          expect(lacking).toEqual([])
        }
        const isDenied = denies.some(({ subjects: whom }) => whom.some(name => names.has(name) || name === 'anyone'))
        const isOne = identity.groups.length <= 1
        const own = `group:${identity.groups[0]}`
        const mine = listed.find(({ subject }) => subject === own)
        if (isOne && mine !== undefined) {
          expect(evaluateCondition(mine.when, { identity, context: { now } }) === true).toBe(isAllowed)
        }
        if (!isAllowed && isOne && mine?.isAlways === true) expect(isDenied).toBe(true)
      }),
      { numRuns: 80 },
    )
  }, 300_000)

  it('asked in the verbs of the policy is never allowed where the gateway refuses it', async () => {
    let allowed = 0
    await fc.assert(
      fc.asyncProperty(policies, people, kubernetesCalls, async (csv, identity, raw) => {
        const request = readKubernetesRequest(raw)
        fc.pre(request.kind !== 'refused')
        const http = written(raw)
        const isStream = request.kind === 'resource' && request.stream !== 'none'
        // Of these there is no word: nobody serves an upgrade there.
        fc.pre(!isStream || /\/(?:exec|attach|portforward|proxy)$/.test(http.request.resource))
        fc.pre(!/\/log$/.test(http.request.resource) || !isStream)
        const isApply = request.kind === 'resource' && request.isApply && request.subresource === undefined
        // Nobody serves a patch of a collection.
        fc.pre(!isApply || request.name !== undefined)
        const verb = isApply ? 'apply' : http.request.action
        const call = parseCall(`${verb} kube:prod ${http.request.resource}`)
        const policy = await policyOf(csv, conditions)
        const judged = judgeCall(call, { identity, context: { now } }, policy)
        const gateway = await throughGateway(policy, identity, raw)
        if (judged.decision.effect === 'allow') {
          allowed += 1
          expect(gateway.isAllowed).toBe(true)
          return
        }
        // Where the same words could mean more, one of the meanings is this call.
        const others = call.variants.map(variant => judgeCall(variant, { identity, context: { now } }, policy))
        if (gateway.isAllowed) expect(others.some(({ decision }) => decision.effect === 'allow')).toBe(true)
      }),
      { numRuns: 120 },
    )
    expect(allowed).toBeGreaterThan(0)
  }, 300_000)
})

describe('a line of the gateway', () => {
  const csv = [
    'p, group:ops, kube:prod, /payments/core/services/*, update, -, allow',
    'p, group:ops, kube:prod, /payments/core/services, create, -, allow',
    'p, group:ops, kube:prod, /payments/core/services/**, create, -, shadow-deny',
    '',
  ].join('\n')
  const put = { method: 'PUT', target: '/api/v1/namespaces/payments/services/web' }

  it('counts a row that only a second question uses, and a shadow row of one', async () => {
    const policy = await policyOf(csv)
    const { line } = await throughGateway(policy, userOf(['ops']), put)
    const recorded = parseDecision(parseEvent(line) ?? {})
    if (recorded === undefined) throw new Error('no decision')
    const { rule, shadow, furtherRules, identity } = recorded
    const usage = createUsage(policy)
    usage.count({ domain: 'kube:prod', identity, shadow, furtherRules, ...(rule === undefined ? {} : { rule }) })
    expect([1, 2, 3].map(row => usage.timesOf(`policy.csv:${row}`))).toEqual([1, 1, 1])
  })

  it('is replayed by all of its questions: a candidate without create refuses the PUT', async () => {
    const { line } = await throughGateway(await policyOf(csv), userOf(['ops']), put)
    const recorded = parseDecision(parseEvent(line) ?? {})
    if (recorded === undefined) throw new Error('no decision')
    const candidate = await policyOf(csv.split('\n')[0] ?? '')
    expect(replayCall(candidate, recorded)).toMatchObject({ kind: 'certain', decision: { effect: 'deny' } })
    expect(recorded.effect).toBe('allow')
  })

  it('is explained by the admin listener with what would let the whole call through', async () => {
    const policy = await policyOf(
      csv.replace(
        'group:ops, kube:prod, /payments/core/services,',
        'group:makers, kube:prod, /payments/core/services,',
      ),
    )
    const { decided } = await throughGateway(policy, userOf(['dev']), put)
    const recorder = createDecisionRecorder({ keepDecisions: 4, keepRevisions: 2 })
    recorder.loaded(policy)
    if (decided !== undefined) recorder.record(decided)
    const body = explanationOf('r', recorder.find).body as CallExplanation
    expect(body.decision).toMatchObject({ effect: 'deny', reason: 'no-rule-matched' })
    expect(body.request).toMatchObject({ action: 'update', resource: '/payments/core/services/web' })
    expect(body.nearest.found.map(({ text }) => text)).toEqual(['with group "ops" and with group "makers"'])
  })

  it('that does not say what the call was cannot be judged', async () => {
    const policy = await policyOf(csv)
    const { line } = await throughGateway(policy, userOf(['ops']), put)
    const event = JSON.parse(line)
    for (const kubernetes of [
      undefined,
      null,
      'PUT',
      {},
      { ...event.kubernetes, verb: 3 },
      { ...event.kubernetes, apply: false },
      { ...event.kubernetes, dryRun: true },
      { ...event.kubernetes, name: 'another' },
    ]) {
      const recorded = parseDecision({ ...event, kubernetes })
      expect(recorded && replayCall(policy, recorded)).toEqual({ kind: 'uncertain', facts: ['call'] })
    }
  })

  it('is uncertain where a deny of a further question hangs on what the line does not hold', async () => {
    const more = `${csv}p, group:ops, kube:prod, /payments/core/services/*, create, vpn, deny\n`
    const policy = await policyOf(more, 'vpn: { header: { name: x-vpn, in: [on] } }\n')
    const { line } = await throughGateway(policy, userOf(['ops']), put)
    const recorded = parseDecision(parseEvent(line) ?? {})
    expect(recorded && replayCall(policy, recorded)).toEqual({ kind: 'uncertain', facts: ['headers'] })
  })
})

describe('who is nobody', () => {
  it('is let do nothing in a cluster, whatever rows say, and a workload what they say', async () => {
    const policy = await policyOf(
      'p, anyone, kube:prod, /**, *, -, allow\np, service-account:prod/ci/deployer, kube:prod, /**, *, -, allow\n',
    )
    const call = parseCall('get kube:prod /payments/core/pods/web')
    const machine = { kind: 'machine', subject: '#m', provider: 'p', groups: [], claims: {} } as const
    const explained = explainCall(call, { identity: { kind: 'anonymous' }, context: { now } }, policy)
    expect(explained).toMatchObject({ isOutside: true, decision: { reason: 'user-unauthenticated' } })
    expect(explained.decision.rule).toBeUndefined()
    expect(explained.rows.some(({ isDeciding }) => isDeciding)).toBe(false)
    expect(explained.nearest.found[0]?.text).toBe('after a login')
    const own = { ...machine, serviceAccount: 'prod/ci/deployer' }
    const ofWorkload = explainCall(call, { identity: own, context: { now } }, policy)
    expect(ofWorkload).toMatchObject({ decision: { effect: 'allow' } })
    expect(ofWorkload.isOutside).toBeUndefined()
    expect(whoCanCall(call, policy).subjects.map(({ subject }) => subject)).toEqual([
      'authenticated',
      'service-account:prod/ci/deployer',
    ])
  })
})

describe('a written call', () => {
  it.each([
    ['lst kube:prod /payments/core/pods', '"lst" is no verb of an API server'],
    ['Get kube:prod /payments/core/pods', 'refuses this before it is judged'],
    ['get kube:prod /payments', 'expected /<namespace or ->'],
    ['get kube:prod /payments/core/pods/', 'no empty segment'],
    ['get kube:prod /payments/core/pods/a%2Fb', 'no escaped slash'],
    ['get kube:prod /payments/core/pods/%zz', 'broken escape'],
    ['get kube:Prod /payments/core/pods', 'a cluster name'],
    ['apply kube:prod /payments/core/pods', 'the name of its object'],
    ['apply kube:prod /nonResourceURLs/api', 'only resources are applied'],
    ['GET kube:prod /api/v1/namespaces/a/../pods', 'refuses this before it is judged'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseCall(text)).toThrow(message)
  })

  it('with --as is no single call', () => {
    const header = (name: string) => (name === 'impersonate-user' ? 'bob' : undefined)
    expect(() => parseCall('GET kube:prod /api/v1/pods', header)).toThrow('impersonate /-/core/users/')
  })

  it('names who is asked for as rows do', () => {
    expect(parseCall('impersonate kube:prod /-/core/users/a%252Fb').request.resource).toBe('/-/core/users/a%252Fb')
    expect(parseCall('get kube:prod /nonResourceURLs/openapi/v3').request.resource).toBe('/nonResourceURLs/openapi/v3')
  })
})
