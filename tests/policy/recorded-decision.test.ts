/** A decision as the real audit log writes it, read back and decided under the same policy, is that decision. */

import { describe, expect, it, test } from 'vitest'
import { createAccessFormat } from '../../app/audit/format-access.ts'
import { createLineFormat } from '../../app/audit/format-line.ts'
import { parseDecision, parseEvent, type RecordedDecision } from '../../cli/policy/recorded-decision.ts'
import { replayQuestion } from '../../rbac/asking/replay.ts'
import type { Context } from '../../rbac/context.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity, type Machine, type User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { subjectNameOf } from '../../rbac/subjects.ts'
import { accessEvent } from '../access-event.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the recorded decisions: ${seed} (repeat with SEED=${seed})\n`)
const now = 1_767_434_400
const conditions = `
office: { source-network: [10.0.0.0/8] }
mfa: { authentication-method: [mfa] }
fresh: { authentication-age: 15m }
gold: { acr: [gold] }
managed: { header: { name: x-device, in: [managed] } }
sales: { claim: { name: department, in: [sales] } }
`
const pick = <T>(...values: T[]) => fc.constantFrom(...values)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const odd = fc.string({ unit: 'binary', maxLength: 6 })
const many = Array.from({ length: 65 }, (_, index) => `g${index}`)
const common = {
  provider: pick('corp', 'corp', 'a/b', 'other'),
  groups: fc.oneof(
    fc.subarray(['ops', 'dev', 'corp/ops', 'a, b', 'role:admin', 'ö\u2028']),
    fc.array(odd),
    fc.constant([...many, 'ops']),
  ),
  claims: pick({}, { department: 'sales' }, { department: 'it' }),
}
const user = fc.record({
  kind: fc.constant('user' as const),
  subject: pick('https://idp.example#alice', 'https://idp.example#bob', 'https://idp.example#client:corp/robot'),
  ...common,
  email: maybe(pick('Bob@corp.example', 'bob@corp.example', 'no address', 'b@ob@corp.example')),
  authTime: maybe(pick(now - 60, now - 3600)),
  amr: maybe(pick(['pwd'], ['pwd', 'mfa'], [])),
  acr: maybe(pick('gold', 'tin')),
})
const machine = fc.record({ kind: fc.constant('machine' as const), subject: fc.constant('https://k8s#ci'), ...common })
const identities: fc.Arbitrary<Identity> = fc
  .oneof(
    fc.constant<Identity>(anonymous),
    user,
    // Who came by a token that does not tell the address.
    user.map(({ email: _, ...one }) => ({ ...one, untold: ['email'] })),
    machine.map(one => ({ ...one, client: 'corp/robot' })),
    machine.map(one => ({ ...one, serviceAccount: 'prod/ci/deployer' })),
  )
  .map(one => JSON.parse(JSON.stringify(one)) as Identity)
/** Whoever acts does so with a token, and what a token does not tell of its person is untold. */
const byToken = (one: Identity): Identity =>
  one.kind === 'user' && one.email === undefined ? { ...one, untold: ['email'] } : one
const isSomebody = (one: Identity): one is Machine | User => one.kind !== 'anonymous'
const subjects = [
  'anyone',
  'authenticated',
  'user:https://idp.example#alice',
  'email:Bob@corp.example',
  'email-domain:corp.example',
  'group:ops',
  'group:corp/ops',
  'group:role:admin',
  'role:admin',
  'service-account:prod/ci/deployer',
  'client:corp/robot',
]
const rowWith = (...names: string[]) =>
  fc
    .tuple(
      pick(...subjects),
      pick('/**', '/a', '/b/*'),
      pick('*', 'read', 'POST'),
      pick('-', '-', ...names),
      pick('allow', 'allow', 'deny'),
    )
    .map(([subject, path, action, condition, effect]) => {
      const quoted = subject.includes(',') ? `"${subject}"` : subject
      return `p, ${quoted}, wiki.example.com, ${path}, ${action}, ${condition}, ${effect}`
    })
