/** What somebody could do with a Casbin policy that was brought, and what must become of it. */
import { describe, expect, it } from 'vitest'
import { explain } from '../../rbac/asking/explain.ts'
import { replayQuestion } from '../../rbac/asking/replay.ts'
import { proposeActions, proposePaths, proposeSubjects } from '../../rbac/asking/search.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import type { Identity, Machine } from '../../rbac/identity.ts'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { model as builtIn, problemsOf } from '../decisions/policies.ts'
import { anonymous, ask, type CasbinCase, compileCase, example, host, person, plainNames } from './casbin-policies.ts'

const own = { domains: [host] }
const roles = example('rbac_model.conf')
const denying = example('rbac_with_deny_model.conf')
const compile = (csv: string, more: CasbinCase = {}, model = roles) => compileCase(model, csv, { ...own, ...more })
const withMatcher = (matcher: string, model = denying): string => model.replace(/m = .*/, `m = ${matcher}`)
const byPath = withMatcher('g(r.sub, p.sub) && keyMatch2(r.obj, p.obj) && regexMatch(r.act, p.act)')
const questionOf = (identity: Identity) => ({
  request: { domain: host, resource: '/data', action: 'GET', url: `https://${host}/data` },
  identity,
  context: { now: 1_800_000_000 },
})

