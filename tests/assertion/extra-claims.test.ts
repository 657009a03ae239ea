/** Claims that one host has asked for: whole or not at all, never in place of ours, and on that host alone. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createExtraClaims } from '../../app/assertion/extra-claims.ts'
import {
  createIdentityHeaders,
  defaultIdentityHeaderNames,
  type IdentityHeadersOptions,
} from '../../app/assertion/headers.ts'
import { createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys } from '../../app/assertion/signing-keys.ts'
import { findClaim } from '../../app/login/claims/identity-of-claims.ts'
import { parseAssertionClaim } from '../../config/schema/assertion-claim.ts'
import { header, navigation, startService, type TestService } from '../service.ts'
import { alice, issuer, movableClock, sharedStore, wiki } from './fixtures.ts'

const clock = movableClock()
const { store } = sharedStore(clock)
const keys = createSigningKeys({
  store,
  algorithm: 'EdDSA',
  rotateEverySeconds: 86_400,
  clock,
  onError: () => undefined,
})
beforeAll(() => keys.start())
afterAll(() => keys.close())

const wanted = (...claims: string[]) =>
  createExtraClaims({
    wantedOn: domain => (domain === 'wiki.example.com' ? claims.map(parseAssertionClaim) : undefined),
    find: findClaim,
  })

function headersOf(claims: readonly string[], told: (readonly string[])[] = []) {
  const options: IdentityHeadersOptions = {
    names: defaultIdentityHeaderNames,
    groupSeparator: ',',
    sign: createAssertionSigner({ keys, issuer: 'https://auth.example.com', lifetimeSeconds: 60, clock }),
    bareIssuer: issuer,
    onGroupsOmitted: (_subject, count) => void told.push([String(count)]),
    extraClaims: wanted(...claims),
    onClaimsOmitted: (_subject, names) => void told.push(names),
  }
  return createIdentityHeaders(options)
}

const claimsIn = (headers: readonly string[]) => decodeJwt(headers[headers.indexOf('X-Sallyport-Assertion') + 1] ?? '')
const sizeOf = (headers: readonly string[]) => headers.join('').length + headers.length * 2
const person = {
  ...alice,
  claims: { department: 'sales', org: { team: 'red', size: 7 }, 'https://x.example/y': ['a'] },
}

describe('the assertion of a host that asks for more', () => {
  test('carries claims under its own names, also nested ones and names that hold a slash', () => {
    const make = headersOf(['dep=department', 'team=org/team', 'y=https://x.example/y', 'org=org'])
    expect(claimsIn(make(person, wiki))).toMatchObject({
      dep: 'sales',
      team: 'red',
      y: ['a'],
      org: { team: 'red', size: 7 },
      sub: alice.subject,
      groups: alice.groups,
    })
  })

  test('leaves out what the person does not have, and says nothing of it', () => {
    const claims = claimsIn(headersOf(['dep=department', 'grade=grade', 'proto=__proto__/x'])(person, wiki))
    expect(claims).toMatchObject({ dep: 'sales' })
    for (const name of ['grade', 'proto', 'claims_omitted']) expect(claims).not.toHaveProperty(name)
  })

  test('does not carry them to another host', () => {
    const elsewhere = { ...wiki, domain: 'shop.example.com', url: 'https://shop.example.com/' }
    expect(claimsIn(headersOf(['dep=department'])(person, elsewhere))).not.toHaveProperty('dep')
  })

  test('names what is too large, keeps the rest, and cuts nothing', () => {
    const told: (readonly string[])[] = []
    const make = headersOf(['photo=photo', 'dep=department'], told)
    const claims = claimsIn(make({ ...person, claims: { ...person.claims, photo: 'x'.repeat(2_000) } }, wiki))
    expect(claims).toMatchObject({ dep: 'sales', claims_omitted: ['photo'] })
    expect(claims).not.toHaveProperty('photo')
    expect(told).toEqual([['photo']])
  })

  test('gives way before the groups do, and the answer stays small', () => {
    const told: (readonly string[])[] = []
    const make = headersOf(['bio=bio'], told)
    const claims = { bio: 'b'.repeat(900) }
    const groups = Array.from({ length: 40 }, (_, index) => `a-group-of-people-${index}`)
    const headers = make({ ...person, claims, groups }, wiki)
    expect(claimsIn(headers)).toMatchObject({ groups, claims_omitted: ['bio'] })
    expect(sizeOf(headers)).toBeLessThanOrEqual(3_584)
    expect(told).toEqual([['bio']])

    const many = Array.from({ length: 400 }, (_, index) => `a-group-of-people-${index}`)
    const smallest = make({ ...person, claims, groups: many }, wiki)
    expect(claimsIn(smallest)).toMatchObject({ groups_omitted: 400, claims_omitted: ['bio'] })
    expect(sizeOf(smallest)).toBeLessThanOrEqual(3_584)
    expect(told).toEqual([['bio'], ['bio'], ['400']])
  })

  test('cannot replace a claim of ours, whatever a configuration says', () => {
    const names = ['iss', 'aud', 'exp', 'sub', 'groups', 'email', 'sid', 'client', 'service_account', 'claims_omitted']
    for (const name of names) expect(() => parseAssertionClaim(`${name}=evil`), name).toThrow(RangeError)
    const sign = createAssertionSigner({ keys, issuer: 'https://auth.example.com', lifetimeSeconds: 60, clock })
    const evil = { iss: 'https://evil.example', sub: 'mallory', aud: '*', exp: 9e9, groups: ['admins'] }
    const token = sign(alice, { audience: 'https://wiki.example.com', extra: { claims: evil, omitted: [] } })
    expect(decodeJwt(token)).toMatchObject({
      iss: 'https://auth.example.com',
      sub: alice.subject,
      aud: 'https://wiki.example.com',
      exp: 1_800_000_060,
      groups: alice.groups,
    })
  })
})

describe('through the whole service', () => {
  let world: TestService
  beforeAll(async () => {
    world = await startService({
      policy: 'p, authenticated, *.example.com, /**, *, -, allow\n',
      hosts: [
        { host: '*.example.com', tickets: true },
        { host: 'wiki.example.com', assertionClaims: ['upstream=sub', 'who=name'] },
      ],
    })
  })
  afterAll(() => world.close())

  test('a host gets the claims that its entry names, and another one does not', async () => {
    const seen = async (host: string) => {
      const url = `https://${host}/`
      const cookie = await world.logIn('alice', url)
      const answer = await world.ask('forward-auth', { url, cookie, headers: navigation })
      return decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')
    }
    expect(await seen('wiki.example.com')).toMatchObject({ upstream: 'alice', who: 'Alice Example' })
    const other = await seen('shop.example.com')
    expect(other.sub).toBe(`${world.provider.issuer}#alice`)
    for (const name of ['upstream', 'who']) expect(other).not.toHaveProperty(name)
  })
})
