/** Rows that are bound to who asks: what is refused, and that every answer about rows knows the binding. */
import { describe, expect, it } from 'vitest'
import { accessOf } from '../../rbac/asking/access.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { type MissingFact, replayQuestion } from '../../rbac/asking/replay.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { rowText } from '../../rbac/row-text.ts'
import { model, policyOf, problemsOf } from './policies.ts'

const host = 'files.example.com'
const lenient = { allowSemicolon: () => true, allowEncodedSlash: () => true }
const requestFor = (target: string) => canonicaliseUrl('GET', `https://${host}${target}`, lenient)
const context = { now: 0 }
const user = (sub: string, more: Partial<User> = {}): User => ({
  kind: 'user',
  subject: `https://idp.example#${sub}`,
  provider: 'corp',
  groups: [],
  claims: {},
  ...more,
})
const p = (subject: string, resource: string, more: { condition?: string; effect?: string } = {}) =>
  `p, ${subject}, ${host}, ${resource}, *, ${more.condition ?? '-'}, ${more.effect ?? 'allow'}\n`
const own = p('authenticated', '/users/{sub}/**')
const conditions = 'own: { same: [path:2, sub] }\nours: { same: [path:1, claim:team] }\n'
const effectOf = async (csv: string, identity: Identity, target: string) =>
  decide({ request: requestFor(target), identity, context }, await policyOf(csv, conditions)).effect

describe('what a variable may be', () => {
  it.each([
    ['/users/{sbu}/**', 'unknown variable "sbu"; did you mean "sub"?'],
    ['/users/x{sub}', 'a variable is one whole segment, such as {sub}; a brace itself is %7B or %7D'],
    ['/users/{sub', 'a variable is one whole segment, such as {sub}; a brace itself is %7B or %7D'],
    ['/users/{claim}', 'expected claim:<name>'],
    ['/users/{claim:a b}', 'expected claim:<name>'],
    ['/users/{sub:x}', '"sub" takes no name'],
    ['/mail/{claim:email}', 'write email, which is the verified address'],
  ])('%s is refused', async (resource, message) => {
    expect(await problemsOf(policyOf(p('authenticated', resource)))).toEqual([`policy.csv:1:38: ${message}`])
  })

  it.each([
    ['{email}.example.com', 'no label of a host is an address: {email} never fits'],
    ['x{sub}.example.com', 'a variable is the first label, such as {sub}; a brace itself is %7B or %7D'],
    ['a.{sub}.example.com', 'a variable is the first label of a host: {sub}.example.com'],
  ])('%s is refused', async (domain, message) => {
    const problems = await problemsOf(policyOf(`p, authenticated, ${domain}, /**, *, -, allow`))
    expect(problems).toEqual([`policy.csv:1:19: ${message}`])
  })

  it.each([
    ['path:0', 'same: path: expected the number of a segment, from 1 to 64'],
    ['host:example.com', 'same: host: expected *.<domain>, such as host:*.example.com'],
    ['claim:team', 'same: the two are one and the same'],
  ])('%s beside claim:team is refused', async (term, message) => {
    const problems = await problemsOf(policyOf(own, `x: { same: ["${term}", claim:team] }`))
    expect(problems).toEqual([`conditions.yaml:1:12: ${message}`])
  })

  it('is about who asks', async () => {
    const message = 'conditions.yaml:1:12: same: one of the two has to be about who asks, such as sub'
    expect(await problemsOf(policyOf(own, 'x: { same: [path:1, path:2] }'))).toEqual([message])
  })

  it('H27 names its provider where there are several', async () => {
    const files = [{ name: 'policy.csv', text: own }]
    const message = '"sub" of several providers may be several people: write sub@corp, and a row for each'
    const both = compilePolicy({ model, files, providers: ['corp', 'guests'] })
    expect(await problemsOf(both)).toEqual([`policy.csv:1:38: ${message}`])
    await compilePolicy({ model, files, providers: ['corp'] })
    const named = [{ name: 'policy.csv', text: own.replace('sub', 'sub@corp') }]
    await compilePolicy({ model, files: named, providers: ['corp', 'guests'] })
    const unknown = compilePolicy({ model, files: named, providers: ['crop'] })
    expect(await problemsOf(unknown)).toEqual(['policy.csv:1:38: unknown provider "corp"; did you mean "crop"?'])
  })

  it('H29 stands in rows of hosts alone, also in a condition', async () => {
    const message = 'a variable stands in rows of hosts: paths are names of their own here'
    const row = 'p, authenticated, kube:prod, /{claim:team}/**, get, -, allow'
    expect(await problemsOf(policyOf(row))).toEqual([`policy.csv:1:30: ${message}`])
    const named = 'p, authenticated, kube:prod, /**, get, ours, allow'
    expect(await problemsOf(policyOf(named, conditions))).toEqual([`policy.csv:1:40: ${message}`])
  })

  it('is a brace where it is escaped, and a repetition in a regular expression', async () => {
    expect(await effectOf(p('anyone', '/a/%7Bsub%7D'), anonymous, '/a/%7Bsub%7D')).toBe('allow')
    expect(await effectOf(p('anyone', 're:/a{2}'), anonymous, '/aa')).toBe('allow')
  })
})

