/** All but these paths: what is refused, and that every answer about rows knows the exceptions. */
import { describe, expect, it } from 'vitest'
import { accessOf } from '../../rbac/asking/access.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { sampleRequests } from '../../rbac/asking/sample-requests.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { rowText } from '../../rbac/row-text.ts'
import { policyOf, problemsOf } from './policies.ts'

const host = 'wiki.example.com'
const lenient = { allowSemicolon: () => true, allowEncodedSlash: () => true }
const requestFor = (target: string) => canonicaliseUrl('GET', `https://${host}${target}`, lenient)
const carol: User = { kind: 'user', subject: 'https://idp.example#carol', provider: 'idp', groups: [], claims: {} }
const situation = (target: string) => ({ request: requestFor(target), identity: carol, context: { now: 0 } })
const p = (resource: string, more: { subject?: string; condition?: string; effect?: string } = {}) =>
  `p, ${more.subject ?? 'authenticated'}, ${host}, ${resource}, *, ${more.condition ?? '-'}, ${more.effect ?? 'allow'}\n`
const wide = p('/** except /admin/** /metrics')
const effectOf = async (csv: string, target: string) => decide(situation(target), await policyOf(csv)).effect

describe('exceptions', () => {
  it.each([
    ['/** except', 'expected paths after "except": /** except /admin/** /metrics'],
    ['/** except admin', 'an exception is a path, and "admin" does not start with "/"'],
    ['/** except /a and /b', 'an exception is a path, and "and" does not start with "/"'],
    ['/** except /a except /b', 'an exception is a path, and "except" does not start with "/"'],
    ['/** except /a/../b', 'dot segments never match: requests that hold one are refused'],
    ['/** except /users/{sub}', 'an exception is a path without variables; ask with a condition'],
    ['/users/{sub}/** except /users/{sub}/x', 'an exception is a path without variables; ask with a condition'],
  ])('%s is refused', async (resource, message) => {
    expect(await problemsOf(policyOf(p(resource)))).toEqual([`policy.csv:1:37: ${message}`])
  })

  it.each([
    ['/pages/** except /admin/**'],
    ['/a except /a/b'],
    ['/a/b/** except /a'],
    ['/a/*/b except /a/*/c'],
    ['/ except /a'],
  ])('H32 %s is refused: it takes nothing away', async resource => {
    const [problem] = await problemsOf(policyOf(p(resource)))
    expect(problem).toMatch(/the exception .* takes nothing away from/)
  })

  it.each([['/a/** except /**'], ['/a/b/** except /a/**'], ['/a/*/c except /*/*/c'], ['/a except /a']])(
    'H32 %s is refused: it leaves nothing',
    async resource => {
      expect((await problemsOf(policyOf(p(resource))))[0]).toMatch(/the exception .* leaves nothing of/)
    },
  )

  it.each([
    ['kube:prod', 'get'],
    ['app:todo', 'read'],
    ['console', 'GET'],
  ])('stand in no row of %s', async (domain, action) => {
    const problems = await problemsOf(policyOf(`p, authenticated, ${domain}, /a except /a/b, ${action}, -, allow`))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('exceptions stand in rows of hosts; a space in a path is %20')
  })

  it('a space elsewhere, or in a regular expression, is none', async () => {
    expect(await effectOf(p('/my docs/**'), '/my%20docs/a')).toBe('allow')
    expect(await effectOf(p('re:/a except /b'), '/a%20except%20/b')).toBe('allow')
  })
})

describe('H31 paths that servers read differently', () => {
  it.each(['/admin;x/users', '/admin%2Fusers', '/;x/admin/users', '/metrics;x', '/x;/admin'])(
    '%s stays shut, whatever reading is excepted',
    async target => {
      const isShut = target !== '/x;/admin'
      expect(await effectOf(wide, target)).toBe(isShut ? 'deny' : 'allow')
    },
  )

  it('a deny applies where one reading is no exception', async () => {
    const rows = p('/**') + p('/** except /public/**', { effect: 'deny' })
    expect(await effectOf(rows, '/public/a')).toBe('allow')
    expect(await effectOf(rows, '/public;x/a')).toBe('deny')
  })
})

describe('every answer about rows knows the exceptions', () => {
  it('the index finds the row among many, by the folder of what it covers', async () => {
    const many = Array.from({ length: 40 }, (_, index) => p(`/other/${index}/**`)).join('')
    const rows = many + p('/team/** except /team/admin/**')
    expect(await effectOf(rows, '/team/a')).toBe('allow')
    expect(await effectOf(rows, '/team/admin/a')).toBe('deny')
  })

  it('explain, who-can and access show it as it is written', async () => {
    const policy = await policyOf(wide)
    const [row] = policy.rows
    expect(row === undefined ? '' : rowText(row)).toBe(wide.trim())
    const { decision, rows } = explain(situation('/admin/keys'), policy)
    expect(decision).toMatchObject({ effect: 'deny', reason: 'no-rule-matched' })
    expect(rows).toMatchObject([{ resource: '/** except /admin/** /metrics', fields: { resource: 'miss' } }])
    expect(whoCan(requestFor('/admin/keys'), policy).subjects).toEqual([])
    expect(whoCan(requestFor('/pages'), policy).subjects).toHaveLength(1)
    expect(accessOf(carol, policy).entries).toMatchObject([{ resource: '/** except /admin/** /metrics' }])
  })

  it('a deny that leaves something out closes not the whole host', async () => {
    const rows = p('/public/**') + p('/** except /public/**', { effect: 'deny' })
    expect(accessOf(carol, await policyOf(rows)).entries).toHaveLength(2)
  })

  it('a sample asks for what is left out as well', async () => {
    const [row] = (await policyOf(wide)).rows
    const asked = new Set(row === undefined ? [] : sampleRequests(row).map(({ resource }) => resource))
    expect([...asked]).toEqual(['/', '/sample/page', '/admin/', '/admin/sample/page', '/metrics'])
  })

  it.each([
    ['a row for an exception', wide + p('/admin/**', { subject: 'group:ops' }), []],
    ['a row within an exception', wide + p('/admin/keys/*', { subject: 'group:ops' }), []],
    ['a row beside the exceptions', wide + p('/pages/**', { subject: 'group:ops' }), ['2 shadowed-row']],
    ['a row around an exception', wide + p('/*/keys', { subject: 'group:ops' }), []],
    [
      'the same with more exceptions',
      wide + p('/** except /admin/** /metrics /x', { subject: 'group:ops' }),
      ['2 shadowed-row'],
    ],
    ['the same with fewer', wide + p('/** except /admin/**', { subject: 'group:ops' }), []],
    ['a row that covers it whole', p('/**') + wide, ['2 shadowed-row']],
    ['a deny of an exception', wide + p('/admin/**', { effect: 'deny' }), ['2 unreached-deny']],
    ['a deny that leaves it something', wide + p('/** except /x/**', { effect: 'deny' }), []],
    ['a deny of all of it', wide + p('/** except /admin/**', { effect: 'deny' }), ['1 allow-under-deny']],
  ])('lint: %s', async (_, csv, findings) => {
    expect(lintPolicy(await policyOf(csv), {}).map(({ rule, line }) => `${line} ${rule}`)).toEqual(findings)
  })
})
