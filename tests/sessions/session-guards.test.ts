/** Guards look at a session between the store and the decision: what one of them does not let through is nobody's. */
import { describe, expect, it, vi } from 'vitest'
import { createSessionCookieAuthenticator } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import type { SessionGuard } from '../../app/sessions/guards/session-guard.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'

const login: LoginSession = {
  identity: { kind: 'user', subject: 'https://idp#alice', provider: 'corp', groups: ['ops'], claims: {} },
  startedAt: 1,
}
const fresh: LoginSession = { ...login, verifiedAt: 2, identity: { ...login.identity, groups: ['guests'] } }
const challenge = { reason: 'session-idle', login: { maxAgeSeconds: 60 } } as const
const sessionId = 'session-of-alice-0123'
const cookies = createHostCookies({ secrets: ['a secret that is long enough for this'], isSecure: true })
const cookie = cookies.issueSession(sessionId, 'wiki.example.com').split(';')[0] ?? ''

function ask(guards: readonly SessionGuard[], header = cookie) {
  const sessions = { find: () => login, look: () => undefined, digest: () => 'digest' }
  return createSessionCookieAuthenticator({ cookies, sessions, guards }).authenticate(header, 'wiki.example.com')
}

const now =
  <T>(answer: T) =>
  () =>
    answer
const later =
  <T>(answer: T) =>
  () =>
    Promise.resolve(answer)

describe.each([
  ['at once', now],
  ['later', later],
])('a guard that answers %s', (_, answering) => {
  it('lets the session through', async () => {
    expect(await ask([answering(login)])).toMatchObject({ identity: login.identity, sessionId, clearCookie: false })
  })

  it('puts what it has read anew in the place of the login, for the next one as well', async () => {
    const second = vi.fn<SessionGuard>(now(fresh))
    expect(await ask([answering(fresh), second])).toMatchObject({ identity: fresh.identity })
    expect(second.mock.calls[0]?.[0]).toBe(fresh)
  })

  it('ends what has ended: nobody, and the cookie goes', async () => {
    const next = vi.fn<SessionGuard>(now(login))
    const answer = await ask([answering(undefined), next])
    expect(answer).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
    expect(next).not.toHaveBeenCalled()
  })

  it('challenges: nobody until then, but the browser stays known', async () => {
    const next = vi.fn<SessionGuard>(now(login))
    const answer = await ask([answering(challenge), next])
    expect(answer).toMatchObject({ identity: { kind: 'anonymous' }, sessionChallenge: challenge, clearCookie: false })
    expect(answer.bindingHash).toBe(cookies.bindingOf(sessionId, 'wiki.example.com', cookie))
    expect(next).not.toHaveBeenCalled()
  })
})

it('asks the guards for a session among several cookies as well', async () => {
  const twice = `${cookie}; ${cookies.name}=s.unknown`
  expect(await ask([now(challenge)], twice)).toMatchObject({ sessionChallenge: challenge })
})

it('lets nobody in when a guard fails', async () => {
  const down = new Error('the store is down')
  await expect(async () => ask([() => Promise.reject(down)])).rejects.toBe(down)
  await expect(async () => ask([now(login), () => Promise.reject(down)])).rejects.toBe(down)
})
