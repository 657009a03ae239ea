/** What is kept of identities, rows and minutes is what would be made anew, for random questions in random order. */

import { describe, expect, it } from 'vitest'
import { createZoneClock } from '../../rbac/conditions/times.ts'
import type { Context } from '../../rbac/context.ts'
import { decide } from '../../rbac/decide.ts'
import { createFittingRows } from '../../rbac/deciding/fitting-rows.ts'
import { keepAnswers } from '../../rbac/deciding/kept-answers.ts'
import { createNamesIn } from '../../rbac/deciding/known-names.ts'
import { createEvaluation, type Trace } from '../../rbac/evaluation.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const conditions = `
office: { source-network: [10.0.0.0/8] }
fresh: { authentication-age: 15m }
mfa: { authentication-method: [mfa] }
managed: { header: { name: x-device, in: [managed] } }
certified: { client-certificate: { san-dns: [a.example.com] } }
workday: { time-window: { days: mon-fri, from: "09:00", to: "18:00", zone: UTC } }
soon: { date-window: { until: 2026-01-02 } }
sales: { claim: { name: department, in: [sales] } }
`
const rows = `
p, group:ops,     a.example.com, /**,       *,    -,                allow
p, authenticated, a.example.com, /office,   *,    office,           allow
p, authenticated, a.example.com, /fresh,    *,    fresh,            allow
p, authenticated, a.example.com, /mfa,      *,    mfa,              allow
p, authenticated, a.example.com, /managed,  *,    managed,          allow
p, authenticated, a.example.com, /cert,     *,    certified,        allow
p, authenticated, a.example.com, /work,     *,    workday & !soon,  allow
p, authenticated, a.example.com, /sales,    *,    sales,            allow
p, anyone,        a.example.com, /public,   read, -,                allow
p, group:out,     a.example.com, /**,       *,    office,           deny
p, authenticated, a.example.com, /shadow,   *,    managed,          shadow-deny
`
const user = (more: Partial<User>): User => ({
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'idp',
  groups: [],
  claims: {},
  ...more,
})
function fixed(identity: Identity): Identity {
  if (identity.kind !== 'anonymous') Object.freeze(identity.groups)
  return Object.freeze(identity)
}
const identities: readonly Identity[] = [
  anonymous,
  user({}),
  user({ groups: ['ops'] }),
  user({ groups: ['ops', 'out'] }),
  user({ authTime: 1_767_261_600, amr: ['mfa'], claims: { department: 'sales' } }),
].map(fixed)
const ops = fixed(user({ groups: ['ops'] }))
const paths = ['/office', '/fresh', '/mfa', '/managed', '/cert', '/work', '/sales', '/public', '/shadow', '/else']
const certificate = { fingerprint: 'ab', sanDns: ['a.example.com'], sanEmail: [], sanUri: [] }

const requests: fc.Arbitrary<AccessRequest> = fc.record({
  domain: fc.constantFrom('a.example.com', 'b.example.com'),
  resource: fc.constantFrom(...paths),
  action: fc.constantFrom('GET', 'POST'),
  url: fc.constant(''),
})
const contexts: fc.Arbitrary<Context> = fc.record({
  // A Thursday morning, a Saturday, and no time at all.
  now: fc.constantFrom(1_767_261_600, 1_767_261_600 + 86_400, 1_767_261_600 + 3 * 86_400, Number.NaN),
  clientAddress: fc.constantFrom(undefined, '10.1.2.3', '192.0.2.1'),
  header: fc.constantFrom(
    undefined,
    () => 'managed',
    () => undefined,
  ),
  clientCertificate: fc.constantFrom(undefined, null, certificate),
})
const questions = fc.array(fc.tuple(requests, fc.constantFrom(...identities), contexts), {
  minLength: 20,
  maxLength: 200,
})

/** Nothing is kept of what can still be changed: the same identity, made anew for each question. */
const fresh = (identity: Identity): Identity => structuredClone(identity)

