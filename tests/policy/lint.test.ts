/** Lint: each rule with the row it means, and no finding about a row that decides something. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { decide } from '../../rbac/decide.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { Finding } from '../../rbac/lint/finding.ts'
import { type LintOptions, lintPolicy } from '../../rbac/lint/lint.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'
import { processorMsOf } from '../pace.ts'
import { fc } from '../properties.ts'

const conditionsFile = `office: { source-network: [10.0.0.0/8] }
hours: { time-window: { from: "09:00", to: "18:00" } }
guests: { date-window: { until: 2026-03-31 } }
mfa: { authentication-method: [otp] }
narrow: { source-network: [10.0.0.0/24] }
strong: { acr: [gold, silver] }
gold: { acr: [gold] }
fresh: { authentication-age: 5m }
recent: { authentication-age: 1h }
`
const conditions = { name: 'conditions.yaml', text: conditionsFile }
const findingsOf = async (csv: string, options: LintOptions = {}) =>
  lintPolicy(await policyOf(csv, conditionsFile), { conditions }, options)
const lint = async (csv: string, options: LintOptions = {}) =>
  (await findingsOf(csv, options))
    .filter(({ rule }) => rule !== 'unused-condition')
    .map(({ rule, line }) => `${line} ${rule}`)

const wide = 'p, authenticated, *.example.com, /admin/**, *, -, allow'
const p = (...fields: string[]) => `p, ${fields.join(', ')}`

describe('a deny row that takes something away', () => {
  it.each([
    ['on a host of its pattern', ['*.example.com', '/a/**'], ['wiki.example.com', '/a/b']],
    ['on a wider host', ['wiki.example.com', '/a/b'], ['*.example.com', '/a/**']],
    ['with a pattern', ['wiki.example.com', 're:/a/.*'], ['wiki.example.com', '/a/b']],
    ['from a star', ['wiki.example.com', '/a/b'], ['wiki.example.com', '/*/b']],
    ['in another spelling', ['wiki.example.com', '/jobs%3Apurge/x'], ['wiki.example.com', '/jobs:purge/**']],
  ])('%s is not reported', async (_, [host = '', path = ''], [otherHost = '', otherPath = '']) => {
    const denied = p('group:ops', host, path, 'GET', '-', 'deny')
    expect(await lint(`${denied}\n${p('group:sre', otherHost, otherPath, '*', '-', 'allow')}`)).toEqual([])
  })
})

