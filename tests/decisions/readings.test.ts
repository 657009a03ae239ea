/** Paths that two servers read differently, and the one form in which every row meets a path. */

import { describe, expect, it } from 'vitest'
import { explain } from '../../rbac/asking/explain.ts'
import { whoCan } from '../../rbac/asking/who-can.ts'
import { decide } from '../../rbac/decide.ts'
import { matchablePath, readingsOf } from '../../rbac/matchable-path.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { canonicaliseTarget } from '../../rbac/request/canonical-path.ts'
import { parseResource } from '../../rbac/resources.ts'
import { fc } from '../properties.ts'
import { policyOf } from './policies.ts'

const host = 'java.example.com'
const lenient = { allowEncodedSlash: true, allowSemicolon: true }
const requestFor = (target: string) => {
  const { path } = canonicaliseTarget(target, lenient)
  return { domain: host, resource: path, action: 'GET', url: `https://${host}${path}` }
}
const ask = (policy: PolicySnapshot, target: string) =>
  decide({ request: requestFor(target), identity: { kind: 'anonymous' }, context: { now: 0 } }, policy)
const p = (resource: string, effect: string) => `p, anyone, ${host}, "${resource}", GET, -, ${effect}`

describe('readings of a path', () => {
  it.each<[string, readonly string[]]>([
    ['/admin/users', ['/admin/users']],
    ['/admin%2Fusers', ['/admin%2Fusers', '/admin/users']],
    ['/admin;x/users', ['/admin;x/users', '/admin/users']],
    ['/admin%3Bx/users', ['/admin;x/users', '/admin/users']],
    ['/;/admin/users', ['/;/admin/users', '/admin/users']],
    ['/;x=1', ['/;x=1', '/']],
    ['/a;x%2Fb', ['/a;x%2Fb', '/a;x/b', '/a', '/a/b']],
    ['/a%2F;x/b', ['/a%2F;x/b', '/a/;x/b', '/a%2F/b', '/a/b']],
    ['/a%2F%2Fb/', ['/a%2F%2Fb', '/a/b']],
    ['/a%252Fb', ['/a%252Fb']],
  ])('of %s are %j', (target, readings) => {
    expect(readingsOf(requestFor(target).resource)).toEqual(readings)
  })
})

describe('a deny of /admin/** below an allow of all', () => {
  const targets = [
    '/admin/users',
    '/admin%2Fusers',
    '/admin;x/users',
    '/admin;x=1;y/users',
    '/admin%3bx/users',
    '/;/admin/users',
    '/;x;y/admin;z/users',
    '/%2Fadmin/users',
    '/admin%2F;x%2Fusers',
    '/admin;x%2Fusers',
    '/;%2Fadmin',
  ]
  it.each(targets)('B03 B07 holds for %s, in a short list and in an index', async target => {
    const rows = [p('/**', 'allow'), p('/admin/**', 'deny')]
    const many = Array.from({ length: 40 }, (_, at) => p(`/area-${at}/**`, 'deny'))
    for (const policy of [await policyOf(rows.join('\n')), await policyOf([...rows, ...many].join('\n'))]) {
      expect(ask(policy, target)).toMatchObject({ effect: 'deny', reason: 'rule-denied' })
      const { rows: table } = explain(
        { request: requestFor(target), identity: { kind: 'anonymous' }, context: { now: 0 } },
        policy,
      )
      expect(table.find(({ resource }) => resource === '/admin/**')).toMatchObject({ applies: true })
      expect(whoCan(requestFor(target), policy).subjects).toEqual([])
    }
  })

  it('and an allow of /public/** is not stretched by what hides in a segment', async () => {
    const policy = await policyOf(p('/public/**', 'allow'))
    for (const target of ['/public;x/a', '/public%2Fa', '/;/public/a']) {
      expect(ask(policy, target).effect, target).toBe('challenge')
    }
    for (const target of ['/public/a;v=1', '/public/a%2Fb', '/public/;x']) {
      expect(ask(policy, target).effect, target).toBe('allow')
    }
  })
})