describe('H26 paths that servers read differently', () => {
  it.each(['/users/alice;x/a', '/users/alice%2Fa', '/users/bob;alice/a', '/users;/alice/a', '/;x/users/alice/a'])(
    '%s is nobody’s own',
    async target => {
      expect(await effectOf(own, user('alice'), target)).not.toBe('allow')
    },
  )

  it('what stands in the place in one reading alone is nobody’s own', async () => {
    const rows = p('authenticated', '/*/{sub}/**')
    expect(await effectOf(rows, user('alice'), '/x/alice/bob')).toBe('allow')
    expect(await effectOf(rows, user('alice'), '/;x/alice/bob')).toBe('deny')
  })

  it('one reading that is one’s own keeps a deny', async () => {
    const rows = p('authenticated', '/**') + p('authenticated', '/kept/{sub}/**', { effect: 'deny' })
    expect(await effectOf(rows, user('alice'), '/kept/alice;x/a')).toBe('deny')
    expect(await effectOf(rows, user('alice'), '/kept/bob/a')).toBe('allow')
  })
})

describe('every answer about rows knows what they are bound to', () => {
  const wide = Array.from({ length: 40 }, (_, index) => p('authenticated', `/other/${index}/**`)).join('')

  it('the index finds the row among many', async () => {
    expect(await effectOf(wide + own, user('alice'), '/users/alice/a')).toBe('allow')
    expect(await effectOf(wide + own, user('alice'), '/users/bob/a')).toBe('deny')
  })

  it('a row is shown as it is written', async () => {
    const [row] = (await policyOf(p('authenticated', '/users/{sub}/**', { condition: 'own' }), conditions)).rows
    expect(row === undefined ? '' : rowText(row)).toBe(
      'p, authenticated, files.example.com, /users/{sub}/**, *, own, allow',
    )
  })

  it('explain says which field missed and what would change it', async () => {
    const asked = { request: requestFor('/teams/ops/a'), identity: user('alice'), context }
    const csv = p('authenticated', '/teams/{group}/**') + p('authenticated', '/teams/{claim:team}/**')
    const { decision, rows, nearest } = explain(asked, await policyOf(csv))
    expect(decision).toMatchObject({ effect: 'deny', reason: 'condition-failed', rule: 'policy.csv:1' })
    expect(rows[0]).toMatchObject({ resource: '/teams/{group}/**', condition: 'path:2 = group' })
    expect(rows.map(({ fields }) => [fields.resource, fields.condition])).toEqual([
      ['hit', 'miss'],
      ['hit', 'may'],
    ])
    expect(nearest.found.map(({ text }) => text)).toEqual(['with claim team = "ops"', 'with group "ops"'])
    const byDeny = p('anyone', '/teams/**') + p('anyone', '/teams/{group}/**', { effect: 'deny' })
    const denied = explain({ ...asked, identity: user('alice', { groups: ['ops'] }) }, await policyOf(byDeny))
    expect(denied.nearest.found.map(({ text }) => text)).toContain('without groups')
  })

  it('who-can and access name the binding as a condition', async () => {
    const policy = await policyOf(own)
    expect(whoCan(requestFor('/users/alice/a'), policy).subjects).toMatchObject([
      { subject: 'authenticated', isAlways: false, allowedBy: [{ condition: 'path:2 = sub' }] },
    ])
    expect(accessOf(user('alice'), policy).entries).toMatchObject([
      { resource: '/users/{sub}/**', condition: 'path:2 = sub' },
    ])
  })

  it('replay is uncertain where the line does not hold what a row is bound to', async () => {
    const replay = async (resource: string, missing: readonly MissingFact[]) => {
      const policy = await policyOf(p('authenticated', resource))
      const asked = { request: requestFor('/teams/alice'), identity: user('alice'), context }
      return replayQuestion(policy, { ...asked, missing: new Set(missing) })
    }
    const all: readonly MissingFact[] = ['claims', 'headers', 'certificate', 'groups', 'login']
    expect(await replay('/teams/{claim:team}', all)).toEqual({ kind: 'uncertain', facts: ['claims'] })
    expect(await replay('/teams/{group}', all)).toEqual({ kind: 'uncertain', facts: ['groups'] })
    expect(await replay('/teams/{sub}', all)).toMatchObject({ kind: 'certain', decision: { effect: 'allow' } })
  })

  it('H02 what is kept of one person, and of a row, is not given to another', async () => {
    const policy = await policyOf(own)
    const [alice, bob] = [user('alice'), user('bob')].map(one => Object.freeze({ ...one, groups: Object.freeze([]) }))
    const ask = (identity: Identity = anonymous, target: string) =>
      decide({ request: requestFor(target), identity, context }, policy).effect
    for (let time = 0; time < 2; time++) {
      expect(ask(alice, '/users/alice/a')).toBe('allow')
      expect(ask(bob, '/users/alice/a')).toBe('deny')
      expect(ask(alice, '/users/bob/a')).toBe('deny')
    }
  })

  it('lint takes a bound row neither for what covers others nor for what is covered by itself alone', async () => {
    const lint = async (csv: string) =>
      lintPolicy(await policyOf(csv, conditions), {}).map(({ rule, line }) => `${line} ${rule}`)
    expect(await lint(own + p('group:ops', '/users/bob/**'))).toEqual(['2 partly-covered-row'])
    expect(await lint(p('authenticated', '/users/*/**') + own)).toEqual(['2 shadowed-row'])
    expect(await lint(own + p('group:ops', '/users/{sub}/keys'))).toEqual(['2 shadowed-row'])
    expect(await lint(own + p('group:ops', '/users/{email}/keys'))).toEqual(['2 partly-covered-row'])
    expect(await lint(own + p('anyone', '/users/{email}/**', { effect: 'deny' }))).toEqual([])
  })

  it('H30 lint names claims that people choose for themselves', async () => {
    const lint = async (csv: string, given = '') =>
      lintPolicy(await policyOf(csv, given), {}).filter(({ rule }) => rule === 'chosen-name')
    expect(await lint(p('authenticated', '/users/{claim:preferred_username}/**'))).toMatchObject([
      { line: 1, severity: 'warning' },
    ])
    expect(
      await lint(p('authenticated', '/**', { condition: 'x' }), 'x: { same: [path:1, claim:nickname] }'),
    ).toHaveLength(1)
    expect(await lint(p('authenticated', '/users/{claim:employee_number}/**'))).toEqual([])
    expect(
      await lint(p('authenticated', '/**', { condition: '!x', effect: 'deny' }), 'x: { same: [path:1, sub] }'),
    ).toEqual([])
  })
})
