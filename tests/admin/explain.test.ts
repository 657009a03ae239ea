import express from 'express'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDecisionRecorder, type DecisionRecorder } from '../../app/admin/decision-recorder.ts'
import { createExplainRoutes, explanationOf } from '../../app/admin/explain-routes.ts'
import type { DecidedQuestion } from '../../app/verify.ts'
import { runCli } from '../../cli/program.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'
import { eventually } from '../policy/policy-directory.ts'
import { navigation, startService, type TestService, writePolicy } from '../service.ts'

const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'idp',
  groups: ['ops'],
  claims: { secret: 'claim text' },
}
const conditions = `
managed: { header: { name: x-device, in: [managed] } }
odd: { any: [{ header: { name: Cookie, in: [a] } }, { header: { name: authorization, in: [b] } }] }
`
const csv = 'p, group:ops, a.example.com, /**, *, managed, allow\np, anyone, a.example.com, /odd, *, odd, allow\n'
const headers: Readonly<Record<string, string>> = {
  'x-device': 'managed',
  cookie: 'a',
  authorization: 'b',
  'x-other': 'c',
}

function decided(requestId: string, policy: PolicySnapshot, path = '/a?token=secret'): DecidedQuestion {
  const asked = canonicaliseUrl('GET', `https://a.example.com${path}`)
  const context = { now: 1000, header: (name: string) => headers[name], clientAddress: '10.0.0.1' }
  return {
    requestId,
    request: asked,
    identity: alice,
    context,
    decision: decide({ request: asked, identity: alice, context }, policy),
  }
}

