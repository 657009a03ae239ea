import { describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { parseEmail } from '../../app/login/claims/email.ts'
import { parseGroups } from '../../app/login/claims/groups.ts'
import { type ClaimPolicy, type Claims, findClaim, parseUser } from '../../app/login/claims/identity-of-claims.ts'
import { fc } from '../properties.ts'

const now = 1_800_000_000
const base = { iss: 'https://idp.example', sub: 'alice' }
const policy: ClaimPolicy = { provider: 'corp' }
const parse = (idToken: Claims, more: Partial<ClaimPolicy> = {}, userinfo?: Claims) =>
  parseUser({ idToken: { ...base, ...idToken }, ...(userinfo && { userinfo }) }, { ...policy, ...more }, now)
const userOf = (...parameters: Parameters<typeof parse>) => parse(...parameters).user

function refusal(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof OperationalError) return `${error.code}: ${error.message}`
    throw error
  }
  return undefined
}

describe('G11: an e-mail address', () => {
  test('that is not verified is no claim either where another claim is the address', () => {
    const mapping = { claims: { email: 'upn' }, emailVerified: 'always' } as const
    const told = { upn: 'alice@corp.example', email: 'mallory@example.com' }
    const user = userOf({ ...told, email_verified: false }, mapping)
    expect([user.email, user.claims.email, user.claims.upn]).toEqual([
      'alice@corp.example',
      undefined,
      'alice@corp.example',
    ])
    expect(userOf({ ...told, email_verified: true }, mapping).claims.email).toBe('mallory@example.com')
  })

  test.each([
    ['alice@example.com', 'alice@example.com'],
    ['Alice.O+tag@Example.COM', 'Alice.O+tag@example.com'],
    ["o'hara@sub-domain.example.co.uk", "o'hara@sub-domain.example.co.uk"],
  ])('%s is taken as %s', (value, expected) => expect(parseEmail(value)).toBe(expected))

  test.each([
    'a@evil@corp.com',
    '"a@corp.com"@evil.com',
    'a@corp.com.',
    'a@corp',
    '@corp.com',
    'a@',
    'a',
    '',
    'a@.com',
    'a@corp..com',
    '.a@corp.com',
    'a.@corp.com',
    'a..b@corp.com',
    'a@-corp.com',
    'a@corp-.com',
    'a@[127.0.0.1]',
    'a b@corp.com',
    ' a@corp.com',
    'a@corp.com ',
    'a@corp.com\n',
    'a@corp.com\u0000',
    'ä@corp.com',
    'a@cörp.com',
    'a@ｃorp.com',
    'a@corp.com>',
    '<a@corp.com>',
    'Alice <a@corp.com>',
    'a@corp.com,b@corp.com',
    'a@corp.com;b@corp.com',
    'a%40corp.com',
    `${'a'.repeat(65)}@corp.com`,
    `a@${'b'.repeat(64)}.com`,
    `a@${'b.'.repeat(130)}com`,
  ])('%j is none', value => expect(parseEmail(value)).toBeUndefined())

  test.each([undefined, null, 7, true, ['a@corp.com'], { 0: 'a@corp.com' }])('of another type, %j, is none', value =>
    expect(parseEmail(value)).toBeUndefined(),
  )

  test('that ends like another is another', () => expect(parseEmail('a@corp.com.evil')).toBe('a@corp.com.evil'))
})

