/** Lint by what conditions, roles and rows mean: findings that no comparison of texts finds, and policies that are right. */
import { describe, expect, it, test } from 'vitest'
import { type Condition, evaluateCondition, type Facts } from '../../rbac/conditions/condition.ts'
import { parseAllConditions } from '../../rbac/conditions/conditions-file.ts'
import { parseExpression } from '../../rbac/conditions/expression.ts'
import { type LintOptions, lintPolicy } from '../../rbac/lint/lint.ts'
import { canApply, holdsAlways, implies } from '../../rbac/lint/satisfiable.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

const findingsOf = async (rows: readonly string[], conditions: string, options: LintOptions = {}) => {
  const texts = { conditions: { name: 'conditions.yaml', text: conditions } }
  const findings = lintPolicy(await policyOf(rows.join('\n'), conditions), texts, options)
  return findings.map(({ file, line, rule }) => `${file === 'conditions.yaml' ? 'c' : ''}${line} ${rule}`)
}

const allow = (subject: string, resource: string, action = '*', condition = '-', domain = 'wiki.example.com') =>
  `p, ${subject}, ${domain}, ${resource}, ${action}, ${condition}, allow`
const deny = (...fields: Parameters<typeof allow>) => allow(...fields).replace(/allow$/, 'deny')
const withCondition = (condition: string) => [allow('group:ops', '/a', '*', condition)]

const network = (...networks: string[]) => `{ source-network: [${networks.map(text => `"${text}"`).join(', ')}] }`
const dates = (from: string, until: string, zone = 'UTC') =>
  `{ date-window: { from: "${from}", until: "${until}", zone: ${zone} } }`
const times = (days: string, from = '00:00', to = '24:00', zone = 'UTC') =>
  `{ time-window: { days: ${days}, from: "${from}", to: "${to}", zone: ${zone} } }`
const claim = (name: string, ...values: string[]) => `{ claim: { name: ${name}, in: [${values.join(', ')}] } }`
const named = (conditions: Readonly<Record<string, string>>) =>
  Object.entries(conditions)
    .map(([name, text]) => `${name}: ${text}\n`)
    .join('')

