/** Requests that stand for a row, and the facts that meet its condition. */

import { describe, expect, test } from 'vitest'
import { changesToMeet } from '../../rbac/asking/condition-changes.ts'
import { sampleRequests } from '../../rbac/asking/sample-requests.ts'
import { evaluateCondition } from '../../rbac/conditions/condition.ts'
import { matchablePath } from '../../rbac/matchable-path.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

async function pathsOf(pattern: string): Promise<string[]> {
  const policy = await policyOf(`p, anyone, a.example.com, "re:${pattern.replaceAll('"', '""')}", GET, -, allow`)
  const [row] = policy.rows
  if (row === undefined) throw new Error('expected a row')
  const paths = sampleRequests(row).map(({ resource }) => resource)
  for (const path of paths) expect(row.fitsResource(matchablePath(path))).toBe(true)
  return paths
}

describe('the paths of a pattern', () => {
  test.each([
    ['/api/v\\d+/users', ['/api/v0/users']],
    ['/(wiki|docs)/.*', ['/wiki/sample', '/docs/sample', '/wiki/a', '/docs/a']],
    ['/a(?:/b)?', ['/a/b', '/a']],
    ['/[^/]+/edit', ['/a/edit']],
    ['^/x/[0-9a-f]{8}$', ['/x/aaaaaaaa']],
    ['/[[:digit:]]{2,}', ['/00']],
    ['(?i)/Admin/\\w*', ['/Admin/a']],
    ['/(?P<team>ops|sre)/\\Qa.b\\E', ['/ops/a.b', '/sre/a.b']],
    ['/x\\.pdf', ['/x.pdf']],
    ['/\\x41{1,3}?', ['/A']],
    ['/[]a]x', ['/ax']],
    ['/\\pL+', ['/a', '/A']],
    ['/xa?(e)*/z*(?:b|cd).{1,3}', ['/xae/zba', '/xe/zba', '/xa/zba', '/x/zba']],
  ])('%s', async (pattern, wanted) => {
    expect(await pathsOf(pattern)).toEqual(wanted)
  })

  test.each([
    ['a text that no path starts with', 'admin'],
    ['an encoded slash, which few hosts take', '/a%2Fb'],
    ['a path that is not canonical', '/a/\\.\\./b'],
    ['more than a path may hold', '/a{1000}b{1000}c{1000}'],
  ])('are none for %s', async (_, pattern) => expect(await pathsOf(pattern)).toEqual([]))

  test('are found for patterns of every make', async () => {
    const atom = fc.constantFrom('a', '\\d', '[a-f]', '[^x/]', '(?:b|cd)', '(e)', '.', '\\w', '\\.', '/z')
    const part = fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{2,}')).map(pair => pair.join(''))
    const pattern = fc.array(part, { minLength: 1, maxLength: 6 }).map(parts => `/x${parts.join('')}`)
    await fc.assert(
      fc.asyncProperty(pattern, async text => {
        expect(await pathsOf(text)).not.toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

describe('the facts that meet a condition', () => {
  const conditions = `
office: { source-network: [10.0.0.0/8] }
mfa: { authentication-method: [mfa] }
managed: { header: { name: x-device, in: [managed] } }
staff: { claim: { name: kind, in: [staff] } }
past: { date-window: { from: 2001-01-01, until: 2001-01-31, zone: UTC } }
either: { any: [{ date-window: { until: 2001-01-31, zone: UTC } }, { source-network: [10.0.0.0/8] }] }
`
  const rowOf = async (condition: string) => {
    const policy = await policyOf(`p, anyone, a.example.com, /x, GET, ${condition}, allow`, conditions)
    const [row] = policy.rows
    if (row === undefined) throw new Error('expected a row')
    return row
  }
  const start = {
    request: { domain: 'a.example.com', resource: '/x', action: 'GET', url: '' },
    identity: { kind: 'anonymous' },
    context: { now: 1_700_000_000 },
  } as const

  test.each([
    ['-', []],
    ['office', ['from 10.0.0.0/8']],
    ['office & !office', undefined],
    ['mfa', ['after a login', 'after a login with mfa']],
    ['past', undefined],
    ['either', ['from 10.0.0.0/8']],
    ['!office', ['from outside 10.0.0.0/8']],
    [
      'office & mfa & managed & staff',
      [
        'from 10.0.0.0/8',
        'after a login',
        'after a login with mfa',
        'with header x-device: managed',
        'with claim kind = "staff"',
      ],
    ],
  ])('%s', async (condition, wanted) => {
    const { when, id } = await rowOf(condition)
    const changes = changesToMeet(when, start, id)
    expect(changes?.map(({ text }) => text)).toEqual(wanted)
    if (changes === undefined) return
    const met = changes.reduce(
      (before, change) => change.apply(before),
      start as Parameters<(typeof changes)[0]['apply']>[0],
    )
    expect(evaluateCondition(when, met)).toBe(true)
  })
})
