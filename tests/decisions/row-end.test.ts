/** Rows that end: when, for whom, what does not load, and what every answer about rows makes of them. */
import { describe, expect, it } from 'vitest'
import { accessOf } from '../../rbac/asking/access.ts'
import { expiringRows } from '../../rbac/asking/expiring.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { replayQuestion } from '../../rbac/asking/replay.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { dateWindow } from '../../rbac/conditions/date-window.ts'
import { parseRowEnd } from '../../rbac/conditions/row-end.ts'
import { daysSinceEpoch, dayText, instantText } from '../../rbac/conditions/times.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'
import { policyOf, problemsOf } from './policies.ts'

const p = (condition: string, effect = 'allow', subject = 'anyone') =>
  `p, ${subject}, api.example.com, /**, *, ${condition}, ${effect}\n`
const at = (time: string) => Date.parse(time) / 1000
const situation = (time: string) => ({
  request: canonicaliseUrl('GET', 'https://api.example.com/a'),
  identity: anonymous,
  context: { now: at(time) },
})
const conditions = `
freeze: { date-window: { from: 2026-12-20, until: 2027-01-03, zone: Europe/Berlin } }
later: { date-window: { from: 2027-03-01 } }
office: { source-network: [10.0.0.0/8] }
`

describe('a row that ends', () => {
  it.each([
    ['until:2026-12-31', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
    ['until:2026-12-31@Europe/Berlin', '2026-12-31T22:59:59Z', '2026-12-31T23:00:00Z'],
    ['until:2026-12-31@Pacific/Kiritimati', '2026-12-31T09:59:59Z', '2026-12-31T10:00:00Z'],
    ['until:2026-12-31@Pacific/Pago_Pago', '2027-01-01T10:59:59Z', '2027-01-01T11:00:00Z'],
    ['until:2026-12-31T18:00:00+01:00', '2026-12-31T16:59:59Z', '2026-12-31T17:00:00Z'],
  ])('H36 %s allows until %s, and nothing at %s', async (condition, last, first) => {
    const policy = await policyOf(p(condition))
    expect(decide(situation(last), policy).effect).toBe('allow')
    expect(decide(situation(first), policy).effect).toBe('challenge')
    expect(decide(situation('2090-01-01T00:00:00Z'), policy).effect).toBe('challenge')
    expect(expiringRows(policy.rows).map(({ endsAt }) => instantText(endsAt))).toEqual([first])
  })

  it('H36 ends as a date window does, in every zone and over every change of its clocks', () => {
    const zones = ['UTC', 'Asia/Beirut', 'America/Havana', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia']
    const day = fc.integer({ min: daysSinceEpoch('2000-01-01') ?? 0, max: daysSinceEpoch('2030-12-31') ?? 0 })
    const property = fc.property(
      day,
      fc.constantFrom(...zones),
      fc.integer({ min: -60, max: 60 }),
      (days, zone, off) => {
        const until = dayText(days)
        const end = parseRowEnd(`until:${until}@${zone}`, false)
        const window = dateWindow({ until, zone })
        const moments = [end, window].flatMap(criterion => {
          if (!('test' in criterion)) throw new Error('no criterion')
          const isIn = (now: number) => criterion.test({ identity: anonymous, context: { now } })
          return [days * 86_400 + 86_400 + off * 900].map(isIn)
        })
        expect(moments[0]).toBe(moments[1])
      },
    )
    fc.assert(property, { numRuns: 400 })
    // On 24 October 2026 clocks in Beirut are set back over midnight: the last hour of the day comes twice.
    const beirut = parseRowEnd('until:2026-10-24@Asia/Beirut', false)
    const isIn = (time: string) => 'test' in beirut && beirut.test({ identity: anonymous, context: { now: at(time) } })
    expect([isIn('2026-10-24T21:59:59Z'), isIn('2026-10-24T22:00:00Z')]).toEqual([true, false])
  })

  it.each([
    ['until:2026-02-30', 'until: expected 2026-12-31 or 2026-12-31T18:00:00Z'],
    ['until:', 'until: expected 2026-12-31 or 2026-12-31T18:00:00Z'],
    ['until:tomorrow & office', 'until: expected 2026-12-31 or 2026-12-31T18:00:00Z'],
    ['until:2026-12-31T18:00:00', 'until: expected 2026-12-31 or 2026-12-31T18:00:00Z'],
    ['until:2026-12-31@Europe/Berln', 'unknown time zone "Europe/Berln"'],
    ['until:2026-12-31T18:00:00Z@UTC', 'until: a time has its offset, and no zone'],
    ['until:2026-12-31 & until:2027-12-31', 'a row ends once'],
    ['!until:2026-12-31', '"until:" is not negated'],
    ['office & ! until:2026-12-31', '"until:" is not negated'],
  ])('H36 %s does not load', async (condition, message) => {
    expect(await problemsOf(policyOf(p(condition), conditions))).toEqual([expect.stringContaining(message)])
  })

  it.each(['deny', 'shadow-deny'])('H37 is none that is to %s', async effect => {
    expect(await problemsOf(policyOf(p('-') + p('until:2026-12-31', effect)))).toEqual([
      expect.stringContaining('policy.csv:2:37: a row that denies has no end of its own'),
    ])
  })

  it('H37 denies by a window that somebody named until that ends, which is listed and said louder than of an allow', async () => {
    const csv = p('-') + p('freeze', 'deny') + p('until:2027-01-03@Europe/Berlin')
    const policy = await policyOf(csv, conditions)
    expect(decide(situation('2027-01-03T22:59:59Z'), policy).effect).toBe('deny')
    expect(decide(situation('2027-01-03T23:00:00Z'), policy).effect).toBe('allow')
    const texts = { conditions: { name: 'conditions.yaml', text: conditions } }
    const said = (time: string, options = {}) =>
      lintPolicy(policy, texts, { now: at(time), ...options })
        .filter(({ rule }) => ['row-ends-soon', 'condition-never-true'].includes(rule))
        .map(({ rule, line, severity }) => `${line} ${severity} ${rule}`)
    expect(said('2026-12-20T00:00:00Z')).toEqual([])
    expect(said('2026-12-20T23:00:00Z')).toEqual(['2 warning row-ends-soon', '3 note row-ends-soon'])
    expect(said('2026-12-10T00:00:00Z', { expiryWarning: 30 * 86_400 })).toHaveLength(2)
    expect(said('2027-01-04T00:00:00Z')).toEqual(['2 warning condition-never-true', '3 warning condition-never-true'])
  })

  it('H38 is asked about like any row with a condition', async () => {
    const policy = await policyOf(p('office & until:2026-12-31') + p('until:2026-06-30', 'shadow-allow'), conditions)
    const { request } = situation('2026-12-01T00:00:00Z')
    expect(JSON.stringify(whoCan(request, policy))).toContain('office & until:2026-12-31')
    expect(JSON.stringify(accessOf(anonymous, policy))).toContain('office & until:2026-12-31')
    const over = {
      ...situation('2027-01-01T00:00:00Z'),
      context: { now: at('2027-01-01T00:00:00Z'), clientAddress: '10.0.0.1' },
    }
    expect(explain(over, policy)).toMatchObject({
      decision: { effect: 'challenge' },
      rows: [{ applies: false, fields: { condition: 'miss' } }, expect.anything()],
    })
    const before = { ...over, context: { ...over.context, now: at('2026-12-31T12:00:00Z') } }
    expect(replayQuestion(policy, { ...before, missing: new Set() })).toMatchObject({ decision: { effect: 'allow' } })
    expect(replayQuestion(policy, { ...over, missing: new Set() })).toMatchObject({ decision: { effect: 'challenge' } })
  })

  it('is the earliest end of all that it asks for, the latest of any, and none where time opens it again', async () => {
    const file = `${conditions}
one: { any: [{ date-window: { until: 2026-01-01 } }, { date-window: { until: 2026-02-01 } }] }
none: { any: [{ date-window: { until: 2026-01-01 } }, { source-network: [10.0.0.0/8] }] }
both: { all: [{ date-window: { until: 2026-05-01 } }, { date-window: { until: 2026-04-01 } }] }
`
    const names = ['one', 'none', 'both', '!later', 'later', '!both', '!none', '- ', 'both & until:2026-03-01']
    const policy = await policyOf(names.map((name, index) => p(name.trim(), 'allow', `group:g${index}`)).join(''), file)
    expect(expiringRows(policy.rows).map(({ row, endsAt }) => [row.condition, instantText(endsAt)])).toEqual([
      ['one', '2026-02-02T00:00:00Z'],
      ['both & until:2026-03-01', '2026-03-02T00:00:00Z'],
      ['both', '2026-04-02T00:00:00Z'],
      ['!later', '2027-03-01T00:00:00Z'],
    ])
  })

  it('writes days and moments as they are read', () => {
    const days = fc.integer({ min: daysSinceEpoch('0001-01-02') ?? 0, max: daysSinceEpoch('9999-12-31') ?? 0 })
    fc.assert(
      fc.property(days, fc.nat(86_399), (day, second) => {
        expect(daysSinceEpoch(dayText(day))).toBe(day)
        expect(instantText(day * 86_400 + second)).toBe(
          new Date((day * 86_400 + second) * 1000).toISOString().replace('.000', ''),
        )
      }),
    )
  })
})
