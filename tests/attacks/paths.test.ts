/**
 * Abuse cases B: what a path becomes. It is refused (400), or judged in its one canonical form, and nothing else.
 */

import { describe, expect, test } from 'vitest'
import { matchablePath } from '../../rbac/matchable-path.ts'
import { canonicaliseUrl, MalformedRequestError } from '../../rbac/request/access-request.ts'
import { parseResource } from '../../rbac/resources.ts'
import { processorMsOf } from '../pace.ts'
import { fc } from '../properties.ts'

const origin = 'https://app.example.com'

/** The canonical resource, or the refused part. */
function read(target: string): string {
  try {
    return canonicaliseUrl('GET', origin + target).resource
  } catch (error) {
    if (error instanceof MalformedRequestError) return error.part
    throw error
  }
}

describe('what a path becomes', () => {
  test.each([
    ['B01', '/public/../admin', 'path'],
    ['B01', '/public/x/../../admin/keys', 'path'],
    // Resolved by one server, routed by its first segment by another: an anonymous /public here, the admin's page there.
    ['B01', '/admin/../public', 'path'],
    ['B01', '/../admin', 'path'],
    ['B01', '/public/../../admin', 'path'],
    ['B02', '/public/%2e%2e/admin', 'path'],
    ['B02', '/public/%2E./admin', 'path'],
    ['B02', '/public/.%2e/admin', 'path'],
    ['B02', '/%61dmin', '/admin'],
    ['B03', '/public/..%2fadmin', 'path'],
    ['B03', '/public/..%2Fadmin', 'path'],
    ['B03', '/public%2fadmin', 'path'],
    ['B03', '/public/..%5cadmin', 'path'],
    ['B03', '/public/..%5Cadmin', 'path'],
    ['B04', '/public/%252e%252e%252fadmin', '/public/%252e%252e%252fadmin'],
    ['B04', '/public/%25%32%65%25%32%65/admin', '/public/%252e%252e/admin'],
    ['B05', '//admin', '/admin'],
    ['B05', '///admin', '/admin'],
    ['B05', '/admin//keys', '/admin/keys'],
    ['B05', '/public//../admin', 'path'],
    ['B06', '/./admin', 'path'],
    ['B06', '/admin/.', 'path'],
    ['B06', '/admin/', '/admin/'],
    ['B06', '/admin/x/..', 'path'],
    ['B06', '/', '/'],
    ['B07', '/public/..;/admin', 'path'],
    ['B07', '/admin;x=1', 'path'],
    ['B07', '/admin%3b', 'path'],
    ['B07', '/admin%3Bx', 'path'],
    ['B08', '/public\\..\\admin', 'path'],
    ['B09', '/ad\tmin', 'path'],
    ['B09', '/ad\nmin', 'path'],
    ['B09', '/ad min', 'path'],
    ['B10', '/admin#/public', 'path'],
    ['B10', '/public?x#y', 'path'],
    ['B10', '/admin%23/public', '/admin%23/public'],
    ['B11', '/admin?x=/public/', '/admin'],
    ['B11', '/admin?/../public', '/admin'],
    ['B11', '/admin%3F/../public', 'path'],
    ['B12', '/public/%c0%ae%c0%ae/admin', 'path'],
    ['B12', '/public/%', 'path'],
    ['B12', '/public/%zz', 'path'],
    ['B12', '/public/%2', 'path'],
    ['B12', '/public/%00', 'path'],
    ['B12', '/public/%0a', 'path'],
    ['B12', '/public/%7f', 'path'],
    ['B12', '/public/%c2%85', 'path'],
    ['B12', '/public/%u002e', 'path'],
    ['B12', '/public/%ed%a0%80', 'path'],
    ['B12', '/public/%e9', 'path'],
    ['B13', '//evil.example/path', 'path'],
    ['B13', '//user@host/path', 'path'],
    ['B13', '//host:8080/path', 'path'],
    ['B14', '/public/\uff0e\uff0e/admin', 'path'],
    ['B14', '/public/%ef%bc%8e%ef%bc%8e/admin', '/public/%EF%BC%8E%EF%BC%8E/admin'],
    ['B14', '/public%ef%bc%8fadmin', '/public%EF%BC%8Fadmin'],
    ['B14', '/caf%c3%a9', '/caf%C3%A9'],
    ['B14', '/cafe%cc%81', '/cafe%CC%81'],
    ['B15', '/Admin', '/Admin'],
    ['B16', '/admin.', '/admin.'],
    ['B16', '/admin%20', '/admin%20'],
    ['B16', '/admin.json', '/admin.json'],
    ['B16', '/admin/...', '/admin/...'],
    ['B19', '/a|b', '/a%7Cb'],
    ['B19', '/a%7cb', '/a%7Cb'],
    ['B19', '/%7Euser', '/~user'],
  ])('%s %j is %s', (_, target, expected) => {
    expect(read(target)).toBe(expected)
  })

  test.each(['public', '', '?x', '*', 'http://app.example.com/admin'])('B13 a target that is %j is refused', target => {
    expect(() => canonicaliseUrl('GET', `${origin}${target}`)).toThrow(MalformedRequestError)
  })
})