describe('H14 names', () => {
  const machine: Machine = {
    kind: 'machine',
    subject: 'i#alice',
    provider: 'corp',
    client: 'corp/alice',
    groups: [],
    claims: {},
  }

  it('are none of another kind', async () => {
    const csv = 'p, alice, /data, GET\np, email:bob@example.com, /data, GET\ng, carol, admin\np, admin, /data, GET\n'
    const policy = await compile(csv)
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, person('x', { email: 'bob@example.com' }), 'GET /data')).toMatchObject({ effect: 'allow' })
    for (const group of ['alice', 'bob@example.com', 'email:bob@example.com', 'admin', 'anyone']) {
      expect(ask(policy, person('mallory', { groups: [group] }), 'GET /data')).toMatchObject({
        reason: 'no-rule-matched',
      })
    }
    expect(ask(policy, machine, 'GET /data')).toMatchObject({ reason: 'no-rule-matched' })
    // A subject that somebody chose, read as an address, a role or everybody.
    for (const sub of ['email:bob@example.com', 'group:ops', 'admin', 'anyone', 'authenticated']) {
      expect(ask(policy, sub, 'GET /data')).toMatchObject({ reason: 'evaluation-failed' })
    }
  })

  it('are links of whoever asks alone, also where a model compares other things by the same roles', async () => {
    const both = withMatcher('g(r.sub, p.sub) && (r.obj == p.obj || g(r.obj, p.obj)) && r.act == p.act', roles)
    const policy = await compileCase(both, 'p, alice, anyone, GET\np, alice, docs, GET\ng, /data, docs\n', own)
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:2' })
    expect(ask(policy, 'alice', 'GET /other')).toMatchObject({ reason: 'no-rule-matched' })
  })

  it('have the prefixes of the built-in language by default, for machines and for nobody too', async () => {
    const csv = [
      'p, user:https://idp.example#alice, /data, GET',
      'p, group:corp/ops, /data, GET',
      'p, client:corp/alice, /data, GET',
      'p, role:on-call, /data, GET',
      'p, anyone, /open, GET',
    ]
    const rows = 'g, group:sre, role:on-call, *\n'
    const policy = await compile(csv.join('\n'), { subjects: undefined, rows })
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:1' })
    expect(ask(policy, person('b', { groups: ['ops'] }), 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:2' })
    expect(ask(policy, machine, 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:3' })
    expect(ask(policy, person('c', { groups: ['sre'] }), 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:4' })
    expect(ask(policy, person('d', { groups: ['user:https://idp.example#alice'] }), 'GET /data').effect).toBe('deny')
    expect(ask(policy, anonymous, 'GET /open')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, anonymous, 'GET /data')).toMatchObject({ effect: 'challenge' })
  })

  it.each([
    [['{sub}', '{group}'], 'could be one by'],
    [['u{sub}', 'us{group}'], 'could be one by'],
    [['{email}', '{email}'], 'could be one by'],
    [['{nobody}'], 'unknown kind of name'],
    [['everybody'], 'unknown name "everybody"'],
  ])('of %j are refused', async (subjects, why) => {
    expect((await problemsOf(compile('p, alice, /data, GET\n', { subjects }))).join()).toContain(why)
  })

  it('of several providers are held apart', async () => {
    const providers = ['corp', 'partner']
    expect((await problemsOf(compile('p, alice, /data, GET\n', { providers }))).join()).toContain('{sub}')
    expect((await problemsOf(compile('p, alice, /data, GET\n', { subjects: undefined }))).join()).toContain(
      'no row names',
    )
  })
})

describe('H15 a host has one engine', () => {
  const model = example('rbac_with_domains_model.conf')
  const csv = 'p, alice, app.example.com, /data, GET\n'
  it.each(['app.example.com', '*.example.com', '*'])(
    'refuses a row for %s beside a host of the model',
    async domain => {
      const rows = `p, anyone, ${domain}, /secret, *, -, deny\n`
      const problems = await problemsOf(compileCase(model, csv, { rows }))
      expect(problems.join()).toContain(`own.csv:1:1: ${domain} meets app.example.com`)
    },
  )
  it('refuses a host below a wildcard of the model, and takes what is beside it', async () => {
    const wide = { domains: ['*.example.com'] }
    const below = compile('p, alice, /data, GET\n', {
      ...wide,
      rows: 'p, anyone, x.example.com, /a, *, -, shadow-deny\n',
    })
    expect((await problemsOf(below)).join()).toContain('x.example.com meets *.example.com')
    const rows = 'p, anyone, example.com, /a, *, -, allow\np, group:ops, console, /**, *, -, allow\n'
    const policy = await compile('p, alice, /data, GET\n', { ...wide, rows })
    expect(ask(policy, 'alice', 'GET https://example.com/a')).toMatchObject({ rule: 'own.csv:1' })
    expect(ask(policy, 'alice', 'GET https://deep.x.example.com/data')).toMatchObject({ rule: 'casbin/policy.csv:1' })
  })
  it.each([
    ['p, alice, APP.example.com, /data, GET', 'write app.example.com'],
    ['p, alice, *.example.com, /data, GET', 'no host is called like a pattern'],
    ['p, alice, kube:prod, /data, GET', 'only hosts'],
    ['p, alice, other.example.com, /data, GET', 'not among'],
  ])('refuses %s', async (row, why) => {
    expect((await problemsOf(compileCase(model, row, { domains: [host] }))).join()).toContain(why)
  })
  it.each([
    ['p, anyone, @shops, /**, *, -, allow', 'own.csv:2:1: app.example.com (@shops) meets app.example.com'],
    ['p, anyone, {sub}.example.com, /**, *, -, deny', 'own.csv:2:1: *.example.com ({sub}.example.com) meets app'],
    ['p, anyone, app.example.com, /x, GET, -, shadow-deny, a note, a team', 'own.csv:2:1: app.example.com meets app'],
  ])('refuses %s', async (row, why) => {
    const rows = `h, shops, wiki.example.com app.example.com\n${row}\n`
    expect((await problemsOf(compileCase(model, csv, { rows }))).join()).toContain(why)
  })
  it('refuses hosts of a list or a variable below a wildcard of the model, and takes those beside it', async () => {
    const wide = { domains: ['*.example.com'], subjects: plainNames }
    const open = 'p, alice, /data, GET\n'
    const beside = 'h, shops, example.com shop.example.net\np, anyone, @shops, /**, *, -, allow\n'
    const of = (rows: string) => compileCase(roles, open, { ...wide, rows })
    expect(ask(await of(beside), 'alice', 'GET https://shop.example.net/a')).toMatchObject({ rule: 'own.csv:2' })
    expect(ask(await of(`${beside}p, anyone, {sub}.example.net, /**, *, -, allow\n`), 'x', 'GET /data')).toMatchObject({
      effect: 'deny',
    })
    const list = `${beside}h, more, a.example.net b.c.example.com\np, anyone, @more, /**, *, -, deny\n`
    expect((await problemsOf(of(list))).join()).toContain('b.c.example.com (@more) meets *.example.com')
    const variable = 'p, anyone, {sub}.home.example.com, /**, *, -, deny\n'
    expect((await problemsOf(of(variable))).join()).toContain('({sub}.home.example.com) meets *.example.com')
  })
  it('refuses rows of those who own hosts as well', async () => {
    const owner = { name: 'team', hosts: [host] }
    const compiling = compilePolicy({
      model: builtIn,
      files: [{ name: 'team/own.csv', text: `p, anyone, ${host}, /**, *, -, deny\n`, owner }],
      casbin: {
        model: { name: 'casbin/model.conf', text: model },
        files: [{ name: 'casbin/policy.csv', text: csv }],
        subjects: plainNames,
      },
    })
    expect((await problemsOf(compiling)).join()).toContain(`team/own.csv:1:1: ${host} meets ${host}`)
  })
  it('asks for the hosts of a model without any', async () => {
    expect((await problemsOf(compileCase(roles, 'p, alice, /data, GET\n'))).join()).toContain('which hosts?')
  })
})

describe('H16 whatever throws', () => {
  it('refuses a row for which the matcher throws, and denies a request for which it does', async () => {
    const thrower = withMatcher('g(r.sub, p.sub) && ipMatch(r.obj, p.obj) && r.act == p.act', roles)
    expect((await problemsOf(compileCase(thrower, 'p, alice, /data, GET\n', own))).join()).toContain(
      'the matcher fails',
    )
    const late = withMatcher(
      'g(r.sub, p.sub) && (r.obj == p.obj || ipMatch(r.obj, "10.0.0.1")) && r.act == p.act',
      roles,
    )
    const policy = await compileCase(late, 'p, alice, /data, GET\n', own)
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ effect: 'allow' })
    const failed = ask(policy, 'alice', 'GET /other')
    expect(failed).toMatchObject({ effect: 'deny', reason: 'evaluation-failed' })
    expect(String(failed.errors)).toContain('not an IP address')
    // One that throws leaves nothing behind for the next.
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, anonymous, 'GET /data')).toMatchObject({ effect: 'challenge' })
  })
})

