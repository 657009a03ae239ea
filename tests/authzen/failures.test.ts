/** What fails while an application asks. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { QuestionDependencies } from '../../app/authzen/dependencies.ts'
import { createQuestionEndpoints } from '../../app/authzen/endpoint.ts'
import { OperationalError } from '../../app/errors.ts'
import { createReplyWriter } from '../../app/fronts/write-reply.ts'
import { policyOf } from '../decisions/policies.ts'
import { about } from './world.ts'

const identity = { kind: 'machine', subject: '#x', provider: 'apps', groups: [], claims: {}, client: 'apps/x' } as const
const down = (code: 'ERR_STORE_UNAVAILABLE' | 'ERR_AUDIT_UNAVAILABLE' | 'ERR_POLICY_UNAVAILABLE') => (): never => {
  throw new OperationalError(code, 'a secret of the log')
}

async function statusesWith(broken: Partial<QuestionDependencies>) {
  const policy = await policyOf('p, anyone, app:todo, /todo/1, can_read, -, allow')
  const dependencies: QuestionDependencies = {
    publicUrl: 'https://auth.example.com',
    applications: [{ name: 'todo', types: ['todo'], actions: ['can_read'] }],
    people: { providers: [{ name: 'corp', issuer: 'https://idp.example.com' }], usual: 'corp' },
    machines: { issuers: [], clusters: [], certificates: [] },
    canonical: {},
    nameOf: () => 'client:apps/x',
    authenticate: async () => ({ identity, clearCookie: false }),
    newestSession: async () => undefined,
    faultIn: () => undefined,
    sign: text => text,
    mayAsk: () => true,
    judge: () => ({ effect: 'allow', rule: 'policy.csv:1', revision: '0' }),
    decide: () => ({ effect: 'allow', rule: 'policy.csv:1', revision: '0' }),
    policy: () => policy,
    requireAudit: () => undefined,
    audit: { write: () => undefined } as unknown as QuestionDependencies['audit'],
    clock: { now: () => 0 },
    newRequestId: () => 'r',
    limit: async () => undefined,
    onError: () => undefined,
    write: createReplyWriter(),
    pageHeaders: [],
    isTrustedProxy: () => false,
    ...broken,
  }
  const find = createQuestionEndpoints(dependencies)
  const server = createServer((request, response) => {
    request.headers.host = 'auth.example.com'
    find(request)?.(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const usual = about('user:alice', 'can_read', 'todo:1')
  const ask = async (path: string, message: object) => {
    const answer = await fetch(`http://127.0.0.1:${port}/access/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    return { status: answer.status, text: await answer.text() }
  }
  try {
    return [
      await ask('evaluation', usual),
      await ask('evaluations', { ...usual, evaluations: [{}, {}] }),
      await ask('search/action', usual),
    ]
  } finally {
    server.close()
  }
}

describe('while something fails', () => {
  it('J157 nothing is broken in these tests by itself', async () => {
    const answers = await statusesWith({})
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(answers[0]?.text).toContain('"decision":true')
  })

  it.each([
    ['the store', { newestSession: async () => down('ERR_STORE_UNAVAILABLE')() }, 503],
    ['the audit log', { requireAudit: down('ERR_AUDIT_UNAVAILABLE') }, 503],
    ['the issuer of tokens, in some unknown way', { authenticate: () => Promise.reject(new Error('unknown')) }, 500],
    ['the policy', { policy: down('ERR_POLICY_UNAVAILABLE'), judge: down('ERR_POLICY_UNAVAILABLE') }, 503],
    ['whether it may be asked', { mayAsk: down('ERR_POLICY_UNAVAILABLE') }, 503],
    ['all that decides', { judge: () => JSON.parse('{'), decide: () => JSON.parse('{') }, 500],
  ])('J157 %s: never a yes', async (_, broken, status) => {
    const answers = await statusesWith(broken as Partial<QuestionDependencies>)
    expect(answers.map(answer => answer.status)).toEqual([status, status, status])
    for (const { text } of answers) {
      expect(text).not.toContain('true')
      expect(text).not.toContain('secret of the log')
    }
  })

  it('J157 a decision that failed is a no', async () => {
    const failed = { effect: 'deny', reason: 'evaluation-failed', revision: '0' } as const
    const [one] = await statusesWith({ judge: () => failed, mayAsk: (_asker, action) => action !== 'explain' })
    expect(one?.text).toBe('{"decision":false}')
  })
})