describe('G12: an address that nobody verified', () => {
  test.each([undefined, false, 'true', 'false', 1, null, [], {}])(
    '(email_verified: %j) is left out, also of the claims',
    flag => {
      const user = userOf({ email: 'alice@example.com', email_verified: flag })
      expect(user.email).toBeUndefined()
      expect(user.claims).not.toHaveProperty('email')
    },
  )

  test('counts where the operator says that this provider verifies all of them', () => {
    expect(userOf({ email: 'alice@example.com' }, { emailVerified: 'always' }).email).toBe('alice@example.com')
  })

  test('is not verified by a flag that stands in the other document', () => {
    expect(
      userOf({ email: 'alice@example.com' }, {}, { email: 'a@example.com', email_verified: true }).email,
    ).toBeUndefined()
    expect(userOf({ email_verified: true }, {}, { email: 'alice@example.com' }).email).toBeUndefined()
  })

  test('is verified by userinfo that says so of the same address, or without naming one', () => {
    const idToken = { email: 'alice@example.com' }
    expect(userOf(idToken, {}, { ...idToken, email_verified: true }).email).toBe('alice@example.com')
    expect(userOf(idToken, {}, { email_verified: true }).email).toBe('alice@example.com')
    expect(
      userOf({ ...idToken, email_verified: false }, {}, { ...idToken, email_verified: true }).email,
    ).toBeUndefined()
  })

  test('is verified by true', () => {
    const user = userOf({ email: 'Alice@EXAMPLE.com', email_verified: true })
    expect([user.email, user.claims.email_verified]).toEqual(['Alice@example.com', true])
  })

  test('may come from a nested claim, and is left out with what surrounds it', () => {
    const mapping = { claims: { email: 'profile/mail' } }
    expect(userOf({ profile: { mail: 'a@example.com' }, email_verified: true }, mapping).email).toBe('a@example.com')
    expect(userOf({ profile: { mail: 'a@example.com' } }, mapping).claims).not.toHaveProperty('profile')
  })
})

test.each([
  ['Alice', 'Alice'],
  ['אליס', 'אליס'],
  ['Ali\u202ece', undefined],
  ['\u2067Alice', undefined],
  ['Alice\u200f', undefined],
  ['Alice\u0007', undefined],
])('J94 the name %j is shown as %j', (name, shown) => {
  expect(userOf({ name }).name).toBe(shown)
})

test('G13: the subject is the issuer and the sub, whatever the address says', () => {
  const one = userOf({ email: 'alice@example.com', email_verified: true })
  const other = userOf({ iss: 'https://other.example', email: 'alice@example.com', email_verified: true })
  expect([one.subject, other.subject]).toEqual(['https://idp.example#alice', 'https://other.example#alice'])
})

test.each([undefined, '', 7, null, 'a\nb', 'ä', 'x'.repeat(256)])('a sub that is %j is refused', sub => {
  expect(refusal(() => parse({ sub }))).toContain('ERR_LOGIN_CLAIMS_INVALID')
})

