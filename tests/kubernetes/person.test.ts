/** What people are called in a cluster, and what they read when they may not. */
import { describe, expect, it } from 'vitest'
import { createOwnNames, impersonationOf, NamelessError } from '../../app/kubernetes/person.ts'
import { describeQuestion, describeRefusal } from '../../app/kubernetes/refusal-text.ts'
import { anonymous, type User } from '../../rbac/identity.ts'

const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  groups: ['ops', 'staff', 'ops'],
  claims: {},
  email: 'alice@example.com',
}
const names = {
  groupPrefix: 'sallyport:',
  userClaim: 'email',
  userOf: (who: unknown) => (who as User).email,
  calledBy: () => undefined,
}

describe('a person in a cluster', () => {
  it('has a name, groups with the prefix of the cluster, each once, and the session', () => {
    expect(impersonationOf(alice, 'digest', names)).toEqual({
      user: 'alice@example.com',
      groups: ['sallyport:ops', 'sallyport:staff'],
      uid: 'https://idp.example#alice',
      extra: { 'sallyport.dev/session': ['digest'] },
    })
  })

  it.each([
    ['nobody', anonymous, names, 'nobody is logged in'],
    ['somebody without the claim', { ...alice, email: undefined } as unknown as User, names, 'your login has no email'],
    ['a name of the cluster', alice, { ...names, userOf: () => 'system:admin' }, 'system:admin'],
    [
      'a group of the cluster',
      { ...alice, groups: ['system:masters'] },
      { ...names, groupPrefix: '' },
      'system:masters',
    ],
    [
      'a group that a prefix makes one',
      { ...alice, groups: ['masters'] },
      { ...names, groupPrefix: 'system:' },
      'masters',
    ],
    ['whatever the case', { ...alice, groups: ['SYSTEM:masters'] }, { ...names, groupPrefix: '' }, 'SYSTEM:masters'],
    ['a workload', alice, { ...names, userOf: () => 'service-account:prod/ci/deployer' }, 'nobody but a workload'],
    ['a client', alice, { ...names, userOf: () => 'client:corp/robot' }, 'nobody but a workload'],
    ['a certificate', alice, { ...names, userOf: () => 'Certificate:mesh/a' }, 'nobody but a workload'],
  ])('L03 L04 J105 is never %s', (_what, who, within, message) => {
    expect(() => impersonationOf(who, 'digest', within)).toThrow(NamelessError)
    expect(() => impersonationOf(who, 'digest', within)).toThrow(message)
  })
})

describe('a refusal', () => {
  it.each([
    ['/payments/core/pods/web-0/exec', 'create', 'create pods/exec web-0 in payments'],
    ['/payments/apps/deployments', 'list', 'list deployments.apps in payments'],
    ['/-/core/nodes/one', 'get', 'get nodes one'],
    ['/nonResourceURLs/openapi/v3', 'get', 'get /openapi/v3'],
  ])('calls %s what kubectl calls it', (resource, action, text) => {
    expect(describeQuestion({ resource, action, need: 'allow' })).toBe(text)
  })

  it('names the person, the row and what would help', () => {
    const question = { resource: '/payments/core/pods/web-0/exec', action: 'create', need: 'allow' } as const
    const said = (decision: object) => describeRefusal(alice, question, { revision: 'r', ...decision } as never)
    expect(said({ effect: 'deny', reason: 'rule-denied', rule: 'kube.csv:12' })).toBe(
      'alice@example.com may not create pods/exec web-0 in payments: row kube.csv:12; A deny rule applies.',
    )
    expect(said({ effect: 'challenge', reason: 'authentication-too-old', rule: 'kube.csv:3', login: {} })).toContain(
      'row kube.csv:3; would be allowed after a fresh login',
    )
  })
})

describe('names that are remembered', () => {
  const frozen = (groups: readonly string[]): User => Object.freeze({ ...alice, groups: Object.freeze([...groups]) })

  it('are those of the login as it is described by now, of this session, and of this cluster', () => {
    const namesOf = createOwnNames()
    const [before, after] = [frozen(['ops', 'staff']), frozen(['staff'])]
    const other = { ...names, groupPrefix: 'other:' }
    const asked = [before, after, before].flatMap(who =>
      ['one', 'two'].flatMap(session => [names, other].map(within => ({ who, session, within }))),
    )
    for (const { who, session, within } of [...asked, ...asked.reverse()])
      expect(namesOf(who, session, within)).toEqual(impersonationOf(who, session, within))
  })

  it('are the same object, which nobody can change', () => {
    const namesOf = createOwnNames()
    const who = frozen(['ops'])
    const own = namesOf(who, 'digest', names)
    expect(namesOf(who, 'digest', names)).toBe(own)
    for (const part of [own, own.groups, own.extra, ...Object.values(own.extra)])
      expect(Object.isFrozen(part)).toBe(true)
  })

  it('are made anew for somebody who can be changed', () => {
    const namesOf = createOwnNames()
    const groups = ['ops']
    for (const who of [{ ...alice, groups }, Object.freeze({ ...alice, groups })]) {
      groups.splice(0, 9, 'ops')
      expect(namesOf(who, 'digest', names).groups).toEqual(['sallyport:ops'])
      groups.splice(0, 9, 'staff')
      expect(namesOf(who, 'digest', names).groups).toEqual(['sallyport:staff'])
    }
  })

  it('L03 are never those of the cluster, however often somebody asks', () => {
    const namesOf = createOwnNames()
    const who = frozen(['masters'])
    for (let time = 0; time < 3; time += 1)
      expect(() => namesOf(who, 'digest', { ...names, groupPrefix: 'system:' })).toThrow(NamelessError)
  })
})
