/** What an application gets as `Authorization: Bearer`: which hosts, for whom, and for how long the same one. */
import { describe, expect, it } from 'vitest'
import {
  authorizationName,
  type ClusterToken,
  createAuthorization,
  createRememberedTokens,
  longestClusterBearer,
  roomForAuthorization,
} from '../../app/assertion/authorization.ts'
import { createIdentityHeaders, defaultIdentityHeaderNames } from '../../app/assertion/headers.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { Authentication } from '../../app/verify.ts'
import type { AuthorizationHeader } from '../../config/schema/authorization-header.ts'
import { anonymous } from '../../rbac/identity.ts'
import { alice, deployer, wiki } from './fixtures.ts'

const loginOf = (identity = alice): LoginSession => ({ identity, startedAt: 1_700_000_000 })
const byCookie: Authentication = { identity: alice, sessionId: 'secret', login: loginOf(), clearCookie: false }
const prod: AuthorizationHeader = { kind: 'cluster', cluster: 'prod' }
const assertion: AuthorizationHeader = { kind: 'assertion' }

function authorizeWith(wanted: AuthorizationHeader | undefined, clusterToken: ClusterToken = () => 'a.b.c') {
  const tooLong: string[] = []
  const authorize = createAuthorization({
    wantedOn: domain => (domain === wiki.domain ? wanted : undefined),
    assertionName: 'X-Sallyport-Assertion',
    clusterToken,
    onTooLong: subject => tooLong.push(subject),
  })
  return { authorize, tooLong }
}
const headers = ['Remote-User', 'alice', 'X-Sallyport-Assertion', 'd.e.f']

describe('the Authorization header of an application', () => {
  it('is none of our business on a host that does not ask for it', () => {
    const { authorize } = authorizeWith(prod)
    expect(authorize(headers, byCookie, { ...wiki, domain: 'other.example.com' })).toBe(headers)
  })

  it('holds the assertion, also for somebody who is called like its header', () => {
    const { authorize } = authorizeWith(assertion)
    const named = ['Remote-Name', 'X-Sallyport-Assertion', ...headers]
    expect(authorize(named, byCookie, wiki)).toEqual([...named, authorizationName, 'Bearer d.e.f'])
  })

  it('holds a token for the cluster, made of the session for the origin of the host', () => {
    const asked: unknown[] = []
    const { authorize } = authorizeWith(prod, (...all) => String(asked.push(all)))
    expect(authorize(headers, byCookie, wiki)).toEqual([...headers, authorizationName, 'Bearer 1'])
    const session = { sessionId: 'secret', login: byCookie.login }
    expect(asked).toEqual([[session, 'prod', 'https://wiki.example.com']])
  })

  it.each<[string, AuthorizationHeader, Authentication, readonly string[]]>([
    ['nobody', prod, { identity: anonymous, clearCookie: false }, headers],
    ['a machine', prod, { identity: deployer, clearCookie: false }, headers],
    ['a person who came with a token', prod, { identity: alice, sessionDigest: 'd', clearCookie: false }, headers],
    ['nobody', assertion, { identity: anonymous, clearCookie: false }, ['X-Sallyport-Assertion', '']],
  ])('is there and empty for %s', (_, wanted, authentication, identityHeaders) => {
    const { authorize } = authorizeWith(wanted)
    expect(authorize(identityHeaders, authentication, wiki)).toEqual([...identityHeaders, authorizationName, ''])
  })

  it('is empty where the token would not fit, and somebody hears of it', () => {
    const long = 'x'.repeat(longestClusterBearer - 'Bearer '.length)
    const { authorize, tooLong } = authorizeWith(prod, (_, __, application) =>
      application === 'https://wiki.example.com' ? `${long}x` : long,
    )
    expect(authorize(headers, byCookie, wiki).at(-1)).toBe('')
    expect(tooLong).toEqual([alice.subject])
    const other = { ...wiki, url: 'https://wiki.example.com:8443/' }
    expect(authorize(headers, byCookie, other).at(-1)).toBe(`Bearer ${long}`)
  })

  it.each([undefined, assertion, prod])('leaves an answer small enough, with %o', wanted => {
    const groups = Array.from({ length: 200 }, (_, index) => `team-${index}`)
    const signed = (omitted: boolean | undefined) => 'x'.repeat(omitted === true ? 500 : 1_200)
    const make = createIdentityHeaders({
      names: defaultIdentityHeaderNames,
      groupSeparator: ',',
      sign: (_, { areGroupsOmitted }) => signed(areGroupsOmitted),
      onGroupsOmitted: () => undefined,
      roomBeside: (_, made) => roomForAuthorization(wanted, made),
    })
    const { authorize } = authorizeWith(wanted, () => 'x'.repeat(longestClusterBearer - 'Bearer '.length))
    const whole = authorize(make({ ...alice, groups }, wiki), { ...byCookie }, wiki)
    expect(whole.join('').length).toBeLessThan(3_584)
    expect(whole[7] === '').toBe(wanted !== undefined)
  })
})

describe('a token for a cluster', () => {
  function start() {
    const state = { now: 1_000_000, key: {}, made: 0 }
    const token = createRememberedTokens({
      make: () => {
        state.made += 1
        return String(state.made)
      },
      currentKey: () => state.key,
      keepMs: 60_000,
      clock: { now: () => state.now },
    })
    return { state, token }
  }
  const session = { sessionId: 'secret', login: loginOf() }

  it('is given out again for a part of its life, while the same key signs', () => {
    const { state, token } = start()
    const ask = () => token(session, 'prod', 'https://a.example.com')
    expect([ask(), ask()]).toEqual(['1', '1'])
    state.now += 59_999
    expect(ask()).toBe('1')
    state.now += 1
    expect(ask()).toBe('2')
    state.now -= 60_000
    expect(ask()).toBe('3')
    state.key = {}
    expect(ask()).toBe('4')
  })

  it('is for one session, one cluster and one application', () => {
    const { token } = start()
    const places = [
      [session, 'prod', 'https://a.example.com'],
      [session, 'lab', 'https://a.example.com'],
      [session, 'prod', 'https://b.example.com'],
      [{ sessionId: 'other', login: loginOf() }, 'prod', 'https://a.example.com'],
    ] as const
    const twice = [...places, ...places].map(([whose, cluster, application]) => token(whose, cluster, application))
    expect(twice).toEqual(['1', '2', '3', '4', '1', '2', '3', '4'])
  })

  it('is kept for a few applications of a session, the last ones', () => {
    const { state, token } = start()
    for (let index = 0; index < 100; index += 1) token(session, 'prod', `https://${index}.example.com`)
    expect(token(session, 'prod', 'https://99.example.com')).toBe('100')
    token(session, 'prod', 'https://0.example.com')
    expect(state.made).toBe(101)
  })
})
