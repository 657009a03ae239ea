import { describe, expect, it } from 'vitest'
import { explain } from '../../rbac/asking/explain.ts'
import type { Context } from '../../rbac/context.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { policyOf } from './policies.ts'

const conditions = `
office: { source-network: [10.0.0.0/8] }
branch: { source-network: [10.1.0.0/16] }
fresh: { authentication-age: 15m }
fresher: { authentication-age: 5m }
mfa: { authentication-method: [mfa, hwk] }
gold: { acr: [gold] }
sales: { claim: { name: department, in: [sales] } }
managed: { header: { name: x-device, in: [managed] } }
device: { client-certificate: { san-dns: [laptop.example.com] } }
hours: { time-window: { days: mon-fri, from: "09:00", to: "18:00", zone: Europe/Berlin } }
campaign: { date-window: { from: 2026-03-01, until: 2026-03-31, zone: Europe/Berlin } }
`
const saturday = Date.UTC(2026, 0, 3, 10) / 1000
const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'idp',
  groups: ['staff'],
  claims: {},
  authTime: saturday - 3600,
  amr: ['pwd'],
}
const contractor: User = { ...alice, groups: ['staff', 'contractors'] }

interface Asked {
  readonly identity?: Identity
  readonly method?: string
  readonly path?: string
  readonly context?: Partial<Context>
}

async function ask(csv: string, { identity = alice, method = 'GET', path = '/a', context = {} }: Asked = {}) {
  const policy = await policyOf(csv, conditions)
  const request = canonicaliseUrl(method, `https://wiki.example.com${path}`)
  return explain({ request, identity, context: { now: saturday, header: () => undefined, ...context } }, policy)
}

const nearest = async (csv: string, asked: Asked = {}) => (await ask(csv, asked)).nearest.found.map(({ text }) => text)
const row = (subject: string, condition = '-', effect = 'allow', action = '*', resource = '/**') =>
  `p, ${subject}, wiki.example.com, ${resource}, ${action}, ${condition}, ${effect}\n`

describe('the table of an explanation', () => {
  it('J61 shows the row by which somebody whose address nobody told is denied, and that no such row allows', async () => {
    const identity: User = { ...alice, untold: ['email'] }
    const rows = row('email-domain:example.com') + row('group:staff')
    expect((await ask(rows, { identity })).rows.map(({ applies }) => applies)).toEqual([false, true])
    const denied = await ask(rows + row('email:alice@example.com', '-', 'deny'), { identity })
    expect(denied.decision).toMatchObject({ effect: 'deny', reason: 'rule-denied', rule: 'policy.csv:3' })
    expect(denied.rows.find(({ isDeciding }) => isDeciding)).toMatchObject({ rule: 'policy.csv:3', applies: true })
  })

  it('says of each row which field missed, and tries nothing after that', async () => {
    const { rows } = await ask(
      row('group:ops', '-', 'allow', '*', '/b') +
        row('group:staff', '-', 'allow', 'POST') +
        row('group:ops') +
        row('group:staff', 'managed') +
        row('group:staff', 'office'),
    )
    expect(rows.map(({ rule, fields }) => [rule, ...Object.values(fields)])).toEqual([
      ['policy.csv:1', 'miss', 'not-tried', 'not-tried', 'not-tried'],
      ['policy.csv:2', 'hit', 'miss', 'not-tried', 'not-tried'],
      ['policy.csv:3', 'hit', 'hit', 'miss', 'not-tried'],
      ['policy.csv:4', 'hit', 'hit', 'hit', 'miss'],
      ['policy.csv:5', 'hit', 'hit', 'hit', 'may'],
    ])
  })

  it('shows that nothing is tried after the first deny row that applies, except shadow rows', async () => {
    const { decision, rows } = await ask(
      row('authenticated') + row('group:staff', '-', 'deny') + row('anyone') + row('anyone', '-', 'shadow-deny'),
    )
    expect(decision).toMatchObject({ effect: 'deny', reason: 'rule-denied', rule: 'policy.csv:2' })
    expect(rows.map(({ applies, isDeciding }) => [applies, isDeciding])).toEqual([
      [true, false],
      [true, true],
      [false, false],
      [true, false],
    ])
    expect(rows[2]?.fields.resource).toBe('not-tried')
  })

  it('has no rows of other domains and no rows at all where there are none', async () => {
    const { decision, rows } = await ask('p, anyone, other.example.com, /**, *, -, allow\n')
    expect([decision, rows]).toEqual([
      { effect: 'deny', reason: 'no-policy-for-domain', revision: decision.revision },
      [],
    ])
  })
})

