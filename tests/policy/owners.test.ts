/** Files of those who own some hosts: they may only narrow what the other rows allow there. */
import { describe, expect, it } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { model, problemsOf } from '../decisions/policies.ts'

const owner = { name: 'shop', hosts: ['shop.example.com', '*.shop.example.com'] }
const platform = [
  'h, shops, de.shop.example.com fr.shop.example.com',
  'h, others, de.shop.example.com wiki.example.com',
  'p, authenticated, *.example.com, /**, *, -, allow',
  'p, group:ops, wiki.example.com, /admin/**, *, office, allow',
].join('\n')
const office = { name: 'conditions.yaml', text: 'office: { source-network: [10.0.0.0/8] }\n' }

interface Owned {
  readonly rows: string
  readonly conditions?: string
  readonly platform?: string
}

const compile = ({ rows, conditions = '', platform: others = platform }: Owned) =>
  compilePolicy({
    model,
    files: [
      { name: 'base/rows.csv', text: others },
      { name: 'shop/rows.csv', text: `${rows}\n`, owner },
    ],
    conditions: [office, { name: 'shop/conditions.yaml', text: conditions, owner }],
  })

const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'idp', groups: ['ops'], claims: {} }
const effectOf = async (owned: Owned, url: string, clientAddress = '192.0.2.1') => {
  const request = canonicaliseUrl('GET', url)
  return decide({ request, identity: alice, context: { now: 0, clientAddress } }, await compile(owned)).effect
}

describe('an owner of hosts', () => {
  it('denies there, by conditions of everybody and of their own', async () => {
    const rows = [
      'p, anyone, shop.example.com, /** except /public/**, *, !office, deny',
      'p, anyone, *.shop.example.com, /internal/**, *, !vpn, deny',
      'p, anyone, @shops, /prices/**, *, -, deny',
      'p, anyone, x.shop.example.com, /later/**, *, -, shadow-deny',
    ].join('\n')
    const owned = { rows, conditions: 'vpn: { source-network: [172.16.0.0/12] }\n' }
    expect(await effectOf(owned, 'https://shop.example.com/a')).toBe('deny')
    expect(await effectOf(owned, 'https://shop.example.com/a', '10.0.0.1')).toBe('allow')
    expect(await effectOf(owned, 'https://shop.example.com/public/a')).toBe('allow')
    expect(await effectOf(owned, 'https://x.shop.example.com/internal/a')).toBe('deny')
    expect(await effectOf(owned, 'https://x.shop.example.com/internal/a', '172.16.0.1')).toBe('allow')
    expect(await effectOf(owned, 'https://de.shop.example.com/prices/a')).toBe('deny')
    expect(await effectOf(owned, 'https://x.shop.example.com/later/a')).toBe('allow')
    expect(await effectOf(owned, 'https://wiki.example.com/a')).toBe('allow')
  })

  it('is the owner of each row, whatever the row says', async () => {
    const rows =
      'p, anyone, shop.example.com, /a, *, -, deny\np, anyone, shop.example.com, /b, *, -, deny, why, platform'
    const owners = (await compile({ rows })).rows.map(({ owner: named }) => named)
    expect(owners.filter(named => named !== undefined)).toEqual(['shop', 'shop'])
  })

  const only = 'rows of this directory only narrow'
  const place = 'rows of this directory speak of shop.example.com, *.shop.example.com, and not of'
  it.each([
    ['an allow', 'p, anyone, shop.example.com, /**, *, -, allow', `1:41: ${only}: the effect is deny or shadow-deny`],
    [
      'a shadow of one',
      'p, anyone, shop.example.com, /, *, -, shadow-allow',
      `1:39: ${only}: the effect is deny or shadow-deny`,
    ],
    ['another host', 'p, anyone, wiki.example.com, /**, *, -, deny', `1:12: ${place} wiki.example.com`],
    [
      'a host that only ends alike',
      'p, anyone, myshop.example.com, /, *, -, deny',
      `1:12: ${place} myshop.example.com`,
    ],
    [
      'a pattern that only ends alike',
      'p, anyone, *.myshop.example.com, /, *, -, deny',
      `1:12: ${place} *.myshop.example.com`,
    ],
    ['a wider pattern', 'p, anyone, *.example.com, /**, *, -, deny', `1:12: ${place} *.example.com`],
    ['every host', 'p, anyone, *, /**, *, -, deny', `1:12: ${place} *`],
    ['the console', 'p, anyone, console, /**, *, -, deny', `1:12: ${place} console`],
    ['a cluster', 'p, anyone, kube:prod, /**, *, -, deny', `1:12: ${place} kube:prod`],
    ['a list with another host', 'p, anyone, @others, /**, *, -, deny', `1:12: ${place} wiki.example.com`],
    ['a role', 'g, group:dev, role:x, shop.example.com', `1:1: ${only}: p lines alone`],
    ['a host for a list', 'h, shops, x.shop.example.com', `1:1: ${only}: p lines alone`],
  ])('H34 may not write %s', async (_, rows, message) => {
    expect(await problemsOf(compile({ rows }))).toEqual([`shop/rows.csv:${message}`])
  })

  it('H34 may write a narrower pattern of a tenant’s hosts', async () => {
    await compile({ rows: 'p, authenticated, {claim:tenant}.shop.example.com, /**, *, -, deny' })
    await compile({ rows: 'p, anyone, *.eu.shop.example.com, /**, *, -, deny' })
  })

  it('H34 has conditions that no row of others means, and changes none of theirs', async () => {
    const rows = 'p, anyone, shop.example.com, /**, *, vpn, deny'
    const conditions = 'vpn: { source-network: [172.16.0.0/12] }\n'
    const named = `${platform}\np, group:ops, wiki.example.com, /x, *, vpn, allow`
    expect(await problemsOf(compile({ rows, conditions, platform: named }))).toEqual([
      'base/rows.csv:5:40: unknown condition "vpn"; known: office',
    ])
    const again = 'office: { source-network: [0.0.0.0/0] }\n'
    expect(await problemsOf(compile({ rows: '# none', conditions: again }))).toEqual([
      'shop/conditions.yaml:1:1: the condition office is also given at conditions.yaml:1',
    ])
  })

  it('H34 has no condition of another owner', async () => {
    const files = [
      { name: 'shop/rows.csv', text: 'p, anyone, shop.example.com, /**, *, theirs, deny\n', owner },
      { name: 'base/rows.csv', text: platform },
    ]
    const theirs = { name: 'wiki/conditions.yaml', text: 'theirs: { acr: [gold] }\n', owner: { name: 'wiki' } }
    expect(await problemsOf(compilePolicy({ model, files, conditions: [office, theirs] }))).toEqual([
      'shop/rows.csv:1:38: unknown condition "theirs"; known: office',
    ])
  })
})
