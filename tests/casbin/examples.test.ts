/** Casbin's own examples, as somebody brings them: the answers that its documentation promises, and the row that gave them. */
import { describe, expect, it } from 'vitest'
import { problemsOf } from '../decisions/policies.ts'
import { anonymous, ask, compileCase, example, host, person } from './casbin-policies.ts'

/** The hosts and paths of this test, for the names of the examples. */
const local = (text: string): string =>
  text
    .replaceAll('domain1', 'one.example.com')
    .replaceAll('domain2', 'two.example.com')
    .replaceAll(/\bdata(\d)\b(?!_)/g, '/data$1')
    .replaceAll(/\bread\b/g, 'GET')
    .replaceAll(/\bwrite\b/g, 'POST')

const compileExample = (model: string, policy: string, own = {}) =>
  compileCase(example(model), local(example(policy)), own)

describe('models of the examples', () => {
  it('knows roles in domains, and a host by its rows', async () => {
    const policy = await compileExample('rbac_with_domains_model.conf', 'rbac_with_domains_policy.csv')
    expect(policy.domains).toEqual(['one.example.com', 'two.example.com'])
    expect(ask(policy, 'alice', 'GET https://one.example.com/data1')).toMatchObject({
      effect: 'allow',
      rule: 'casbin/policy.csv:1',
    })
    expect(ask(policy, 'alice', 'GET https://two.example.com/data2')).toMatchObject({ reason: 'no-rule-matched' })
    expect(ask(policy, 'bob', 'POST https://two.example.com/data2')).toMatchObject({ rule: 'casbin/policy.csv:4' })
    expect(ask(policy, 'bob', 'POST https://three.example.com/data2')).toMatchObject({ reason: 'no-policy-for-domain' })
    expect(ask(policy, anonymous, 'GET https://one.example.com/data1')).toMatchObject({ effect: 'challenge' })
  })

  it('takes rows by their priority, not by their place', async () => {
    const own = { domains: [host] }
    const policy = await compileExample('priority_model_explicit.conf', 'priority_policy_explicit.csv', own)
    expect(ask(policy, 'alice', 'GET /data1')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:8' })
    expect(ask(policy, 'bob', 'GET /data2')).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:9' })
    expect(ask(policy, 'bob', 'POST /data2')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:4' })
    // Somebody who logs in may meet a row before the one that denies.
    expect(ask(policy, anonymous, 'GET /data1')).toMatchObject({ effect: 'challenge' })
  })

  it('takes a deny by another spelling by its priority as well (H19)', async () => {
    const conf = example('priority_model_explicit.conf').replace('r.obj == p.obj', 'keyMatch2(r.obj, p.obj)')
    const last = 'p, 9, anyone, /*, GET, deny\n'
    const open = await compileCase(conf, `p, 5, alice, /data, GET, allow\n${last}`, { domains: [host] })
    expect(ask(open, 'alice', 'GET /data')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:1' })
    for (const path of ['/data/', '/other', '/data;x'])
      expect(ask(open, 'alice', `GET ${path}`)).toMatchObject({ reason: 'rule-denied' })
    const before = 'p, 1, alice, /data/, GET, deny\np, 5, alice, /data, GET, allow\n'
    const shut = await compileCase(conf, before + last, { domains: [host] })
    expect(ask(shut, 'alice', 'GET /data')).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:1' })
  })

  it('takes rows by their place without a priority, but not from an adapter', async () => {
    const own = { domains: [host] }
    const policy = await compileExample('priority_model.conf', 'priority_policy.csv', own)
    expect(ask(policy, 'alice', 'GET /data1')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, 'alice', 'POST /data1')).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:3' })
    const sorted = compileExample('priority_model.conf', 'priority_policy.csv', { ...own, isSorted: true })
    expect((await problemsOf(sorted)).join()).toContain('a database promises no order')
  })

  it('asks nobody to log in for what an overriding deny denies to anyone, and whom a priority may still let in', async () => {
    const own = { domains: [host] }
    const rows = 'p, alice, /data, GET, allow\np, anyone, /data, GET, deny\n'
    const overridden = await compileCase(example('rbac_with_deny_model.conf'), rows, own)
    expect(ask(overridden, anonymous, 'GET /data')).toMatchObject({ effect: 'deny', rule: 'casbin/policy.csv:2' })
    expect(ask(overridden, 'alice', 'GET /data')).toMatchObject({ effect: 'deny', rule: 'casbin/policy.csv:2' })
    const inOrder = await compileCase(example('priority_model.conf'), rows, own)
    expect(ask(inOrder, anonymous, 'GET /data')).toMatchObject({ effect: 'challenge' })
    expect(ask(inOrder, 'alice', 'GET /data')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:1' })
    expect(ask(inOrder, 'bob', 'GET /data')).toMatchObject({ effect: 'deny', rule: 'casbin/policy.csv:2' })
  })

  it('takes the nearest subject first', async () => {
    const own = { domains: [host] }
    const policy = await compileExample('subject_priority_model.conf', 'subject_priority_policy.csv', own)
    expect(ask(policy, 'jane', 'GET /data1')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, 'editor', 'GET /data1')).toMatchObject({ reason: 'evaluation-failed' })
    const domains = await compileExample(
      'subject_priority_model_with_domain.conf',
      'subject_priority_policy_with_domain.csv',
    )
    expect(ask(domains, 'alice', 'POST https://one.example.com/data1')).toMatchObject({ effect: 'allow' })
  })

  it('lets a deny win', async () => {
    const policy = await compileExample('rbac_with_deny_model.conf', 'rbac_with_deny_policy.csv', { domains: [host] })
    expect(ask(policy, 'alice', 'GET /data2')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:3' })
    expect(ask(policy, 'alice', 'POST /data2')).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:5' })
    expect(ask(policy, 'alice', 'POST /data2/')).toMatchObject({ reason: 'rule-denied' })
  })

  it('has the built-in functions', async () => {
    const own = { domains: [host] }
    const keys = await compileCase(example('keymatch2_model.conf'), example('keymatch2_policy.csv'), own)
    expect(ask(keys, 'alice', 'GET /alice_data/hello')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:1' })
    expect(ask(keys, 'alice', 'GET /alice_data2/1/using/2')).toMatchObject({ effect: 'allow' })
    expect(ask(keys, 'alice', 'GET /alice_data2/1/using')).toMatchObject({ effect: 'deny' })
    const plain = await compileCase(example('keymatch_model.conf'), example('keymatch_policy.csv'), own)
    expect(ask(plain, 'cathy', 'POST /cathy_data')).toMatchObject({ effect: 'allow' })
    expect(ask(plain, 'bob', 'POST /bob_data/a/b')).toMatchObject({ effect: 'allow' })
    const globs = await compileCase(example('glob_model.conf'), local(example('glob_policy.csv')), own)
    expect(ask(globs, 'u1', 'GET /foo/bar')).toMatchObject({ effect: 'allow' })
    expect(ask(globs, 'u1', 'GET /foo/bar/more')).toMatchObject({ effect: 'deny' })
    expect(ask(globs, 'u1', `GET /foo/${'a'.repeat(300)}`)).toMatchObject({ reason: 'path-too-costly' })
  })

  it('compares hosts that are addresses with networks', async () => {
    const conf = example('rbac_with_domains_model.conf').replace('r.dom == p.dom', 'ipMatch(r.dom, p.dom)')
    const csv = 'p, anyone, 10.0.0.0/24, /data, GET\np, alice, 10.0.1.7, /data, GET\n'
    const policy = await compileCase(conf, csv, { domains: ['10.0.0.1', '10.0.1.7'] })
    expect(ask(policy, 'bob', 'GET https://10.0.0.1/data')).toMatchObject({ rule: 'casbin/policy.csv:1' })
    expect(ask(policy, 'alice', 'GET https://10.0.1.7/data')).toMatchObject({ rule: 'casbin/policy.csv:2' })
    expect(ask(policy, 'bob', 'GET https://10.0.1.7/data')).toMatchObject({ reason: 'no-rule-matched' })
    expect(ask(policy, 'bob', 'GET https://10.0.0.2/data')).toMatchObject({ reason: 'no-policy-for-domain' })
  })

  it('sorts out rows of others only where each has to name whoever asks', async () => {
    const others = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `p, ${name}, /${name}, GET\n`).join('')
    const of = (matcher: string) =>
      compileCase(example('rbac_model.conf').replace(/m = .*/, `m = ${matcher}`), others, { domains: [host] })
    for (const [matcher, effect] of [
      ['g(r.sub, p.sub) && r.obj == p.obj', 'deny'],
      ['r.obj == p.obj && p.sub == r.sub', 'deny'],
      ['g(r.sub, p.sub) && r.act == "PUT" ? false : r.obj == p.obj', 'allow'],
      ['g(r.sub, p.sub) && r.obj == "/x" || r.obj == p.obj', 'allow'],
      ['(g(r.sub, p.sub) || r.obj != "/x") && r.obj == p.obj', 'allow'],
      ['!g(r.sub, p.sub) && r.obj == p.obj', 'allow'],
      ['g(r.sub, p.sub) == false && r.obj == p.obj', 'allow'],
    ] as const) {
      expect(ask(await of(matcher), 'alice', 'GET /d'), matcher).toMatchObject({ effect })
    }
    const policy = await of('g(r.sub, p.sub) && r.obj == p.obj')
    expect(ask(policy, 'd', 'GET /d')).toMatchObject({ rule: 'casbin/policy.csv:4' })
  })

  it('has roles of resources', async () => {
    const conf = example('rbac_with_resource_roles_model.conf')
    const policy = await compileCase(conf, local(example('rbac_with_resource_roles_policy.csv')), { domains: [host] })
    expect(ask(policy, 'alice', 'POST /data2')).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:3' })
    expect(ask(policy, 'bob', 'POST /data1')).toMatchObject({ effect: 'deny' })
  })

  it.each([
    ['abac_model.conf', 'basic_policy.csv', 'without attributes'],
    ['abac_rule_model.conf', 'abac_rule_policy.csv', 'eval()'],
    ['rbac_with_not_deny_model.conf', 'rbac_with_deny_policy.csv', 'it allows whatever no row speaks of'],
    ['ipmatch_model.conf', 'ipmatch_policy.csv', 'the matcher fails with this row'],
    ['rbac_with_multiple_policy_model.conf', 'rbac_with_multiple_policy_policy.csv', 'one definition'],
    ['basic_without_resources_model.conf', 'basic_without_resources_policy.csv', 'expected r = sub, dom, obj, act'],
    ['keymatch_custom_model.conf', 'keymatch2_policy.csv', 'the matcher calls keyMatchCustom'],
  ])('refuses %s and says why', async (conf, csv, why) => {
    const problems = await problemsOf(compileCase(example(conf), local(example(csv)), { domains: [host] }))
    expect(problems.join('\n')).toContain(why)
  })

  it('gives somebody the links of groups and addresses for the request', async () => {
    const csv = 'p, admin, /data, GET\ng, group:ops, admin\ng, email:carol@example.com, admin\n'
    const policy = await compileCase(example('rbac_model.conf'), csv, { domains: [host] })
    expect(ask(policy, person('bob', { groups: ['ops'] }), 'GET /data')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, person('carol', { email: 'carol@example.com' }), 'GET /data')).toMatchObject({ effect: 'allow' })
    expect(ask(policy, 'bob', 'GET /data')).toMatchObject({ effect: 'deny' })
  })
})
