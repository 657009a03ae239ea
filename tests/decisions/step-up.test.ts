/**
 * A challenge is given exactly where a login helps: random conditions, held against every login of a small world, by the
 * values of the conditions alone.
 */
import { expect, test } from 'vitest'
import { satisfies } from '../../app/login/provider/step-up.ts'
import { type Condition, evaluateCondition } from '../../rbac/conditions/condition.ts'
import { decide } from '../../rbac/decide.ts'
import type { Decision } from '../../rbac/decision.ts'
import type { Identity, User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { Row } from '../../rbac/row.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the random step-ups: ${seed} (repeat with SEED=${seed})\n`)

const now = 1_000_000
const request = { domain: 'app.example.com', resource: '/a', action: 'GET', url: '' }
const context = { now, clientAddress: '10.0.0.1' }
const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', groups: [], claims: {} }

interface Written {
  readonly [kind: string]: unknown
}

const some = (...values: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })
const { tree } = fc.letrec<{ tree: Written; part: Written; list: Written[] }>(tie => ({
  part: fc.oneof(
    fc.constantFrom(900, 3600).map(age => ({ 'authentication-age': age })),
    some('gold', 'silver', 'bronze').map(acr => ({ acr })),
    some('mfa', 'otp', 'pwd').map(methods => ({ 'authentication-method': methods })),
    fc.constantFrom('10.0.0.0/8', '192.0.2.0/24').map(network => ({ 'source-network': [network] })),
    fc.constant({ header: { name: 'x-device', in: ['managed'] } }),
  ),
  list: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: tie('part') },
    { weight: 2, arbitrary: tie('list').map(any => ({ any })) },
    { weight: 2, arbitrary: tie('list').map(all => ({ all })) },
  ),
}))
const names = ['a', 'b', 'c', 'd']
const expression = fc
  .uniqueArray(fc.tuple(fc.boolean(), fc.constantFrom(...names)), { minLength: 1, maxLength: 3 })
  .map(terms => terms.map(([isNot, name]) => (isNot ? `!${name}` : name)).join(' & '))
const rows = fc.uniqueArray(fc.tuple(expression, fc.constantFrom('allow', 'allow', 'allow', 'deny')), {
  minLength: 1,
  maxLength: 4,
  selector: row => row.join(' '),
})
const person: fc.Arbitrary<User> = fc
  .record({
    authTime: fc.constantFrom(undefined, now - 60, now - 2000, now - 7200, now + 7200),
    acr: fc.constantFrom(undefined, 'gold', 'silver', 'tin'),
    amr: fc.constantFrom(undefined, [], ['pwd'], ['mfa'], ['pwd', 'otp']),
  })
  .map(({ authTime, acr, amr }) => ({
    ...alice,
    ...(authTime === undefined ? {} : { authTime }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
  }))

type Challenge = Extract<Decision, { effect: 'challenge' }>

const decideFor = (identity: Identity, policy: PolicySnapshot) => decide({ request, identity, context }, policy)

/** What a condition names of logins, where it is not negated. */
function named(condition: Condition, kind: 'class' | 'method', wanted = true): readonly string[] {
  if (condition.kind === 'not') return named(condition.of, kind, !wanted)
  if (condition.kind !== 'criterion') return condition.of.flatMap(part => named(part, kind, wanted))
  const { stepUp } = condition
  if (!wanted || stepUp === undefined || stepUp.kind === 'age' || stepUp.kind !== kind) return []
  return stepUp.kind === 'class' ? stepUp.acrValues : stepUp.methods
}

/**
 * Each login that can be asked for by the words of a row, and of those by which rows that deny spare somebody: fresh, of a class
 * that they name or the same, with methods that they name.
 */
function loginsFor({ when }: Row, user: User, { rows: all }: PolicySnapshot): User[] {
  const spares = all.flatMap(row => (row.isDeny ? [{ kind: 'not' as const, of: row.when }] : []))
  const words: Condition = { kind: 'all', of: [when, ...spares] }
  const classes = [...new Set(named(words, 'class'))]
  const methods = [...new Set(named(words, 'method'))]
  const sets = methods.reduce<readonly string[][]>((all, method) => all.flatMap(set => [set, [...set, method]]), [[]])
  return sets.flatMap(set =>
    [undefined, ...classes].map(acr => ({
      ...user,
      authTime: now,
      ...(acr === undefined ? {} : { acr }),
      ...(set.length === 0 ? {} : { amr: [...(user.amr ?? []), ...set] }),
    })),
  )
}

/** Whether a row lets somebody in, and no row denies it: by the truth of the conditions and nothing else. */
const letsIn = (row: Row, identity: User, policy: PolicySnapshot): boolean =>
  evaluateCondition(row.when, { identity, context }) === true &&
  policy.rows.every(({ isDeny, when }) => !isDeny || evaluateCondition(when, { identity, context }) === false)

/** Each login that a provider can make of what it is asked for. */
function loginsAsAsked({ login }: Challenge, user: User): User[] {
  const { acrValues = [], methods = [] } = login
  const sets = methods.reduce<readonly string[][]>(
    (all, list) => all.flatMap(set => list.map(method => [...set, method])),
    [[]],
  )
  return sets.flatMap(set =>
    (acrValues.length === 0 ? [undefined] : acrValues).map(acr => ({
      ...user,
      authTime: now,
      ...(acr === undefined ? {} : { acr }),
      ...(set.length === 0 ? {} : { amr: [...(user.amr ?? []), ...set] }),
    })),
  )
}

test('a challenge asks for a login that lets in by the row that it names, and a denial is where none does', async () => {
  const seen = { challenge: 0, deny: 0 }
  const property = fc.asyncProperty(
    fc.tuple(tree, tree, tree, tree),
    rows,
    fc.array(person, { minLength: 15, maxLength: 15 }),
    async (conditions, written, people) => {
      const csv = written.map(([when, effect]) => `p, authenticated, app.example.com, /a, GET, ${when}, ${effect}`)
      const yaml = names.map((name, at) => `${name}: ${JSON.stringify(conditions[at])}`)
      const policy = await policyOf(csv.join('\n'), yaml.join('\n'))
      for (const user of people) {
        const decision = decideFor(user, policy)
        if (decision.effect === 'allow' || (decision.effect === 'deny' && decision.reason === 'rule-denied')) continue
        expect(decision).not.toMatchObject({ reason: 'evaluation-failed' })
        const isHelped = policy.rows.some(
          row => !row.isDeny && loginsFor(row, user, policy).some(login => letsIn(row, login, policy)),
        )
        seen[decision.effect] += 1
        expect({ user, effect: decision.effect }).toEqual({ user, effect: isHelped ? 'challenge' : 'deny' })
        if (decision.effect !== 'challenge') continue
        const row = policy.rows.find(({ id }) => id === decision.rule)
        // The auth host would send them back at once.
        expect(satisfies(decision.login, user, now)).toBe(false)
        for (const login of loginsAsAsked(decision, user)) {
          expect({ login, isIn: row !== undefined && letsIn(row, login, policy) }).toEqual({ login, isIn: true })
          expect(decideFor(login, policy).effect).toBe('allow')
        }
      }
    },
  )
  await fc.assert(property, { numRuns: 120, seed })
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100)
})

