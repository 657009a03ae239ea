/** Roles that are given in `*`, where `*` covers nothing: in clusters, for tokens, in the console. */
import { describe, expect, it } from 'vitest'
import { accessOf } from '../../rbac/asking/access.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { createUsage } from '../../rbac/asking/usage.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import type { Decision } from '../../rbac/decision.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the random roles: ${seed} (repeat with SEED=${seed})\n`)

const requests: readonly AccessRequest[] = [
  { domain: 'kube:prod', resource: '/payments/core/pods', action: 'list', url: '' },
  { domain: 'tokens', resource: '/wiki.example.com', action: 'create', url: '' },
  { domain: 'console', resource: '/sessions', action: 'GET', url: '' },
]
const reserved = requests.map(({ domain }) => domain)
const user = { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', claims: {} } as const
const machine = { kind: 'machine', subject: 'i#robot', provider: 'corp', groups: [], claims: {} } as const
const people: ReadonlyMap<string, Identity> = new Map<string, Identity>([
  ['group:ops', { ...user, groups: ['ops'] }],
  ['email:Bob@example.com', { ...user, groups: [], email: 'bob@example.com' }],
  ['client:corp/robot', { ...machine, client: 'corp/robot' }],
  ['service-account:prod/ci/deployer', { ...machine, serviceAccount: 'prod/ci/deployer' }],
])
const context = { now: 0, header: () => undefined }
const effectOf = (policy: PolicySnapshot, request: AccessRequest, identity: Identity) =>
  decide({ request, identity, context }, policy)

const decisionsOfAll = (...[before, after]: readonly [PolicySnapshot, PolicySnapshot]) =>
  requests.flatMap(request =>
    [...people.values()].map(identity => [before, after].map(policy => effectOf(policy, request, identity))),
  ) as [Decision, Decision][]

const pick = <T>(values: readonly T[]) => fc.constantFrom(...values)
const roles = ['role:a', 'role:b', 'role:c']
const subjects = [...people.keys(), ...roles, 'authenticated', 'anyone']
const rowOf = (effect: fc.Arbitrary<string>) =>
  fc
    .tuple(pick(subjects), pick([...reserved, '*', 'wiki.example.com']), effect)
    .map(([subject, domain, how]) => `p, ${subject}, ${domain}, /**, *, -, ${how}`)
const memberships = (domains: readonly string[]) =>
  fc
    .tuple(pick([...people.keys(), ...roles]), pick(roles), pick(domains))
    .map(([member, role, domain]) => `g, ${member}, ${role}, ${domain}`)
/** So that there is something to take away. */
const open = [
  ...reserved.map(domain => `p, authenticated, ${domain}, /**, *, -, allow`),
  ...reserved.map(domain => `p, role:a, ${domain}, /**, *, -, deny`),
]
const lines = (line: fc.Arbitrary<string>, maxLength: number) => fc.uniqueArray(line, { maxLength })

describe('J80 a role of everywhere', () => {
  it('lets nobody in where everywhere is not meant, whatever else there is', async () => {
    const seen = { allowed: 0, denied: 0 }
    await fc.assert(
      fc.asyncProperty(
        lines(rowOf(pick(['allow', 'allow', 'allow', 'deny'])), 6),
        pick([[], open]),
        lines(memberships([...reserved, '*', '*.example.com']), 3),
        memberships(['*']),
        async (rows, further, given, added) => {
          const all = [...rows, ...further, ...given]
          const before = await policyOf([...new Set(all)].join('\n'))
          const after = await policyOf([...new Set([...all, added])].join('\n'))
          for (const [old, now] of decisionsOfAll(before, after)) {
            if (now.effect === 'allow') expect([added, old]).toEqual([added, { ...now, revision: before.revision }])
            if (now.effect === 'allow') seen.allowed += 1
            else if (old.effect === 'allow') seen.denied += 1
          }
        },
      ),
      { seed, numRuns: 600 },
    )
    expect(seen.allowed).toBeGreaterThan(200)
    expect(seen.denied).toBeGreaterThan(10)
  })

  it('meets each of its holders where a row denies it, by way of other roles as well, and each question says so', async () => {
    await fc.assert(
      fc.asyncProperty(
        lines(rowOf(fc.constant('allow')), 5),
        lines(memberships([...reserved, '*']), 4),
        fc.tuple(pick([...people]), fc.shuffledSubarray(roles, { minLength: 1 }), pick(requests), fc.boolean()),
        async (rows, given, [[name, identity], way, request, isGivenHere]) => {
          const steps = way.map((role, at) => {
            const member = at === 0 ? name : way[at - 1]
            return `g, ${member}, ${role}, ${isGivenHere && at === 0 ? request.domain : '*'}`
          })
          const deny = `p, ${way.at(-1)}, ${request.domain}, /**, *, -, deny`
          const allow = `p, ${name}, ${request.domain}, /**, *, -, allow`
          const text = [...new Set([allow, ...rows, ...given, ...steps, deny])].join('\n')
          const policy = await policyOf(text)
          const denied = effectOf(policy, request, identity)
          expect(denied).toMatchObject({ effect: 'deny', reason: 'rule-denied' })
          expect(explain({ request, identity, context }, policy).decision).toEqual(denied)
          const { subjects: listed, denies } = whoCan(request, policy)
          expect(listed.map(({ subject }) => subject)).not.toContain(name)
          const line = text.split('\n').indexOf(deny) + 1
          expect(denies.find(({ rule }) => rule === `policy.csv:${line}`)?.subjects).toContain(name)
          const { entries } = accessOf(identity, policy)
          expect(entries.filter(entry => entry.domain === request.domain && entry.effect === 'allow')).toEqual([])
          const usage = createUsage(policy)
          usage.count({ domain: request.domain, identity, rule: `policy.csv:${line}`, shadow: [] })
          for (const step of steps) expect(usage.timesOf(`policy.csv:${text.split('\n').indexOf(step) + 1}`)).toBe(1)
        },
      ),
      { seed, numRuns: 400 },
    )
  })

  it('is told of before it is enforced: a row that would deny says so', async () => {
    const policy = await policyOf(
      'p, group:ops, tokens, /**, *, -, allow\np, role:a, tokens, /**, *, -, shadow-deny\np, role:a, tokens, /**, *, -, shadow-allow\ng, group:ops, role:a, *',
    )
    const [, request] = requests
    if (request === undefined) throw new Error('there is a request')
    expect(effectOf(policy, request, { ...user, groups: ['ops'] })).toMatchObject({
      effect: 'allow',
      rule: 'policy.csv:1',
      shadow: ['policy.csv:2'],
    })
  })

  it('is none of a pattern of hosts', async () => {
    const policy = await policyOf(
      'p, group:ops, tokens, /**, *, -, allow\np, role:a, tokens, /**, *, -, deny\ng, group:ops, role:a, *.example.com',
    )
    for (const request of requests.slice(1, 2)) {
      expect(effectOf(policy, request, { ...user, groups: ['ops'] }).effect).toBe('allow')
    }
  })
})
