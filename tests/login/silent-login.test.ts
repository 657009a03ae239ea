/** Which silent login confirms a session, and which session one ends or leaves alone. */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { confirmSession, endUnconfirmed, leaveUnanswered } from '../../app/login/silent-login.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { createMovableClock, loginOf } from '../sessions/fixtures.ts'

const clock = createMovableClock()
const found = loginOf('alice', clock)
const current: LoginSession = { ...found, providerSession: 's1' }
const { provider } = current.identity

function meet(login: LoginSession | undefined = current) {
  const told: string[] = []
  const dependencies = {
    audit: { write: ({ event }: { event: string }) => told.push(event) },
    logger: { warn: () => undefined },
    sessionDigest: () => 'digest',
    keepTokens: async () => told.push('tokens'),
    endSession: async () => void told.push('end'),
    confirmations: { refuse: async () => void told.push('refuse') },
    providers: { find: async () => ({ claimPolicy: {} }) },
    verification: { confirm: async () => login, isOverdue: () => true, needsBrowser: () => true },
  }
  const exchange = { request: { user: login, sessionID: 'id' }, response: { locals: { requestId: 'r' } } }
  return { told, dependencies: dependencies as never, exchange: exchange as never }
}

const other = (change: Partial<LoginSession>): LoginSession => ({ ...current, ...change })
const identity = (change: object): LoginSession => other({ identity: { ...current.identity, ...change } })

const stated = { groups: ['ops'], email: 'alice@example.com', email_verified: true }
const sources = { idToken: stated, userinfo: stated, claims: stated }

describe('a silent login', () => {
  const confirm = (fresh: LoginSession, prompt: 'none' | 'login' = 'none', world = meet()) =>
    confirmSession(
      { login: fresh, sources, tokens: {} } as never,
      { provider, prompt } as never,
      world.exchange,
      world.dependencies,
    )

  it('confirms the session of the same person, with the same provider, in the same session there', async () => {
    const world = meet()
    expect(await confirm(current, 'none', world)).toBe('confirmed')
    expect(world.told).toEqual(['tokens', 'session.verified'])
  })

  it.each([
    ['another person', identity({ subject: 'https://idp.example#bob' })],
    ['another provider', identity({ provider: 'another' })],
    ['another session of the provider', other({ providerSession: 's2' })],
    ['no session of the provider that is named', { ...found }],
  ])('K07 is a login of its own with %s, and nothing of it is kept', async (_what, fresh) => {
    const world = meet()
    expect(await confirm(fresh, 'none', world)).toBe('another-login')
    expect(world.told).toEqual([])
  })

  it('confirms nothing where it was no silent one, or where nobody is logged in any more', async () => {
    expect(await confirm(current, 'login')).toBe('another-login')
    const world = meet()
    const nobody = { ...world, exchange: { request: { sessionID: 'id' }, response: { locals: {} } } as never }
    expect(await confirm(current, 'none', nobody)).toBe('ended')
  })
})

describe('an answer that confirms nothing', () => {
  const refused = new OperationalError('ERR_LOGIN_REFUSED', 'login_required')

  it('ends the session that waited for it', async () => {
    const world = meet()
    await endUnconfirmed({ provider } as never, refused, world.exchange, world.dependencies)
    expect(world.told).toEqual(['refuse', 'end', 'session.verification-failed', 'session.ended'])
  })

  it('K06 of another provider ends none, be it a no or a fault', async () => {
    const world = meet()
    await endUnconfirmed({ provider: 'another' } as never, refused, world.exchange, world.dependencies)
    expect(await leaveUnanswered({ provider: 'another' }, refused, world.exchange, world.dependencies)).toBe(
      'another-login',
    )
    expect(world.told).toEqual([])
  })

  it('of its own provider, which has a fault, ends it when its grace is over', async () => {
    const world = meet()
    expect(await leaveUnanswered({ provider }, refused, world.exchange, world.dependencies)).toBe('ended')
    expect(world.told).toEqual(['session.verification-failed', 'end', 'session.ended'])
  })
})
