/** A decision that is made again from its audit line is the same decision, or it is called uncertain. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { createAuditLog } from '../../app/audit/audit-log.ts'
import { readAuditFile } from '../../cli/policy/audit-file.ts'
import { runCli } from '../../cli/program.ts'
import { replayedConditions, replayQuestion } from '../../rbac/asking/replay.ts'
import { criteria } from '../../rbac/conditions/registry.ts'
import type { ClientCertificate } from '../../rbac/context.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity, type Machine, type User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-replay-'))
  terminal = createTestTerminal({ cwd })
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const nowMs = Date.UTC(2026, 0, 1, 12)
const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  email: 'alice@example.com',
  groups: ['ops'],
  authTime: nowMs / 1000 - 60,
  amr: ['pwd'],
  acr: 'gold',
  claims: { department: 'sales' },
}
const bob: User = { kind: 'user', subject: 'https://idp.example#bob', provider: 'corp', groups: [], claims: {} }

const robot: Machine = {
  kind: 'machine',
  subject: 'x#robot',
  provider: 'corp',
  groups: [],
  claims: {},
  client: 'corp/r',
}
const laptop: ClientCertificate = { fingerprint: '', sanDns: ['laptop.example.com'], sanEmail: [], sanUri: [] }

interface Question {
  readonly identity: Identity
  readonly path: string
  readonly method?: string
  readonly address?: string
  readonly device?: string
  /** What the proxy says of the route. */
  readonly tier?: string
  readonly certificate?: ClientCertificate | null
}

/** Decides as the service does, and writes the audit lines that the service writes. */
async function record(policy: PolicySnapshot, questions: readonly Question[], file = 'audit.jsonl') {
  const audit = createAuditLog({ destination: join(cwd, file), clock: { now: () => nowMs }, onFailure: () => {} })
  const decisions = questions.map((question, index) => {
    const { identity, path, method = 'GET', address, device, tier, certificate } = question
    const request = { domain: 'wiki.example.com', resource: path, action: method, url: '' }
    const clientAddress = address === undefined ? {} : { clientAddress: address }
    const header = (name: string) => ({ 'x-device': device, ':route/tier': tier })[name]
    const context = { now: nowMs / 1000, header, ...clientAddress, clientCertificate: certificate }
    const decision = decide({ request, identity, context }, policy)
    const asked = { front: 'forward-auth', requestId: `r${index}`, request, ...clientAddress }
    audit.writeAccess({ question: asked, authentication: { identity }, decision, durationMicroseconds: 1 })
    return decision
  })
  await audit.close()
  return decisions
}

const run = (...args: string[]) =>
  runCli(['policy', 'replay', '--audit', 'audit.jsonl', '--policy', '.', ...args], { version: '0', terminal })
const opsRow = 'p, group:ops, wiki.example.com, /admin/**, *, -, allow\n'

