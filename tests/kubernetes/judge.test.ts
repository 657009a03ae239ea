/** Calls, judged by a policy: what its rows open, and that a deny meets whatever a call would do. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import { judgeKubernetes } from '../../rbac/kubernetes/judge.ts'
import { questionsOf } from '../../rbac/kubernetes/questions.ts'
import { readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import { policyOf } from '../decisions/policies.ts'
import { rawCall } from './request-table.ts'

const policy = await policyOf(`
p, group:ops,       kube:prod, /payments/core/pods/*/exec, create, -, allow
p, group:viewers,   kube:prod, /**, get|list|watch, -, allow
p, group:strict,    kube:prod, /**, *, -, allow
p, group:strict,    kube:prod, /payments/**, get, -, deny
p, group:patchers,  kube:prod, /payments/**, get|patch|update, -, allow
p, group:editors,   kube:prod, /payments/**, get|patch|update|create, -, allow
p, group:nosecrets, kube:prod, /payments/**, *, -, allow
p, group:nosecrets, kube:prod, /payments/core/secrets, create, -, deny
p, group:nosecrets, kube:prod, /payments/core/services/keys, create, -, deny
p, group:nometrics, kube:prod, /**, *, -, allow
p, group:nometrics, kube:prod, /nonResourceURLs/metrics, get, -, deny
`)

function judge(group: string, call: string, header = '') {
  const request = readKubernetesRequest(rawCall(call, header))
  if (request.kind === 'refused') return `refused: ${request.reason}`
  const identity: User = {
    kind: 'user',
    subject: 'https://idp.example#alice',
    provider: 'corp',
    groups: [group],
    claims: {},
  }
  const { decision, question } = judgeKubernetes(questionsOf(request), ({ action, resource }) =>
    decide({ request: { domain: 'kube:prod', action, resource, url: '' }, identity, context: { now: 0 } }, policy),
  )
  const why = decision.effect === 'allow' ? decision.rule : 'reason' in decision ? decision.reason : ''
  return `${decision.effect} ${why}: ${question.action} ${question.resource}`
}

const exec = 'GET /api/v1/namespaces/payments/pods/web-0/exec?command=sh'
const websocket = 'Upgrade: websocket'
const apply = 'Content-Type: application/apply-patch+yaml'

describe('streams', () => {
  test('a row for create opens exec in either protocol', () => {
    expect(judge('ops', exec, websocket)).toMatch(/^allow .*: create \/payments\/core\/pods\/web-0\/exec$/)
    expect(judge('ops', exec.replace('GET', 'POST'), 'Upgrade: SPDY/3.1')).toMatch(/^allow /)
  })

  test('L08 a row for reading opens none, neither in a pod nor through the proxy of a node', () => {
    expect(judge('viewers', exec, websocket)).toMatch(/^deny no-rule-matched: create /)
    expect(judge('viewers', exec)).toMatch(/^deny no-rule-matched: create /)
    expect(judge('viewers', 'GET /api/v1/nodes/n1/proxy/exec/a/b/c', websocket)).toMatch(
      /^deny no-rule-matched: create /,
    )
    expect(judge('viewers', 'GET /api/v1/nodes/n1/proxy/metrics')).toMatch(/^allow /)
    expect(judge('viewers', 'GET /api/v1/namespaces/payments/pods/web-0/log?follow=true', websocket)).toMatch(/^allow /)
  })

  test('a row that denies get meets a stream that is opened by GET', () => {
    expect(judge('strict', exec, websocket)).toMatch(/^deny rule-denied: get /)
    expect(judge('strict', exec.replace('GET', 'POST'), 'Upgrade: SPDY/3.1')).toMatch(/^allow /)
  })
})

describe('what may create', () => {
  const patch = 'PATCH /apis/apps/v1/namespaces/payments/deployments/web'
  test.each([
    ['patchers', patch, 'Content-Type: application/merge-patch+json', /^allow /],
    ['patchers', patch, apply, /^deny no-rule-matched: create \/payments\/apps\/deployments$/],
    ['patchers', patch, '', /^deny no-rule-matched: create /],
    ['editors', patch, apply, /^allow .*: patch /],
    ['patchers', 'PUT /apis/apps/v1/namespaces/payments/deployments/web', '', /^allow /],
    ['patchers', 'PUT /api/v1/namespaces/payments/services/web', '', /^deny no-rule-matched: create /],
    ['editors', 'PUT /api/v1/namespaces/payments/services/web', '', /^allow /],
    [
      'nosecrets',
      'PATCH /api/v1/namespaces/payments/secrets/a',
      apply,
      /^deny rule-denied: create \/payments\/core\/secrets$/,
    ],
    ['nosecrets', 'PUT /api/v1/namespaces/payments/services/keys', '', /^deny rule-denied: create .*\/keys$/],
    ['nosecrets', 'PUT /api/v1/namespaces/payments/services/web', '', /^allow /],
  ])('%s: %s %s', (group, call, header, wanted) => {
    expect(judge(group, call, header)).toMatch(wanted)
  })
})

test('a row that denies get of a URL denies head as well, with or without a slash at its end', () => {
  expect(judge('nometrics', 'HEAD /metrics')).toMatch(/^deny rule-denied: head /)
  expect(judge('nometrics', 'GET /metrics/')).toMatch(/^deny rule-denied: get /)
  expect(judge('nometrics', 'HEAD /version')).toMatch(/^allow /)
})

test('nobody is asked further once the first question is not allowed, and a failed evaluation is no pass', () => {
  const asked: string[] = []
  const request = readKubernetesRequest(rawCall(exec, websocket))
  if (request.kind === 'refused') throw new Error('refused')
  const failing = { effect: 'deny', reason: 'evaluation-failed', revision: '' } as const
  const first = judgeKubernetes(questionsOf(request), ({ action }) => {
    asked.push(action)
    return failing
  })
  expect([first.decision, asked]).toEqual([failing, ['create']])
  const second = judgeKubernetes(questionsOf(request), ({ action }) =>
    action === 'create' ? { effect: 'allow', rule: 'a.csv:1', revision: '' } : failing,
  )
  expect([second.decision, second.question.action]).toEqual([failing, 'get'])
})
