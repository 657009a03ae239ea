/** Those who act for somebody: what a row denies to any of them is denied, and what it allows them allows nothing. */
import { describe, expect, it } from 'vitest'
import { explainAsDocument } from '../../rbac/asking/explain.ts'
import { decide, decideWithTrace } from '../../rbac/decide.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of those who act: ${seed} (repeat with SEED=${seed})\n`)

const machine = { kind: 'machine', subject: 'i#m', provider: 'corp', claims: {} } as const
const people: readonly (Machine | User)[] = [
  { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', groups: ['ops'], claims: {} },
  { ...machine, client: 'corp/relay', groups: [] },
  { ...machine, client: 'corp/batch', groups: ['night'] },
  { ...machine, serviceAccount: 'prod/ci/deployer', groups: [] },
]
const subjects = [
  'group:ops',
  'client:corp/relay',
  'client:corp/batch',
  'group:night',
  'role:x',
  'authenticated',
  'anyone',
]
const conditions = 'near: { source-network: [10.0.0.0/8] }\n'
const rows = fc.uniqueArray(
  fc
    .tuple(
      fc.constantFrom(...subjects),
      fc.constantFrom('allow', 'allow', 'deny', 'shadow-deny', 'shadow-allow'),
      fc.constantFrom('-', 'near', '!near'),
      fc.constantFrom('wiki.example.com', '*'),
    )
    .map(([subject, effect, condition, domain]) => `p, ${subject}, ${domain}, /**, *, ${condition}, ${effect}`),
  { minLength: 1, maxLength: 7 },
)
const request = { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: '' }
const contexts = [{ now: 0 }, { now: 0, clientAddress: '10.0.0.1' }, { now: 0, clientAddress: '192.0.2.1' }]

describe('J81 somebody who acts', () => {
  it('is denied what a row denies them, and has no other part in it; each way of asking agrees', async () => {
    const seen = { allowed: 0, denied: 0 }
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom(...people),
        fc.array(fc.constantFrom(...people), { maxLength: 4 }),
        fc.constantFrom(...contexts),
        async (lines, identity, actors, context) => {
          const policy = await policyOf([...lines, 'g, client:corp/relay, role:x, *'].join('\n'), conditions)
          const alone = decide({ request, identity, context }, policy)
          const decision = decide({ request, identity, context, actors }, policy)
          const denied = actors.find(actor => {
            const own = decide({ request, identity: actor, context }, policy)
            return own.effect === 'deny' && own.reason === 'rule-denied'
          })
          const isAllowed = alone.effect === 'allow' && denied === undefined
          expect(decision.effect === 'allow').toBe(isAllowed)
          if (alone.effect !== 'allow') expect(decision).toEqual(alone)
          else if (denied !== undefined) expect(decision).toMatchObject({ effect: 'deny', reason: 'actor-denied' })
          const situation = { request, identity, context, actors }
          const quiet = { trace: () => undefined, onError: () => undefined }
          expect(decideWithTrace(situation, policy, quiet)).toEqual(decision)
          const document = explainAsDocument(situation, policy)
          expect(document.decision).toEqual(decision)
          if (decision.rule !== undefined) expect(document.rows.find(row => row.isDeciding)?.rule).toBe(decision.rule)
          seen[isAllowed ? 'allowed' : 'denied'] += 1
        },
      ),
      { seed, numRuns: 500 },
    )
    expect(seen.allowed).toBeGreaterThan(30)
    expect(seen.denied).toBeGreaterThan(30)
  })

  it('is not forgotten the second time, and a new policy is asked at once', async () => {
    const [alice, relay] = people
    if (alice === undefined || relay === undefined) throw new Error('there are people')
    const before = await policyOf('p, group:ops, wiki.example.com, /**, *, -, allow')
    const after = await policyOf(
      'p, group:ops, wiki.example.com, /**, *, -, allow\np, client:corp/relay, wiki.example.com, /**, *, -, deny',
    )
    const alone = { request, identity: alice, context: { now: 0 } }
    const acted = { ...alone, actors: [relay] }
    for (let round = 0; round < 2; round += 1) {
      expect([decide(alone, before).effect, decide(acted, before).effect]).toEqual(['allow', 'allow'])
    }
    for (let round = 0; round < 2; round += 1) {
      expect(decide(alone, after).effect).toBe('allow')
      expect(decide(acted, after)).toMatchObject({
        reason: 'actor-denied',
        rule: 'policy.csv:2',
        deniedActor: 'client:corp/relay',
      })
    }
  })
})