describe('G14: groups', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['absent', undefined, []],
    ['null', null, []],
    ['an empty list', [], []],
    ['a list', ['ops', 'dev'], ['ops', 'dev']],
    ['a list with one twice', ['ops', 'ops'], ['ops']],
    ['a list of names with separators', ['a,b', 'a|b', 'a b', 'role:admin'], ['a,b', 'a|b', 'a b', 'role:admin']],
    ['a list with an empty name', ['ops', ''], ['ops']],
    ['one name', 'ops', ['ops']],
    ['a distinguished name, which is one', 'CN=Ops,OU=Groups,DC=corp', ['CN=Ops,OU=Groups,DC=corp']],
    ['one with spaces', 'CN=Domain Admins, O=Corp', ['CN=Domain Admins, O=Corp']],
    ['the JSON of a list in a text', '["ops","contractors"]', ['ops', 'contractors']],
    ['the JSON of an empty list in a text', ' [ ] ', []],
    ['an empty text', '', []],
    [
      'five thousand',
      Array.from({ length: 5000 }, (_, index) => `g${index}`),
      Array.from({ length: 5000 }, (_, index) => `g${index}`),
    ],
    ['a name of 256 characters', ['x'.repeat(256)], ['x'.repeat(256)]],
  ])('%s', (_name, value, expected) => expect(parseGroups(value)).toEqual(expected))

  test.each<[string, unknown]>([
    ['a number', 7],
    ['true', true],
    ['an object', { ops: true }],
    ['a list with a number', ['ops', 7]],
    ['a list with a list', [['ops']]],
    ['a list with null', ['ops', null]],
    ['more than 32 KB', Array.from({ length: 200 }, (_, index) => `${'g'.repeat(200)}${index}`)],
    ['names with spaces between', 'ops contractors'],
    ['names with commas between', 'ops,contractors'],
    ['names with semicolons between', 'ops;contractors'],
    ['a list that is no JSON', '[ops, contractors]'],
    ['the JSON of an object in a text', '{"ops":true}'],
    ['the JSON of a list with a number', '["ops",7]'],
    ['several distinguished names', 'CN=Ops,DC=corp;CN=Contractors,DC=corp'],
    ['one name with a space, which may be two', 'Domain Admins'],
    ['a list with an object', [{ name: 'ops' }]],
    ['a name that is too long', ['x'.repeat(257)]],
    ['a name with a line break', ['ops\r\nX-Admin: 1']],
    ['a name with a NUL', ['ops\u0000']],
    ['a name with a C1 control', ['ops\u0085']],
    ['a name with a line separator', ['ops\u2028']],
    ['half a character', ['ops\ud800']],
  ])('%s: refused', (_name, value) => expect(refusal(() => parseGroups(value))).toContain('ERR_LOGIN_CLAIMS_INVALID'))

  test.each<[string, unknown, readonly string[]]>([
    [',', 'ops, dev,,qa ', ['ops', 'dev', 'qa']],
    [' ', 'ops contractors', ['ops', 'contractors']],
    [';', 'CN=Ops,DC=corp;CN=Contractors,DC=corp', ['CN=Ops,DC=corp', 'CN=Contractors,DC=corp']],
    [',', '["a,b"]', ['a,b']],
    [',', ['a,b'], ['a,b']],
    ['none', 'Domain Admins', ['Domain Admins']],
    ['none', 'a,b', ['a,b']],
  ])('in a text are cut where claims.groupsSeparator (%j) says so: %j', (separator, value, expected) => {
    expect(userOf({ groups: value }, { claims: { groupsSeparator: separator } }).groups).toEqual(expected)
  })

  test('that are refused name the claim and its shape, and hold no value', () => {
    const said = refusal(() => parse({ roles: 'secret-one secret-two' }, { claims: { groups: 'roles' } }))
    expect(said).toContain('the claim roles: expected a list of names, received a text that may be one name or several')
    expect(said).toContain('claims.groupsSeparator')
    expect(said).not.toContain('secret')
  })

  test('of any text are one name without a separator in it, those of a list, or none at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'ab=,; |[]"') })), text => {
        let groups: readonly string[]
        try {
          groups = parseGroups(text)
        } catch (error) {
          expect((error as OperationalError).code).toBe('ERR_LOGIN_CLAIMS_INVALID')
          return
        }
        if (/^\s*\[/.test(text)) expect(groups).toEqual([...new Set((JSON.parse(text) as string[]).filter(Boolean))])
        else expect(groups).toEqual(text === '' ? [] : [text])
        if (!/^\s*\[/.test(text) && !text.includes('=')) expect(text).not.toMatch(/[\s,;|]/)
      }),
      { numRuns: 2000 },
    )
  })

  test('may be nested, or stand under a name that holds a slash', () => {
    expect(userOf({ realm_access: { roles: ['ops'] } }, { claims: { groups: 'realm_access/roles' } }).groups).toEqual([
      'ops',
    ])
    expect(userOf({ 'https://x/groups': ['ops'] }, { claims: { groups: 'https://x/groups' } }).groups).toEqual(['ops'])
  })

  test('of userinfo count where the ID token has none', () => {
    expect(userOf({}, {}, { groups: ['dev'] }).groups).toEqual(['dev'])
    expect(userOf({ groups: ['ops'] }, {}, { groups: ['dev'] }).groups).toEqual(['ops'])
  })

  test('get a prefix, each of them, whatever it begins with', () => {
    const prefixed = userOf({ groups: ['ops', 'entra:ops', 'role:admin'] }, { groupPrefix: 'entra:' })
    expect(prefixed.groups).toEqual(['entra:ops', 'entra:entra:ops', 'entra:role:admin'])
    expect(userOf({}, { groupPrefix: 'entra:' }).groups).toEqual([])
  })

  test.each(['__proto__', 'constructor/name', 'toString'])('are never read from a prototype (%s)', groups => {
    expect(userOf({}, { claims: { groups } }).groups).toEqual([])
    expect(findClaim({}, groups)).toBeUndefined()
  })
})