describe('a condition that can never hold', () => {
  it.each<[string, Record<string, string>, string]>([
    ['two quarters', { q1: dates('2027-01-01', '2027-03-31'), q3: dates('2027-07-01', '2027-09-30') }, 'q1 & q3'],
    [
      'months that end before others begin, wherever',
      { one: dates('2027-01-01', '2027-01-31', 'Asia/Tokyo'), two: dates('2027-02-03', '2027-02-28', 'America/Lima') },
      'one & two',
    ],
    [
      'an hour behind an end',
      { a: dates('2027-01-01', '2027-01-31T10:00:00Z'), b: dates('2027-01-31T10:00:00Z', '2027-02-01T00:00:00Z') },
      'a & b',
    ],
    ['days of the week', { week: times('mon-fri'), weekend: times('sat-sun') }, 'week & weekend'],
    [
      'hours of a day',
      { early: times('mon-sun', '06:00', '09:30'), late: times('mon-sun', '09:30', '22:00') },
      'early & late',
    ],
    [
      'a night of the day before',
      { night: times('fri', '22:00', '06:00'), evening: times('sat', '18:00', '22:00') },
      'night & evening',
    ],
    ['networks', { berlin: network('10.1.0.0/16'), paris: network('10.2.0.0/16', '2001:db8::/32') }, 'berlin & paris'],
    [
      'a network without the one around it',
      { narrow: network('10.1.0.0/16'), office: network('10.0.0.0/8') },
      'narrow & !office',
    ],
    [
      'a network without its two halves',
      { all: network('10.0.0.0/8'), half: network('10.0.0.0/9'), rest: network('10.128.0.0/9') },
      'all & !half & !rest',
    ],
    ['one class that is another', { gold: '{ acr: [gold] }', silver: '{ acr: [silver] }' }, 'gold & silver'],
    [
      'a fresh login that is no login of the hour',
      { fresh: '{ authentication-age: 5m }', hour: '{ authentication-age: 1h }' },
      'fresh & !hour',
    ],
    [
      'a method without its like',
      { otp: '{ authentication-method: [otp] }', any: '{ authentication-method: [otp, hwk] }' },
      'otp & !any',
    ],
    ['a claim without its like', { sales: claim('team', 'sales'), all: claim('team', 'sales', 'ops') }, 'sales & !all'],
    [
      'two headers of one name',
      { a: '{ header: { name: X-Device, in: [a] } }', b: '{ header: { name: x-device, in: [b] } }' },
      'a & b',
    ],
    [
      'two values of a route',
      { a: '{ route: { name: tier, in: [a] } }', b: '{ route: { name: tier, in: [b] } }' },
      'a & b',
    ],
    ['a yes that is a no', { a: '{ ask: one }', b: '{ ask: one }' }, 'a & !b'],
    [
      'two beginnings of one header',
      { a: '{ header: { name: X-Zone, prefix: [dmz-] } }', b: '{ header: { name: x-zone, prefix: [corp-] } }' },
      'a & b',
    ],
    [
      'a header that is there and is not',
      { a: '{ header: { name: x-zone, prefix: [dmz-] } }', b: '{ header: { name: x-zone, present: false } }' },
      'a & b',
    ],
    ['preflights of two methods', { a: '{ preflight: [GET] }', b: '{ preflight: [PUT, POST] }' }, 'a & b'],
    ['a group of a provider that is none', { a: '{ group: [corp/ops] }', b: '{ group: [ops] }' }, 'a & !b'],
    ['a group without its like', { a: '{ group: [corp/ops] }', b: '{ group: [corp/ops, dev] }' }, 'a & !b'],
    [
      'two certificates',
      {
        a: `{ client-certificate: { fingerprint: ${'a'.repeat(64)} } }`,
        b: `{ client-certificate: { fingerprint: ${'b'.repeat(64)} } }`,
      },
      'a & b',
    ],
    [
      'what another one nests',
      {
        deep: `{ all: [{ any: [${network('10.1.0.0/16')}, ${network('10.2.0.0/16')}] }, { acr: [x] }] }`,
        office: network('10.0.0.0/8'),
      },
      'deep & !office',
    ],
  ])('%s', async (_, conditions, expression) => {
    expect(await findingsOf(withCondition(expression), named(conditions))).toEqual(['1 condition-never-true'])
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'days that touch in other zones',
      { one: times('mon', '00:00', '24:00', 'Asia/Tokyo'), two: times('sun', '00:00', '24:00', 'America/Lima') },
      'one & two',
    ],
    [
      'dates that touch in other zones',
      { one: dates('2027-01-01', '2027-01-31', 'America/Lima'), two: dates('2027-02-01', '2027-02-28', 'Asia/Tokyo') },
      'one & two',
    ],
    [
      'the last day, which is inside',
      { one: dates('2027-01-01', '2027-01-31'), two: dates('2027-01-31', '2027-02-28') },
      'one & two',
    ],
    ['two deciders', { a: '{ ask: one }', b: '{ ask: other }' }, 'a & !b'],
    [
      'a header that begins so and is longer',
      { a: '{ header: { name: x-zone, prefix: [dmz] } }', b: '{ header: { name: x-zone, in: [dmz] } }' },
      'a & !b',
    ],
    ['a group of any provider', { a: '{ group: [ops] }', b: '{ group: [corp/ops] }' }, 'a & !b'],
    [
      'beginnings of which one is longer',
      { a: '{ header: { name: x-zone, prefix: [dmz-] } }', b: '{ header: { name: x-zone, prefix: [dmz-a] } }' },
      'a & !b',
    ],
    [
      'networks of two kinds',
      { four: network('10.0.0.0/8'), both: network('10.1.0.0/16', '2001:db8::/32') },
      'both & !four',
    ],
    [
      'methods of which a login has many',
      { otp: '{ authentication-method: [otp] }', hwk: '{ authentication-method: [hwk] }' },
      'otp & hwk',
    ],
    ['claims that are lists', { sales: claim('teams', 'sales'), ops: claim('teams', 'ops') }, 'sales & ops'],
    [
      'names of which a certificate has many',
      {
        a: '{ client-certificate: { san-dns: [a.example.com] } }',
        b: '{ client-certificate: { san-dns: [b.example.com] } }',
      },
      'a & b',
    ],
    ['an older login', { fresh: '{ authentication-age: 5m }', hour: '{ authentication-age: 1h }' }, 'hour & !fresh'],
    [
      'the end of a night',
      { night: times('fri', '22:00', '06:00'), dawn: times('sat', '04:00', '08:00') },
      'night & dawn',
    ],
    ['a network and what begins behind it', { half: network('10.0.0.0/9'), all: network('10.0.0.0/8') }, 'all & !half'],
  ])('is not one of %s', async (_, conditions, expression) => {
    expect(await findingsOf(withCondition(expression), named(conditions))).toEqual([])
  })
})