describe('the nearest change', () => {
  it('is none for a request that is allowed', async () => {
    expect((await ask(row('anyone'))).nearest).toEqual({ found: [], isComplete: true })
  })

  it.each([
    ['a group', row('group:ops'), ['with group "ops"']],
    ['a provider’s group', row('group:corp/ops'), ['with group "corp/ops"']],
    [
      'a member of a role',
      `${row('role:r')}g, group:sre, role:q, *\ng, role:q, role:r, wiki.example.com\n`,
      ['with group "sre" (role:r)'],
    ],
    [
      'a method',
      row('anyone', '-', 'allow', 'read', '/a').replace('read', 'POST|PURGE'),
      ['with method POST', 'with method PURGE'],
    ],
    ['a network', row('anyone', 'office'), ['from 10.0.0.0/8']],
    ['the narrower of two networks', row('anyone', 'office & branch'), ['from 10.1.0.0/16']],
    ['a fresh login', row('anyone', 'fresh'), ['after a login not older than 15m']],
    ['the fresher of two', row('anyone', 'fresh & fresher'), ['after a login not older than 5m']],
    ['a method of login', row('anyone', 'mfa'), ['after a login with mfa', 'after a login with hwk']],
    ['a class of login', row('anyone', 'gold'), ['after a login of class gold']],
    ['a claim', row('anyone', 'sales'), ['with claim department = "sales"']],
    ['a header', row('anyone', 'managed'), ['with header x-device: managed']],
    ['a certificate', row('anyone', 'device'), ['with a client certificate of san-dns laptop.example.com']],
    ['Monday morning', row('anyone', 'hours'), ['at 2026-01-05T08:00Z']],
    ['the first of March in Berlin', row('anyone', 'campaign'), ['at 2026-02-28T23:00Z']],
    ['office hours in March', row('anyone', 'campaign & hours'), ['at 2026-03-02T08:00Z']],
    ['an address', row('email:alice@example.com'), ['with the address alice@example.com']],
    ['another person', row('user:https://idp.example#bob'), ['as user:https://idp.example#bob']],
  ])('can be %s', async (_, csv, wanted) => {
    expect(await nearest(csv)).toEqual(wanted)
  })

  it('takes a group away that a row denies, also through a role', async () => {
    expect(await nearest(row('anyone') + row('group:contractors', '-', 'deny'), { identity: contractor })).toEqual([
      'without group "contractors"',
    ])
    const roles = 'g, group:contractors, role:outside, *\n'
    expect(await nearest(row('anyone') + row('role:outside', '-', 'deny') + roles, { identity: contractor })).toEqual([
      'without group "contractors"',
    ])
  })

  it('makes the condition of a deny row false, also where it is only unknown', async () => {
    expect(await nearest(row('anyone') + row('anyone', '!office', 'deny'))).toEqual(['from 10.0.0.0/8'])
    expect(await nearest(row('anyone') + row('anyone', 'office', 'deny'))).toEqual(['from outside 10.0.0.0/8'])
  })

  it('joins changes where one is not enough, and names the rows that ask for them', async () => {
    const { nearest: answer } = await ask(row('group:ops', 'office') + row('group:contractors', '-', 'deny'), {
      identity: contractor,
    })
    expect(answer.found).toEqual([
      {
        text: 'without group "contractors" and with group "ops" and from 10.0.0.0/8',
        rule: 'policy.csv:1',
        changes: [
          { kind: 'group', text: 'without group "contractors"', rule: 'policy.csv:2' },
          { kind: 'group', text: 'with group "ops"', rule: 'policy.csv:1' },
          { kind: 'address', text: 'from 10.0.0.0/8', rule: 'policy.csv:1' },
        ],
      },
    ])
  })

  it('sends whom nobody knows to log in first', async () => {
    expect(await nearest(row('authenticated'), { identity: anonymous })).toEqual(['after a login'])
    expect(await nearest(row('group:ops'), { identity: anonymous })).toEqual(['after a login and with group "ops"'])
    expect(await nearest(row('anyone', 'fresh'), { identity: anonymous })).toEqual(['after a login'])
  })

  it('prefers few changes, then those that a person can make at once', async () => {
    const csv = row('group:ops', 'fresh') + row('group:admin') + row('group:staff', 'fresh')
    expect(await nearest(csv)).toEqual(['after a login not older than 15m', 'with group "admin"'])
  })

  it('outlives a way that begins with a group and ends with nobody', async () => {
    const csv =
      row('role:admin', '-', 'deny') +
      row('group:other/dev') +
      row('role:reader') +
      row('anyone', 'mfa') +
      'g, service-account:prod/ci/deployer, role:admin, wiki.example.com\n' +
      'g, group:dev, role:admin, wiki.example.com\n' +
      'g, service-account:prod/ci/deployer, role:reader, wiki.example.com\n'
    const { decision, nearest: changes } = await ask(csv, { identity: anonymous })
    expect(decision.effect).toBe('challenge')
    expect(changes.found.length).toBeGreaterThan(0)
  })

  it('is none where every way is denied', async () => {
    expect((await ask(row('anyone') + row('anyone', '-', 'deny'))).nearest.found).toEqual([])
  })

  it('says so when the search ends at its bound', async () => {
    const csv = Array.from({ length: 40 }, (_, index) => row(`group:g${index}`, 'office & managed')).join('')
    const policy = await policyOf(csv, conditions)
    const request = canonicaliseUrl('GET', 'https://wiki.example.com/a')
    const { nearest: cut } = explain({ request, identity: alice, context: { now: saturday } }, policy, { tries: 50 })
    expect(cut).toEqual({ found: [], isComplete: false })
  })
})
