import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeFieldValue } from '../../app/assertion/field-value.ts'
import {
  createIdentityHeaders,
  defaultIdentityHeaderNames,
  type IdentityHeaders,
  type IdentityHeadersOptions,
} from '../../app/assertion/headers.ts'
import { createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys, type SigningKeys } from '../../app/assertion/signing-keys.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'
import { alice, carol, deployer, issuer, movableClock, sharedStore, wiki } from './fixtures.ts'

const clock = movableClock()
const { store } = sharedStore(clock)
let keys: SigningKeys
let omitted: [string, number][] = []

beforeAll(async () => {
  keys = createSigningKeys({ store, algorithm: 'ES256', rotateEverySeconds: 86_400, clock, onError: () => undefined })
  await keys.start()
})
afterAll(() => keys.close())

function headersOf(overrides: Partial<IdentityHeadersOptions> = {}): IdentityHeaders {
  omitted = []
  return createIdentityHeaders({
    names: defaultIdentityHeaderNames,
    groupSeparator: ',',
    bareIssuer: issuer,
    sign: createAssertionSigner({ keys, issuer: 'https://auth.example.com', lifetimeSeconds: 60, clock }),
    onGroupsOmitted: (subject, count) => omitted.push([subject, count]),
    ...overrides,
  })
}

function asObject(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2], flat[at * 2 + 1]]))
}

const headers = (identity: Identity, overrides: Partial<IdentityHeadersOptions> = {}) =>
  asObject(headersOf(overrides)(identity, wiki, 'a1b2c3d4e5f60718'))

const decode = (text: string): string => decodeURIComponent(text)

describe('identity headers', () => {
  test('name the person, and the assertion says the same for this host', () => {
    const answer = headers(alice)
    expect(answer).toMatchObject({
      'Remote-User': 'alice',
      'Remote-Email': 'alice@example.com',
      'Remote-Name': 'Alice Archer',
      'Remote-Groups': 'ops,wiki-editors',
    })
    const claims = decodeJwt(answer['X-Sallyport-Assertion'] ?? '')
    expect(claims).toMatchObject({ aud: 'https://wiki.example.com', sub: alice.subject, sid: 'a1b2c3d4e5f60718' })
    expect(claims.groups).toEqual(alice.groups)
  })

  test('I02: what is unknown is there and empty', () => {
    const answer = headers(carol)
    expect(answer).toMatchObject({ 'Remote-User': 'carol', 'Remote-Email': '', 'Remote-Name': '', 'Remote-Groups': '' })
    expect(Object.keys(answer)).toHaveLength(5)
  })

  test('I03, I04: an anonymous request has every header, all empty', () => {
    expect(headersOf()(anonymous, wiki)).toEqual([
      'Remote-User',
      '',
      'Remote-Email',
      '',
      'Remote-Name',
      '',
      'Remote-Groups',
      '',
      'X-Sallyport-Assertion',
      '',
    ])
  })

  test('carry the configured names', () => {
    const names = { user: 'X-U', email: 'X-E', name: 'X-N', groups: 'X-G', assertion: 'X-A' }
    expect(Object.keys(headers(alice, { names }))).toEqual(['X-U', 'X-E', 'X-N', 'X-G', 'X-A'])
  })

  test.each(['Remote User', 'Remote_User', '', 'Remote-User:', 'remote-email'])('refuse %j as a name', user => {
    expect(() => headersOf({ names: { ...defaultIdentityHeaderNames, user } })).toThrow(RangeError)
  })
})

describe('Remote-User', () => {
  const remoteUser = (identity: Identity, overrides: Partial<IdentityHeadersOptions> = {}) =>
    headers(identity, overrides)['Remote-User']

  test('is the bare subject of the one issuer', () => {
    expect(remoteUser(alice)).toBe('alice')
  })

  test('holds the issuer of anybody else, so that two providers’ alice are two', () => {
    expect(remoteUser({ ...alice, subject: 'https://other.example#alice' })).toBe('https://other.example#alice')
  })

  test('holds the issuer of everybody when no issuer is the one', () => {
    const { bareIssuer, ...rest } = { bareIssuer: undefined }
    expect(bareIssuer).toBeUndefined()
    const make = createIdentityHeaders({
      ...rest,
      names: defaultIdentityHeaderNames,
      groupSeparator: ',',
      sign: () => '',
      onGroupsOmitted: () => undefined,
    })
    expect(asObject(make(alice, wiki))['Remote-User']).toBe('https://idp.example#alice')
  })

  test.each([
    ['https://other.example#alice', 'https://idp.example#https://other.example#alice'],
    ['client:corp/robot', 'https://idp.example#client:corp/robot'],
    ['service-account:prod/ci/deployer', 'https://idp.example#service-account:prod/ci/deployer'],
    ['', 'https://idp.example#'],
  ])('keeps the issuer of a subject %j that could be read as another form', (sub, expected) => {
    expect(remoteUser({ ...alice, subject: `${issuer}#${sub}` })).toBe(expected)
  })

  test('tells a machine from the person of the same subject', () => {
    expect(remoteUser(deployer)).toBe('client:corp/robot')
    const { client, ...rest } = deployer
    expect(client).toBe('corp/robot')
    expect(remoteUser({ ...rest, serviceAccount: 'prod/ci/deployer' })).toBe('service-account:prod/ci/deployer')
    expect(remoteUser(rest)).toBe('https://idp.example#robot')
  })

  test('is never the e-mail address, which may move on to somebody else', () => {
    expect(remoteUser({ ...alice, subject: `${issuer}#4711` })).toBe('4711')
  })
})