const roles = ['group:dev', 'email:BOB@corp.example', 'client:corp/robot'].map(member => `g, ${member}, role:admin, *`)
const questions = fc
  .record({
    identity: identities,
    resource: pick('/a', '/b/c', '/b%2Fc', '/%C3%BC'),
    action: pick('GET', 'POST', 'PROPFIND', 'VERSION-CONTROL'),
    clientAddress: maybe(pick('10.1.2.3', '192.0.2.1', '2001:db8::1')),
    device: maybe(pick('managed')),
    actors: maybe(fc.array(identities.filter(isSomebody), { minLength: 1, maxLength: 3 })),
  })
  .map(one => (one.actors === undefined ? one : { ...one, identity: byToken(one.identity) }))
type Question = typeof questions extends fc.Arbitrary<infer T> ? T : never

function recordOf({ identity, actors, resource, action, clientAddress, device }: Question, policy: PolicySnapshot) {
  const request = { domain: 'wiki.example.com', resource, action, url: `https://wiki.example.com${resource}` }
  const context: Context = {
    now,
    header: name => (name === 'x-device' ? device : undefined),
    ...(clientAddress === undefined ? {} : { clientAddress }),
  }
  const decision = decide({ request, identity, actors, context }, policy)
  const question = { front: 'auth-request', requestId: 'r1', request, clientAddress }
  const acting = actors && { credentialActors: actors.map(subjectNameOf) }
  const credential = { credential: 'user-token', credentialIssuer: 'corp', ...acting } as const
  const authentication = { identity, actors, ...(('untold' in identity || actors) && { credential }) }
  const access = { question, authentication, decision, durationMicroseconds: 1 }
  const lines = [
    createAccessFormat()(access, now * 1000 + 678),
    createLineFormat()(accessEvent(access), now * 1000 + 1),
  ]
  return { decision, recorded: lines.map(readLine) }
}

function readLine(line: string): RecordedDecision {
  const recorded = parseDecision(parseEvent(line) ?? {})
  if (recorded === undefined) throw new Error(`not read: ${line}`)
  return recorded
}

const counted = (certain: number, uncertain: number) => ({ certain, uncertain })

async function compareAll(names: readonly string[], onAnswer: (isCertain: boolean, question: Question) => void) {
  const property = fc.asyncProperty(
    fc.uniqueArray(rowWith(...names), { minLength: 1, maxLength: 6 }),
    fc.array(questions, { minLength: 10, maxLength: 20 }),
    async (rows, asked) => {
      // Which of two rows that allow is named may hang on what is not recorded.
      const isWhole = !names.includes('managed')
      const policy = await policyOf([...rows, ...roles].join('\n'), conditions)
      for (const question of asked) {
        const { actors } = question
        const { decision, recorded } = recordOf(question, policy)
        for (const one of recorded) {
          const { rule, reason } = { reason: undefined, ...decision }
          expect([one.effect, one.rule, one.reason]).toEqual([decision.effect, rule, reason])
          const answer = replayQuestion(policy, one)
          onAnswer(answer.kind === 'certain', question)
          if (answer.kind === 'certain') expect(answer.decision.effect).toBe(decision.effect)
          if (answer.kind === 'certain' && isWhole && !one.missing.has('groups') && actors === undefined)
            expect(answer.decision.rule).toBe(decision.rule)
        }
      }
    },
  )
  await fc.assert(property, { numRuns: 150, seed })
}

test('with conditions on what an event holds it is decided again as it was, unless groups were omitted', async () => {
  await compareAll(['office', 'mfa', '!mfa', 'fresh', 'gold'], (isCertain, { identity, actors }) => {
    if (actors === undefined && (identity.kind === 'anonymous' || identity.groups.length < 65))
      expect(isCertain).toBe(true)
  })
})

test('with conditions on claims and headers it is decided as it was, or cannot be told', async () => {
  const seen = counted(0, 0)
  await compareAll(['managed', '!managed', 'sales', '!sales', 'office'], isCertain => {
    seen[isCertain ? 'certain' : 'uncertain'] += 1
  })
  expect(seen.certain).toBeGreaterThan(1000)
  expect(seen.uncertain).toBeGreaterThan(50)
})

