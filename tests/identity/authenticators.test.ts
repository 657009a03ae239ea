/**
 * A new credential is one file: `bearer` below is such an authenticator. With the session cookie it makes the list that is
 * asked, and what it may never become is a second way to be somebody in one request.
 */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { type AskedWith, type Authenticator, createAuthenticate } from '../../app/identity/authenticators.ts'
import { createSessionCookieAuthenticator, sessionCookieKind } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { anonymous, type User } from '../../rbac/identity.ts'

const user = (name: string): User => ({
  kind: 'user',
  subject: `https://idp.example#${name}`,
  provider: 'corp',
  groups: [],
  claims: {},
})
const [alice, bob] = [user('alice'), user('bob')]
const domain = 'wiki.example.com'

const cookies = createHostCookies({ secrets: ['a secret of a test that is long enough'], isSecure: true })
const sessionId = 's'.repeat(43)
const cookieOf = (setCookie: string): string => setCookie.split(';')[0] ?? ''
const session = cookieOf(cookies.issueSession(sessionId, domain))

const down = new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
const sessionCookie = (isDown = false): Authenticator =>
  sessionCookieKind(
    cookies,
    createSessionCookieAuthenticator({
      cookies,
      sessions: {
        find: async id => {
          if (isDown) throw down
          return id === sessionId ? { identity: alice, startedAt: 0 } : undefined
        },
        look: () => undefined,
        digest: () => 'digest',
      },
    }),
  )

/** The other authenticator: a token that says who it is for. */
const bearer = (scheme = 'Bearer'): Authenticator => ({
  kind: 'authorization',
  isResponsible: ({ headers }) => headers.any('authorization')?.startsWith(`${scheme} `) === true,
  authenticate: ({ headers }) => {
    const value = headers.only('authorization')
    if (value !== `${scheme} bob`) throw new OperationalError('ERR_REQUEST_MALFORMED', 'no token of ours')
    return { identity: bob, clearCookie: false }
  },
})

function asked(cookie: string, ...authorization: string[]): AskedWith {
  const headers = readHeaders(authorization.flatMap(value => ['Authorization', value]))
  return { cookie, headers, isInteractive: false, isUpgrade: false, request: { domain, action: 'GET', url: '' } }
}
const orders = [
  ['the cookie first', [sessionCookie(), bearer()]],
  ['the token first', [bearer(), sessionCookie()]],
] as const

describe.each(orders)('an authenticator of one file beside the session cookie, %s', (_, list) => {
  const authenticate = createAuthenticate(list)
  const codeOf = async (question: AskedWith): Promise<unknown> => {
    try {
      return (await authenticate(question)).identity
    } catch (error) {
      return error instanceof OperationalError ? error.code : error
    }
  }

  it('answers for its own credential', async () => {
    expect(await authenticate(asked(session))).toMatchObject({ identity: alice, sessionDigest: expect.any(String) })
    expect(await authenticate(asked('theme=dark', 'Bearer bob'))).toEqual({ identity: bob, clearCookie: false })
  })

  it('is not asked about what is nobody here', async () => {
    expect(await codeOf(asked(''))).toBe(anonymous)
    expect(await codeOf(asked('theme=dark', 'Basic Ym9iOng='))).toBe(anonymous)
    expect(await codeOf(asked(session, 'Basic Ym9iOng='))).toBe(alice)
  })

  it('F23 answers with an error and no identity for one that is bad: nobody else is asked', async () => {
    expect(await codeOf(asked('', 'Bearer mallory'))).toBe('ERR_REQUEST_MALFORMED')
    expect(await codeOf(asked('', 'Bearer bob', 'Bearer bob'))).toBe('ERR_REQUEST_MALFORMED')
    expect(await authenticate(asked('__Host-sallyport=garbage'))).toEqual({ identity: anonymous, clearCookie: true })
  })

  it.each([
    ['a session', session],
    ['a session of somebody who has logged out', cookieOf(cookies.issueSession('t'.repeat(43), domain))],
    ['garbage', '__Host-sallyport=garbage'],
    ['a cookie of a login that has begun', cookieOf(cookies.issuePending().setCookie)],
    ['a session among others', `theme=dark; ${session}; lang=en`],
  ])('F23 refuses a token beside %s, good or bad', async (_what, cookie) => {
    for (const token of ['Bearer bob', 'Bearer mallory'])
      expect(await codeOf(asked(cookie, token))).toBe('ERR_CREDENTIALS_AMBIGUOUS')
  })
})

describe('a list of authenticators', () => {
  it("of one asks it alone: an Authorization header is the application's", async () => {
    const only = sessionCookie()
    const authenticate = createAuthenticate([only])
    expect(authenticate).toBe(only.authenticate)
    expect(await authenticate(asked(session, 'Bearer bob', 'Bearer mallory'))).toMatchObject({ identity: alice })
    expect(await authenticate(asked('', 'Bearer bob'))).toEqual({ identity: anonymous, clearCookie: false })
  })

  it('of none knows nobody', async () => {
    expect(await createAuthenticate([])(asked(session, 'Bearer bob'))).toEqual({
      identity: anonymous,
      clearCookie: false,
    })
  })

  it('asks the first that is responsible of two for the same credential, and the second never', async () => {
    const refuses: Authenticator = { ...bearer(), authenticate: () => Promise.reject(down) }
    await expect(createAuthenticate([refuses, bearer()])(asked('', 'Bearer bob'))).rejects.toBe(down)
    const both = createAuthenticate([sessionCookie(), bearer('DPoP'), bearer()])
    expect((await both(asked('', 'Bearer bob'))).identity).toBe(bob)
    expect((await both(asked('', 'DPoP bob'))).identity).toBe(bob)
  })

  it('never turns an outage into somebody, or into nobody', async () => {
    const authenticate = createAuthenticate([sessionCookie(true), bearer()])
    await expect(authenticate(asked(session))).rejects.toBe(down)
    expect((await authenticate(asked('', 'Bearer bob'))).identity).toBe(bob)
  })
})