describe('roles', () => {
  const row = allow('role:admin', '/a')
  it.each<[string, string[], string[]]>([
    ['whose member is a role without members', [row, 'g, role:empty, role:admin, *'], ['1 role-without-members']],
    ['that have each other', [row, 'g, role:b, role:admin, *', 'g, role:admin, role:b, *'], ['1 role-without-members']],
    [
      'whose members have theirs on another host',
      [row, 'g, role:b, role:admin, *', 'g, group:ops, role:b, other.example'],
      ['1 role-without-members'],
    ],
    [
      'in a circle that somebody is in',
      [row, 'g, role:b, role:admin, *', 'g, role:admin, role:b, *', 'g, group:ops, role:b, *'],
      [],
    ],
    [
      'whose member has another role on one host, and that on another one',
      [
        allow('role:admin', '/a', '*', '-', '*.example.com'),
        'g, role:b, role:admin, wiki.example.com',
        'g, group:ops, role:b, mail.example.com',
      ],
      ['1 role-without-members'],
    ],
    [
      'held through another one',
      [row, 'g, role:b, role:admin, *.example.com', 'g, group:ops, role:b, wiki.example.com'],
      [],
    ],
    [
      'of everywhere that are denied in the console, through another one',
      [
        'p, group:ops, console, /**, *, -, allow',
        'p, role:admin, console, /keys, *, -, deny',
        'g, role:b, role:admin, *',
        'g, group:dev, role:b, *',
      ],
      [],
    ],
  ])('%s', async (_, rows, found) => {
    expect((await findingsOf(rows, '')).filter(text => !text.endsWith('role-without-rows'))).toEqual(found)
  })

  it.each<[string, string[], string[]]>([
    [
      'whose only member has a row of its own',
      [row, allow('group:ops', '/**'), 'g, group:ops, role:admin, *'],
      ['1 shadowed-row'],
    ],
    [
      'whose members all have rows of their own',
      [
        row,
        allow('group:ops', '/**'),
        allow('group:dev', '/**'),
        'g, group:ops, role:admin, *',
        'g, group:dev, role:admin, *',
      ],
      ['1 shadowed-row'],
    ],
    [
      'that whoever is in the group has',
      [row.replace('/a', '/**'), allow('group:ops', '/a'), 'g, group:ops, role:admin, *.example.com'],
      ['2 shadowed-row'],
    ],
    [
      'that the role of the row has',
      [row, allow('role:b', '/**'), 'g, role:admin, role:b, *', 'g, group:ops, role:admin, *'],
      ['1 shadowed-row'],
    ],
    [
      'that deny what is denied to their only member',
      [
        allow('authenticated', '/**'),
        deny('role:admin', '/a'),
        deny('email:bob@example.com', '/**'),
        'g, email:Bob@example.com, role:admin, *',
      ],
      ['2 shadowed-row'],
    ],
    [
      'with a member beside',
      [row, allow('group:ops', '/**'), 'g, group:ops, role:admin, *', 'g, group:dev, role:admin, *'],
      [],
    ],
    [
      'that the group has on another host alone',
      [
        row.replace('/a', '/**'),
        allow('group:ops', '/a'),
        'g, group:ops, role:admin, other.example',
        'g, group:dev, role:admin, *',
      ],
      [],
    ],
    [
      'that allow a name in one spelling',
      [row, allow('email:bob@example.com', '/**'), 'g, email:Bob@example.com, role:admin, *'],
      [],
    ],
  ])('%s, and their rows', async (_, rows, found) => {
    const findings = await findingsOf(rows, '')
    expect(findings.filter(text => !/subject-spelling|near-names|role-without-rows/.test(text))).toEqual(found)
  })

  it.each<[string, string[], string[]]>([
    [
      'in a wider pattern',
      ['g, group:ops, role:admin, *.example.com', 'g, group:ops, role:admin, wiki.example.com'],
      ['3 covered-membership'],
    ],
    [
      'everywhere',
      ['g, group:ops, role:admin, wiki.example.com', 'g, group:ops, role:admin, *'],
      ['2 covered-membership'],
    ],
    [
      'as one of a domain',
      ['g, email-domain:example.com, role:admin, *', 'g, email:bob@example.com, role:admin, *'],
      ['3 covered-membership'],
    ],
    ['as everybody', ['g, authenticated, role:admin, *', 'g, group:ops, role:admin, *'], ['3 covered-membership']],
    [
      'on another host',
      [
        'g, group:ops, role:admin, *.example.com',
        'g, group:ops, role:admin, example.com',
        'p, role:admin, example.com, /a, *, -, allow',
      ],
      [],
    ],
    ['of anyone', ['g, authenticated, role:admin, *', 'g, anyone, role:admin, wiki.example.com'], []],
    [
      'in the console, which "*" does not cover',
      ['g, group:ops, role:admin, *', 'g, group:ops, role:admin, console', 'p, role:admin, console, /a, *, -, allow'],
      [],
    ],
  ])('are given twice: %s', async (_, roles, found) => {
    expect((await findingsOf([row, ...roles], '')).filter(text => !text.endsWith('shadowed-row'))).toEqual(found)
  })
})

