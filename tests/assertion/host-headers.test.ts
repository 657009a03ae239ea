import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createIdentityHeaders,
  defaultIdentityHeaderNames,
  type IdentityHeadersOptions,
} from '../../app/assertion/headers.ts'
import { createHostHeaders } from '../../app/assertion/host-headers.ts'
import { createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys, type SigningKeys } from '../../app/assertion/signing-keys.ts'
import { findClaim } from '../../app/login/claims/identity-of-claims.ts'
import { type HostHeadersSettings, headerPresets, type UserNameSettings } from '../../config/schema/header-presets.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'
import { alice, deployer, issuer, movableClock, sharedStore, wiki } from './fixtures.ts'

const clock = movableClock()
const { store } = sharedStore(clock)
let keys: SigningKeys
beforeAll(async () => {
  keys = createSigningKeys({ store, algorithm: 'ES256', rotateEverySeconds: 86_400, clock, onError: () => undefined })
  await keys.start()
})
afterAll(() => keys.close())

const webauth: HostHeadersSettings = {
  presets: [headerPresets.webauth],
  claimHeaders: [],
  isRemoteNamed: false,
  names: ['x-webauth-user', 'x-webauth-name', 'x-webauth-email', 'x-webauth-groups'],
}

function flat(identity: Identity, settings: HostHeadersSettings, overrides: Partial<IdentityHeadersOptions> = {}) {
  const headers = createIdentityHeaders({
    names: defaultIdentityHeaderNames,
    groupSeparator: ',',
    bareIssuer: issuer,
    sign: createAssertionSigner({ keys, issuer: 'https://auth.example.com', lifetimeSeconds: 60, clock }),
    onGroupsOmitted: () => undefined,
    hostHeaders: createHostHeaders(domain => (domain === wiki.domain ? settings : undefined), findClaim),
    ...overrides,
  })
  return headers(identity, wiki)
}

const toldOf = (identity: Identity, settings: HostHeadersSettings, overrides: Partial<IdentityHeadersOptions> = {}) => {
  const all = flat(identity, settings, overrides)
  return Object.fromEntries(Array.from({ length: all.length / 2 }, (_, at) => [all[at * 2] ?? '', all[at * 2 + 1]]))
}

const claimName: UserNameSettings = { claim: 'preferred_username', provider: alice.provider }
const named = (userName: UserNameSettings): HostHeadersSettings => ({ ...webauth, userName })
const nameOf = (person: Identity, userName: UserNameSettings) => toldOf(person, named(userName))['X-WEBAUTH-USER']
const called = (name: unknown): User => ({ ...alice, claims: { preferred_username: name } })

describe('headers of one host', () => {
  test('say the same as the usual ones, and stand beside them', () => {
    expect(toldOf(alice, webauth)).toMatchObject({
      'X-WEBAUTH-USER': 'alice',
      'X-WEBAUTH-NAME': 'Alice Archer',
      'X-WEBAUTH-EMAIL': 'alice@example.com',
      'X-WEBAUTH-GROUPS': 'ops,wiki-editors',
      'Remote-User': 'alice',
    })
    expect(flat(alice, webauth).at(-2)).toBe('X-Sallyport-Assertion')
  })

  test('are all there and empty for nobody, the same list each time', () => {
    const nobody = flat(anonymous, webauth)
    expect(nobody.filter((_, at) => at % 2 === 1)).toEqual(Array.from({ length: 9 }, () => ''))
    expect(nobody.filter((_, at) => at % 2 === 0)).toEqual(flat(alice, webauth).filter((_, at) => at % 2 === 0))
    expect(Object.isFrozen(nobody)).toBe(true)
  })

  test('another host has none', () => {
    const elsewhere = createHostHeaders(() => undefined, findClaim)
    expect(flat(alice, webauth, { hostHeaders: elsewhere })).toHaveLength(10)
  })

  test('groups are separated as the product reads them, and none is two', () => {
    const settings = { ...webauth, presets: [headerPresets.jenkins] }
    expect(toldOf({ ...alice, groups: ['a|b', 'c,d'] }, settings)['X-Forwarded-Groups']).toBe('a%7Cb|c,d')
  })

  test('the preferred name of oauth2-proxy is there with a user name alone', () => {
    const settings = { ...webauth, presets: [headerPresets['x-forwarded-user'], headerPresets['x-auth-request']] }
    expect(toldOf(alice, settings)).toMatchObject({ 'X-Forwarded-User': 'alice', 'X-Forwarded-Preferred-Username': '' })
    expect(toldOf(called('a.archer'), { ...settings, userName: claimName })).toMatchObject({
      'X-Forwarded-User': 'a.archer',
      'X-Auth-Request-Preferred-Username': 'a.archer',
      'Remote-User': 'alice',
    })
  })
})

