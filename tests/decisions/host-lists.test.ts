/** Lists of hosts: what is refused, and that a row of a list is one line to whoever reads an answer. */
import { describe, expect, it } from 'vitest'
import { sampleQuestions } from '../../cli/policy/asking/diff-sample.ts'
import { accessOf } from '../../rbac/asking/access.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { findNoReturn } from '../../rbac/asking/return-hosts.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { rowText } from '../../rbac/row-text.ts'
import { model, policyOf, problemsOf } from './policies.ts'

const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', groups: ['ops'], claims: {} }
const situation = (url: string) => ({ request: canonicaliseUrl('GET', url), identity: alice, context: { now: 0 } })
const list = 'h, shops, de.shop.example fr.shop.example *.preview.shop.example\n'
const p = (domain: string, more: { subject?: string; path?: string; effect?: string } = {}) =>
  `p, ${more.subject ?? 'group:ops'}, ${domain}, ${more.path ?? '/**'}, *, -, ${more.effect ?? 'allow'}\n`
const lint = async (csv: string) =>
  lintPolicy(await policyOf(csv), {}).map(({ rule, line, severity }) => `${line} ${rule} ${severity}`)

describe('a list', () => {
  it('is every host of it and no other, wherever it stands', async () => {
    const policy = await policyOf(`${p('@shops')}${list}${p('@more')}h, more, a.example\nh, more, b.example\n`)
    const effectOf = (host: string) => decide(situation(`https://${host}/a`), policy).effect
    const inside = ['de.shop.example', 'FR.shop.example', 'x.preview.shop.example', 'a.example', 'b.example']
    expect(inside.map(effectOf)).toEqual(inside.map(() => 'allow'))
    const outside = ['shop.example', 'preview.shop.example', 'x.de.shop.example', 'c.example', 'shops']
    expect(outside.map(effectOf)).toEqual(outside.map(() => 'deny'))
    expect(policy.rowCount).toBe(5)
  })

  it('may stand in a file behind its rows, after a byte-order mark', async () => {
    const files = [
      { name: 'a.csv', text: p('@shops') },
      { name: 'b.csv', text: `\uFEFF${list}` },
    ]
    expect((await compilePolicy({ model, files })).domains).toEqual([
      'de.shop.example',
      'fr.shop.example',
      '*.preview.shop.example',
    ])
  })

  it.each([
    ['h, shops', '1:1: expected 3 fields (h, list, hosts apart by spaces)'],
    ['h, shops, a.example, b.example', '1:1: expected 3 fields (h, list, hosts apart by spaces)'],
    ['h, Shops, a.example', '1:4: the name of a list holds lower-case letters, digits and dashes, at most 100'],
    ['h, shops, *', '1:11: a list holds hosts, and * is none'],
    ['h, shops, kube:prod', '1:11: a list holds hosts, and kube:prod is none'],
    ['h, shops, {sub}.example', '1:11: not a domain: the host is not a DNS name'],
    ['h, shops, a.example A.example.', '1:11: A.example. is in the list already, by policy.csv:1'],
  ])('%s is refused', async (text, message) => {
    expect(await problemsOf(policyOf(`${text}\n`))).toEqual([`policy.csv:${message}`])
  })

  it.each([
    ['h, shops, *.example a.example', 'a.example'],
    ['h, shops, a.example *.example', '*.example'],
    ['h, shops, *.a.example *.example', '*.example'],
    ['h, shops, *.example *.a.example', '*.a.example'],
  ])('%s is refused, for two of its hosts overlap', async (text, host) => {
    expect(await problemsOf(policyOf(text))).toEqual([
      `policy.csv:1:11: ${host} is in the list already, by policy.csv:1`,
    ])
    await policyOf('h, shops, *.a.example a.example b.example *.b.example\n')
  })

  it('H33 that nobody gave is refused, also in a row that denies', async () => {
    const problems = await problemsOf(policyOf(list + p('@shop', { effect: 'deny' })))
    expect(problems).toEqual(['policy.csv:2:15: unknown list of hosts "shop"; did you mean "shops"?'])
  })

  it('a problem of its row is told once', async () => {
    const problems = await problemsOf(
      policyOf(list + p('@shops', { path: 'a' }) + list.replace('shops', 'b') + p('@b')),
    )
    expect(problems).toEqual(['policy.csv:2:23: a resource starts with "/" or "re:"'])
  })

  it('the same line twice is refused as ever', async () => {
    expect(await problemsOf(policyOf(list + p('@shops') + p('@shops')))).toEqual([
      'policy.csv:3:1: the same as policy.csv:2',
    ])
  })
})

describe('a row of a list', () => {
  it('is one row of its line wherever somebody asks', async () => {
    const policy = await policyOf(list + p('@shops'))
    const { decision, rows } = explain(situation('https://de.shop.example/a'), policy)
    expect(decision).toMatchObject({ effect: 'allow', rule: 'policy.csv:2' })
    expect(rows).toMatchObject([{ rule: 'policy.csv:2', domain: '@shops', isDeciding: true }])
    expect(whoCan(situation('https://fr.shop.example/a').request, policy).subjects).toMatchObject([
      { subject: 'group:ops', allowedBy: [{ rule: 'policy.csv:2' }] },
    ])
    expect(accessOf(alice, policy).entries.map(({ domain }) => domain)).toEqual([
      'de.shop.example',
      'fr.shop.example',
      '*.preview.shop.example',
    ])
    expect(policy.rows.map(rowText)).toEqual(Array.from({ length: 3 }, () => p('@shops').trim()))
  })

  it('has its hosts named, so that logins lead back to them', async () => {
    const { rows } = await policyOf(list + p('@shops'))
    const unnamed = findNoReturn(rows, { named: [], tickets: () => undefined } as never)
    expect(unnamed.map(({ domain }) => domain)).toEqual(['*.preview.shop.example'])
  })

  it('is asked about on a host that one of two policies has alone', async () => {
    const [before, after] = [
      await policyOf(list + p('@shops')),
      await policyOf(list.replace('fr.', 'it.') + p('@shops')),
    ]
    const { questions } = sampleQuestions(
      [
        ['old', before],
        ['new', after],
      ],
      0,
    )
    const first = questions.map(({ request }) => request.domain)
    expect(new Set(first.slice(0, 16))).toEqual(new Set(['fr.shop.example', 'it.shop.example']))
  })

  it('is a finding of lint once, and a note where it is so on some hosts alone', async () => {
    const rows = list + p('@shops', { subject: 'group:dev' })
    const everywhere = rows + p('@shops', { subject: 'authenticated' })
    expect(await lint(everywhere)).toEqual(['2 shadowed-row warning'])
    const somewhere = rows + p('fr.shop.example', { subject: 'authenticated' })
    expect(await lint(somewhere)).toEqual(['2 shadowed-row note'])
    const [finding] = lintPolicy(await policyOf(somewhere), {})
    expect(finding?.message).toMatch(/^on 1 of its 3 hosts: never decides/)
    expect(await lint(rows)).toEqual([])
  })
})