describe('G15: groups that are kept elsewhere', () => {
  const names = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } }

  test('refuse the login with a reason, from either document', () => {
    expect(refusal(() => parse(names))).toContain('too many groups')
    expect(refusal(() => parse({}, {}, names))).toContain('too many groups')
    expect(refusal(() => parse({ hasgroups: true }))).toContain('hasgroups')
  })

  test('also where the mapped name is nested', () => {
    const mapping = { claims: { groups: 'access/roles' } }
    expect(refusal(() => parse({ _claim_names: { access: 'src1' } }, mapping))).toContain('too many groups')
  })

  test('do not matter when another claim is', () => {
    expect(userOf({ groups: ['ops'], _claim_names: { address: 'src1' } }).groups).toEqual(['ops'])
  })
})

describe('other claims', () => {
  test('about the login are typed, and come from the ID token alone', () => {
    const user = userOf(
      { auth_time: now - 5.5, amr: ['pwd', 'otp'], acr: 'gold' },
      {},
      { auth_time: now, amr: ['hwk'], acr: 'x' },
    )
    expect([user.authTime, user.amr, user.acr]).toEqual([now - 6, ['pwd', 'otp'], 'gold'])
    const bare = userOf({}, {}, { auth_time: now, amr: ['hwk'], acr: 'x' })
    expect([bare.authTime, bare.amr, bare.acr]).toEqual([undefined, undefined, undefined])
    expect(bare.claims).toEqual(base)
  })

  test.each(['pwd', [7], ['a b'], { 0: 'pwd' }, Array(33).fill('pwd')])('amr %j is unknown', amr =>
    expect(userOf({ amr }).amr).toBeUndefined(),
  )

  test.each(['1800000000', -1, Number.NaN, now + 31, {}])('auth_time %j is refused', auth_time =>
    expect(refusal(() => parse({ auth_time }))).toContain('ERR_LOGIN_CLAIMS_INVALID'),
  )

  test('name somebody, or nobody', () => {
    expect(userOf({ name: 'Alice Ä' }).name).toBe('Alice Ä')
    expect(userOf({ preferred_username: 'alice' }).name).toBe('alice')
    for (const name of ['a\nb', 7, '', 'x'.repeat(257), ['a']]) expect(userOf({ name }).name).toBeUndefined()
  })

  test('of the ID token win over those of userinfo', () => {
    const user = userOf({ name: 'Alice', department: 'sales' }, {}, { name: 'Mallory', department: 'it', office: 'b1' })
    expect([user.name, user.claims]).toEqual(['Alice', { ...base, name: 'Alice', department: 'sales', office: 'b1' }])
  })

  test('about the token itself are not kept', () => {
    const user = userOf({
      nonce: 'n',
      at_hash: 'h',
      exp: 1,
      iat: 1,
      aud: 'us',
      azp: 'us',
      sid: 's',
      department: 'sales',
    })
    expect(user.claims).toEqual({ ...base, sid: 's', department: 'sales' })
  })

  test('beyond 16 KB give way, the largest first, and are named', () => {
    const { user, dropped } = parse({ picture: 'x'.repeat(20_000), bio: 'y'.repeat(10_000), department: 'sales' })
    expect(dropped).toEqual(['picture'])
    expect(user.claims.department).toBe('sales')
    expect(JSON.stringify(user.claims).length).toBeLessThan(16 * 1024)
  })
})
