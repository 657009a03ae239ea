/** What a row costs hangs on the row, not on how long a path somebody sends. */

import { RE2JS } from 're2js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseResource } from '../../rbac/resources.ts'
import { fc } from '../properties.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const fits = (resource: string, path: string): boolean => parseResource(resource).fits(path)

/** The rule of docs/policy.md, word for word and as slowly as it may be. */
function fitsBySplitting(resource: string, path: string): boolean {
  const parts = resource.slice(1).split('/')
  const segments = path === '/' ? [] : path.slice(1).split('/')
  const isOpen = parts.at(-1) === '**'
  const fixed = isOpen ? parts.slice(0, -1) : parts
  if (isOpen ? segments.length < fixed.length : segments.length !== fixed.length) return false
  return fixed.every((part, at) => new RegExp(`^${part.replaceAll('*', '.+')}$`).test(segments[at] ?? ''))
}

const part = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', '*a*', 'a*b')
const resource = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([parts, isOpen]) => `/${[...parts, ...(isOpen ? ['**'] : [])].join('/')}`)
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'aab', 'abb', 'ba'), { maxLength: 6 })
  .map(segments => `/${segments.join('/')}`)

describe('rows with stars', () => {
  test('fit what they fit when the path is split', () => {
    fc.assert(
      fc.property(resource, path, (row, asked) => {
        expect(fits(row, asked)).toBe(fitsBySplitting(row, asked))
      }),
      { numRuns: 2_000 },
    )
  })

  test('do not pay for a hundred times as many segments', () => {
    const rows = Array.from({ length: 200 }, (_, at) => parseResource(`/*/x${at}`).fits)
    const paths = ['/a'.repeat(40), '/a'.repeat(4_000)] as const
    const paceOf = (asked: string): number => {
      const start = performance.now()
      for (const row of rows) row(asked)
      return performance.now() - start
    }
    // The best of many tries, taken in turn: whatever else the machine does slows both.
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number]
    for (let round = 0; round < 100; round++) {
      best[0] = Math.min(best[0], paceOf(paths[0]))
      best[1] = Math.min(best[1], paceOf(paths[1]))
    }
    expect(best[1] / best[0]).toBeLessThan(10)
  })
})

describe('regular expressions', () => {
  test('are not run over a path that does not end as they do', () => {
    const run = vi.spyOn(RE2JS.prototype, 'testExact')
    const long = `/${'a'.repeat(8_000)}`
    for (let at = 0; at < 200; at++) expect(fits(`re:.*\\.php${at}`, long)).toBe(false)
    expect(run).not.toHaveBeenCalled()
  })

  test.each([
    ['.*\\.php$', '/a.php', true],
    ['.*\\.php', '/axphp', false],
    ['/a\\d', '/a7', true],
    ['/a\\d\\w', '/a7x', true],
    ['/\\x61', '/a', true],
    ['/\\pL', '/q', true],
    ['/\\\\.x', '/\\qx', true],
    ['/\\Qa\\Eb', '/ab', true],
    ['/ab?', '/a', true],
    ['/a[bc]', '/ac', true],
    ['(?i)/abc', '/ABC', true],
    ['/a|/b', '/a', true],
    ['/(a|b)c', '/ac', true],
    ['/a-b/c', '/a-b/c', true],
    ['/a\\$', '/a$', true],
    ['/a\\b', '/a', true],
    ['/a\\z', '/a', true],
  ])('re:%s meets %s: %s', (pattern, asked, isFit) => {
    expect(fits(`re:${pattern}`, asked)).toBe(isFit)
  })
})
