/** What who-can, access and explain promise, held against `decide()` over random policies, people and facts. */

import { describe, expect, it } from 'vitest'
import { accessOf } from '../../rbac/asking/access.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { evaluateCondition } from '../../rbac/conditions/condition.ts'
import type { Context } from '../../rbac/context.ts'
import { decide } from '../../rbac/decide.ts'
import { coveringPatterns } from '../../rbac/domains.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { matchablePath } from '../../rbac/matchable-path.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { namesOf } from '../../rbac/subjects.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the random questions: ${seed} (repeat with SEED=${seed})\n`)

const conditions = `
office: { source-network: [10.0.0.0/8] }
mfa: { authentication-method: [mfa] }
fresh: { authentication-age: 15m }
either: { any: [{ source-network: [10.0.0.0/8] }, { header: { name: x-device, in: [managed] } }] }
own: { same: [path:1, claim:dir] }
`
const now = 1_767_434_400
const person: User = { kind: 'user', subject: 'https://idp.example#nobody', provider: 'corp', groups: [], claims: {} }
const machine = { kind: 'machine', provider: 'k8s', subject: 'https://k8s#ci', groups: [], claims: {} } as const
/** Identities written by hand, each answering to its subject and nothing else that the random rows name. */
const people: ReadonlyMap<string, Identity> = new Map<string, Identity>([
  ['anyone', anonymous],
  ['authenticated', person],
  ['user:https://idp.example#alice', { ...person, subject: 'https://idp.example#alice' }],
  ['email:bob@example.com', { ...person, email: 'bob@example.com' }],
  ['email:Bob@example.com', { ...person, email: 'Bob@example.com' }],
  ['email-domain:example.com', { ...person, email: 'carol@example.com' }],
  ['group:ops', { ...person, groups: ['ops'] }],
  ['group:dev', { ...person, groups: ['dev'] }],
  ['group:other/dev', { ...person, provider: 'other', groups: ['dev'] }],
  ['service-account:prod/ci/deployer', { ...machine, serviceAccount: 'prod/ci/deployer' }],
  ['client:other/robot', { ...machine, provider: 'other', client: 'other/robot' }],
])
const subjects = [...people.keys()]
const roles = ['role:admin', 'role:reader']
const patterns = [
  'a.example.com',
  '{claim:dir}.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
  'kube:prod',
  'console',
]
const domains = ['a.example.com', 'b.example.com', 'x.a.example.com', 'other.test', 'kube:prod', 'console']
const paths = ['/', '/a', '/a/x', '/b/']