describe('the recorder of decisions', () => {
  it('gives back what a decision was made of, with the policy that made it', async () => {
    const [first, second] = [await policyOf(csv, conditions), await policyOf('')]
    const recorder = createDecisionRecorder({ keepDecisions: 3, keepRevisions: 2 })
    recorder.loaded(first)
    recorder.record(decided('r1', first))
    recorder.loaded(second)
    const found = recorder.find('r1')
    if (typeof found === 'string') throw new Error(found)
    expect(found.policy).toBe(first)
    expect(found.identity).toBe(alice)
    expect(found.context).toMatchObject({ now: 1000, clientAddress: '10.0.0.1' })
  })

  it('keeps the headers that conditions name, and never a credential, a query or another header', async () => {
    const policy = await policyOf(csv, conditions)
    const recorder = createDecisionRecorder({ keepDecisions: 3, keepRevisions: 1 })
    recorder.loaded(policy)
    recorder.record(decided('r1', policy, '/odd?token=secret'))
    const found = recorder.find('r1')
    if (typeof found === 'string') throw new Error(found)
    const read = Object.keys(headers).map(name => found.context.header?.(name))
    expect(read).toEqual(['managed', undefined, undefined, undefined])
    expect(JSON.stringify(found)).not.toContain('token=secret')
  })

  it('keeps the certificate where a condition asks for one, and makes nobody read it elsewhere', async () => {
    const certificate = { fingerprint: 'ab', sanDns: [], sanEmail: [], sanUri: [] }
    const asking = 'p, group:ops, a.example.com, /a, *, laptop, allow\n'
    const laptop = 'laptop: { client-certificate: { san-dns: [laptop.example.com] } }\n'
    for (const [policy, looks] of [
      [await policyOf(csv, conditions), 0],
      [await policyOf(asking, laptop), 1],
    ] as const) {
      let count = 0
      const recorder = createDecisionRecorder({ keepDecisions: 1, keepRevisions: 1 })
      recorder.loaded(policy)
      const question = decided('r1', policy)
      const context = {
        ...question.context,
        get clientCertificate() {
          count += 1
          return certificate
        },
      }
      recorder.record({ ...question, context })
      expect(count).toBe(looks)
      const found = recorder.find('r1')
      if (typeof found === 'string') throw new Error(found)
      expect(found.context.clientCertificate).toEqual(looks === 0 ? undefined : certificate)
    }
  })

  it('says what was wrong with the session, which no row of the policy knows', async () => {
    const policy = await policyOf(csv, conditions)
    const recorder = createDecisionRecorder({ keepDecisions: 2, keepRevisions: 1 })
    recorder.loaded(policy)
    const question = { ...decided('r1', policy), identity: anonymous }
    const { revision } = question.decision
    const sessionChallenge = { reason: 'session-idle', login: { maxAgeSeconds: 900 } } as const
    recorder.record({ ...question, decision: { effect: 'challenge', ...sessionChallenge, revision } })
    expect(explanationOf('r1', recorder.find)).toMatchObject({ status: 200, body: { decision: sessionChallenge } })
    // The place in the ring is used again: what is said of another decision is its own.
    for (const id of ['r2', 'r3']) recorder.record({ ...question, requestId: id })
    expect(JSON.stringify(explanationOf('r3', recorder.find))).not.toContain('session-idle')
  })

  it('forgets the oldest decision first', async () => {
    const policy = await policyOf(csv, conditions)
    const recorder = createDecisionRecorder({ keepDecisions: 2, keepRevisions: 1 })
    recorder.loaded(policy)
    for (const id of ['r1', 'r2', 'r3']) recorder.record(decided(id, policy))
    expect(recorder.find('r1')).toBe('unknown')
    for (const id of ['r2', 'r3']) expect(typeof recorder.find(id)).toBe('object')
    const none = createDecisionRecorder({ keepDecisions: 0, keepRevisions: 1 })
    none.loaded(policy)
    none.record(decided('r1', policy))
    expect(none.find('r1')).toBe('unknown')
  })

  it('lets go of revisions beyond the bound, and says so', async () => {
    const recorder = createDecisionRecorder({ keepDecisions: 9, keepRevisions: 2 })
    for (const name of ['/1', '/2', '/3']) {
      const policy = await policyOf(`p, anyone, a.example.com, ${name}, *, -, allow\n`)
      recorder.loaded(policy)
      recorder.record(decided(name, policy))
    }
    expect(recorder.find('/1')).toBe('revision-gone')
    for (const name of ['/2', '/3']) expect(typeof recorder.find(name)).toBe('object')
  })

  it('lets go of the oldest revisions beyond the bound in bytes, and never of the one in force', async () => {
    const policies = await Promise.all(
      ['/1', '/2', '/3'].map(name => policyOf(`p, anyone, a.example.com, ${name}, *, -, allow\n`)),
    )
    const bytes = policies[0]?.bytes ?? 0
    const keptOf = (keepRevisionsBytes: number): string[] => {
      const recorder = createDecisionRecorder({ keepDecisions: 9, keepRevisions: 9, keepRevisionsBytes })
      for (const [at, policy] of policies.entries()) {
        recorder.loaded(policy)
        recorder.record(decided(`/${at + 1}`, policy))
      }
      return ['/1', '/2', '/3'].filter(name => typeof recorder.find(name) === 'object')
    }
    expect(keptOf(3 * bytes)).toEqual(['/1', '/2', '/3'])
    expect(keptOf(3 * bytes - 1)).toEqual(['/2', '/3'])
    expect(keptOf(2 * bytes - 1)).toEqual(['/3'])
    expect(keptOf(0)).toEqual(['/3'])
  })

  it('a revision is taken for what its rows and texts need', async () => {
    const rows = (count: number, comment = ''): string =>
      Array.from({ length: count }, (_, at) => `p, anyone, a.example.com, /${at}, *, -, allow\n`).join('') + comment
    const [one, hundred] = [await policyOf(rows(1)), await policyOf(rows(100))]
    expect(hundred.bytes).toBeGreaterThan(100 * 1_024)
    expect(hundred.bytes - one.bytes).toBeLessThan(100 * 1_500)
    expect((await policyOf(rows(1, `# ${'x'.repeat(1_000)}`))).bytes).toBeGreaterThanOrEqual(one.bytes + 1_000)
  })

  it('does not count a revision that no decision refers to', async () => {
    const recorder = createDecisionRecorder({ keepDecisions: 9, keepRevisions: 2 })
    const used = await policyOf(csv, conditions)
    recorder.loaded(used)
    recorder.record(decided('r1', used))
    for (const name of ['/1', '/2', '/3'])
      recorder.loaded(await policyOf(`p, anyone, a.example.com, ${name}, *, -, allow\n`))
    expect(typeof recorder.find('r1')).toBe('object')
  })

  it('does not count a revision whose decisions are forgotten', async () => {
    const recorder = createDecisionRecorder({ keepDecisions: 2, keepRevisions: 2 })
    const [forgotten, used] = [
      await policyOf('p, anyone, a.example.com, /1, *, -, allow\n'),
      await policyOf(csv, conditions),
    ]
    recorder.loaded(used)
    recorder.record(decided('r1', used))
    recorder.loaded(forgotten)
    recorder.record(decided('r2', forgotten))
    recorder.loaded(used)
    for (const id of ['r3', 'r4', 'r5']) recorder.record(decided(id, used))
    recorder.loaded(forgotten)
    recorder.loaded(await policyOf(''))
    for (const id of ['r4', 'r5']) expect(typeof recorder.find(id)).toBe('object')
  })
})