describe('H17 nothing without a row that allows it', () => {
  it('denies when the rows are gone', async () => {
    const policy = await compileCase(withMatcher('g(r.sub, p.sub) || r.sub == "alice" && p.obj != "x"', roles), '', own)
    expect(ask(policy, 'alice', 'GET /data')).toMatchObject({ reason: 'no-rule-matched' })
  })
  it.each([
    ['P, mallory, /data, GET, deny', 'unknown kind of line "P"'],
    ['p2, mallory, /data, GET, deny', 'unknown kind of line "p2"'],
    ['p, mallory, /data, GET, Deny', 'unknown effect "Deny"'],
    ['p, mallory, /data, GET', 'expected 4 fields'],
    ['p, mallory, /data, GET, deny, x', 'expected 4 fields'],
    ['p, , /data, GET, deny', 'an empty field'],
    ['g, mallory, x, y', 'expected 2 fields'],
    ['p, alice, /data, GET, allow', 'the same as casbin/policy.csv:1'],
  ])('refuses %s', async (row, why) => {
    const problems = await problemsOf(compile(`p, alice, /data, GET, allow\n${row}\n`, {}, denying))
    expect(problems.join()).toContain(why)
  })
  it.each([
    ['r.sub == "alice"', 'looks at no row'],
    ['r.sub == p.sub && r.ip == p.obj', 'r.ip'],
    ['g(r.sub, p.sub) && keyMatch2(p.obj, r.obj)', 'takes its pattern second'],
  ])('refuses the matcher %s', async (matcher, why) => {
    expect(
      (await problemsOf(compileCase(withMatcher(matcher, roles), 'p, alice, /data, GET\n', own))).join(),
    ).toContain(why)
  })
  it('says what is probably not meant', async () => {
    const csv = 'p, alice, /files.d/:x, (GET)|(POST), allow\np, nobody, /data, ^GET$, deny\n'
    const policy = await compileCase(byPath, csv, { ...own, subjects: ['email:{email}', 'alice{sub}'] }).catch(
      () => undefined,
    )
    expect(policy).toBeUndefined()
    const prefixed = await compileCase(byPath, csv.replace('alice', 'u:alice'), { ...own, subjects: ['u:{sub}'] })
    const found = lintPolicy(prefixed, {}).map(({ rule, file, line }) => `${rule} ${file}:${line}`)
    expect(found).toContain('casbin-pattern casbin/policy.csv:1')
    expect(found).toContain('casbin-subject casbin/policy.csv:2')
  })
})

describe('H18 patterns', () => {
  it('take linear time', async () => {
    const policy = await compileCase(byPath, 'p, alice, /(a+)+b, ^GET$, allow\n', own)
    const start = performance.now()
    expect(ask(policy, 'alice', `GET /${'a'.repeat(2_000)}`)).toMatchObject({ effect: 'deny' })
    // An expression that goes back and forth would take longer than there is time.
    expect(performance.now() - start).toBeLessThan(20_000)
  })
  it.each([
    ['/:/', 'has no name'],
    ['/(a', 'keyMatch2 cannot be asked'],
    ['/(?=a)', 'keyMatch2 cannot be asked'],
  ])('refuses %s', async (pattern, why) => {
    expect((await problemsOf(compileCase(byPath, `p, alice, ${pattern}, ^GET$, allow\n`, own))).join()).toContain(why)
  })
  it.each(['/*a*b*', '/{a,b}', '/+(a)', '/**/a/**/b/**', '!/a'])('refuses the glob %s', async pattern => {
    const globs = compileCase(example('glob_model.conf'), `p, alice, "${pattern}", GET\n`, own)
    expect((await problemsOf(globs)).join()).toContain('globMatch cannot be asked')
  })
})