describe('what is kept of identities and rows', () => {
  it('decides as if nothing were kept, whatever was asked before', async () => {
    const policy = await policyOf(rows, conditions)
    fc.assert(
      fc.property(questions, asked => {
        for (const [request, identity, context] of asked) {
          expect(decide({ request, identity, context }, policy)).toEqual(
            decide({ request, identity: fresh(identity), context }, policy),
          )
        }
      }),
      { numRuns: 100 },
    )
  })

  it('H02 is that of its policy alone', async () => {
    const request = { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' }
    const ask = (policy: PolicySnapshot) => decide({ request, identity: ops, context: { now: 0 } }, policy).effect
    const member = 'p, role:r, a.example.com, /**, *, -, allow\ng, group:ops, role:r, '
    const [given, elsewhere] = [await policyOf(`${member}a.example.com`), await policyOf(`${member}b.example.com`)]
    expect([given, elsewhere, given, elsewhere].map(ask)).toEqual(['allow', 'deny', 'allow', 'deny'])
  })

  it('H02 is that of one host: a role of another is not taken along, in whatever order they are asked', async () => {
    const policy = await policyOf(
      'p, role:r, *.example.com, /**, *, -, allow\ng, group:ops, role:r, a.example.com\ng, group:ops, role:r, c.example.com',
    )
    const ask = (domain: string) =>
      decide({ request: { domain, resource: '/', action: 'GET', url: '' }, identity: ops, context: { now: 0 } }, policy)
    for (const letter of 'abcdefabcdef') {
      expect(ask(`${letter}.example.com`).effect).toBe('ac'.includes(letter) ? 'allow' : 'deny')
    }
  })

  it('H02 is nothing where the identity, or its groups, can still be changed', async () => {
    const policy = await policyOf('p, group:ops, a.example.com, /**, *, -, allow')
    const groups = ['ops']
    const changing = Object.freeze(user({ groups }))
    const request = { domain: 'a.example.com', resource: '/', action: 'GET', url: '' }
    expect(decide({ request, identity: changing, context: { now: 0 } }, policy).effect).toBe('allow')
    groups.pop()
    expect(decide({ request, identity: changing, context: { now: 0 } }, policy).effect).toBe('deny')
  })

  it('is one frozen decision for a row, and another one for each request that a shadow row speaks of', async () => {
    const policy = await policyOf(rows, conditions)
    const ask = (resource: string, context: Context) =>
      decide({ request: { domain: 'a.example.com', resource, action: 'GET', url: '' }, identity: ops, context }, policy)
    const plain = ask('/one', { now: 0 })
    expect(ask('/two', { now: 0 })).toBe(plain)
    expect(Object.isFrozen(plain)).toBe(true)
    expect(ask('/shadow', { now: 0, header: () => 'managed' })).toEqual({ ...plain, shadow: ['policy.csv:12'] })
    expect(ask('/one', { now: 0 })).toBe(plain)
  })

  it('H02 H03 no two questions share an answer, however their fields could be joined', async () => {
    const policy = await policyOf(
      'p, anyone, a.example.com, /GET/x, *, -, allow\np, anyone, "a.example.co", /x, *, -, deny\n',
    )
    const parts = ['', 'a', 'G', 'GET', '/x', '/GET/x', 'a.example.com', 'a.example.co', '3:GET', ' 1 ']
    for (const domain of parts) {
      for (const action of parts) {
        for (const resource of parts) {
          const request = { domain, resource, action, url: '' }
          const { effect } = decide({ request, identity: anonymous, context: { now: 0 } }, policy)
          expect(effect === 'allow').toBe(domain === 'a.example.com' && resource === '/GET/x')
        }
      }
    }
  })

  it('H04 is names of a few hosts, and they are the same set while they are', () => {
    let asked = 0
    const namesIn = createNamesIn(() => {
      asked += 1
    })
    const first = namesIn(ops, 'a.example.com')
    expect(namesIn(ops, 'a.example.com')).toBe(first)
    expect(asked).toBe(1)
    for (let host = 0; host < 10; host += 1) namesIn(ops, `${host}.example.com`)
    expect(namesIn(ops, 'a.example.com')).not.toBe(first)
    expect(namesIn(ops, 'a.example.com')).toEqual(first)
  })

  it('H04 is rows of a slow list by method and path, in bounded memory', async () => {
    const csv = Array.from(
      { length: 60 },
      (_, at) => `p, group:ops, a.example.com, re:/(s${at}|t)/[a-z]+, GET, -, allow`,
    )
    const { rows: slow } = await policyOf(csv.join('\n'))
    let tried = 0
    const counted = slow.map(row => ({
      ...row,
      fitsResource: (path: string) => {
        tried += 1
        return row.fitsResource(path)
      },
    }))
    const fitting = createFittingRows({ maxBytes: 10_000 })
    expect(fitting.find(counted, 'GET', '/s7/a')).toBeUndefined()
    fitting.watch(counted)
    const ask = (action: string, path: string) => {
      const before = tried
      return { found: fitting.find(counted, action, path)?.map(({ id }) => id), tried: tried - before }
    }
    expect(ask('GET', '/s7/a')).toEqual({ found: ['policy.csv:8'], tried: 60 })
    expect(ask('GET', '/s7/a')).toEqual({ found: ['policy.csv:8'], tried: 0 })
    expect(ask('POST', '/s7/a').found).toEqual([])
    expect(ask('GET', '/s8/a').found).toEqual(['policy.csv:9'])
    expect(ask('GET', '/t/a').found).toHaveLength(60)
    for (let path = 0; path < 100; path += 1) ask('GET', `/s1/${path}`)
    expect(ask('GET', '/s7/a')).toEqual({ found: ['policy.csv:8'], tried: 60 })
  })

  it('H03 is of one question, though method and path of another read the same in one piece', async () => {
    const csv = Array.from({ length: 6 }, (_, at) => `p, group:ops, a.example.com, re:/(${at}|a)/x, custom:A, -, allow`)
    const policy = await policyOf(csv.join('\n'))
    const ask = (action: string, resource: string) =>
      decide(
        { request: { domain: 'a.example.com', resource, action, url: '' }, identity: ops, context: { now: 0 } },
        policy,
      )
    expect(ask('A/1', '/x').effect).toBe('deny')
    expect(ask('A', '/1/x').effect).toBe('allow')
    expect(ask('A/1', '/x').effect).toBe('deny')
  })

  it('B07 is nothing of a path that servers read in several ways', async () => {
    const open = Array.from({ length: 6 }, (_, at) => `p, group:ops, a.example.com, re:/(${at}|a).*, *, -, allow`)
    const policy = await policyOf([...open, 'p, group:ops, a.example.com, re:/admin/.*, *, -, deny'].join('\n'))
    const effectOf = (resource: string) =>
      decide(
        { request: { domain: 'a.example.com', resource, action: 'GET', url: '' }, identity: ops, context: { now: 0 } },
        policy,
      ).effect
    for (const path of ['/admin;x/users', '/admin%2Fusers']) {
      expect([path, effectOf(path), effectOf(path)]).toEqual([path, 'deny', 'deny'])
    }
    expect([effectOf('/admin-x/users'), effectOf('/admin-x/users')]).toEqual(['allow', 'allow'])
  })

  it('H02 is rows of a slow list of which each person gets their own', async () => {
    const csv = Array.from({ length: 8 }, (_, at) => `p, group:g${at % 4}, a.example.com, re:/(${at}|a)/x, *, -, allow`)
    const policy = await policyOf(csv.join('\n'))
    const ask = (group: string) =>
      decide(
        {
          request: { domain: 'a.example.com', resource: '/a/x', action: 'GET', url: '' },
          identity: fixed(user({ groups: [group] })),
          context: { now: 0 },
        },
        policy,
      )
    const rules = ['g3', 'g1', 'none', 'g3']
      .map(group => ask(group))
      .map(({ effect, ...more }) => [effect, 'rule' in more && more.rule])
    expect(rules).toEqual([
      ['allow', 'policy.csv:4'],
      ['allow', 'policy.csv:2'],
      ['deny', false],
      ['allow', 'policy.csv:4'],
    ])
  })

  it('H02 H04 is answers of a brought model by whom, where and what they are about, in bounded memory', () => {
    let asked = 0
    const answers = keepAnswers(
      ({ request, identity }) => {
        asked += 1
        const rule = `${identity.kind} ${request.domain} ${request.action} ${request.resource}`
        return { effect: 'allow', rule }
      },
      { maxBytes: 10_000 },
    )
    const ask = (identity: Identity, domain: string, action: string, resource: string) => {
      const before = asked
      const answer = answers({ request: { domain, action, resource, url: '' }, identity, addRoles: () => {} })
      expect(answer).toEqual({ effect: 'allow', rule: `${identity.kind} ${domain} ${action} ${resource}` })
      return asked - before
    }
    const parts: readonly [string, string, string][] = [
      ['a', 'GET', '/x'],
      ['a', 'GET/', 'x'],
      ['aG', 'ET', '/x'],
      ['b', 'GET', '/x'],
    ]
    const untold = fixed(user({ untold: ['groups'] }))
    for (const part of parts)
      expect([ops, anonymous, ops, anonymous].map(one => ask(one, ...part))).toEqual([1, 1, 0, 0])
    expect([untold, untold, user({}), user({})].map(one => ask(one, 'a', 'GET', '/x'))).toEqual([1, 1, 1, 1])
    for (let path = 0; path < 100; path += 1) ask(ops, 'a', 'GET', `/${path}`)
    expect(ask(ops, 'a', 'GET', '/x')).toBe(1)
  })

  it('is not that a decision failed', async () => {
    const policy = await policyOf('p, anyone, a.example.com, /**, *, -, allow\n')
    const broken: PolicySnapshot = {
      ...policy,
      narrow: () => {
        throw new Error('a bug')
      },
    }
    const request = { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' }
    const errors: unknown[] = []
    for (let time = 1; time <= 2; time += 1) {
      const decision = decide({ request, identity: anonymous, context: { now: 0 } }, broken, error =>
        errors.push(error),
      )
      expect(decision).toMatchObject({ reason: 'evaluation-failed' })
      expect(errors).toHaveLength(time)
    }
    expect(decide({ request, identity: anonymous, context: { now: 0 } }, policy).effect).toBe('allow')
  })
})

const effects = [
  'some(where (p.eft == allow)) && !some(where (p.eft == deny))',
  'some(where (p.eft == allow))',
  'priority(p.eft) || deny',
]

/** A window cannot be compared with a clock that shows no time. */
function answerOf(enforce: () => boolean): boolean | string {
  try {
    return enforce()
  } catch (error) {
    return String(error)
  }
}

describe('one context for all rows', () => {
  it('answers as Casbin does with one for each, and sees the same rows in the same order', async () => {
    const policy = await policyOf(rows, conditions)
    fc.assert(
      fc.property(questions, fc.shuffledSubarray([...policy.rows]), (asked, among) => {
        for (const [request, identity, context] of asked) {
          const [own, stock] = [policy.enforce, policy.stock].map(enforce => {
            const tried: string[] = []
            const trace: Trace = (row, field, outcome) => void tried.push(`${row.id} ${field} ${outcome}`)
            const evaluation = createEvaluation({ request, identity, context }, { namesIn: policy.namesIn, trace })
            const { applied, unmet, spared } = evaluation
            return { answer: answerOf(() => enforce(among, evaluation)), tried, applied, unmet, spared }
          })
          expect(own).toEqual(stock)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('one more row that could only allow is not tried, and the answer is that of all of them', async () => {
    const field = (...values: string[]) => fc.constantFrom(...values)
    const line = fc.tuple(
      field('/**', '/*', '/o*', '/m*'),
      field('anyone', 'authenticated', 'group:ops'),
      field('-', 'office', '!office', 'managed', 'mfa'),
      field('allow', 'allow', 'allow', 'deny', 'shadow-deny'),
    )
    const policies = fc.uniqueArray(line, { minLength: 2, maxLength: 30, selector: String })
    await fc.assert(
      fc.asyncProperty(policies, fc.constantFrom(...effects), questions, async (lines, effect, asked) => {
        const csv = lines
          .map(([path, who, when, what]) => `p, ${who}, a.example.com, ${path}, *, ${when}, ${what}`)
          .join('\n')
        const policy = await policyOf(csv, conditions, effect)
        const stock = { ...policy, enforce: policy.stock }
        for (const [request, identity, context] of asked) {
          const question = { request, identity, context }
          expect(decide(question, policy)).toEqual(decide(question, stock))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('looks at what the conditions of further rows that allow look at no more', async () => {
    const csv = Array.from({ length: 40 }, (_, at) => `p, anyone, a.example.com, re:/(x|${at}), *, managed, allow`)
    const policy = await policyOf(csv.join('\n'), conditions)
    const request = { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' }
    const reads = (enforce: PolicySnapshot['enforce']) => {
      let count = 0
      const header = (): string => {
        count += 1
        return 'managed'
      }
      decide({ request, identity: anonymous, context: { now: 0, header } }, { ...policy, enforce })
      return count
    }
    expect([reads(policy.enforce), reads(policy.stock)]).toEqual([1, 40])
  })

  it('is left when a condition throws, for the next question', async () => {
    const policy = await policyOf(rows, conditions)
    const request = { domain: 'a.example.com', resource: '/managed', action: 'GET', url: '' }
    const identity = user({})
    const failing = (): string => {
      throw new Error('a header that cannot be read')
    }
    expect(decide({ request, identity, context: { now: 0, header: failing } }, policy)).toMatchObject({
      reason: 'evaluation-failed',
    })
    expect(decide({ request, identity, context: { now: 0, header: () => 'managed' } }, policy).effect).toBe('allow')
  })
})

describe('the clock of a zone', () => {
  it('shows the time of each moment, whatever it was asked for before', () => {
    const zones = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'Africa/Monrovia']
    const moments = fc.integer({ min: -3_000_000_000, max: 4_000_000_000 })
    const steps = fc.array(fc.integer({ min: -70, max: 70 }), { maxLength: 10 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), moments, steps, (zone, start, moves) => {
        const clock = createZoneClock(zone)
        let now = start
        for (const move of [0, ...moves]) {
          now += move
          expect(clock(now)).toEqual(createZoneClock(zone)(now))
        }
      }),
      { numRuns: 60 },
    )
  })
})