const pairs = (count: number): string =>
  Array.from({ length: count }, (_, at) => `{ authentication-method: [m${at}] }, { authentication-method: [n${at}] }`)
    .map(pair => `{ any: [${pair}] }`)
    .join(', ')
const conditionsOf = (count: number): string =>
  `pairs: { all: [${pairs(count)}] }\nm0: { authentication-method: [m0] }\nwide: { any: [{ acr: [gold] }, { all: [${pairs(count)}] }] }\n`
const rowOf = (when: string): string => `p, authenticated, app.example.com, /a, GET, ${when}, allow`

test('of more alternatives than are looked at those that ask for the least are, and whoever is denied for it is denied', async () => {
  const asked = async (when: string, count: number) =>
    decideFor(alice, await policyOf(rowOf(when), conditionsOf(count)))
  // 2^16 of them: which are looked at is bounded, and so is the time.
  expect(await asked('wide', 16)).toMatchObject({ effect: 'challenge', login: { acrValues: ['gold'] } })
  const login = (await asked('pairs', 16)) as Challenge
  expect(login.login.methods).toHaveLength(16)
  expect(await asked('pairs & !m0', 6)).toMatchObject({ effect: 'challenge' })
  // All that are looked at have the method that the last part excludes.
  expect(await asked('pairs & !m0', 7)).toMatchObject({ effect: 'deny', reason: 'condition-failed' })
})

test('a machine is denied where a person is asked for a login, whatever it says of itself', async () => {
  const policy = await policyOf(
    'p, anyone, app.example.com, /a, GET, fresh, allow',
    'fresh: { authentication-age: 15m }',
  )
  const of = {
    provider: 'corp',
    subject: 'corp#robot',
    groups: [],
    claims: { acr: 'gold', amr: ['mfa'], auth_time: now },
  }
  expect(decideFor(alice, policy)).toMatchObject({ effect: 'challenge', reason: 'authentication-too-old' })
  for (const name of [{ client: 'corp/robot' }, { serviceAccount: 'prod/ci/robot' }, { certificate: 'corp/robot' }]) {
    expect(decideFor({ kind: 'machine', ...of, ...name }, policy)).toMatchObject({ reason: 'condition-failed' })
  }
})