describe('H19 other spellings of what is denied', () => {
  const csv = [
    'p, authenticated, /:any, .*, allow',
    'p, authenticated, /admin/:any, .*, allow',
    'p, alice, /admin, .*, deny',
    'p, alice, /admin/users, .*, deny',
    'p, alice, /secret, ^GET$, deny',
    'p, email:Bob@example.com, /data, .*, deny',
  ]
  it('are denied', async () => {
    const policy = await compileCase(byPath, csv.join('\n'), own)
    const denied = { reason: 'rule-denied' }
    for (const path of ['/admin', '/admin/', '/admin;x=1', '/%61dmin']) {
      expect(ask(policy, 'alice', `GET ${path}`), path).toMatchObject(denied)
    }
    expect(ask(policy, 'alice', 'GET /admin%2Fusers')).toMatchObject(denied)
    expect(ask(policy, 'alice', 'HEAD /secret')).toMatchObject(denied)
    expect(ask(policy, 'alice', 'POST /secret')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, 'alice', 'GET /public')).toMatchObject({ effect: 'allow' })
    const bob = person('bob', { email: 'bob@example.com' })
    const byDomain = ['p, anyone, /:any, .*, allow', 'p, email-domain:Example.COM, /data, .*, deny'].join('\n')
    const wide = await compileCase(byPath, byDomain, { ...own, subjects: undefined })
    expect(ask(wide, bob, 'GET /data')).toMatchObject({ ...denied, rule: 'casbin/policy.csv:2' })
    expect(ask(policy, bob, 'GET /data')).toMatchObject({ ...denied, rule: 'casbin/policy.csv:6' })
    expect(ask(policy, bob, 'GET /public')).toMatchObject({ effect: 'allow' })
    // Of whom nobody told the address: any that is denied may be theirs.
    expect(ask(policy, person('x', { untold: ['email'] }), 'GET /data')).toMatchObject(denied)
  })
  it('allow only where every reading is allowed', async () => {
    const policy = await compile('p, alice, /public/a, GET\n')
    expect(ask(policy, 'alice', 'GET /public/a')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, 'alice', 'GET /public/a;x')).toMatchObject({ effect: 'deny' })
    expect(ask(policy, 'alice', 'GET /public%2Fa')).toMatchObject({ effect: 'deny' })
  })
})

describe('what is asked of the policy', () => {
  const compiled: Promise<PolicySnapshot> = compile(
    'p, alice, /data, GET, allow\np, bob, /data, GET, deny\n',
    {},
    denying,
  )

  it('explains with the row that Casbin names', async () => {
    const policy = await compiled
    const { decision, rows } = explain(questionOf(person('alice')), policy)
    expect(decision).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:1' })
    expect(rows.map(({ rule, applies, isDeciding }) => ({ rule, applies, isDeciding }))).toEqual([
      { rule: 'casbin/policy.csv:1', applies: true, isDeciding: true },
      { rule: 'casbin/policy.csv:2', applies: false, isDeciding: false },
    ])
  })

  it('says what it cannot tell', async () => {
    const policy = await compiled
    expect(() => whoCan(questionOf(anonymous).request, policy)).toThrow('of which nobody can list who may')
    const recorded = { ...questionOf(person('alice')), missing: new Set(['claims', 'headers'] as const) }
    expect(replayQuestion(policy, recorded)).toMatchObject({ kind: 'certain', decision: { effect: 'allow' } })
    expect(replayQuestion(policy, { ...recorded, missing: new Set(['groups'] as const) })).toEqual({
      kind: 'uncertain',
      facts: ['groups'],
    })
  })

  it('hangs on no clock and no address, except that a clock has to show a time', async () => {
    const policy = await compiled
    const question = questionOf(person('alice'))
    const first = decide(question, policy)
    expect(first).toMatchObject({ effect: 'allow' })
    expect(decide({ ...question, context: { now: 1, clientAddress: '10.0.0.1' } }, policy)).toEqual(first)
    expect(decide({ ...question, context: { now: Number.NaN } }, policy)).toMatchObject({ effect: 'deny' })
  })

  it('lists nobody and no path to whoever searches, and the actions that rows name', async () => {
    const policy = await compile('p, alice, /data, GET, allow\np, bob, /data, PURGE, deny\n', {}, denying)
    const unlistable = ['casbin/policy.csv:1', 'casbin/policy.csv:2']
    expect(proposeSubjects('user', questionOf(anonymous).request, policy)).toEqual({ unlistable })
    const any = { isWanted: () => true, mayCover: () => true }
    const { identity, context } = questionOf(person('alice'))
    expect(proposePaths({ identity, context, domain: host, action: 'GET', ...any }, policy)).toEqual({ unlistable })
    expect(proposeActions({ domain: host }, [], policy)).toContain('PURGE')
  })
})