describe('sallyport policy replay', () => {
  it('groups what would change by person and host, with counts and examples', async () => {
    await record(await policyOf(opsRow), [
      { identity: alice, path: '/admin/a' },
      { identity: alice, path: '/admin/b' },
      { identity: bob, path: '/admin/a' },
      { identity: anonymous, path: '/admin/a' },
    ])
    writeFileSync(join(cwd, 'rows.csv'), 'p, authenticated, wiki.example.com, /admin/a, *, -, allow\n')
    expect(await run()).toBe(0)
    const lines = terminal.output().split('\n')
    expect(lines[0]).toBe('https://idp.example#bob on wiki.example.com: deny -> allow, 1 time')
    expect(lines[1]).toBe('    GET /admin/a  by rows.csv:1  (r2)')
    expect(lines[2]).toBe('alice@example.com on wiki.example.com: allow -> deny, 1 time')
    expect(terminal.output()).toContain('4 decisions put to')
    expect(terminal.output()).toContain('2 would change, 0 cannot be decided again')
    expect(await run('--fail-on-change')).toBe(1)
  })

  it('changes nothing with the policy that decided, whatever the facts in the line', async () => {
    const conditions =
      'office: { source-network: [10.0.0.0/8] }\nfresh: { authentication-age: 2m }\nmfa: { authentication-method: [otp] }\ngold: { acr: [gold] }\n'
    const rows = `${opsRow}p, email:alice@example.com, wiki.example.com, /fresh, *, fresh & gold, allow\np, authenticated, wiki.example.com, /mfa, *, mfa, allow\np, anyone, wiki.example.com, /office, *, office, allow\n`
    const paths = ['/admin/a', '/fresh', '/mfa', '/office', '/other']
    const questions = [alice, bob, anonymous].flatMap(identity =>
      paths.flatMap(path => [
        { identity, path },
        { identity, path, address: '10.0.0.1' },
      ]),
    )
    const decisions = await record(await policyOf(rows, conditions), questions)
    expect(new Set(decisions.map(({ effect }) => effect)).size).toBe(3)
    writeFileSync(join(cwd, 'policy.csv'), rows)
    writeFileSync(join(cwd, 'conditions.yaml'), conditions)
    expect(await run('--fail-on-change')).toBe(0)
    expect(terminal.output()).toContain('30 decisions put to')
    expect(terminal.output()).toContain('0 would change, 0 cannot be decided again')
  })

  it('says which decisions hang on facts that no audit line holds', async () => {
    await record(await policyOf(opsRow), [
      { identity: alice, path: '/admin/a' },
      { identity: bob, path: '/x' },
    ])
    writeFileSync(join(cwd, 'rows.csv'), `p, group:ops, wiki.example.com, /admin/**, *, managed & sales, allow\n`)
    writeFileSync(
      join(cwd, 'conditions.yaml'),
      'managed: { header: { name: x-device, in: [managed] } }\nsales: { claim: { name: department, in: [sales] } }\n',
    )
    expect(await run('--json', '--fail-on-change')).toBe(0)
    const report = JSON.parse(terminal.output())
    expect(report).toMatchObject({ decisions: 2, changed: 0, uncertain: 1 })
    expect(report.groups).toMatchObject([{ who: 'alice@example.com', facts: ['headers', 'claims'], count: 1 }])
  })

  it('is uncertain where a decision hangs on what a decider outside said then', async () => {
    const rows =
      'p, authenticated, wiki.example.com, /a, *, open, allow\np, authenticated, wiki.example.com, /b, *, -, allow\n'
    const conditions = 'open: { ask: change-window }\n'
    await record(await policyOf(rows, conditions), [
      { identity: alice, path: '/a' },
      { identity: alice, path: '/b' },
    ])
    writeFileSync(join(cwd, 'policy.csv'), rows)
    writeFileSync(join(cwd, 'conditions.yaml'), conditions)
    expect(await run('--json', '--fail-on-change')).toBe(0)
    const report = JSON.parse(terminal.output())
    expect(report).toMatchObject({ decisions: 2, changed: 0, uncertain: 1 })
    expect(report.groups).toMatchObject([{ facts: ['answers'], count: 1 }])
  })

  it('says nothing would change where a header decided whether another login helps', async () => {
    const conditions =
      'fresh: { authentication-age: 1m }\nmanaged: { header: { name: x-device, in: [managed] } }\ninner: { route: { name: tier, in: [inner] } }\n'
    const rows = ['fresh & managed', 'fresh & !managed', 'fresh & inner', 'fresh'].map(
      (condition, at) => `p, authenticated, wiki.example.com, /${at}, *, ${condition}, allow\n`,
    )
    const old = { ...alice, authTime: nowMs / 1000 - 61 }
    const about = { identity: old, device: 'managed', tier: 'inner' }
    const decisions = await record(
      await policyOf(rows.join(''), conditions),
      rows.map((_, at) => ({ ...about, path: `/${at}` })),
    )
    expect(decisions.map(({ effect }) => effect)).toEqual(['challenge', 'deny', 'challenge', 'challenge'])
    writeFileSync(join(cwd, 'policy.csv'), rows.join(''))
    writeFileSync(join(cwd, 'conditions.yaml'), conditions)
    expect(await run('--json', '--fail-on-change')).toBe(0)
    const { changed, uncertain, groups } = JSON.parse(terminal.output())
    expect({ changed, uncertain }).toEqual({ changed: 0, uncertain: 3 })
    expect(groups.map((group: { facts: unknown }) => group.facts)).toEqual([['headers'], ['headers']])
  })

  it('says so where groups were too many to write, or the line is from before they were written', async () => {
    const many = { ...alice, groups: ['ops', ...Array.from({ length: 64 }, (_, index) => `g${index}`)] }
    await record(await policyOf(opsRow), [{ identity: many, path: '/admin/a' }])
    writeFileSync(join(cwd, 'rows.csv'), opsRow)
    expect(await run('--json')).toBe(0)
    const report = JSON.parse(terminal.output())
    expect(report).toMatchObject({ changed: 0, uncertain: 1, groups: [{ facts: ['groups'] }] })
  })

  it('leaves out what is older, counts what is no audit event, and shows no escape characters', async () => {
    await record(await policyOf(opsRow), [
      { identity: { ...alice, email: 'a\u001b[2J@example.com' }, path: '/admin/a' },
    ])
    const { appendFileSync } = await import('node:fs')
    appendFileSync(join(cwd, 'audit.jsonl'), 'not json\n{"v":1,"event":"access.refused"}\n{"half": \n')
    writeFileSync(join(cwd, 'rows.csv'), '')
    expect(await run()).toBe(0)
    expect(terminal.output()).toContain('a\\u001b[2J@example.com on wiki.example.com: allow -> deny')
    expect(terminal.output()).toContain('2 lines were no audit events')
    expect(await run('--since', '2026-01-02')).toBe(0)
    expect(terminal.output()).toContain('0 decisions put to')
    expect(await run('--since', 'soon')).toBe(2)
  })

  it('says which file is missing', async () => {
    writeFileSync(join(cwd, 'rows.csv'), '')
    expect(await run()).toBe(1)
    expect(terminal.errors()).toContain(join(cwd, 'audit.jsonl'))
  })
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the replayed decisions: ${seed} (repeat with SEED=${seed})\n`)
const conditions = `
managed: { header: { name: x-device, in: [managed] } }
sales: { claim: { name: department, in: [sales] } }
office: { source-network: [10.0.0.0/8] }
mfa: { authentication-method: [otp] }
either: { any: [{ header: { name: x-device, in: [managed] } }, { source-network: [10.0.0.0/8] }] }
fresh: { authentication-age: 2m }
gold: { acr: [gold] }
silver: { acr: [silver] }
inner: { route: { name: tier, in: [inner] } }
laptop: { client-certificate: { san-dns: [laptop.example.com] } }
strong: { any: [{ all: [{ acr: [silver] }, { route: { name: tier, in: [inner] } }] }, { all: [{ authentication-method: [otp] }, { header: { name: x-device, in: [managed] } }] }] }
`
const pick = (...values: string[]) => fc.constantFrom(...values)
const named = [...conditions.matchAll(/^\w+/gm)].map(([name]) => name)
const row = fc
  .tuple(
    pick('anyone', 'authenticated', 'group:ops', 'group:g3', 'role:reader'),
    pick('/**', '/a', '/b'),
    fc
      .uniqueArray(fc.tuple(fc.boolean(), pick(...named)), { maxLength: 3, selector: ([, name]) => name })
      .map(terms => terms.map(([isNot, name]) => (isNot ? `!${name}` : name)).join(' & ') || '-'),
    pick('allow', 'allow', 'deny', 'shadow-deny'),
  )
  .map(([subject, path, condition, effect]) => `p, ${subject}, wiki.example.com, ${path}, *, ${condition}, ${effect}`)
const question: fc.Arbitrary<Question> = fc
  .record({
    identity: fc.constantFrom<Identity>(anonymous, alice, bob, { ...alice, authTime: nowMs / 1000 - 600 }, robot, {
      ...alice,
      groups: Array.from({ length: 70 }, (_, index) => `g${index}`),
      claims: {},
    }),
    path: pick('/a', '/b', '/c'),
    address: fc.option(pick('10.0.0.1', '192.0.2.1'), { nil: undefined }),
    device: fc.option(pick('managed', 'other'), { nil: undefined }),
    tier: fc.option(pick('inner', 'outer'), { nil: undefined }),
    certificate: fc.option(fc.constantFrom(laptop, null), { nil: undefined }),
  })
  .map(({ address, device, tier, certificate, ...rest }) => ({
    ...rest,
    ...(address === undefined ? {} : { address }),
    ...(device === undefined ? {} : { device }),
    ...(tier === undefined ? {} : { tier }),
    ...(certificate === undefined ? {} : { certificate }),
  }))

test('of every condition it is known whether a line says what it looks at', () => {
  expect(replayedConditions).toEqual(expect.arrayContaining(Object.keys(criteria)))
})

test('what is certain without claims, headers and omitted groups is what was decided with them', async () => {
  let certain = 0
  let uncertain = 0
  const property = fc.asyncProperty(
    fc.uniqueArray(row, { minLength: 1, maxLength: 5 }),
    fc.array(question, { minLength: 5, maxLength: 20 }),
    async (rows, questions) => {
      const policy = await policyOf(`${rows.join('\n')}\ng, group:g5, role:reader, *\n`, conditions)
      const decisions = await record(policy, questions, 'random.jsonl')
      const replayed: unknown[] = []
      await readAuditFile({ audit: 'random.jsonl' }, terminal, recorded => {
        const answer = replayQuestion(policy, recorded)
        replayed.push(answer.kind === 'certain' ? answer.decision.effect : 'uncertain')
      })
      rmSync(join(cwd, 'random.jsonl'))
      expect(replayed).toHaveLength(decisions.length)
      for (const [index, { effect }] of decisions.entries()) {
        if (replayed[index] === 'uncertain') uncertain += 1
        else {
          expect(replayed[index]).toBe(effect)
          certain += 1
        }
      }
    },
  )
  await fc.assert(property, { numRuns: 200, seed })
  expect(certain).toBeGreaterThan(500)
  expect(uncertain).toBeGreaterThan(100)
})
