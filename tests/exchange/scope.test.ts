/** The language of scopes: what each permits, and that nothing narrower permits more. */
import { describe, expect, it } from 'vitest'
import { knownMethods } from '../../rbac/request/methods.ts'
import { isWithin, parseScope, permits } from '../../rbac/tokens/scope.ts'
import { fc } from '../properties.ts'

const methods = [...knownMethods, 'BREW', 'XYZZY']
const word = fc.constantFrom(
  'read',
  'write',
  'GET',
  'only:GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'DELETE',
  'PROPFIND',
  'TRACE',
  'custom:BREW',
)
const scope = fc.option(
  fc.array(word, { minLength: 1, maxLength: 5 }).map(words => parseScope(words.join(' '))),
  {
    nil: undefined,
  },
)
const allOf = (one: string | undefined) =>
  methods.flatMap(method => [
    ...(permits(one, { method }) ? [method] : []),
    ...(permits(one, { method, isUpgrade: true }) ? [`${method} upgraded`] : []),
  ])

describe('a scope', () => {
  it.each([
    ['write read read', 'read write'],
    ['  GET ', 'GET'],
    ['custom:BREW', 'custom:BREW'],
    ['only:GET POST', 'POST only:GET'],
  ])('is written one way: %s', (text, written) => expect(parseScope(text)).toBe(written))

  it.each([
    '',
    ' ',
    '*',
    'Read',
    'GTE',
    'get',
    'GET|HEAD',
    'read\twrite',
    'custom:GET',
    'only:HEAD',
    'only:',
    'a'.repeat(300),
  ])('cannot be %j', text => expect(() => parseScope(text)).toThrow())

  it.each([
    ['read', ['GET', 'HEAD', 'OPTIONS', 'PROPFIND'], ['POST', 'TRACE', 'BREW']],
    ['write', ['POST', 'DELETE', 'BREW', 'TRACE'], ['GET', 'HEAD', 'OPTIONS']],
    ['GET', ['GET', 'HEAD'], ['OPTIONS', 'POST']],
    ['only:GET', ['GET'], ['HEAD', 'OPTIONS', 'POST']],
    ['GET only:GET', ['GET', 'HEAD'], ['OPTIONS', 'POST']],
    ['custom:BREW', ['BREW'], ['GET', 'XYZZY']],
    [undefined, methods, []],
  ] as const)('%s permits what rows say that it does', (one, yes, no) => {
    expect(yes.filter(method => !permits(one, { method }))).toEqual([])
    expect(no.filter(method => permits(one, { method }))).toEqual([])
  })

  it.each([
    ['read', false],
    ['GET', false],
    ['only:GET', false],
    ['GET POST', false],
    ['write', false],
    ['read write', true],
    ['GET write', true],
    [undefined, true],
  ] as const)('J90 %s opens a WebSocket: %s', (one, expected) => {
    expect(permits(one, { method: 'GET', isUpgrade: true })).toBe(expected)
  })

  it('J23 that is within another one permits nothing that the other one does not', () => {
    fc.assert(
      fc.property(scope, scope, (narrow, wide) => {
        fc.pre(isWithin(narrow, wide))
        expect(allOf(wide)).toEqual(expect.arrayContaining(allOf(narrow)))
      }),
    )
  })

  it.each([
    ['only:GET', 'GET', true],
    ['HEAD', 'GET', true],
    ['GET HEAD', 'GET', true],
    ['GET', 'only:GET', false],
    ['HEAD', 'only:GET', false],
    ['GET', 'HEAD only:GET', true],
    ['only:GET', 'read', true],
    ['only:GET', 'write', false],
  ] as const)('J23 %s is within %s: %s', (narrow, wide, expected) => {
    expect(isWithin(parseScope(narrow), parseScope(wide))).toBe(expected)
  })

  it('is within itself, and within no limit', () => {
    fc.assert(
      fc.property(scope, one => {
        expect(isWithin(one, one)).toBe(true)
        expect(isWithin(one, undefined)).toBe(true)
        expect(isWithin(undefined, one)).toBe(one === undefined)
      }),
    )
  })
})