describe('what an option relaxes, and for which host', () => {
  const options = {
    allowEncodedSlash: (domain: string) => domain === 'git.example.com',
    allowSemicolon: (domain: string) => domain === 'java.example.com',
  }
  const resource = (url: string): string => canonicaliseUrl('GET', url, options).resource

  test('an encoded slash stays encoded', () => {
    expect(resource('https://git.example.com/group%2fproject')).toBe('/group%2Fproject')
  })

  test('a semicolon stays', () => {
    expect(resource('https://java.example.com/a;v=1/b')).toBe('/a;v=1/b')
  })

  test.each([
    'https://java.example.com/a%2fb',
    'https://git.example.com/a;b',
    'https://git.example.com/a/..%2fb',
    'https://git.example.com/a%2F..',
    'https://git.example.com/a%2f%2e%2e%2fb',
    'https://git.example.com/a%2f.%2fb',
    'https://java.example.com/a/..;/b',
    'https://java.example.com/a/..;x=1/b',
    'https://java.example.com/a/.%3b/b',
    'https://git.example.com/a%5cb',
  ])('%s is refused', url => {
    expect(() => resource(url)).toThrow(MalformedRequestError)
  })
})

describe('B17 long paths', () => {
  test('8 KB is accepted, one more is not', () => {
    expect(read(`/${'a'.repeat(8191)}`)).toHaveLength(8192)
    expect(read(`/${'a'.repeat(8192)}`)).toBe('length')
  })

  test('a path that only escaping makes too long is refused, or its own canonical form would be', () => {
    expect(read(`/${'|'.repeat(3000)}`)).toBe('length')
  })

  test.each([
    ['letters', 'a'],
    ['slashes', '/'],
    ['dots', './'],
    ['parents', 'a/../'],
    ['escapes', '%41'],
    ['percent signs', '%'],
    ['semicolons', ';'],
  ])('64 KB and just under 8 KB of %s are answered at once', async (_, unit) => {
    const readBoth = () => [65_536, 8190].map(size => read(`/${unit.repeat(Math.floor(size / unit.length))}`))
    expect(await processorMsOf(readBoth)).toBeLessThan(1000)
  })

  test('H09 a pattern that would make a backtracking engine think for years answers at once', async () => {
    const { fits } = parseResource('re:/(a+)+(a|aa)*$')
    const ask = () => expect(fits(`/${'a'.repeat(8000)}!`)).toBe(false)
    expect(await processorMsOf(ask)).toBeLessThan(1000)
  })
})

describe('B19 the canonical form', () => {
  const piece = fc.constantFrom(
    ...[
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%2E%2e',
      '%2f',
      '%252e',
      '%25',
      '%',
      ';',
      '%3b',
      '\\',
      '%5c',
      '%c3%a9',
      '%c0%ae',
      'é',
      'a',
    ],
    ...[
      'B',
      '~',
      '%7e',
      '|',
      '%7C',
      ':',
      '%3a',
      '@',
      '*',
      '%2A',
      '?',
      '%3f',
      '#',
      '%23',
      '%00',
      '%0d',
      ' ',
      '\t',
      '+',
      '&=',
      '[',
      'x.y',
    ],
  )
  const targets = fc.array(piece, { maxLength: 12 }).map(pieces => `/${pieces.join('')}`)

  test('is its own canonical form, for 50,000 random targets', () => {
    let accepted = 0
    fc.assert(
      fc.property(targets, target => {
        const resource = read(target)
        if (!resource.startsWith('/')) return
        accepted += 1
        const request = canonicaliseUrl('GET', origin + target)
        expect(canonicaliseUrl('GET', request.url)).toEqual(request)
        expect(resource).toMatch(/^\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-F]{2})*$/)
        expect(resource).not.toMatch(/\/\/|\/\.\.?(?:\/|$)|%2F|%5C|%0|%1|%7F/)
      }),
      { numRuns: 50_000 },
    )
    expect(accepted).toBeGreaterThan(2000)
  })

  test('is what is matched: a row that states it fits the request', () => {
    fc.assert(
      fc.property(targets, target => {
        const resource = read(target)
        if (!resource.startsWith('/') || resource.includes('*')) return
        expect(parseResource(resource).fits(matchablePath(resource))).toBe(true)
      }),
      { numRuns: 10_000 },
    )
  })
})
