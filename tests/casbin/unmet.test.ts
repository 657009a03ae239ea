/** Rows that Casbin would take and no request could meet: a deny among them is believed to be in force. */
import { describe, expect, it } from 'vitest'
import { problemsOf } from '../decisions/policies.ts'
import { ask, compileCase, example, host, person } from './casbin-policies.ts'

const own = { domains: [host] }
const denying = example('rbac_with_deny_model.conf')
const withMatcher = (matcher: string): string => denying.replace(/m = .*/, `m = ${matcher}`)

describe('H17 every row could be met', () => {
  it.each([
    ['r.act == p.act', 'mallory, /data, read', 'no request has this method'],
    ['r.act == p.act', 'mallory, /data, get', 'no request has this method'],
    ['r.act == p.act', 'mallory, /data, *', 'no request has this method'],
    ['(p.act == "any" || r.act == p.act)', 'mallory, /data, *', 'no request has this method'],
    ['regexMatch(r.act, p.act)', 'mallory, /data, ^get$', 'no request has this method'],
    ['r.obj == p.obj', 'mallory, /caf%C3%A9, GET', 'decoded'],
    ['r.obj == p.obj', 'mallory, data, GET', 'begin with "/"'],
    ['r.obj == p.obj', 'mallory, /a/../data, GET', 'dot segments'],
    ['r.obj == p.obj', 'mallory, //data, GET', '"//"'],
    ['keyMatch(r.obj, p.obj)', 'mallory, data/*, GET', 'begin with "/"'],
    ['keyMatch2(r.obj, p.obj)', 'mallory, data/:x, GET', 'begin with "/"'],
    ['keyMatch2(r.obj, p.obj)', 'mallory, /a%20b/:x, GET', 'decoded'],
    ['regexMatch(r.obj, p.obj)', 'mallory, ^data/.*, GET', 'begin with "/"'],
  ])('where the matcher says %s, refuses what no request could meet: %s', async (term, row, why) => {
    const conf = withMatcher(`g(r.sub, p.sub) && ${term}`)
    const problems = await problemsOf(compileCase(conf, `p, alice, /data, GET, allow\np, ${row}, deny\n`, own))
    expect(problems).toEqual([expect.stringContaining(why)])
  })
  it.each([
    ['(p.act == "*" || r.act == p.act)', 'alice, /data, *'],
    ['r.act == p.act', 'alice, /data, M-SEARCH'],
    ['regexMatch(r.act, p.act)', 'alice, /data, (?i)^get$'],
    ['regexMatch(r.act, p.act)', 'alice, /data, ^[A-Z]+$'],
    ['r.obj == p.obj', 'alice, /a%2Fb;c, GET'],
    ['(r.obj == p.obj || g(r.obj, p.obj))', 'alice, docs, GET'],
    ['(r.obj == p.obj || r.sub == "root")', 'alice, docs, GET'],
    ['keyMatch(r.obj, p.obj)', 'alice, *, GET'],
    ['keyMatch2(r.obj, p.obj)', 'alice, (/a|/b)/:x, GET'],
    ['regexMatch(r.obj, p.obj)', 'alice, data/, GET'],
  ])('where it says %s, takes %s', async (term, row) => {
    const conf = withMatcher(`g(r.sub, p.sub) && ${term}`)
    expect((await compileCase(conf, `p, ${row}, deny\n`, own)).casbin?.rows).toHaveLength(1)
  })
  it('refuses a deny where the effect counts none', async () => {
    const conf = denying.replace(/e = .*/, 'e = some(where (p.eft == allow))')
    const problems = await problemsOf(compileCase(conf, 'p, alice, /data, GET, allow\np, bob, /data, GET, deny\n', own))
    expect(problems).toEqual([
      expect.stringMatching(/^casbin\/policy\.csv:2:\d+: the effect of the model counts no row/),
    ])
  })
  it.each([
    ['APP.example.com', 'write app.example.com'],
    ['app.example.com.', 'write app.example.com'],
    ['app.example.com:443', 'no port'],
    ['*', 'no host is called like a pattern'],
  ])('refuses a role that is given where nobody asks: %s', async (where, why) => {
    const conf = example('rbac_with_domains_model.conf')
      .replace('obj, act\n\n[role', 'obj, act, eft\n\n[role')
      .replace(/e = .*/, /e = .*/.exec(denying)?.[0] ?? '')
    const link = `p, blocked, ${host}, /data, GET, deny\ng, alice, blocked, ${where}\n`
    const place = 'casbin/policy.csv:2:'
    expect(await problemsOf(compileCase(conf, link))).toEqual([expect.stringContaining(why)])
    expect(await problemsOf(compileCase(conf, link))).toEqual([expect.stringContaining(place)])
    const loose = conf.replace('r.dom == p.dom', '(r.dom == p.dom || p.dom == "*")')
    const row = `p, anyone, *, /data, GET, allow\np, alice, ${where}, /data, GET, deny\n`
    const compiling = compileCase(loose, row, own)
    if (where === '*') expect((await compiling).casbin?.rows).toHaveLength(2)
    else expect(await problemsOf(compiling)).toEqual([expect.stringContaining(why)])
  })
  it('refuses a role that is more links away than Casbin follows, from whomever, and takes what goes in circles', async () => {
    const open = 'p, anyone, /data, GET, allow\np, blocked, /data, GET, deny\ng, alice, a\n'
    const chain = (names: readonly string[]): string =>
      names
        .slice(1)
        .map((name, index) => `g, ${names[index]}, ${name}\n`)
        .join('')
    const names = [...'abcdefgh', 'blocked']
    const nine = await compileCase(denying, open + chain(names), own)
    for (const who of ['alice', person('x', { groups: ['ops'] })])
      expect(ask(nine, who, 'GET /data').effect).toBe(who === 'alice' ? 'deny' : 'allow')
    const far = [...'abcdefghi', 'blocked']
    const problems = await problemsOf(compileCase(denying, open + chain(far), own))
    expect(problems).toEqual([expect.stringMatching(/^casbin\/policy\.csv:12:\d+: more than 9 links/)])
    const group = `${open}g, group:ops, a\n${chain(names)}`
    const byGroup = await compileCase(denying, group, own)
    expect(ask(byGroup, person('x', { groups: ['ops'] }), 'GET /data')).toMatchObject({ reason: 'rule-denied' })
    // A short way counts, and so does none.
    const short = await compileCase(denying, `${open}${chain(far)}g, a, i\n${chain(['i', 'a'])}`, own)
    expect(ask(short, 'alice', 'GET /data')).toMatchObject({ reason: 'rule-denied' })
  })
})
