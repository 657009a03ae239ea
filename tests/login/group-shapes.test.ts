/** G14: what a claim of each shape means, as docs/providers/generic.md says; and that no name in a text is ever lost. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { parseGroups } from '../../app/login/claims/groups.ts'
import { fc } from '../properties.ts'

const refused = 'refused'

function read(value: unknown, separator?: string): readonly string[] | typeof refused {
  try {
    return parseGroups(value, separator === undefined ? {} : { separator })
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'ERR_LOGIN_CLAIMS_INVALID') return refused
    throw error
  }
}

describe('a text', () => {
  test.each<[string, readonly string[] | typeof refused]>([
    ['ops', ['ops']],
    ['/staff/ops', ['/staff/ops']],
    ['role:admin', ['role:admin']],
    ['["ops","contractors"]', ['ops', 'contractors']],
    [' ops', refused],
    [' [ "ops" , "Domain Admins" ] ', ['ops', 'Domain Admins']],
    ['[]', []],
    ['[ops, contractors]', refused],
    ["['ops', 'contractors']", refused],
    ['["ops","contractors"', refused],
    ['{"ops":true}', refused],
    ['{ops,contractors}', refused],
    ['("ops","contractors")', refused],
    ['"ops"', refused],
    ['ops contractors', refused],
    ['ops,contractors', refused],
    ['ops;contractors', refused],
    ['ops|contractors', refused],
    ['ops\tcontractors', refused],
    ['ops\u00a0contractors', refused],
    ['ops，contractors', refused],
    ['CN=Ops,OU=Groups,DC=corp', ['CN=Ops,OU=Groups,DC=corp']],
    ['cn=Domain Admins, ou=Groups, o=Corp, c=DE', ['cn=Domain Admins, ou=Groups, o=Corp, c=DE']],
    ['CN=Ops\\, EU,OU=Groups,DC=corp,DC=example', ['CN=Ops\\, EU,OU=Groups,DC=corp,DC=example']],
    ['CN=Ops,DC=corp,CN=Contractors,DC=corp', refused],
    ['CN=Ops,DC=corp;CN=Contractors,DC=corp', refused],
    ['CN=Ops,DC=corp CN=Contractors,DC=corp', refused],
    ['CN=Ops,CN=Contractors', refused],
    ['ops,DC=corp', refused],
    ['DC=ops,DC=contractors', refused],
  ])('%j is %j', (value, expected) => expect(read(value)).toEqual(expected))

  test.each<[string, string, readonly string[] | typeof refused]>([
    [',', 'ops, dev,,qa ', ['ops', 'dev', 'qa']],
    [' ', 'ops  contractors', ['ops', 'contractors']],
    [';', 'CN=Ops,DC=corp;CN=Contractors,DC=corp', ['CN=Ops,DC=corp', 'CN=Contractors,DC=corp']],
    ['|', 'ops|dev', ['ops', 'dev']],
    [',', '["ops","dev"]', ['ops', 'dev']],
    [' ', '["ops", "Domain Admins"]', ['ops', 'Domain Admins']],
    [',', '[ops, dev]', refused],
    ['none', 'Domain Admins', ['Domain Admins']],
    ['none', 'CN=Ops,CN=Contractors', ['CN=Ops,CN=Contractors']],
    ['none', '["ops","dev"]', ['ops', 'dev']],
    ['none', '[ops, dev]', refused],
  ])('with the separator %j, %j is %j', (separator, value, expected) =>
    expect(read(value, separator)).toEqual(expected),
  )
})

const name = fc.stringMatching(/^[A-Za-z0-9_./:@#+-]{1,12}$/)
const names = fc.uniqueArray(name, { minLength: 2, maxLength: 5 })
const joiner = fc.constantFrom(' ', ', ', ',', ';', '; ', '|', '\t', '\n', '，', '、')

test('a list is what it holds, written as a list or as the JSON of one, whatever is in the names', () => {
  const any = fc.string({ minLength: 1, maxLength: 20 }).filter(text => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text))
  const list = fc.uniqueArray(
    any.filter(text => !text.trim().startsWith('[')),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(list, fc.constantFrom(undefined, 'none', ',', ' '), (given, separator) => {
      expect(read(given, separator)).toEqual(given)
      expect(read(JSON.stringify(given), separator)).toEqual(given)
    }),
  )
})

test('G14 several names in one text are read as each of them, or not at all: never as another group', () => {
  const wrapped = fc.constantFrom(['', ''], ['[', ']'], ["['", "']"], ['{', '}'], ['(', ')'], ['"', '"'])
  fc.assert(
    fc.property(names, joiner, wrapped, (given, between, [before, after]) => {
      expect(read(`${before}${given.join(between)}${after}`)).toBe(refused)
    }),
  )
  fc.assert(
    fc.property(names, fc.constantFrom(',', ';', '|', ' '), (given, separator) => {
      expect(read(given.join(separator), separator)).toEqual(given)
    }),
  )
})

test('one distinguished name is one group, and two are refused', () => {
  const value = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,8}[A-Za-z0-9]$/)
  const distinguished = fc
    .tuple(fc.array(fc.tuple(fc.constantFrom('CN', 'OU', 'uid'), value), { minLength: 1, maxLength: 3 }), value, value)
    .map(([parts, first, second]) => [...parts.map(part => part.join('=')), `DC=${first}`, `DC=${second}`].join(','))
  fc.assert(
    fc.property(distinguished, text => {
      expect(read(text)).toEqual([text])
    }),
  )
  fc.assert(
    fc.property(distinguished, distinguished, joiner, (one, other, between) => {
      expect(read(`${one}${between}${other}`)).toBe(refused)
    }),
  )
})

test('the page of any provider says the same', () => {
  const page = readFileSync(new URL('../../docs/providers/generic.md', import.meta.url), 'utf8')
  const [, table = ''] = /\n\| the claim \|.*\n.*\n((?:\|.*\n)+)/.exec(page) ?? []
  const rows = [...table.matchAll(/^\| `(.+?)` \| (.+?) \|/gm)].map(([, shape = '', outcome = '']) => ({
    value: JSON.parse(shape),
    outcome,
  }))
  expect(rows.length).toBeGreaterThan(12)
  for (const { value, outcome } of rows) {
    const groups = [...outcome.matchAll(/`(.+?)`/g)].map(([, group]) => group)
    expect(read(value), JSON.stringify(value)).toEqual(outcome.startsWith('refused') ? refused : groups)
  }
})