const pick = <T>(values: readonly T[]) => fc.constantFrom(...values)
const oftenNone = pick(['-', '-', '-', 'office', '!office', 'mfa', '!mfa', 'fresh & either', 'either', 'own', '!own'])
/** Neither clusters nor the console have people's names in their paths. */
const isHost = (domain: string): boolean => domain !== 'console' && !domain.startsWith('kube:')
const rows = fc.array(
  fc
    .record({
      subject: pick([...subjects, ...roles]),
      domain: pick(patterns),
      resource: pick(['/**', '/a', '/a/**', '/{claim:dir}', '/{claim:dir}/**', '/a/{claim:dir}', '/** except /a/**']),
      condition: oftenNone,
      effect: pick(['allow', 'allow', 'allow', 'deny', 'shadow-deny']),
    })
    .filter(
      ({ domain, resource, condition }) => isHost(domain) || !(/[{ ]/.test(resource) || condition.includes('own')),
    ),
  { minLength: 1, maxLength: 8 },
)
const roleRows = fc.array(
  fc.record({
    member: pick([...subjects, ...roles]),
    role: pick(roles),
    domain: pick(patterns.filter(pattern => !pattern.startsWith('{'))),
  }),
  { maxLength: 4 },
)
const facts = fc.record({
  address: pick([undefined, '10.1.1.1', '192.0.2.1']),
  device: pick([undefined, 'managed']),
  amr: pick([undefined, ['pwd'], ['pwd', 'mfa']]),
  age: pick([undefined, 60, 3600]),
  dir: pick([undefined, 'a', 'A', 'b', ['x', 'a'], 'a/x']),
})
type Facts = typeof facts extends fc.Arbitrary<infer T> ? T : never

async function compile(some: typeof rows extends fc.Arbitrary<infer T> ? T : never, members: readonly object[]) {
  const unique = (lines: readonly string[]): string => [...new Set(lines)].join('\n')
  const csv = [
    unique(some.map(row => `p, ${row.subject}, ${row.domain}, ${row.resource}, *, ${row.condition}, ${row.effect}`)),
    unique(members.map(row => `g, ${Object.values(row).join(', ')}`)),
  ].join('\n')
  return policyOf(csv, conditions)
}

function contextOf({ address, device }: Facts): Context {
  const header = (name: string) => (name === 'x-device' ? device : undefined)
  return { now, header, ...(address === undefined ? {} : { clientAddress: address }) }
}

function withFacts(identity: Identity, { amr, age, dir }: Facts): Identity {
  if (identity.kind !== 'user') return identity
  const claims = dir === undefined ? {} : { dir }
  return {
    ...identity,
    claims,
    ...(amr === undefined ? {} : { amr }),
    ...(age === undefined ? {} : { authTime: now - age }),
  }
}

const requestTo = (domain: string, resource: string): AccessRequest => ({
  domain,
  resource,
  action: domain.startsWith('kube:') ? 'get' : 'GET',
  url: `https://${domain}${resource}`,
})

const options = { seed, numRuns: 300 }
const requests = fc.record({ domain: pick(domains), path: pick(paths) })

describe('who can', () => {
  it('expands a role to its members of that domain, through roles of roles', async () => {
    const csv = [
      'p, role:r, *, /**, *, -, allow',
      'g, group:ops, role:r, a.example.com',
      'g, group:dev, role:r, b.example.com',
      'g, role:q, role:r, *.example.com',
      'g, group:other/dev, role:q, *',
      'g, role:r, role:q, *',
    ].join('\n')
    const { subjects: listed } = whoCan(requestTo('a.example.com', '/'), await policyOf(csv))
    expect(listed.map(({ subject }) => subject)).toEqual(['group:ops', 'group:other/dev'])
  })

  it('lists a subject with exactly the condition under which decide allows whoever has just that name', async () => {
    let allowed = 0
    await fc.assert(
      fc.asyncProperty(rows, roleRows, requests, facts, async (some, members, { domain, path }, given) => {
        const policy = await compile(some, members)
        const request = requestTo(domain, path)
        const answer = whoCan(request, policy)
        const context = contextOf(given)
        for (const { subject, when, isAlways } of answer.subjects) {
          const identity = withFacts(people.get(subject) ?? anonymous, given)
          const isAllowed = decide({ request, identity, context }, policy).effect === 'allow'
          expect([subject, evaluateCondition(when, { identity, context, request }) === true]).toEqual([
            subject,
            isAllowed,
          ])
          if (isAlways) expect(isAllowed).toBe(true)
          if (isAllowed) allowed++
        }
        for (const { subject } of answer.cut) {
          const identity = withFacts(people.get(subject) ?? anonymous, given)
          expect(decide({ request, identity, context }, policy).effect).not.toBe('allow')
        }
      }),
      options,
    )
    expect(allowed).toBeGreaterThan(5)
  })

  it('lists a subject of everyone whom decide allows', async () => {
    let allowed = 0
    const groups = fc.subarray(['ops', 'dev'])
    await fc.assert(
      fc.asyncProperty(
        rows,
        roleRows,
        requests,
        facts,
        pick(subjects),
        groups,
        async (some, members, at, given, who, own) => {
          const policy = await compile(some, members)
          const request = requestTo(at.domain, at.path)
          const base = withFacts(people.get(who) ?? anonymous, given)
          const identity = base.kind === 'anonymous' ? base : { ...base, groups: [...base.groups, ...own] }
          if (decide({ request, identity, context: contextOf(given) }, policy).effect !== 'allow') return
          allowed++
          const listed = new Set(whoCan(request, policy).subjects.map(({ subject }) => subject))
          expect(namesOf(identity).some(name => listed.has(name))).toBe(true)
        },
      ),
      options,
    )
    expect(allowed).toBeGreaterThan(5)
  })
})

describe('access', () => {
  const entriesOf = async (csv: string) =>
    accessOf({ ...person, groups: ['ops'] }, await policyOf(csv)).entries.map(entry => [entry.rule, entry.domain])

  it('leaves out what a deny closes whole, and nothing beside that', async () => {
    const csv = ['*', 'a.example.com', '*.a.example.com', 'b.example.com']
      .map(domain => `p, anyone, ${domain}, /**, *, -, allow\n`)
      .join('')
    expect(await entriesOf(`${csv}p, group:ops, a.example.com, /**, *, -, deny\n`)).toEqual([
      ['policy.csv:1', '*'],
      ['policy.csv:3', '*.a.example.com'],
      ['policy.csv:4', 'b.example.com'],
      ['policy.csv:5', 'a.example.com'],
    ])
    expect(await entriesOf(`${csv}p, group:ops, *.example.com, /**, *, -, deny\n`)).toEqual([
      ['policy.csv:1', '*'],
      ['policy.csv:5', '*.example.com'],
    ])
    expect(await entriesOf(`${csv}p, group:ops, *.example.com, /**, GET, -, deny\n`)).toHaveLength(5)
  })

  it('narrows a row to where its role is held', async () => {
    const csv = 'p, role:r, *.example.com, /**, *, -, allow\n'
    expect(await entriesOf(`${csv}g, group:ops, role:r, *\n`)).toEqual([['policy.csv:1', '*.example.com']])
    const narrow = 'g, group:ops, role:r, *.a.example.com\ng, group:ops, role:r, x.a.example.com\n'
    expect(await entriesOf(csv + narrow)).toEqual([['policy.csv:1', '*.a.example.com']])
    expect(await entriesOf(`${csv}g, group:ops, role:r, other.test\n`)).toEqual([])
  })

  it('has entries from which exactly the answers of decide follow', async () => {
    let allowed = 0
    await fc.assert(
      fc.asyncProperty(rows, roleRows, facts, pick(subjects), async (some, members, given, who) => {
        const policy = await compile(some, members)
        const identity = withFacts(people.get(who) ?? anonymous, given)
        for (const domain of domains) {
          for (const path of paths) {
            const request = requestTo(domain, path)
            const isAllowed = decide({ request, identity, context: contextOf(given) }, policy).effect === 'allow'
            expect([domain, path, follows(identity, policy, request, contextOf(given))]).toEqual([
              domain,
              path,
              isAllowed,
            ])
            if (isAllowed) allowed++
          }
        }
      }),
      options,
    )
    expect(allowed).toBeGreaterThan(100)
  })
})

function follows(identity: Identity, policy: PolicySnapshot, request: AccessRequest, context: Context): boolean {
  const covering = accessOf(identity, policy).entries.filter(
    ({ domain, row }) =>
      coveringPatterns(request.domain).includes(domain) &&
      row.fitsResource(matchablePath(request.resource)) &&
      row.fitsAction(request.action),
  )
  const truth = (entry: (typeof covering)[number]) => evaluateCondition(entry.row.when, { identity, context, request })
  return (
    covering.some(entry => entry.effect === 'allow' && truth(entry) === true) &&
    covering.every(entry => entry.effect === 'allow' || truth(entry) === false)
  )
}

describe('explain', () => {
  it('is the decision, and its table holds the rows that made it', async () => {
    await fc.assert(
      fc.asyncProperty(rows, roleRows, requests, facts, pick(subjects), async (some, members, at, given, who) => {
        const policy = await compile(some, members)
        const request = requestTo(at.domain, at.path)
        const identity = withFacts(people.get(who) ?? anonymous, given)
        const { decision, rows: table, nearest } = explain({ request, identity, context: contextOf(given) }, policy)
        expect(decision).toEqual(decide({ request, identity, context: contextOf(given) }, policy))
        const applied = table.filter(({ applies, effect }) => applies && !effect.startsWith('shadow-'))
        const isAllowed =
          applied.some(({ effect }) => effect === 'allow') && applied.every(({ effect }) => effect === 'allow')
        expect(isAllowed).toBe(decision.effect === 'allow')
        if (decision.rule !== undefined) expect(table.filter(({ isDeciding }) => isDeciding)).toHaveLength(1)
        if (decision.effect === 'allow') expect(nearest.found).toEqual([])
      }),
      options,
    )
  })
})
