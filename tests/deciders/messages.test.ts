/** What a decider outside is told, to the letter, and what counts as its answer. */
import { describe, expect, it } from 'vitest'
import { answerIn, questionText } from '../../app/deciders/messages.ts'
import type { Identity } from '../../rbac/identity.ts'

const request = { domain: 'wiki.example.com', resource: '/a%20b/%C3%A9', action: 'POST' }
const clientAddress = '192.0.2.7'
const alice: Identity = {
  kind: 'user',
  subject: 'https://idp.example.com#alice',
  provider: 'corp',
  groups: ['ops', 'corp'],
  claims: { salary: 'secret' },
  email: 'alice@example.com',
  name: 'Alice',
  authTime: 1,
  amr: ['pwd'],
  acr: 'silver',
}
const machine = { kind: 'machine', subject: 's', provider: 'apps', groups: [], claims: {} } as const

const resource = {
  type: 'url',
  id: 'https://wiki.example.com/a%20b/%C3%A9',
  properties: { host: 'wiki.example.com', path: '/a%20b/%C3%A9' },
}

describe('the question', () => {
  it('says who asks for what, and nothing of the login', () => {
    expect(JSON.parse(questionText('authzen', { identity: alice, request, clientAddress }))).toEqual({
      subject: {
        type: 'user',
        id: 'https://idp.example.com#alice',
        properties: { provider: 'corp', groups: ['ops', 'corp'], email: 'alice@example.com' },
      },
      action: { name: 'POST' },
      resource,
      context: { ip_address: '192.0.2.7' },
    })
  })

  it('stands in the input of Open Policy Agent', () => {
    const bare = questionText('authzen', { identity: alice, request, clientAddress })
    const asked = questionText('opa', { identity: alice, request, clientAddress })
    expect(JSON.parse(asked)).toEqual({ input: JSON.parse(bare) })
  })

  it.each([
    [{ kind: 'anonymous' }, { type: 'anonymous', id: 'anonymous' }],
    [
      { ...machine, serviceAccount: 'prod/ci/runner' },
      { type: 'service-account', id: 'prod/ci/runner' },
    ],
    [
      { ...machine, client: 'apps/payroll' },
      { type: 'client', id: 'apps/payroll' },
    ],
    [
      { ...machine, certificate: 'mesh/build' },
      { type: 'certificate', id: 'mesh/build' },
    ],
  ] as const)('names %j as rows do', (identity, subject) => {
    const asked = JSON.parse(questionText('authzen', { identity, request, clientAddress: undefined }))
    expect(asked).toMatchObject({ subject, context: {} })
  })

  it('differs for another person, path, method or address, and for no other login (H45)', () => {
    const text = (changed: object) => questionText('opa', { identity: alice, request, clientAddress, ...changed })
    const others = [
      { identity: { ...alice, subject: 'https://idp.example.com#bob' } },
      { identity: { ...alice, groups: ['ops'] } },
      { identity: { ...alice, email: 'bob@example.com' } },
      { identity: { kind: 'anonymous' } },
      { request: { ...request, domain: 'other.example.com' } },
      { request: { ...request, resource: '/a' } },
      { request: { ...request, action: 'GET' } },
      { clientAddress: '192.0.2.8' },
      { clientAddress: undefined },
    ].map(text)
    expect(new Set([text({}), ...others]).size).toBe(others.length + 1)
    expect(text({ identity: { ...alice, authTime: 99, amr: ['mfa'], acr: 'gold' } })).toBe(text({}))
  })
})

describe('the answer', () => {
  it.each([
    ['opa', '{"result":true}', true],
    ['opa', '{"result":false,"decision_id":"1"}', false],
    ['opa', '{"result":{"allow":true,"reason":"x"}}', true],
    ['opa', '{"result":{"allow":false}}', false],
    ['authzen', '{"decision":true,"context":{}}', true],
    ['authzen', '{"decision":false}', false],
  ] as const)('%s: %s is %s', (shape, text, answer) => {
    expect(answerIn(shape, text)).toBe(answer)
  })

  it.each([
    ['opa', '{}'],
    ['opa', '{"result":null}'],
    ['opa', '{"result":"true"}'],
    ['opa', '{"result":1}'],
    ['opa', '{"result":[true]}'],
    ['opa', '{"result":{"allow":"yes"}}'],
    ['opa', '{"result":{"deny":false}}'],
    ['opa', '{"decision":true}'],
    ['opa', 'true'],
    ['opa', '[]'],
    ['opa', ''],
    ['opa', '{"result":true'],
    ['authzen', '{"result":true}'],
    ['authzen', '{"decision":"true"}'],
    ['authzen', '{"decision":{"allow":true}}'],
  ] as const)('%s: %s is none (H44)', (shape, text) => {
    expect(() => answerIn(shape, text)).toThrow('the answer')
  })

  it('is quoted in no error', () => {
    for (const text of ['secret-token', '{"result":"secret-token"}']) {
      try {
        answerIn('opa', text)
        expect.unreachable()
      } catch (error) {
        expect(String(error)).not.toContain('secret-token')
      }
    }
  })
})