describe('a row that others cover', () => {
  const conditions = named({
    hour: '{ authentication-age: 1h }',
    fresh: '{ authentication-age: 5m }',
    office: network('10.0.0.0/8'),
    berlin: network('10.1.0.0/16'),
    week: times('mon-fri'),
    weekend: times('sat-sun'),
    strong: '{ acr: [gold, silver] }',
    gold: '{ acr: [gold] }',
    bronze: '{ acr: [bronze] }',
  })
  const lint = async (...rows: string[]) =>
    (await findingsOf(rows, conditions)).filter(text => !text.endsWith('unused-condition'))

  it.each<[string, string, string]>([
    ['a shorter time', 'fresh', 'hour'],
    ['a part of the network', 'berlin', 'office'],
    ['one class of several', 'gold', 'strong'],
    ['more, and a part', 'berlin & week', 'office'],
    ['no part of what is left out', '!office', '!berlin'],
  ])('by a condition that asks for %s', async (_, narrow, wide) => {
    expect(await lint(allow('group:ops', '/a', '*', narrow), allow('authenticated', '/**', '*', wide))).toEqual([
      '1 shadowed-row',
    ])
    expect(await lint(allow('group:ops', '/**', '*', narrow), allow('authenticated', '/a', '*', wide))).not.toContain(
      '1 shadowed-row',
    )
  })

  it('is no row under another login, which would be asked for no more', async () => {
    expect(await lint(allow('group:ops', '/a', '*', 'gold'), allow('group:ops', '/a', '*', '!bronze'))).toEqual([])
  })

  it('allows nothing under a deny for all that it asks for', async () => {
    expect(await lint(allow('group:ops', '/a', '*', 'berlin'), deny('anyone', '/**', '*', 'office'))).toEqual([
      '1 allow-under-deny',
    ])
  })

  it.each<[string, string[]]>([
    [
      'one that reads and one that writes',
      [allow('group:ops', '/a'), allow('authenticated', '/**', 'read'), allow('authenticated', '/**', 'write')],
    ],
    [
      'one of the week and one of the weekend',
      [
        allow('group:ops', '/a'),
        allow('authenticated', '/**', '*', 'week'),
        allow('authenticated', '/**', '*', 'weekend'),
      ],
    ],
    [
      'what is in the office and what is not, for those who have an address there',
      [
        allow('group:ops', '/a', '*', 'berlin'),
        allow('authenticated', '/**', 'read', 'office'),
        allow('authenticated', '/**', 'write|GET', 'office'),
      ],
    ],
    [
      'one for each of its members',
      [
        allow('role:r', '/a'),
        allow('group:ops', '/**'),
        allow('group:dev', '/**'),
        'g, group:ops, role:r, *',
        'g, group:dev, role:r, *',
      ],
    ],
  ])('together: %s', async (_, rows) => {
    const findings = (await lint(...rows)).filter(text => !text.endsWith('partly-covered-row'))
    expect(findings).toEqual(['1 shadowed-row'])
    for (const at of [1, 2]) expect(await lint(...rows.toSpliced(at, 1))).not.toContain('1 shadowed-row')
  })

  it('is none where an address may be unknown', async () => {
    const rows = [allow('authenticated', '/**', '*', 'office'), allow('authenticated', '/**', '*', '!office')]
    expect(await lint(allow('group:ops', '/a'), ...rows)).not.toContain('1 shadowed-row')
  })
})