describe('GET /explain/<request id>', () => {
  const errors: unknown[] = []
  const listener = (find: DecisionRecorder['find']) =>
    request(
      express().use(
        createExplainRoutes({ explain: id => explanationOf(id, find), onError: error => errors.push(error) }),
      ),
    )

  it('is 404 for what is not kept and 410 for a policy that is gone', async () => {
    expect(
      (
        await listener(() => 'unknown')
          .get('/explain/r1')
          .expect(404)
      ).body.requestId,
    ).toBe('r1')
    await listener(() => 'revision-gone')
      .get('/explain/r1')
      .expect(410)
  })

  it('answers under a name of this machine only', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:9181']) {
      await listener(() => 'unknown')
        .get('/explain/r1')
        .set('Host', host)
        .expect(403)
    }
    await listener(() => 'unknown')
      .get('/explain/r1')
      .set('Host', 'localhost:9181')
      .expect(404)
  })

  it('is 500 with a log line when the explanation fails', async () => {
    const fail = () => {
      throw new Error('broken')
    }
    await listener(fail).get('/explain/r1').expect(500)
    expect(errors).toEqual([new Error('broken')])
  })
})

describe('a decision of the running service', () => {
  let world: TestService
  const policy = 'p, group:ops, wiki.example.com, /**, *, managed, allow\n'
  beforeAll(async () => {
    world = await startService({ policy, conditions })
  })
  afterAll(() => world.close())

  it('is explained with the groups of the session, and so is its audit event without the service', async () => {
    const url = 'https://wiki.example.com/a'
    const cookie = await world.logIn('alice', url)
    const answer = await world.ask('auth-request', { url, cookie, headers: navigation })
    const requestId = String((await world.eventOf(answer)).requestId)
    const explained = async (...args: string[]) => {
      const terminal = createTestTerminal()
      const admin = `http://localhost:${world.adminPort}`
      const all = ['policy', 'explain', '--json', '--request', requestId, '--admin', admin, ...args]
      expect([await runCli(all, { version: '0', terminal }), terminal.errors()]).toEqual([0, ''])
      return JSON.parse(terminal.output())
    }
    const expected = {
      identity: { kind: 'user', email: 'alice@example.com', groups: ['ops'] },
      decision: { effect: 'deny', reason: 'condition-failed', rule: 'policy.csv:1' },
      nearest: { found: [{ text: 'with header x-device: managed' }] },
    }
    const live = await explained()
    expect(live).toMatchObject(expected)
    expect(JSON.stringify(live)).not.toContain(cookie.split('=').at(-1))
    const audit = ['--audit', `${world.directory}/audit.jsonl`, '--config', `${world.directory}/sallyport.yaml`]
    const again = await explained(...audit)
    expect(again).toMatchObject({ ...expected, fromAudit: { isSameRevision: true, isSameDecision: true } })
  })

  it('J159 knows nothing of a header that comes twice, and nor does its explanation', async () => {
    const url = 'https://wiki.example.com/a'
    const cookie = await world.logIn('alice', url)
    const twice = ['managed', 'other'].map(value => ['X-Device', value] as const)
    const effects: unknown[] = []
    for (const headers of [twice, twice.toReversed(), twice.slice(0, 1)]) {
      const answer = await world.ask('auth-request', { url, cookie, headers })
      const { requestId } = await world.eventOf(answer)
      const told = await fetch(`http://127.0.0.1:${world.adminPort}/explain/${requestId}`)
      const { decision } = (await told.json()) as { readonly decision: { readonly effect: string } }
      effects.push([answer.status, decision.effect])
    }
    expect(effects).toEqual([
      [403, 'deny'],
      [403, 'deny'],
      [200, 'allow'],
    ])
  })

  it('is explained as it was made, after the policy has changed', async () => {
    const answer = await world.ask('auth-request', {
      url: 'https://wiki.example.com/a?secret=1',
      headers: [...navigation, ['X-Device', 'managed']],
    })
    const { requestId, revision } = await world.eventOf(answer)
    writePolicy(world.directory, { policy: 'p, anyone, wiki.example.com, /**, *, -, allow\n' })
    world.service.reload()
    await eventually(() => {
      const loaded = world.auditEvents().filter(({ event }) => event === 'policy.loaded')
      expect(loaded.at(-1)?.revision).not.toBe(revision)
    })
    const terminal = createTestTerminal()
    const admin = `http://127.0.0.1:${world.adminPort}`
    const run = (...args: string[]) =>
      runCli(['policy', 'explain', '--admin', admin, '--request', ...args], { version: '0', terminal })
    expect(await run(String(requestId), '--json')).toBe(0)
    expect(JSON.parse(terminal.output())).toMatchObject({
      requestId,
      identity: { kind: 'anonymous' },
      decision: { effect: 'challenge', reason: 'user-unauthenticated', revision },
      rows: [
        { rule: 'policy.csv:1', fields: { resource: 'hit', action: 'hit', subject: 'miss', condition: 'not-tried' } },
      ],
      nearest: { found: [{ text: 'after a login and with group "ops"' }] },
    })
    expect(await run('never-made')).toBe(1)
    expect(terminal.errors()).toContain('no decision with this request id is kept')
  })
})
