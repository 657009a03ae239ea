import { describe, expect, test } from 'vitest'
import { loginPath, parseLoginParameters } from '../../app/login/parameters.ts'
import { requireStepUp, satisfies } from '../../app/login/provider/step-up.ts'
import { reportOf } from '../../app/login/step-up-failure.ts'
import type { User } from '../../rbac/identity.ts'

const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'corp', groups: [], claims: {} }

describe('a session satisfies', () => {
  test.each<[string, Parameters<typeof satisfies>[0], Partial<User>, boolean]>([
    ['nothing asked for', {}, {}, true],
    ['an age that it is below', { maxAgeSeconds: 100 }, { authTime: 901 }, true],
    [
      'not an age that it has just reached, or a rule would send it back for ever',
      { maxAgeSeconds: 100 },
      { authTime: 900 },
      false,
    ],
    ['not an age of zero', { maxAgeSeconds: 0 }, { authTime: 1000 }, false],
    ['not an age when nobody said when the login was', { maxAgeSeconds: 100 }, {}, false],
    ['a class that it has', { acrValues: ['gold', 'silver'] }, { acr: 'silver' }, true],
    ['not a class that it has not', { acrValues: ['gold'] }, { acr: 'silver' }, false],
    ['not a class without one', { acrValues: ['gold'] }, {}, false],
    ['an empty list of classes', { acrValues: [] }, {}, true],
    ['a method of each list', { methods: [['mfa', 'hwk'], ['pop']] }, { amr: ['pop', 'hwk'] }, true],
    ['not a method of one list alone', { methods: [['mfa', 'hwk'], ['pop']] }, { amr: ['mfa', 'hwk'] }, false],
    ['not a method when nobody said how the login was', { methods: [['mfa']] }, {}, false],
    ['an age by the clock of a provider that is ahead', { maxAgeSeconds: 100 }, { authTime: 1060 }, true],
    ['not an age by a clock that was set back', { maxAgeSeconds: 100 }, { authTime: 1061 }, false],
    ['not both when one is missing', { maxAgeSeconds: 100, acrValues: ['gold'] }, { authTime: 999 }, false],
  ])('%s', (_name, requirement, facts, expected) => {
    expect(satisfies(requirement, { ...alice, ...facts }, 1000)).toBe(expected)
  })
})

describe('a login delivers', () => {
  test.each<[string, number, Partial<User>, boolean]>([
    ['an age that it just has', 100, { authTime: 900 }, true],
    ['not an age that it is past', 100, { authTime: 899 }, false],
    ['a login since the attempt, by a clock that is behind', 0, { authTime: 920 }, true],
    ['not one from before the attempt', 0, { authTime: 919 }, false],
    ['one by clocks that are ahead of each other', 0, { authTime: 1060 }, true],
    ['not one of the future', 0, { authTime: 1061 }, false],
    ['not an age of the future', 100, { authTime: 1061 }, false],
    ['no age that nobody stated', 100, {}, false],
  ])('%s', (_name, maxAgeSeconds, facts, isDelivered) => {
    const delivered = () => requireStepUp({ maxAgeSeconds, startedAt: 950 }, { ...alice, ...facts }, 1000)
    if (isDelivered) expect(delivered).not.toThrow()
    else expect(delivered).toThrow(/not as asked: auth_time/)
  })
})

describe('methods in an address', () => {
  test('come back as they were, whatever they are called', () => {
    const methods = [
      ['mfa', 'a|b', "it's"],
      ['x y', '%', '&=', 'ü'],
    ]
    const path = loginPath({ methods, maxAgeSeconds: 0 })
    expect(parseLoginParameters(path.slice(path.indexOf('?') + 1))).toEqual({ methods, maxAgeSeconds: 0 })
  })

  test.each([
    'amr=',
    'amr=mfa&amr=pwd',
    'amr=%20mfa',
    'amr=mfa%7C',
    'amr=%25',
    'amr=%25ff',
    'amr=a%00b',
    `amr=${'a'.repeat(193)}`,
    `amr=${Array.from({ length: 33 }, () => 'a').join('+')}`,
  ])('%s was never sent out by us', query => {
    expect(() => parseLoginParameters(query)).toThrow(/amr is malformed/)
  })
})

describe('a login that is not as asked', () => {
  test.each<[number, string]>([
    [1000, '0 s ago'],
    [999, '1 s ago'],
    [1000 - 3600, '1 h ago'],
    [1000 - 90_061, '1 d 1 h ago'],
    [1075, '1 min 15 s ahead of our clock'],
  ])('of %d at 1000 was %s', (authTime, text) => {
    expect(reportOf({ maxAgeSeconds: 0 }, { authTime }, 1000)).toEqual({
      asked: [['Login', 'now']],
      delivered: [['Login', text]],
    })
  })

  test('is reported in what was asked for alone, and not at all when the provider said no', () => {
    const asked = { maxAgeSeconds: 900, acrValues: ['gold', 'silver'], methods: [['mfa', 'hwk'], ['pop']] }
    const lines = [
      ['Login', 'at most 15 min ago'],
      ['Method', 'mfa or hwk'],
      ['Method', 'pop'],
      ['Class', 'gold or silver'],
    ]
    expect(reportOf(asked, undefined, 1000)).toEqual({ asked: lines, delivered: [] })
    expect(reportOf({ methods: [['mfa']] }, { amr: ['pwd', 'otp'], acr: 'gold' }, 1000).delivered).toEqual([
      ['Method', 'pwd and otp'],
    ])
  })
})
