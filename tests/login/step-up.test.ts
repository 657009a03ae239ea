import { describe, expect, test } from 'vitest'
import { satisfies } from '../../app/login/step-up.ts'
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
    ['not both when one is missing', { maxAgeSeconds: 100, acrValues: ['gold'] }, { authTime: 999 }, false],
  ])('%s', (_name, requirement, facts, expected) => {
    expect(satisfies(requirement, { ...alice, ...facts }, 1000)).toBe(expected)
  })
})