describe('a row or a condition that is open to everybody', () => {
  it.each(['*', '*.example.com'])('%s', async domain => {
    expect(await findingsOf([allow('anyone', '/**', '*', '-', domain)], '')).toEqual(['1 open-to-everybody'])
    expect(await findingsOf([deny('anyone', '/**', '*', '-', domain), allow('authenticated', '/a')], '')).not.toContain(
      '1 open-to-everybody',
    )
  })

  it.each<[string, string]>([
    ['every address of IPv4', network('0.0.0.0/0')],
    ['every address of IPv6', network('10.0.0.0/8', '::/0')],
    ['both halves', network('0.0.0.0/1', '128.0.0.0/1')],
    ['four quarters of IPv6', network('::/2', '4000::/2', '8000::/2', 'c000::/2')],
    ['every hour', times('mon-sun')],
    ['every day, in parts', `{ any: [${times('mon-fri')}, ${times('sat-sun')}] }`],
    ['every address, deep inside', `{ any: [{ acr: [x] }, ${network('0.0.0.0/0')}] }`],
  ])('%s', async (_, condition) => {
    expect(await findingsOf(withCondition('c'), named({ c: condition }))).toEqual(['c1 condition-asks-nothing'])
  })
})

describe('spellings', () => {
  it.each<[string, string]>([
    ['group:team-1', 'group:Team-1'],
    ['user:https://idp.example#Bob', 'user:https://idp.example#bob'],
    ['client:corp/Robot', 'client:corp/robot'],
    ['email:Bob@example.com', 'email:bob@example.com'],
  ])('%s and %s differ by case alone', async (one, other) => {
    const rows = [allow(one, '/a'), allow(other, '/b'), allow('group:team-2', '/c'), allow('group:TEAM-3', '/d')]
    expect((await findingsOf(rows, '')).filter(text => text.endsWith('near-names'))).toEqual(['2 near-names'])
  })

  it('of conditions as well', async () => {
    const rows = [...withCondition('office'), allow('group:dev', '/b', '*', 'Office')]
    expect(await findingsOf(rows, named({ office: network('10.0.0.0/8'), Office: network('192.0.2.0/24') }))).toEqual([
      'c2 near-names',
    ])
  })

  it('of groups that conditions ask for as well, a condition counting once however many rows name it', async () => {
    const rows = [
      allow('group:corp/ops', '/a'),
      ...['/b', '/c', '/d'].map(path => allow('authenticated', path, '*', 'c')),
    ]
    const found = await policyOf(rows.join('\n'), 'c: { group: [dev, corp/opps] }\n')
    const names = lintPolicy(found, {}).filter(({ rule }) => rule === 'near-names')
    expect(names).toMatchObject([
      { line: 2, message: 'group:corp/opps is nearly group:corp/ops (1 line, first policy.csv:1)' },
    ])
    expect(await findingsOf(rows, 'c: { group: [dev, corp/ops] }\n')).toEqual([])
    expect(await findingsOf(rows, 'c: { group: ["o\u200bps"] }\n')).toEqual(['2 subject-spelling'])
  })

  it.each(['re:/api/v1.0/.*', 're:/files/[a-z]+.pdf', 're:/(?:favicon.ico|robots\\.txt)', 're:/files/.*.pdf'])(
    '%s has a dot that takes any character',
    async resource => {
      expect(await findingsOf([allow('anyone', resource, 'GET')], '')).toEqual(['1 odd-pattern'])
    },
  )

  it.each(['re:/api/v1\\.0/.*', 're:/api/v1[.]0/.*', 're:/files/[a-z.]+\\.pdf', 're:/a.{2}/b', 're:/a.?b', 're:/x/.'])(
    '%s has none',
    async resource => {
      expect(await findingsOf([allow('anyone', resource, 'GET')], '')).toEqual([])
    },
  )
})

describe('a part of a condition', () => {
  const conditions = {
    hour: '{ authentication-age: 1h }',
    day: '{ authentication-age: 24h }',
    office: network('10.0.0.0/8'),
    berlin: network('10.1.0.0/16'),
    sales: claim('team', 'sales'),
    all: claim('team', 'sales', 'ops'),
  }
  const of = async (expression: string, make = allow) => {
    const used = Object.entries(conditions).filter(([name]) => expression.includes(name))
    return findingsOf(
      [allow('anyone', '/**'), make('group:ops', '/a', '*', expression)],
      named(Object.fromEntries(used)),
    )
  }

  it.each(['hour & day', 'office & berlin', '!berlin & !office', 'sales & all & hour'])(
    'asks for nothing beside the rest: %s',
    async expression => {
      expect(await of(expression, deny)).toContain('2 condition-implied')
      expect(await of(expression)).toContain('2 condition-implied')
    },
  )

  it.each(['hour & office', 'office & !berlin', 'all & !sales', 'day & !hour', 'sales & office & day'])(
    'asks for more: %s',
    async expression => {
      expect(await of(expression, deny)).toEqual([])
    },
  )

  it('never asks for a preflight where no row lets OPTIONS through', async () => {
    const [all, none] = await Promise.all(
      ['*', 'GET|POST'].map(action => findingsOf([allow('anyone', '/a', action, 'c')], 'c: { preflight: any }\n')),
    )
    expect(all).toEqual([])
    expect(none).toEqual(['1 condition-never-true'])
  })
})