describe('any policy, any path', () => {
  const part = fc.constantFrom('a', 'b', 'ab', ';', ';x', 'a;x', '%2F', 'a%2Fb', ';%2Fa', '')
  const target = fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => `/${parts.join('/')}`)
  const resource = fc.oneof(
    fc
      .array(fc.constantFrom('a', 'b', '*', 'a*'), { minLength: 1, maxLength: 3 })
      .chain(parts => fc.constantFrom(`/${parts.join('/')}`, `/${parts.join('/')}/**`)),
    fc.constantFrom('/**', 're:/a/.*', 're:/[ab]+', 're:.*;.*', 're:/(a|b)(/.*)?'),
  )
  const rows = fc.uniqueArray(fc.tuple(resource, fc.constantFrom('allow', 'deny')), {
    minLength: 1,
    maxLength: 6,
    selector: row => row.join(),
  })

  /** Written out anew: each `%2F` and each parameter, in both orders. */
  function everyReading(path: string): string[] {
    const steps = [(text: string) => text.split('%2F').join('/'), (text: string) => text.replace(/;[^/]*/g, '')]
    const [decode, cut] = steps as [(text: string) => string, (text: string) => string]
    const texts = [path, decode(path), cut(path), cut(decode(path)), decode(cut(path))]
    return texts.map(text => `/${text.split('/').filter(Boolean).join('/')}`)
  }

  it('is decided as if each reading had been asked, an allow by all and a deny by any', async () => {
    await fc.assert(
      fc.asyncProperty(rows, target, async (table, wanted) => {
        const policy = await policyOf(table.map(([pattern, effect]) => p(pattern, effect)).join('\n'))
        const all = everyReading(matchablePath(requestFor(wanted).resource))
        const fits = ([pattern, effect]: readonly [string, string]) => {
          const each = all.map(path => parseResource(pattern).fits(path))
          return effect === 'deny' ? each.includes(true) : !each.includes(false)
        }
        const fitting = table.filter(fits).map(([, effect]) => effect)
        const expected = fitting.includes('deny') ? 'deny' : fitting.includes('allow') ? 'allow' : 'challenge'
        expect(ask(policy, wanted).effect).toBe(expected)
      }),
      { numRuns: 1_500 },
    )
  })

  it('whatever a server reads: what is denied for that is denied', async () => {
    await fc.assert(
      fc.asyncProperty(rows, target, async (table, wanted) => {
        const policy = await policyOf(table.map(([pattern, effect]) => p(pattern, effect)).join('\n'))
        const { effect } = ask(policy, wanted)
        for (const reading of everyReading(matchablePath(requestFor(wanted).resource))) {
          if (reading.includes(';') || reading.includes('%2F')) continue
          if (ask(policy, reading).effect === 'deny') expect(effect).toBe('deny')
          else if (effect === 'allow') expect(ask(policy, reading).effect).toBe('allow')
        }
      }),
      { numRuns: 1_500 },
    )
  })
})

describe('a plain row and its re: twin', () => {
  it.each([
    ['re:/(über|my docs)/.*', '/%C3%BCber/a'],
    ['re:/(über|my docs)/.*', '/my%20docs/a'],
    ['re:/my%20docs/.*', '/my%20docs/a'],
    ['re:/%C3%BCber/.*', '/%c3%bcber/a'],
    ['re:/jobs:purge', '/jobs%3Apurge'],
    ['re:/jobs%3Apurge', '/jobs:purge'],
    ['re:/100%25', '/100%25'],
    ['re:/a%2Fb', '/a%2fb'],
    ['re:/%5Bx%5D', '/%5Bx%5D'],
    ['re:/\\[x\\]', '/[x]'],
  ])('%s fits %s', (pattern, target) => {
    expect(parseResource(pattern).fits(matchablePath(requestFor(target).resource))).toBe(true)
  })

  it.each(['re:/%C3/x', 're:/a%', 're:/%zz', 're:/[^/%]+', 're:/%[0-9A-F]{2}', 're:/\\Qa%20b\\E', 're:/%5C'])(
    '%s cannot be read: it would never mean what it says',
    pattern => {
      expect(() => parseResource(pattern)).toThrow(/decoded|stands for an escape/)
    },
  )

  const character = fc.constantFrom(...'abA0 üñ漢😀%:@!$&()+,=~._-"<>[]^`{|}?#', 'e\u0301')
  const segment = fc
    .array(character, { minLength: 1, maxLength: 4 })
    .map(parts => parts.join(''))
    .filter(text => text !== '.' && text !== '..')
  const segments = fc.array(segment, { minLength: 1, maxLength: 3 })
  const escaped = (names: readonly string[]) => `/${names.map(encodeURIComponent).join('/')}`
  const quoted = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|"]/g, '\\$&').replaceAll('%', '%25')

  it('agree over paths with spaces, other alphabets, percent signs and reserved characters', () => {
    fc.assert(
      fc.property(segments, segments, (names, others) => {
        const path = matchablePath(requestFor(escaped(names)).resource)
        const elsewhere = matchablePath(requestFor(escaped(others)).resource)
        const rows = [
          parseResource(escaped(names)),
          parseResource(`re:/${names.map(quoted).join('/')}`),
          parseResource(`re:${quoted(escaped(names)).replaceAll('%25', '%')}`),
        ]
        for (const { fits } of rows) expect(fits(path)).toBe(true)
        const answers = new Set(rows.map(({ fits }) => fits(elsewhere)))
        expect(answers.size).toBe(1)
        expect(answers.has(true)).toBe(path === elsewhere)
      }),
      { numRuns: 3_000 },
    )
  })

  it('B14 sees no likeness: a letter with an accent in one piece is not the one in two', () => {
    expect(parseResource('re:/caf\u00e9').fits(matchablePath('/cafe%CC%81'))).toBe(false)
    expect(parseResource('/caf\u00e9').fits(matchablePath('/cafe%CC%81'))).toBe(false)
  })
})