describe('I01: claims that are not made for a header', () => {
  const awkward: [string, string][] = [
    ['a,b', 'a%2Cb'],
    ['100%', '100%25'],
    ['a\r\nRemote-User: root', 'a%0D%0ARemote-User: root'],
    ['größe', 'gr%C3%B6%C3%9Fe'],
    ['山田', '%E5%B1%B1%E7%94%B0'],
    [' ops ', '%20ops%20'],
    ['\u0000', '%00'],
    ['😀', '%F0%9F%98%80'],
    ['\ud800', '%ED%A0%80'],
  ]
  test.each(awkward)('a group %j is written %j', (group, expected) => {
    expect(headers({ ...alice, groups: ['ops', group] })['Remote-Groups']).toBe(`ops,${expected}`)
  })

  test.each(awkward.filter(([text]) => text !== 'a,b'))('a name %j is written %j', (name, expected) => {
    expect(headers({ ...alice, name })['Remote-Name']).toBe(expected)
  })

  test.each([',', ';', '|', ' '])('the separator %j in a group is encoded', separator => {
    const groups = [`a${separator}b`, 'c']
    const value = headers({ ...alice, groups }, { groupSeparator: separator })['Remote-Groups'] ?? ''
    expect(value.split(separator).map(decode)).toEqual(groups)
  })

  test.each(['', 'a', '%', ', ', '\n', '4'])('%j is refused as a separator', groupSeparator => {
    expect(() => headersOf({ groupSeparator })).toThrow(RangeError)
  })

  test('a group without a name is not one', () => {
    const answer = headers({ ...alice, groups: ['', 'ops', ''] })
    expect(answer['Remote-Groups']).toBe('ops')
    expect(decodeJwt(answer['X-Sallyport-Assertion'] ?? '').groups).toEqual(['ops'])
  })

  test('any text comes back from its field value, which is printable ASCII without spaces at its ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const value = encodeFieldValue(text, ',')
        expect(value).toMatch(/^(?! )[ -+\--~]*(?<! )$/)
        expect(decode(value)).toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })

  test('any list of groups comes back from Remote-Groups', () => {
    const group = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.constantFrom(',', '%', '%2C'))
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 5 }), groups => {
        const value = headers({ ...alice, groups }, { sign: () => '' })['Remote-Groups'] ?? ''
        expect(value.split(',').map(decode)).toEqual(groups)
      }),
    )
  })
})

describe('I01, I08: claims that are too long', () => {
  const sizeOf = (answer: Record<string, string>) =>
    Object.entries(answer).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)

  test('fifty groups of twenty characters fit', () => {
    const groups = Array.from({ length: 45 }, (_, at) => `department-of-test-${at}`)
    const answer = headers({ ...alice, groups })
    expect(answer['Remote-Groups']?.split(',')).toEqual(groups)
    expect(sizeOf(answer)).toBeLessThanOrEqual(3_584)
    expect(omitted).toEqual([])
  })

  test.each([[60], [300], [5_000]])('%i groups are left out as a whole, and everybody is told', count => {
    const groups = Array.from({ length: count }, (_, at) => `department-of-testing-things-${at}`)
    const answer = headers({ ...alice, groups })
    expect(answer['Remote-Groups']).toBe('')
    const claims = decodeJwt(answer['X-Sallyport-Assertion'] ?? '')
    expect(claims.groups_omitted).toBe(count)
    expect(claims).not.toHaveProperty('groups')
    expect(omitted).toEqual([[alice.subject, count]])
    expect(sizeOf(answer)).toBeLessThanOrEqual(3_584)
  })

  test('a name of 16 KB is cut between characters and says so', () => {
    const answer = headers({ ...alice, name: '😀'.repeat(4_096) })
    expect(decode(answer['Remote-Name'] ?? '')).toBe(`${'😀'.repeat(63)}…`)
    expect(headers({ ...alice, name: '😀'.repeat(64) })['Remote-Name']).toBe('%F0%9F%98%80'.repeat(64))
  })

  test('an address of 16 KB is none, in the header and in the assertion', () => {
    const answer = headers({ ...alice, email: `${'a'.repeat(16_384)}@example.com` })
    expect(answer['Remote-Email']).toBe('')
    expect(decodeJwt(answer['X-Sallyport-Assertion'] ?? '')).not.toHaveProperty('email')
  })

  test('a subject of 16 KB is refused, as a part of it could be somebody else', () => {
    const identity = { ...alice, subject: `${issuer}#${'a'.repeat(16_384)}` }
    expect(() => headers(identity)).toThrow(expect.objectContaining({ code: 'ERR_LOGIN_CLAIMS_INVALID', status: 403 }))
    expect(() => headers({ ...identity, groups: [] })).toThrow(expect.objectContaining({ status: 403 }))
    expect(omitted).toEqual([])
  })

  test('the longest subject of the specification fits with everything else', () => {
    const answer = headers({ ...alice, subject: `${issuer}#${'a'.repeat(255)}` })
    expect(answer['Remote-User']).toHaveLength(255)
    expect(answer['Remote-Groups']).toBe('ops,wiki-editors')
  })
})