describe('a user name', () => {
  test('is the claim, and in the usual header only where that is asked for', () => {
    const person = called('a.archer')
    expect(toldOf(person, named(claimName))).toMatchObject({ 'X-WEBAUTH-USER': 'a.archer', 'Remote-User': 'alice' })
    const remote = { ...named(claimName), isRemoteNamed: true }
    expect(toldOf(person, remote)).toMatchObject({ 'X-WEBAUTH-USER': 'a.archer', 'Remote-User': 'a.archer' })
    expect(toldOf(called(undefined), remote)).toMatchObject({ 'X-WEBAUTH-USER': '', 'Remote-User': '' })
  })

  test('H57: what is absent, no text, or too long is empty, and never somebody or the word undefined', () => {
    for (const name of [undefined, null, '', 7, true, ['alice'], { sub: 'alice' }, 'a'.repeat(255), 'é'.repeat(128)])
      expect([name, nameOf(called(name), claimName)]).toEqual([name, ''])
    expect(nameOf(called('é'.repeat(127)), claimName)).toBe('%C3%A9'.repeat(127))
  })

  test('I02: is encoded as every other value, so that no two names are one', () => {
    const encoded = (name: string) => nameOf(called(name), claimName)
    expect(encoded('alice\r\nX-Admin: 1')).toBe('alice%0D%0AX-Admin: 1')
    expect(encoded(' alice ')).toBe('%20alice%20')
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), name => {
        const value = encoded(name) ?? ''
        expect(value).toMatch(/^[ -~]*$/)
        if (value !== '') expect(decodeURIComponent(value)).toBe(name)
      }),
    )
  })

  test('H54: is that of one provider, and of all only where that is said', () => {
    const stranger = { ...called('a.archer'), provider: 'partner' }
    expect(nameOf(stranger, claimName)).toBe('')
    expect(nameOf(stranger, { ...claimName, provider: '*' })).toBe('a.archer')
  })

  test('H55: is never that of a machine, or the subject of somebody, and a machine keeps its own', () => {
    for (const name of ['client:corp/ci', 'Service-Account:prod/ci/deployer', 'certificate:mesh/a', `${issuer}#alice`])
      expect([name, nameOf(called(name), claimName)]).toEqual([name, ''])
    expect(nameOf(deployer, claimName)).toBe(toldOf(deployer, webauth)['Remote-User'])
    expect(nameOf(deployer, claimName)).toBe('client:corp/robot')
  })

  test('H53: of an address it is what stands before the @ of exactly one domain', () => {
    const local = (email: string | undefined) => {
      const { email: _own, ...person } = alice
      return nameOf(email === undefined ? person : { ...person, email }, {
        emailDomain: 'example.com',
        provider: alice.provider,
      })
    }
    expect(local('alice@example.com')).toBe('alice')
    expect(local('alice+git@EXAMPLE.com')).toBe('alice+git')
    for (const email of [
      undefined,
      'alice@evil.example',
      'alice@sub.example.com',
      'alice@notexample.com',
      'alice@example.com.evil.example',
      'alice@example.com@evil.example',
      'alice@evil.example@example.com',
      '"alice"@example.com',
      'ali ce@example.com',
      '@example.com',
      'example.com',
    ])
      expect([email, local(email)]).toEqual([email, ''])
  })
})

describe('headers of claims', () => {
  const claimHeaders = [
    { name: 'X-Department', path: 'department' },
    { name: 'X-Team', path: 'org/team' },
    { name: 'X-Last', path: 'last' },
  ]
  const settings: HostHeadersSettings = { ...webauth, presets: [], claimHeaders, names: ['x-department', 'x-team'] }
  const told = (claims: Record<string, unknown>, overrides: Partial<IdentityHeadersOptions> = {}) =>
    toldOf({ ...alice, claims }, settings, overrides)

  test('H57: hold texts, numbers, truth values and lists of texts, and are empty otherwise', () => {
    expect(told({ department: 'R&D, Köln', org: { team: ['a', 'b,c'] }, last: 7 })).toMatchObject({
      'X-Department': 'R&D, K%C3%B6ln',
      'X-Team': 'a,b%2Cc',
      'X-Last': '7',
    })
    for (const value of [undefined, null, {}, { a: 1 }, [1], [['a']], [''], Number.NaN])
      expect([value, told({ department: value })['X-Department']]).toEqual([value, ''])
    expect(told({ department: false })['X-Department']).toBe('false')
  })

  test('are there as a whole or not at all, and the first ones go first', () => {
    expect(told({ department: 'd'.repeat(1000), org: { team: 't'.repeat(30) }, last: 'x' })).toMatchObject({
      'X-Department': 'd'.repeat(1000),
      'X-Team': '',
      'X-Last': 'x',
    })
  })

  test('tell once for an answer which claims no header could hold, and none that the person has not', () => {
    const heard: unknown[] = []
    const hear = { onClaimsOmitted: (...said: readonly unknown[]) => void heard.push(said) }
    told({ department: 'd'.repeat(1000), org: { team: 't'.repeat(30) }, last: { a: 1 } }, hear)
    expect(heard).toEqual([[alice.subject, ['X-Team', 'X-Last'], 'wiki.example.com']])
    told({ department: '', last: null }, hear)
    expect(heard).toHaveLength(1)
  })

  test('give way before groups do, and all of it stays within the room', () => {
    const names: string[][] = []
    const groups = Array.from({ length: 22 }, (_, at) => `group-${at}-${'g'.repeat(30)}`)
    const person = { ...alice, groups, claims: { department: 'd'.repeat(1000) } }
    const answer = toldOf(person, settings, { onClaimsOmitted: (_subject, omitted) => names.push([...omitted]) })
    expect([answer['X-Department'], answer['Remote-Groups']]).toEqual(['', groups.join(',')])
    expect(names).toEqual([['X-Department', 'X-Team', 'X-Last']])
    const omitted: number[] = []
    const both = { ...webauth, presets: [headerPresets.webauth, headerPresets.jenkins] }
    const reduced = toldOf(person, both, { onGroupsOmitted: (_subject, count) => omitted.push(count) })
    expect([reduced['X-WEBAUTH-GROUPS'], reduced['X-Forwarded-Groups'], reduced['Remote-Groups']]).toEqual(['', '', ''])
    expect([reduced['X-WEBAUTH-USER'], omitted]).toEqual(['alice', [22]])
    expect(flat(person, both).join('').length).toBeLessThan(3_584)
  })
})