describe('a row that another one covers', () => {
  it.each([
    ['in the host', p('authenticated', 'wiki.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the host pattern', p('authenticated', '*.eu.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the subject', p('group:ops', '*.example.com', '/admin/**', '*', '-', 'allow')],
    ['in the path', p('authenticated', '*.example.com', '/admin/*/keys', '*', '-', 'allow')],
    ['in the path without what is below', p('authenticated', '*.example.com', '/admin', '*', '-', 'allow')],
    ['in the method', p('authenticated', '*.example.com', '/admin/**', 'read|POST', '-', 'allow')],
    ['in the condition', p('authenticated', '*.example.com', '/admin/**', '*', 'office & !mfa', 'allow')],
  ])('%s is reported, wherever it stands', async (_, row) => {
    expect(await lint(`${wide}\n${row}`)).toEqual(['2 shadowed-row'])
    expect(await lint(`${row}\n${wide}`)).toEqual(['1 shadowed-row'])
  })

  it.each([
    ['for the apex', p('authenticated', 'example.com', '/admin/**', '*', '-', 'allow')],
    ['for a wider host', p('authenticated', '*.com', '/admin/**', '*', '-', 'allow')],
    ['for anonymous requests', p('anyone', '*.example.com', '/admin/**', '*', '-', 'allow')],
    ['for another path', p('authenticated', '*.example.com', '/admins', '*', '-', 'allow')],
    ['for a wider path', p('authenticated', '*.example.com', '/*/**', '*', '-', 'allow')],
    ['for reporting only', p('authenticated', '*.example.com', '/admin/**', '*', '-', 'shadow-allow')],
  ])('%s is not', async (_, row) => {
    expect(await lint(`${wide}\n${row}`)).not.toContain('2 shadowed-row')
  })

  it('with a condition covers those that ask more, and not those that ask something else', async () => {
    const rows = ['office', 'office & mfa', 'mfa'].map(condition =>
      p('group:ops', 'wiki.example.com', '/a', '*', condition, 'allow'),
    )
    expect(await lint(rows.join('\n'))).toEqual(['2 shadowed-row'])
  })

  it('through a role that anonymous requests have is not covered by authenticated', async () => {
    const role = p('role:reader', 'wiki.example.com', '/admin', '*', '-', 'allow')
    expect(await lint(`${wide}\n${role}\ng, anyone, role:reader, *`)).toEqual([])
    expect(await lint(`${wide}\n${role}\ng, group:ops, role:reader, *`)).toEqual(['2 shadowed-row'])
  })
})

describe('an allow row that names what servers read differently', () => {
  it.each(['/app;v=1/**', '/a%2Fb', '/a/*;x'])('%s never allows, and lint says so', async resource => {
    expect(await lint(p('anyone', 'wiki.example.com', resource, 'GET', '-', 'allow'))).toContain('1 read-otherwise')
    expect(await lint(p('anyone', 'wiki.example.com', resource, 'GET', '-', 'deny'))).not.toContain('1 read-otherwise')
  })
})

describe('H06 a row of which a wider one allows a part', () => {
  const read = p('authenticated', 'wiki.example.com', '/**', 'read', '-', 'allow')
  const readMethods = 'read (GET, HEAD, OPTIONS, QUERY, PROPFIND, SEARCH, REPORT)'
  const messagesOf = async (...rows: string[]) =>
    (await findingsOf(rows.join('\n')))
      .filter(({ rule }) => rule === 'partly-covered-row')
      .map(({ line, severity, message }) => `${line} ${severity} ${message.replace(/ \(p, .*/, '')}`)

  it.each<[string, string[], string[]]>([
    [
      'in its methods, for what it asks of a part of the host',
      [read, p('group:ops', 'wiki.example.com', '/admin/**', '*', 'mfa', 'allow')],
      [`2 warning has no effect for ${readMethods}: policy.csv:1 already allows it`],
    ],
    [
      'in its methods, for whom it names',
      [read, p('group:ops', 'wiki.example.com', '/admin/**', 'GET|POST', '-', 'allow')],
      ['2 warning has no effect for GET, HEAD: policy.csv:1 already allows it'],
    ],
    [
      'on one of its hosts',
      [
        p('authenticated', '*.example.com', '/**', 'GET', '-', 'allow'),
        p('authenticated', 'wiki.example.com', '/**', '*', 'mfa', 'allow'),
      ],
      ['2 warning has no effect for GET: policy.csv:1 already allows it'],
    ],
    [
      'under a condition',
      [
        p('authenticated', 'wiki.example.com', '/**', '*', 'office', 'allow'),
        p('group:ops', 'wiki.example.com', '/admin/**', '*', 'mfa', 'allow'),
      ],
      ['2 note has no effect for any method where office holds: policy.csv:1 already allows it'],
    ],
    [
      'at the same place',
      [read, p('group:ops', 'wiki.example.com', '/**', '*', 'mfa', 'allow')],
      [`2 note has no effect for ${readMethods}: policy.csv:1 already allows it`],
    ],
    [
      'with methods of its own',
      [
        p('authenticated', 'wiki.example.com', '/**', 'custom:BREW|GET', '-', 'allow'),
        p('group:ops', 'wiki.example.com', '/pots/**', 'custom:BREW|POST', '-', 'allow'),
      ],
      ['2 warning has no effect for BREW: policy.csv:1 already allows it'],
    ],
  ])('is reported %s', async (_, rows, found) => {
    expect(await messagesOf(...rows)).toEqual(found)
    const moved = found.map(text => text.replace(/^2/, '1').replace('policy.csv:1', 'policy.csv:2'))
    expect(await messagesOf(...rows.reverse())).toEqual(moved)
  })

  it.each<[string, string]>([
    ['says what it adds', p('group:ops', 'wiki.example.com', '/admin/**', 'POST|PUT', 'mfa', 'allow')],
    ['lets somebody do more at the same place', p('group:ops', 'wiki.example.com', '/**', '*', '-', 'allow')],
    ['lets the same people do more somewhere', p('authenticated', 'wiki.example.com', '/edit/**', '*', '-', 'allow')],
    ['is about writing alone', p('group:ops', 'wiki.example.com', '/admin/**', 'write', 'mfa', 'allow')],
    ['is of another host', p('group:ops', 'other.example.com', '/admin/**', '*', 'mfa', 'allow')],
    ['is for others as well', p('anyone', 'wiki.example.com', '/admin/**', '*', 'mfa', 'allow')],
    ['denies', p('group:ops', 'wiki.example.com', '/admin/**', '*', 'mfa', 'deny')],
    ['is only reported', p('group:ops', 'wiki.example.com', '/admin/**', '*', 'mfa', 'shadow-allow')],
  ])('is not where it %s', async (_, row) => {
    expect(await messagesOf(read, row)).toEqual([])
  })

  it('J120 is not where the row for all tokens means hosts alone', async () => {
    const wide = p('client:corp/robot', 'tokens', '/**', 'create', '-', 'allow')
    const cluster = p('client:corp/robot', 'tokens', '/kube:*', 'create', '-', 'allow')
    const host = p('client:corp/robot', 'tokens', '/wiki.example.com', 'create', '-', 'allow')
    const rulesOf = async (...rows: string[]) => (await findingsOf(rows.join('\n'))).map(({ rule }) => rule)
    expect(await rulesOf(wide, cluster)).not.toContain('shadowed-row')
    expect(await rulesOf(wide, host)).toContain('shadowed-row')
  })

  it('is named with those who pass its condition by, once for each row that lets them', async () => {
    const rows = [
      p('group:ops', 'wiki.example.com', '/**', '*', '-', 'allow'),
      p('authenticated', 'wiki.example.com', '/admin/**', '*', 'mfa', 'allow'),
      p('authenticated', 'wiki.example.com', '/keys/**', 'GET', 'mfa & office', 'allow'),
      p('group:sre', 'wiki.example.com', '/keys/**', 'GET', 'mfa & office', 'allow'),
    ]
    const found = (await findingsOf(rows.join('\n'))).filter(({ rule }) => rule === 'condition-passed-by')
    expect(found.map(({ line, message, severity }) => [line, message, severity])).toEqual([
      [1, 'group:ops needs no "mfa" of policy.csv:2 and of 1 more: this row allows it without', 'note'],
    ])
  })
})

describe('names', () => {
  const row = (subject: string, effect = 'allow') => p(subject, 'wiki.example.com', '/a', '*', '-', effect)
  const all = row('authenticated').replace('/a', '/**')

  it.each<[string, string]>([
    ['group:ops', 'group:opps'],
    ['group:contractors', 'group:contractor'],
    ['group:ops', 'group:Ops'],
    ['group:ops-team', 'group:ops_team'],
    ['group:opsteam', 'group:ops-team'],
    ['group:contractors', 'group:cotnractors'],
    ['group:contractors', 'group:contrectors'],
    ['group:corp/ops', 'group:corp/opps'],
    ['group:caf\u00e9', 'group:cafe\u0301'],
  ])('%s and %s are nearly the same', async (one, other) => {
    const found = await lint(`${row(one, 'deny')}\n${row(other, 'deny')}\n${all}`)
    expect(found.filter(text => text.includes('near-names'))).toEqual(['2 near-names'])
  })

  it.each<[string, string]>([
    ['group:team-1', 'group:team-2'],
    ['group:team-1', 'group:team-11'],
    ['group:ops', 'group:ops2'],
    ['group:team-a', 'group:team-b'],
    ['group:dev', 'group:sev'],
    ['group:eu', 'group:us'],
    ['group:hr', 'group:hrs'],
    ['group:ops', 'role:ops'],
    ['group:red-team', 'group:read-eam'],
    ['email:bob@example.com', 'email:rob@example.com'],
  ])('%s and %s are two', async (one, other) => {
    const found = await lint(`${row(one, 'deny')}\n${row(other, 'deny')}\n${all}`)
    expect(found.filter(text => text.includes('near-names'))).toEqual([])
  })

  it('of hosts and roles may be slips as well, and the rarer one is named', async () => {
    const rows = [
      p('group:ops', 'wikii.example.com', '/a', '*', '-', 'allow'),
      p('role:admin', 'wiki.example.com', '/a', '*', '-', 'allow'),
      p('role:admin', 'wiki.example.com', '/b', '*', '-', 'allow'),
      'g, group:ops, role:admni, wiki.example.com',
    ]
    const found = (await findingsOf(rows.join('\n'))).filter(({ rule }) => rule === 'near-names')
    expect(found.map(({ line, message }) => [line, message])).toEqual([
      [1, 'wikii.example.com is nearly wiki.example.com (3 lines, first policy.csv:2)'],
      [4, 'role:admni is nearly role:admin (2 lines, first policy.csv:2)'],
    ])
  })

  it.each<[string, string, string]>([
    ['email:Bob@corp.example', 'allow', 'note'],
    ['email:stra\u00dfe@corp.example', 'allow', 'note'],
    ['group:cafe\u0301', 'deny', 'note'],
    ['group:o\u200bps', 'deny', 'warning'],
    ['group:o\u00a0ps', 'allow', 'warning'],
    ['service-account:prod/CI/deployer', 'deny', 'warning'],
  ])('%j that %s may be missed', async (subject, effect, severity) => {
    const found = await findingsOf(`${row(subject, effect)}\n${all.replace('/**', '/c')}`)
    expect(found.filter(({ rule }) => rule === 'subject-spelling')).toMatchObject([{ line: 1, severity }])
    const member = await findingsOf(`${row('role:r')}\ng, ${subject}, role:r, *`)
    expect(member.filter(({ rule }) => rule === 'subject-spelling')).toMatchObject([{ line: 2, severity }])
  })

  it.each([
    ['email:Bob@corp.example', 'deny'],
    ['email:bob@CORP.example', 'allow'],
    ['group:caf\u00e9', 'deny'],
    ['group:Domain Admins', 'deny'],
  ])('%j that %s is not', async (subject, effect) => {
    const found = await findingsOf(row(subject, effect))
    expect(found.filter(({ rule }) => rule === 'subject-spelling')).toEqual([])
  })

  it('of methods without a path are named', async () => {
    const rows = `${row('group:ops', 'deny').replace('*', 'CONNECT|GET')}\n${all}`
    expect(await lint(rows)).toEqual(['1 method-without-path'])
  })
})

describe('rows of kube: domains', () => {
  const kube = (subject: string, resource: string, action: string, effect = 'allow', condition = '-') =>
    p(subject, 'kube:prod', resource, action, condition, effect)
  const viewer = kube('group:dev', '/**', 'get|list|watch')
  const noProxy = kube('group:dev', '/*/core/*/*/proxy', 'get', 'deny')

  it.each([
    ['everything', viewer],
    ['the proxies of nodes', kube('group:dev', '/-/core/nodes/*/proxy', 'get')],
    ['a namespace', kube('group:dev', '/payments/**', 'get|list|watch')],
    ['one service', kube('group:dev', '/payments/core/services/web/proxy', 'get')],
    ['a pattern', kube('group:dev', 're:/-/core/nodes/.*', 'get')],
    ['what is denied to others', `${viewer}\n${kube('group:ops', '/*/core/*/*/proxy', 'get', 'deny')}`],
    ['what is denied at times', `${viewer}\n${kube('group:dev', '/*/core/*/*/proxy', 'get', 'deny', 'hours')}`],
  ])('a row that reads %s reads through proxies', async (_, csv) => {
    expect(await lint(csv)).toContain('1 reading-that-acts')
  })

  it.each([
    ['a deny', `${viewer}\n${noProxy}`],
    ['a deny for all', `${viewer}\n${kube('anyone', '/*/core/*/*/proxy', '*', 'deny')}`],
    ['a kind', kube('group:dev', '/payments/core/pods/**', 'list|watch')],
    ['another kind', kube('group:dev', '/*/core/configmaps/**', 'get')],
    ['create beside it', kube('group:dev', '/payments/core/services/web/proxy', 'get|create')],
    ['a URL', kube('group:dev', '/nonResourceURLs/**', 'get')],
  ])('with %s it does not', async (_, csv) => {
    expect(await lint(csv)).toEqual([])
  })

  it.each([
    ['/payments/**', 'get|list|watch|create', 'pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy'],
    ['/payments/core/**', 'create', 'pods/exec'],
    ['/*/core/pods/*/*', 'create', 'pods/exec'],
    ['/-/core/nodes/**', 'create|patch', 'nodes/proxy'],
    ['/payments/core/services/**', 'create', 'services/proxy'],
  ])('%s %s opens more than it seems to: %s', async (resource, action, names) => {
    const found = (await findingsOf(kube('group:dev', resource, action))).find(
      ({ rule }) => rule === 'creating-that-acts',
    )
    expect(found).toMatchObject({ severity: 'warning', message: expect.stringContaining(names) })
  })

  it.each([
    [
      'what is denied',
      `${kube('group:dev', '/payments/core/pods/**', 'create')}\n${kube('group:dev', '/*/core/pods/*/**', 'create', 'deny')}`,
    ],
    ['a stream that is written out', kube('group:dev', '/payments/core/pods/*/exec', 'create')],
    ['a kind without streams', kube('group:dev', '/payments/core/configmaps/**', 'create')],
    ['every action, which says so', kube('group:dev', '/payments/**', '*')],
  ])('with %s it does not', async (_, csv) => {
    const rules = (await findingsOf(csv)).map(({ rule }) => rule)
    expect(rules).not.toContain('creating-that-acts')
  })

  it.each(['exec', 'attach', 'portforward'])('get of pods/%s opens nothing', async name => {
    expect(await lint(kube('group:dev', `/payments/core/pods/*/${name}`, 'get'))).toEqual(['1 stream-without-create'])
    expect(await lint(kube('group:dev', `/payments/core/pods/*/${name}`, 'create'))).toEqual([])
  })

  it.each([
    ['/payments/core/serviceaccounts/*/token', 'create', 'note'],
    ['/-/core/users/bob@example.com', 'impersonate', 'note'],
    ['/payments/**', 'create', 'warning'],
    ['/payments/**', '*', 'warning'],
    ['/*/core/**', 'create|impersonate', 'warning'],
  ])('%s %s lends identities: %s', async (resource, action, severity) => {
    const findings = await findingsOf(kube('group:dev', resource, action))
    expect(findings.filter(({ rule }) => rule === 'lends-identity').map(found => found.severity)).toEqual([severity])
  })

  it('everything for an administrator is no finding, nor is what is denied', async () => {
    expect(await lint(kube('group:dev', '/**', '*'))).toEqual([])
    const denied = [kube('group:dev', '/*/core/serviceaccounts/*/**', 'create|impersonate', 'deny')]
    expect(await lint([kube('group:dev', '/payments/**', '*'), ...denied].join('\n'))).toEqual([])
  })

  const reader = kube('group:dev', '/**', 'list|watch')
  it.each([
    ['a namespace', kube('group:dev', '/payments/**', '*', 'deny')],
    ['to get alone, which a list shows as well', kube('group:dev', '/payments/**', 'get', 'deny')],
    ['one object by its name', kube('group:dev', '/*/core/secrets/db', 'get|list', 'deny')],
    ['each object by a star', kube('group:dev', '/*/core/secrets/*', '*', 'deny')],
    ['one kind in one namespace', kube('group:dev', '/payments/core/secrets/**', '*', 'deny')],
  ])('a deny of %s is passed by with a list', async (_, deny) => {
    expect(await lint(`${deny}\n${reader}`)).toContain('1 deny-passed-by-list')
  })

  it('a deny of creating one object is passed by, since its name is in the body', async () => {
    const creator = kube('group:dev', '/payments/core/secrets/**', 'create')
    expect(await lint(`${kube('group:dev', '/payments/core/secrets/db', 'create', 'deny')}\n${creator}`)).toEqual([
      '1 deny-passed-by-list',
    ])
    expect(await lint(`${kube('group:dev', '/payments/core/secrets/**', 'create', 'deny')}\n${creator}`)).not.toContain(
      '1 deny-passed-by-list',
    )
  })

  it.each([
    ['of every namespace', kube('group:dev', '/*/core/secrets/**', '*', 'deny')],
    ['of a subresource', kube('group:dev', '/payments/core/pods/*/exec', '*', 'deny')],
    ['of creating', kube('group:dev', '/payments/**', 'create', 'deny')],
    ['of both', `${kube('group:dev', '/payments/**', '*', 'deny')}\n${kube('group:dev', '/-/**', '*', 'deny')}`],
    ['of a URL', kube('group:dev', '/nonResourceURLs/metrics', '*', 'deny')],
  ])('a deny %s is not', async (_, denies) => {
    const found = await lint(`${denies}\n${reader}`)
    expect(found.filter(text => text.endsWith('deny-passed-by-list'))).toEqual([])
  })
})

describe('rows that deny, where people may ask to be judged as somebody else', () => {
  const kube = (subject: string, resource: string, action: string, effect = 'allow', condition = '-') =>
    p(subject, 'kube:prod', resource, action, condition, effect)
  const lendsBob = kube('group:ops', '/-/core/users/bob@example.com', 'impersonate')
  const secrets = (subject: string, effect: string, condition = '-') =>
    kube(subject, '/*/core/secrets/**', '*', effect, condition)
  const ofBob = secrets('email:bob@example.com', 'allow')
  const found = async (rows: readonly string[], options: LintOptions = {}) =>
    (await findingsOf(rows.join('\n'), options))
      .filter(({ rule }) => rule.endsWith('-as'))
      .map(({ line, rule, severity }) => `${line} ${rule} ${severity}`)

  it.each([
    ['a group', 'group:contractors', []],
    ['a group of one provider', 'group:corp/contractors', []],
    ['a role that a group has', 'role:guest', ['g, group:contractors, role:guest, kube:prod']],
    [
      'a role that has a role',
      'role:guest',
      ['g, role:inner, role:guest, kube:prod', 'g, group:contractors, role:inner, kube:prod'],
    ],
  ])('L21 a deny of %s does not meet whoever asks for a member alone', async (_, subject, more) => {
    expect(await found([secrets(subject, 'deny'), ofBob, lendsBob, ...more])).toEqual(['1 deny-passed-by-as warning'])
  })

  it.each([
    ['a pattern of names', kube('group:ops', '/-/core/users/*', 'impersonate')],
    ['every action on a part', kube('group:ops', '/-/core/**', '*')],
    ['a regular expression', kube('group:ops', 're:/-/core/users/.*@example[.]com', 'impersonate')],
    ['a condition that the lender has to meet', kube('group:ops', '/-/core/users/*', 'impersonate', 'allow', 'mfa')],
  ])('lent by %s', async (_, lends) => {
    expect(await found([secrets('group:contractors', 'deny'), ofBob, lends])).toEqual(['1 deny-passed-by-as warning'])
  })

  it.each([
    ['nobody lends', [secrets('group:contractors', 'deny'), ofBob]],
    [
      'the name is that of nobody who has an address',
      [secrets('group:contractors', 'deny'), ofBob, kube('group:ops', '/-/core/users/breakglass', 'impersonate')],
    ],
    [
      'groups alone are lent',
      [secrets('group:contractors', 'deny'), ofBob, kube('group:ops', '/-/core/groups/*', 'impersonate')],
    ],
    ['the lender may do it without', [secrets('group:contractors', 'deny'), secrets('group:ops', 'allow'), lendsBob]],
    [
      'the lender is denied as well',
      [secrets('group:contractors', 'deny'), secrets('group:ops', 'deny'), ofBob, lendsBob],
    ],
    [
      'the address is denied as well',
      [secrets('group:contractors', 'deny'), secrets('email:bob@example.com', 'deny'), ofBob, lendsBob],
    ],
    [
      'only members of the group have rows',
      [secrets('group:contractors', 'deny', 'hours'), secrets('group:contractors', 'allow'), lendsBob],
    ],
    [
      'only a role of the group has rows',
      [
        secrets('group:contractors', 'deny'),
        secrets('role:guest', 'allow'),
        lendsBob,
        'g, group:contractors, role:guest, kube:prod',
      ],
    ],
    [
      'what is denied to a person is the lending',
      [kube('user:https://idp.example#bob', '/-/core/users/*', 'impersonate', 'deny'), ofBob, lendsBob],
    ],
    ['everything is had anyway', [secrets('group:contractors', 'deny'), ofBob, kube('group:admins', '/**', '*')]],
    [
      'what is denied is the lending',
      [kube('group:contractors', '/-/core/users/*', 'impersonate', 'deny'), ofBob, lendsBob],
    ],
    [
      'an address is denied',
      [secrets('email:bob@example.com', 'deny'), secrets('email-domain:example.com', 'allow'), lendsBob],
    ],
    ['it is another cluster', [secrets('group:contractors', 'deny').replace('prod', 'test'), ofBob, lendsBob]],
  ])('is no news where %s', async (_, rows) => {
    expect(await found(rows)).toEqual([])
  })

  it('a deny of the lender elsewhere, or at other times, does not hold here and at all times', async () => {
    const elsewhere = kube('group:ops', '/payments/core/secrets/**', '*', 'deny')
    expect(await found([secrets('group:contractors', 'deny'), elsewhere, ofBob, lendsBob])).toEqual([
      '1 deny-passed-by-as warning',
    ])
    const rows = [secrets('group:contractors', 'deny'), secrets('group:ops', 'deny', 'hours'), ofBob, lendsBob]
    expect(await found(rows)).toEqual(['1 deny-passed-by-as warning'])
  })

  const denied = [secrets('user:https://idp.example#bob', 'deny'), ofBob]
  it('L21 a deny by a name that the cluster does not tell meets everybody who is asked for', async () => {
    expect(await found([...denied, lendsBob])).toEqual(['1 deny-meets-every-as note'])
    const role = [
      secrets('role:guest', 'deny'),
      ofBob,
      lendsBob,
      'g, user:https://idp.example#bob, role:guest, kube:prod',
    ]
    expect(await found(role)).toEqual(['1 deny-meets-every-as note'])
    expect(await found(denied)).toEqual([])
  })

  it('which names those are is said by the configuration', async () => {
    const lends = kube('group:ops', '/-/core/users/*', 'impersonate')
    const bySub = { userClaims: new Map([['prod', 'sub']]) }
    expect(await found([...denied, lends], bySub)).toEqual([])
    expect(await found([secrets('email:bob@example.com', 'deny'), lends], bySub)).toEqual([
      '1 deny-meets-every-as note',
    ])
    const byNickname = { userClaims: new Map([['prod', 'nickname']]) }
    expect(await found([secrets('email-domain:example.com', 'deny'), lends], byNickname)).toEqual([
      '1 deny-meets-every-as note',
    ])
    expect(await found([...denied, lends], byNickname)).toEqual(['1 deny-meets-every-as note'])
    const plain = kube('group:ops', '/-/core/users/bob', 'impersonate')
    expect(await found([secrets('group:contractors', 'deny'), ofBob, plain], byNickname)).toEqual([
      '1 deny-passed-by-as warning',
    ])
  })
})

describe('other findings', () => {
  const row = p('group:ops', 'wiki.example.com', '/a', '*', '-', 'allow')
  it.each<[string, string, LintOptions, string[]]>([
    [
      'an allow row under a deny row',
      `${row}\n${p('anyone', 'wiki.example.com', '/**', '*', '-', 'deny')}`,
      {},
      ['1 allow-under-deny'],
    ],
    ['a condition that contradicts itself', row.replace('-', 'office & !office'), {}, ['1 condition-never-true']],
    [
      'not for a deny row, which unknown facts let apply',
      `${row}\n${row.replace('-, allow', 'office & !office, deny')}`,
      {},
      [],
    ],
    [
      'but for a deny row whose facts are never unknown',
      `${row}\n${row.replace('-, allow', 'hours & !hours, deny')}`,
      {},
      ['2 condition-never-true'],
    ],
    [
      'a window that is over',
      row.replace('-', 'guests'),
      { now: Date.UTC(2026, 3, 2) / 1000 },
      ['1 condition-never-true'],
    ],
    [
      'before its end, which is near',
      row.replace('-', 'guests'),
      { now: Date.UTC(2026, 2, 30) / 1000 },
      ['1 row-ends-soon'],
    ],
    ['not long before its end', row.replace('-', 'guests'), { now: Date.UTC(2026, 1, 1) / 1000 }, []],
    ['a pattern without its slash', row.replace('/a', 're:public/.*'), {}, ['1 pattern-never-matches']],
    ['a pattern with a slash at the end', row.replace('/a', 're:/public/'), {}, ['1 pattern-never-matches']],
    ['a pattern that matches itself only', row.replace('/a', 're:/public'), {}, ['1 odd-pattern']],
    ['a pattern at any depth', row.replace('/a', 're:.*/admin'), {}, ['1 odd-pattern']],
    ['a pattern that is slow', row.replace('/a', 're:/(a{500})'), {}, ['1 odd-pattern']],
    [
      'an issuer that nobody configured',
      row.replace('group:ops', 'user:https://other.example#alice'),
      { issuers: ['https://idp.example'] },
      ['1 unknown-issuer'],
    ],
    ['a role without members', row.replace('group:ops', 'role:admin'), {}, ['1 role-without-members']],
    [
      'a role whose members are elsewhere',
      `${row.replace('group:ops', 'role:admin')}\ng, group:sre, role:admin, other.example`,
      {},
      ['1 role-without-members', '2 role-without-rows'],
    ],
    [
      'a role of everywhere that is allowed tokens',
      'p, role:admin, tokens, /**, *, -, allow\ng, group:sre, role:admin, *',
      {},
      ['1 role-without-members', '2 role-without-rows'],
    ],
    [
      'a role that is denied in the console and held on hosts alone',
      [
        'p, group:sre, console, /**, *, -, allow',
        'p, role:admin, console, /keys, *, -, deny',
        'g, group:sre, role:admin, wiki.example.com',
        'g, group:dev, role:admin, *',
      ].join('\n'),
      {},
      ['2 role-denied-elsewhere', '3 role-without-rows'],
    ],
    [
      'a deny row that takes nothing away',
      `${row}\n${row.replace('/a', '/b').replace('allow', 'deny')}`,
      {},
      ['2 unreached-deny'],
    ],
    ['every host', row.replace('wiki.example.com', '*'), {}, ['1 wide-host']],
    [
      'hosts of unrelated owners',
      row.replace('wiki.example.com', '*.co.uk'),
      { isPublicSuffix: domain => domain === 'co.uk' },
      ['1 wide-host'],
    ],
    [
      'H10 a network without proxies',
      row.replace('-', 'office'),
      { hasTrustedProxies: false },
      ['1 network-without-proxies'],
    ],
    [
      'nothing about a good row',
      row,
      { hasTrustedProxies: false, hasCertificateHeader: false, issuers: [], now: 0 },
      [],
    ],
  ])('%s', async (_, csv, options, found) => expect(await lint(csv, options)).toEqual(found))

  it('H13 rows that ask for a certificate which no proxy passes, allow and deny, however deep it is asked for', async () => {
    const text =
      'certified: { client-certificate: { san-dns: [a.example.com] } }\nsafe: { any: [{ acr: [x] }, { client-certificate: { san-uri: [urn:x] } }] }\n'
    const certificates = `${conditionsFile}${text}`
    const csv = [
      p('group:ops', 'wiki.example.com', '/a', '*', 'certified', 'allow'),
      p('authenticated', 'wiki.example.com', '/**', '*', '!certified', 'deny'),
      p('group:sre', 'wiki.example.com', '/b', '*', 'office & safe', 'allow'),
      p('group:sre', 'wiki.example.com', '/c', '*', 'office', 'allow'),
    ].join('\n')
    const policy = await policyOf(csv, certificates)
    const about = (hasCertificateHeader?: boolean) =>
      lintPolicy(policy, {}, hasCertificateHeader === undefined ? {} : { hasCertificateHeader })
        .filter(({ rule }) => rule === 'certificate-without-header')
        .map(({ line, severity, message }) => [line, severity, message.replace(/.*: /, '')])
    expect(about(false)).toEqual([
      [1, 'warning', 'the row never allows by it'],
      [2, 'warning', 'the row denies whether there is one or not'],
      [3, 'warning', 'the row never allows by it'],
    ])
    expect(about(true)).toEqual([])
    expect(about()).toEqual([])
  })

  it('a condition that no row names, with its line', async () => {
    const found = await findingsOf(row.replace('-', '!office & mfa'))
    expect(found.map(({ file, line, rule }) => [file, line, rule])).toEqual([
      ['conditions.yaml', 2, 'unused-condition'],
      ['conditions.yaml', 3, 'unused-condition'],
      ...[5, 6, 7, 8, 9].map(line => ['conditions.yaml', line, 'unused-condition']),
    ])
  })

  it('ten thousand rows of one host take less than ten seconds', async () => {
    const many = Array.from({ length: 10_000 }, (_, at) =>
      p('group:ops', 'wiki.example.com', `/p${at}/**`, '*', '-', 'allow'),
    )
    const find = async () => expect(await lint(many.join('\n'))).toEqual([])
    expect(await processorMsOf(find)).toBeLessThan(10_000)
  })

  it('twenty thousand rows with groups and conditions of their own as well', async () => {
    const many = Array.from({ length: 20_000 }, (_, at) =>
      p(`group:unit ${at.toString(26)}`, `h${at % 50}.example.com`, `/p${at}/**`, 'read', 'mfa', 'allow'),
    )
    const wider = Array.from({ length: 50 }, (_, at) =>
      p('group:ops', `h${at}.example.com`, '/**', 'GET', 'office', 'allow'),
    )
    const policy = await policyOf([...many, ...wider].join('\n'), conditionsFile)
    expect(await processorMsOf(async () => void lintPolicy(policy, { conditions }))).toBeLessThan(10_000)
  })
})

describe('sallyport policy lint', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sallyport-lint-'))
  const run = async (...args: string[]) => {
    const terminal = createTestTerminal({ cwd })
    const code = await runCli(['policy', 'lint', '.', ...args], { version: '0', terminal })
    return { code, output: terminal.output(), errors: terminal.errors() }
  }
  it('says what it found, where, and what to do; fails only when asked to be strict', async () => {
    writeFileSync(join(cwd, 'rows.csv'), `${wide}\n${p('group:ops', 'wiki.example.com', '/admin', '*', '-', 'allow')}`)
    const { code, output } = await run()
    expect(code).toBe(0)
    expect(output).toBe(
      `rows.csv:2  warning  never decides: rows.csv:1 covers it (${wide}) [shadowed-row]\n    remove one of the two\n1 warning, 0 notes\n`,
    )
    expect((await run('--strict')).code).toBe(1)
    expect(JSON.parse((await run('--json')).output).findings).toMatchObject([{ rule: 'shadowed-row', line: 2 }])
    writeFileSync(join(cwd, 'rows.csv'), wide.replace('*.example.com', '*.github.io'))
    expect((await run('--strict')).output).toContain('*.github.io covers hosts of unrelated owners')
    writeFileSync(join(cwd, 'rows.csv'), wide)
    expect(await run('--strict')).toMatchObject({ code: 0, output: expect.stringContaining('nothing to say') })
    expect(await run('--at', 'tomorrow')).toMatchObject({ code: 1, errors: expect.stringContaining('--at') })
    rmSync(cwd, { recursive: true })
  })
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)
process.stdout.write(`seed of the linted policies: ${seed} (repeat with SEED=${seed})\n`)
const pick = (...values: string[]) => fc.constantFrom(...values)
const domains = pick(
  'a.example.com',
  'a.example.com',
  '*.example.com',
  'x.a.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
  'console',
)
const rowDomains = fc.oneof(
  { weight: 8, arbitrary: domains },
  { weight: 1, arbitrary: pick('@some', '{claim:dir}.example.com') },
)
const someHosts = 'h, some, a.example.com *.a.example.com other.test'
const randomRow = fc
  .tuple(
    pick(
      'anyone',
      'authenticated',
      'group:ops',
      'group:dev',
      'role:admin',
      'role:admin',
      'email:alice@example.com',
      'email:Alice@example.com',
      'email-domain:example.com',
    ),
    rowDomains,
    pick(
      '/**',
      '/**',
      '/**',
      '/a',
      '/a/**',
      '/a/*',
      '/*/x',
      '/a/x*',
      '/a/*/**',
      '/*',
      '/',
      're:/a.*',
      're:.*',
      're:a',
      're:/a/',
      '/a%20b/*',
      '/** except /a/**',
      '/a/** except /a/x',
      '/{group}/**',
      '/a/{claim:dir}',
    ),
    pick('*', '*', '*', 'read', 'write', 'GET', 'GET|POST', 'HEAD', 'read|POST'),
    pick(
      '-',
      '-',
      '-',
      '-',
      '-',
      '-',
      'office',
      '!office',
      'office & mfa',
      'office & !office',
      'hours & !hours',
      'guests',
      '!guests',
      'mfa',
      'narrow',
      'narrow & !office',
      '!narrow',
      'hours',
      '!hours',
      'strong',
      '!strong',
      'gold',
      'fresh',
      'recent',
    ),
    pick('allow', 'allow', 'deny', 'shadow-allow', 'shadow-deny'),
  )
  .filter(([, domain, resource]) => domain !== 'console' || !/[{ ]/.test(resource))
  .map(fields => p(...fields))
/** Rows of one host that have much in common, so that some cover others together. */
const nearRow = fc
  .tuple(
    pick('authenticated', 'group:ops', 'group:dev', 'role:admin'),
    pick('a.example.com'),
    pick('/a', '/a', '/a', '/a/**', '/a/**', '/a/**', '/**', '/**', '/**', '/** except /a', '/a/{group}'),
    pick('*', 'read', 'write', 'GET|POST', 'write|GET'),
    pick('-', '-', 'hours', '!hours', 'office', 'narrow'),
    pick('allow', 'allow', 'allow', 'deny'),
  )
  .map(fields => p(...fields))
const randomRole = fc
  .tuple(
    pick(
      'anyone',
      'group:ops',
      'group:ops',
      'email:alice@example.com',
      'email:ALICE@example.com',
      'role:admin',
      'role:other',
    ),
    pick('role:admin', 'role:other'),
    domains,
  )
  .map(fields => `g, ${fields.join(', ')}`)
const now = Date.UTC(2026, 5, 1, 12) / 1000
const identity = fc.constantFrom<Identity>(
  { kind: 'anonymous' },
  ...[['ops'], ['dev'], ['ops', 'dev'], []].flatMap((groups): Identity[] => [
    {
      kind: 'user',
      subject: 'https://idp.example#alice',
      provider: 'corp',
      groups,
      claims: { dir: ['x', 'a'] },
      email: 'alice@example.com',
      amr: ['otp'],
      acr: 'silver',
      authTime: now - 600,
    },
    { kind: 'user', subject: 'https://idp.example#bob', provider: 'corp', groups, claims: {} },
    {
      kind: 'user',
      subject: 'https://idp.example#eve',
      provider: 'corp',
      groups: ['a', ...groups],
      claims: { dir: 'X' },
    },
  ]),
)
const question = fc.record({
  identity,
  request: fc.record({
    domain: pick('a.example.com', 'x.a.example.com', 'b.example.com', 'other.test', 'console'),
    resource: pick('/', '/a', '/a/', '/a/x', '/a/xy', '/a/x/y', '/b/x', '/b', '/ab', '/a%20b/c'),
    action: pick('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS'),
    url: fc.constant(''),
  }),
  context: fc.constantFrom(
    { now },
    { now, clientAddress: '10.0.0.1' },
    { now, clientAddress: '10.9.0.1' },
    { now: now + 43_200, clientAddress: '192.0.2.1' },
  ),
})

const deadRules = [
  'allow-under-deny',
  'condition-never-true',
  'pattern-never-matches',
  'role-without-members',
  'unreached-deny',
]
/** Rows without which no effect changes at all. */
const coveredRules = ['shadowed-row', 'covered-membership']

/** What random rows find seldom: each of the rules, whatever the seed. */
const everyRule = [
  p('authenticated', 'a.example.com', '/**', 'read', '-', 'allow'),
  p('authenticated', 'a.example.com', '/**', 'write', '-', 'allow'),
  p('group:ops', 'a.example.com', '/a', '*', 'hours', 'allow'),
  p('group:dev', 'a.example.com', '/a', 'GET|POST', '-', 'allow'),
  p('group:ops', 'x.a.example.com', '/a', '*', '-', 'allow'),
  p('anyone', 'x.a.example.com', '/**', '*', '-', 'deny'),
  p('anyone', 'b.example.com', '/**', '*', 'office & !office', 'allow'),
  p('anyone', 'b.example.com', 're:a', '*', '-', 'allow'),
  p('role:other', 'b.example.com', '/a', '*', '-', 'allow'),
  p('role:admin', 'b.example.com', '/**', 'read', '-', 'allow'),
  p('anyone', 'other.test', '/**', '*', '-', 'deny'),
  p('group:ops', 'b.example.com', '/b', 'GET', '-', 'allow'),
  p('group:ops', 'b.example.com', '/**', 'POST', '-', 'allow'),
  p('group:dev', 'b.example.com', '/b/**', 'GET|POST', 'hours', 'allow'),
  p('authenticated', 'b.example.com', '/b/**', 'POST', '-', 'allow'),
]
const rolesOfEveryRule = ['g, group:ops, role:admin, b.example.com', 'g, group:ops, role:admin, *']

const isPart = ({ rule }: Finding): boolean => rule === 'partly-covered-row'
/** A line of a list is to stay where a host of it needs it. */
const isOfSome = ({ message }: Finding): boolean => /^on \d+ of its/.test(message)
const isPromise = (finding: Finding): boolean =>
  !isOfSome(finding) &&
  (isPart(finding) ? !finding.message.includes(' where ') : [...coveredRules, ...deadRules].includes(finding.rule))

test('without a row that lint calls shadowed no effect changes, nor in the part that lint names; without one it calls dead nobody gets in or is shut out', async () => {
  const tried = new Map<string, number>()
  let together = 0
  const property = fc.asyncProperty(
    fc.oneof(
      { weight: 3, arbitrary: fc.uniqueArray(randomRow, { minLength: 4, maxLength: 14, size: 'max' }) },
      { weight: 2, arbitrary: fc.uniqueArray(nearRow, { minLength: 4, maxLength: 9, size: 'max' }) },
    ),
    fc.uniqueArray(randomRole, { maxLength: 4 }),
    fc.array(question, { minLength: 40, maxLength: 40 }),
    async (rows, roles, questions) => {
      const all = [...rows, ...roles, someHosts]
      const before = await policyOf(all.join('\n'), conditionsFile)
      for (const finding of lintPolicy(before, { conditions }, { now }).filter(isPromise)) {
        const { rule, line, message } = finding
        const after = await policyOf(all.toSpliced(line - 1, 1).join('\n'), conditionsFile)
        tried.set(rule, (tried.get(rule) ?? 0) + 1)
        together += Number(message.includes('cover it together'))
        const wider = before.rows.find(({ id }) => message.includes(`: ${id} already`))
        const asked = questions.filter(({ request }) => !isPart(finding) || wider?.fitsAction(request.action) === true)
        for (const { identity: who, request, context } of asked) {
          const [old, next] = [before, after].map(policy => decide({ request, identity: who, context }, policy).effect)
          const same =
            coveredRules.includes(rule) || isPart(finding) ? old === next : (old === 'allow') === (next === 'allow')
          expect({ same, rule, row: all[line - 1], old, next, message }).toMatchObject({ same: true })
        }
      }
    },
  )
  await fc.assert(property, {
    numRuns: 120,
    seed,
    examples: [[everyRule, rolesOfEveryRule, fc.sample(question, { numRuns: 80, seed })]],
  })
  for (const rule of ['partly-covered-row', ...coveredRules, ...deadRules])
    expect(tried.get(rule), rule).toBeGreaterThan(0)
  expect(together).toBeGreaterThan(0)
})
