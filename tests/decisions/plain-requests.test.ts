/** Paths and hosts that are canonical as they came are recognised at a glance; that glance must say what the full reading says. */

import { expect, test } from 'vitest'
import { canonicaliseHost } from '../../rbac/request/canonical-host.ts'
import { canonicalisePath, canonicaliseSegment } from '../../rbac/request/canonical-path.ts'
import { processorMsOf } from '../pace.ts'
import { fc } from '../properties.ts'

/** The full reading: segment by segment, no dots alone, doubled slashes collapsed. */
function readInFull(path: string): string | 'refused' {
  try {
    if (!path.startsWith('/')) return 'refused'
    const segments = path
      .slice(1)
      .split('/')
      .map(segment => canonicaliseSegment(segment, {}))
    if (segments.some(segment => segment === '.' || segment === '..')) return 'refused'
    const names = segments.filter(name => name !== '')
    return names.length === 0 ? '/' : `/${names.join('/')}${segments.at(-1) === '' ? '/' : ''}`
  } catch {
    return 'refused'
  }
}

function read(path: string): string | 'refused' {
  try {
    return canonicalisePath(path, {})
  } catch {
    return 'refused'
  }
}

const pieces = [
  '/',
  '/',
  '/',
  '.',
  '..',
  '...',
  '.a',
  'a.',
  'a',
  'Z9',
  '~',
  '%2e',
  '%2F',
  '%41',
  ';',
  '\\',
  ' ',
  'é',
  ':',
  '@',
  '*',
  '|',
  '%',
]

test('B01 B02 a path is read alike at a glance and in full', () => {
  const paths = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(
      fc.oneof(
        paths,
        paths.map(path => `/${path}`),
        fc.webPath(),
      ),
      path => {
        expect(read(path)).toBe(readInFull(path))
      },
    ),
    { numRuns: 20_000 },
  )
})

test('B17 a long path is read at a glance in a moment', async () => {
  const paths = [
    `/${'a/'.repeat(4_000)}`,
    `/${'.'.repeat(8_000)}/`,
    `/${'a'.repeat(8_000)}\\`,
    `${'/a'.repeat(4_000)}/..`,
  ]
  expect(await processorMsOf(() => paths.map(read))).toBeLessThan(500)
})

test('C01 C03 a host is read alike at a glance and in full', () => {
  const readHost = (host: string): string => {
    try {
      return canonicaliseHost(host)
    } catch (error) {
      return `refused: ${(error as Error).message}`
    }
  }
  const parts = [
    'a',
    'wiki',
    'x-1',
    '-a',
    'a-',
    '0',
    '127',
    '0x7f',
    '1a',
    '.',
    '.',
    '..',
    '_',
    'console',
    'example',
    'com',
    'k'.repeat(63),
    'k'.repeat(64),
  ]
  const hosts = fc.array(fc.constantFrom(...parts), { maxLength: 9 }).map(chosen => chosen.join(''))
  fc.assert(
    // In capitals it is never recognised at a glance.
    fc.property(hosts, host => {
      expect(readHost(host)).toBe(readHost(host.toUpperCase()))
    }),
    { numRuns: 20_000 },
  )
})
