/** What an audit event tells of a call is enough to ask its questions again. */

import { describe, expect, it } from 'vitest'
import { callOfFacts, factsOfCall, furtherDecisions } from '../../rbac/kubernetes/call-facts.ts'
import { judgeKubernetes } from '../../rbac/kubernetes/judge.ts'
import { questionsOf } from '../../rbac/kubernetes/questions.ts'
import { readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import { fc } from '../properties.ts'
import { kubernetesCalls } from './arbitrary-calls.ts'
import { rawCall } from './request-table.ts'

const read = (call: string, header = '') => {
  const request = readKubernetesRequest(rawCall(call, header))
  if (request.kind === 'refused') throw new Error(request.message)
  return request
}

describe('the facts of a call', () => {
  it('lead to the very questions that were asked', () => {
    fc.assert(
      fc.property(kubernetesCalls, raw => {
        const request = readKubernetesRequest(raw)
        fc.pre(request.kind !== 'refused')
        const written = JSON.parse(JSON.stringify(factsOfCall(request, 'prod')))
        const again = callOfFacts(written)
        expect(again && questionsOf(again)).toEqual(questionsOf(request))
      }),
      { numRuns: 500 },
    )
  })

  it('name cluster, verb, resource, namespace, name and subresource as the API server does', () => {
    const exec = 'GET /api/v1/namespaces/payments/pods/web-0/exec?command=sh'
    expect(factsOfCall(read(exec, 'Upgrade: websocket'), 'prod')).toEqual({
      cluster: 'prod',
      verb: 'get',
      group: 'core',
      resource: 'pods',
      namespace: 'payments',
      name: 'web-0',
      subresource: 'exec',
      upgrade: 'websocket',
    })
    const apply = 'PATCH /apis/apps/v1/namespaces/payments/deployments/web'
    expect(factsOfCall(read(apply, 'Content-Type: application/apply-patch+yaml'), 'prod')).toMatchObject({
      group: 'apps',
      apply: true,
    })
    expect(factsOfCall(read('GET /openapi/v3'), 'prod')).toEqual({ cluster: 'prod', verb: 'get', path: '/openapi/v3' })
  })

  it('have the rows of further questions, where one had to allow, and shadow rows of all', () => {
    const questions = questionsOf(read('PUT /api/v1/namespaces/payments/services/web'))
    const judgement = judgeKubernetes(questions, ({ action, resource, need }) => ({
      effect: 'allow',
      rule: `${need} ${action} ${resource}`,
      revision: 'r',
      ...(need === 'no-deny' ? { shadow: ['a.csv:9'] } : {}),
    }))
    expect(furtherDecisions(judgement)).toEqual({
      rules: ['allow create /payments/core/services'],
      shadow: ['a.csv:9'],
    })
    expect(callOfFacts({ cluster: 'prod', verb: 'get' })).toBeUndefined()
  })
})