describe('a policy that is right', () => {
  const conditions: Readonly<Record<string, string>> = {
    office: network('10.0.0.0/8', '2001:db8::/32'),
    berlin: network('10.1.0.0/16'),
    guests: network('192.0.2.0/24'),
    hours: times('mon-fri', '09:00', '18:00', 'Europe/Berlin'),
    nights: times('mon-sun', '22:00', '06:00'),
    summer: dates('2027-06-01', '2027-08-31'),
    mfa: '{ authentication-method: [mfa, hwk] }',
    fresh: '{ authentication-age: 15m }',
    gold: '{ acr: [gold] }',
    sales: claim('department', 'sales', 'presales'),
    managed: '{ header: { name: x-device, in: [managed] } }',
    safe: `{ any: [{ acr: [gold] }, ${network('10.0.0.0/8')}] }`,
  }
  const console = (subject: string) => `p, ${subject}, console, /**, *, -, allow`
  it.each<[string, string[]]>([
    ['one page for everybody', [allow('anyone', '/public/**', 'GET')]],
    ['all of one host for everybody', [allow('anyone', '/**')]],
    ['reading on every host below a domain', [allow('anyone', '/**', 'read', '-', '*.example.com')]],
    ['health checks on every host below', [allow('anyone', '/healthz', 'GET', '-', '*.example.com')]],
    ['everybody in the office on every host below', [allow('anyone', '/**', '*', 'office', '*.example.com')]],
    ['everybody who is logged in on every host below', [allow('authenticated', '/**', '*', '-', '*.example.com')]],
    [
      'readers, and writers who do more',
      [allow('authenticated', '/**', 'read'), allow('group:editors', '/**', 'write')],
    ],
    ['readers, and admins who may do all', [allow('authenticated', '/**', 'read'), allow('group:admins', '/**')]],
    ['a deny in front of a part', [allow('authenticated', '/**'), deny('group:contractors', '/admin/**')]],
    [
      'a deny from outside of the office',
      [allow('group:ops', '/**'), deny('authenticated', '/admin/**', '*', '!office')],
    ],
    ['a deny out of hours', [allow('group:ops', '/**'), deny('group:ops', '/deploy', '*', '!hours')]],
    [
      'a network within another one, for more',
      [allow('group:ops', '/**', 'read', 'office'), allow('group:ops', '/**', 'write', 'berlin')],
    ],
    ['one network but not a part of it', [allow('group:ops', '/a', '*', 'office & !berlin')]],
    [
      'networks apart, one for each',
      [allow('group:ops', '/a', '*', 'office'), allow('group:ops', '/a', '*', 'guests')],
    ],
    [
      'what is in the office or not',
      [allow('group:ops', '/a', '*', 'office'), allow('group:ops', '/a', '*', '!office & mfa')],
    ],
    ['a strong login at night', [allow('group:ops', '/a', '*', 'nights & mfa & fresh')]],
    ['hours and nights', [allow('group:ops', '/a', '*', 'hours'), allow('group:dev', '/a', '*', 'nights')]],
    ['a season in working hours', [allow('group:ops', '/a', '*', 'summer & hours')]],
    ['two ways to be trusted', [allow('group:ops', '/a', '*', 'safe'), allow('group:ops', '/b', '*', 'gold')]],
    ['a claim and a device', [allow('authenticated', '/a', '*', 'sales & managed')]],
    [
      'a role with two groups',
      [allow('role:admin', '/a'), 'g, group:ops, role:admin, *', 'g, group:sre, role:admin, *'],
    ],
    [
      'a role of roles',
      [
        allow('role:admin', '/a'),
        'g, role:lead, role:admin, *',
        'g, group:ops, role:lead, *',
        allow('role:lead', '/b'),
      ],
    ],
    [
      'roles of one host and of another',
      [
        allow('role:admin', '/a'),
        allow('role:admin', '/a', '*', '-', 'other.example'),
        'g, group:ops, role:admin, wiki.example.com',
        'g, group:sre, role:admin, other.example',
      ],
    ],
    [
      'a role beside a row of one of its groups elsewhere',
      [allow('role:admin', '/a'), allow('group:ops', '/b'), 'g, group:ops, role:admin, *'],
    ],
    [
      'a role beside one that has a member more',
      [
        allow('role:admin', '/a/**'),
        allow('role:lead', '/a/b'),
        'g, group:ops, role:admin, *',
        'g, group:ops, role:lead, *',
        'g, group:sre, role:lead, *',
      ],
    ],
    [
      'a role in the console and one everywhere',
      [
        allow('role:admin', '/a'),
        console('role:admin'),
        'g, group:ops, role:admin, *',
        'g, group:ops, role:admin, console',
      ],
    ],
    [
      'a person beside their domain',
      [allow('email-domain:example.com', '/**', 'read'), allow('email:bob@example.com', '/b', 'write')],
    ],
    ['two people', [allow('email:bob@example.com', '/a'), allow('email:rob@example.com', '/a')]],
    ['numbered teams', [allow('group:team-1', '/a'), allow('group:team-2', '/b'), allow('group:team-12', '/c')]],
    ['a pattern with its dots written out', [allow('group:ops', 're:/v[0-9]+\\.[0-9]+/[^/]+\\.json', 'GET')]],
    ['a pattern with any character, and with any ending', [allow('group:ops', 're:/a/.{8}/.+', 'GET')]],
    [
      'one row for each method',
      [allow('group:ops', '/a', 'GET'), allow('group:ops', '/a', 'POST'), allow('group:ops', '/b')],
    ],
    [
      'what two rows cover but for one method',
      [allow('group:ops', '/a/b', 'GET|POST|DELETE'), allow('group:ops', '/a/b', 'PUT')],
    ],
  ])('%s', async (_, rows) => {
    const used = Object.entries(conditions).filter(([name]) => rows.some(row => new RegExp(`\\b${name}\\b`).test(row)))
    expect(await findingsOf(rows, named(Object.fromEntries(used)))).toEqual([])
  })
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the conditions: ${seed} (repeat with SEED=${seed})\n`)
const somewhat = {
  n1: network('10.0.0.0/8'),
  n2: network('10.1.0.0/16', '2001:db8::/32'),
  n3: network('10.0.0.0/9', '::/0'),
  n4: network('0.0.0.0/0'),
  d1: dates('2027-01-01', '2027-01-31'),
  d2: dates('2027-01-20', '2027-02-10', 'Asia/Tokyo'),
  d3: dates('2027-02-01', '2027-03-01T12:00:00Z', 'America/Lima'),
  t1: times('mon-fri', '08:00', '18:00'),
  t2: times('sat-sun'),
  t3: times('fri', '22:00', '06:30', 'Europe/Berlin'),
  t4: times('mon-thu', '09:05', '17:00', 'Europe/Berlin'),
  a1: '{ authentication-age: 5m }',
  a2: '{ authentication-age: 1h }',
  m1: '{ authentication-method: [otp] }',
  m2: '{ authentication-method: [otp, hwk] }',
  r1: '{ acr: [gold] }',
  r2: '{ acr: [gold, silver] }',
  c1: claim('team', 'sales'),
  c2: claim('team', 'sales', 'ops', '7'),
  h1: '{ header: { name: x, in: [a] } }',
  h2: '{ header: { name: X, in: [a, b] } }',
  h3: '{ header: { name: x, prefix: [a, bc] } }',
  h4: '{ header: { name: x, present: true } }',
  h5: '{ header: { name: x, prefix: [ab] } }',
  g1: '{ group: [ops] }',
  g2: '{ group: [ops, corp/dev] }',
  g3: '{ group: [other/ops, dev] }',
  p1: '{ preflight: any }',
  p2: '{ preflight: [GET, PUT] }',
  p3: '{ preflight: [PUT] }',
  x1: `{ any: [${network('10.1.0.0/16')}, ${claim('team', 'ops')}] }`,
  x2: `{ all: [${times('mon-sat')}, { acr: [silver, gold] }] }`,
} as const
const parsed = parseAllConditions([{ name: 'conditions.yaml', text: named(somewhat) }], [])
/** Terms that have something to do with each other, more often than not. */
const expressions = fc
  .constantFrom(/^[nx]/, /^d/, /^tx?/, /^[am]/, /^[rx]/, /^[cx]/, /^h/, /^g/, /^p/, /./)
  .map(some => Object.keys(somewhat).filter(name => some.test(name)))
  .chain(names =>
    fc.array(
      fc
        .uniqueArray(fc.tuple(fc.constantFrom('', '!'), fc.constantFrom(...names)), {
          minLength: 1,
          maxLength: 3,
          selector: ([, name]) => name,
        })
        .map(terms => parseExpression(terms.map(term => term.join('')).join(' & '), parsed)),
      { minLength: 3, maxLength: 3 },
    ),
  )
const start = Date.UTC(2026, 11, 15) / 1000
const anyFacts: fc.Arbitrary<Facts> = fc
  .record(
    {
      at: fc.integer({ min: 0, max: 90 * 96 }),
      minute: fc.integer({ min: 0, max: 14 }),
      clientAddress: fc.constantFrom('10.0.0.1', '10.1.2.3', '10.200.0.1', '2001:db8::1', '::1', '192.0.2.1'),
      age: fc.constantFrom(0, 299, 300, 301, 3600, 3601),
      amr: fc.subarray(['otp', 'hwk', 'pwd']),
      acr: fc.constantFrom('gold', 'silver', 'other'),
      team: fc.oneof(
        fc.constantFrom<unknown>('sales', 'ops', 7, '7', true, null),
        fc.subarray<unknown>(['sales', 'ops', 7, 'x']),
      ),
      header: fc.constantFrom('a', 'b', 'c', 'ab', 'abc', 'none'),
      groups: fc.subarray(['ops', 'dev', 'corp/dev', 'x']),
      isUntold: fc.boolean(),
      provider: fc.constantFrom('corp', 'other'),
      asked: fc.constantFrom('GET', 'PUT', 'DELETE', 'none'),
      action: fc.constantFrom('GET', 'OPTIONS', 'OPTIONS'),
    },
    { requiredKeys: ['at', 'minute', 'action'] },
  )
  .map(({ at, minute, clientAddress, age, amr, acr, team, header, groups = [], isUntold, provider, asked, action }) => {
    const now = start + at * 900 + minute * 60
    const headers = new Map([
      ['x', header],
      ['origin', 'https://a.example'],
      ['access-control-request-method', asked],
    ])
    const read = (name: string) => (headers.get(name) === 'none' ? undefined : headers.get(name))
    return {
      request: { domain: 'a.example', resource: '/', action, url: '' },
      identity: {
        kind: 'user',
        subject: 'https://idp.example#alice',
        provider: provider ?? 'corp',
        groups,
        ...(isUntold === true ? { untold: ['groups'] } : {}),
        claims: team === undefined ? {} : { team },
        ...(amr === undefined ? {} : { amr }),
        ...(acr === undefined ? {} : { acr }),
        ...(age === undefined ? {} : { authTime: now - age }),
      },
      context: {
        now,
        ...(clientAddress === undefined ? {} : { clientAddress }),
        ...(header === undefined ? {} : { header: read }),
      },
    }
  })

test('what conditions are said to be, never or always or only under another one, they are for any facts', () => {
  const facts = fc.sample(anyFacts, { numRuns: 200, seed })
  const said = { never: 0, always: 0, implied: 0, not: 0 }
  const applies = (when: Condition, isDeny: boolean, facts: Facts): boolean => {
    const truth = evaluateCondition(when, facts)
    return isDeny ? truth !== false : truth === true
  }
  const property = fc.property(
    expressions,
    fc.tuple(fc.boolean(), fc.boolean()),
    ([narrow, ...wide], [isDeny, isWideDeny]) => {
      if (narrow === undefined) throw new Error('no row')
      const wides = wide.map(when => ({ when, isDeny: isWideDeny }))
      if (!canApply(narrow, isDeny)) {
        said.never += 1
        expect(facts.filter(own => applies(narrow, isDeny, own))).toEqual([])
      }
      if (holdsAlways(narrow)) {
        said.always += 1
        expect(facts.filter(own => evaluateCondition(narrow, own) === false)).toEqual([])
      }
      const isImplied = implies({ when: narrow, isDeny }, wides)
      said[isImplied ? 'implied' : 'not'] += 1
      if (!isImplied) return
      const met = facts.filter(own => applies(narrow, isDeny, own))
      expect(met.filter(own => !wides.some(({ when }) => applies(when, isWideDeny, own)))).toEqual([])
    },
  )
  fc.assert(property, { numRuns: 200, seed })
  expect(said.never).toBeGreaterThan(5)
  expect(said.implied).toBeGreaterThan(5)
  expect(said.not).toBeGreaterThan(50)
})