describe('an event that does not hold what it should', () => {
  const event = {
    v: 1,
    time: '2026-01-03T10:00:00.000Z',
    event: 'access.allowed',
    requestId: 'r1',
    domain: 'wiki.example.com',
    resource: '/a',
    action: 'GET',
    revision: 'x',
    subject: 'https://idp.example#alice',
    provider: 'corp',
    groups: ['ops'],
  }
  it.each<[string, object, string[]]>([
    ['a workload of an unknown kind', { machine: 'spiffe:corp/robot' }, ['identity']],
    ['a workload that is no text', { machine: 7 }, ['identity']],
    ['an address that is no text', { email: ['bob@corp.example'] }, ['identity']],
    ['a workload without a subject', { subject: undefined, machine: 'client:corp/robot' }, ['identity']],
    ['groups that are no list', { groups: 'ops' }, ['groups']],
    ['groups that were too many', { groups: undefined, groupsOmitted: 70 }, ['groups']],
    ['no provider', { provider: undefined }, ['login', 'groups']],
    ['methods that are no list', { amr: 'mfa' }, ['login']],
    ['a time of login that is no number', { authTime: 'today' }, ['login']],
    ['a call as somebody else', { impersonatedUser: 'bob@example.com', action: 'get' }, ['identity']],
    ['a name that was lent', { impersonatedUser: 'bob@example.com', action: 'impersonate' }, []],
    ['who acts, and is no list', { credentialActors: 'client:corp/robot' }, ['identity']],
    ['somebody of an unknown kind who acts', { credentialActors: ['spiffe:corp/robot'] }, ['identity']],
    ['nothing amiss', {}, []],
  ])('%s', async (_, fields, facts) => {
    const recorded = readLine(JSON.stringify({ ...event, ...fields }))
    const always = ['claims', 'headers', 'certificate', 'answers']
    expect([...recorded.missing].filter(fact => !always.includes(fact))).toEqual(facts)
    const policy = await policyOf('p, group:dev, wiki.example.com, /**, *, mfa, allow', conditions)
    const isOpen = facts.includes('identity') || facts.includes('groups')
    expect(replayQuestion(policy, recorded).kind).toBe(isOpen ? 'uncertain' : 'certain')
  })

  it.each([[{ event: 'toString' }], [{ domain: undefined }], [{ time: 'noon' }], [{ v: 2 }]])('%j is none', fields => {
    expect(parseDecision(parseEvent(JSON.stringify({ ...event, ...fields })) ?? {})).toBeUndefined()
  })
})

describe('J81 an event with whoever acts', () => {
  const event = {
    v: 1,
    time: '2026-01-03T10:00:00.000Z',
    event: 'access.allowed',
    requestId: 'r1',
    domain: 'wiki.example.com',
    resource: '/a',
    action: 'GET',
    revision: 'x',
    subject: 'https://idp.example#alice',
    provider: 'corp',
    groups: ['ops'],
    email: 'alice@corp.example',
  }
  const denied = { kind: 'certain', decision: { reason: 'actor-denied', rule: 'policy.csv:2' } }
  const untold = (...facts: string[]) => ({ kind: 'uncertain', facts })
  const allowed = { kind: 'certain', decision: { effect: 'allow' } }
  it.each<[string, string, object]>([
    ['client:corp/robot', 'client:corp/robot', denied],
    ['service-account:prod/ci/deployer', 'client:corp/robot', allowed],
    ['user:https://idp.example#bob', 'user:https://idp.example#bob', denied],
    ['user:https://idp.example#bob', 'email:bob@corp.example', untold('identity')],
    ['client:corp/robot', 'email:bob@corp.example', allowed],
    ['client:corp/robot', 'group:night', untold('groups')],
    ['client:corp/robot', 'role:admin', denied],
  ])('by %s, where a row denies %s', async (actor, subject, expected) => {
    const rows = [
      'p, group:ops, wiki.example.com, /**, *, -, allow',
      `p, ${subject}, wiki.example.com, /**, *, -, deny`,
    ]
    const policy = await policyOf([...rows, 'g, client:corp/robot, role:admin, *'].join('\n'))
    const line = { ...event, credential: 'exchanged-token', credentialActors: ['client:corp/other', actor] }
    expect(replayQuestion(policy, readLine(JSON.stringify(line)))).toMatchObject(expected)
  })
})
