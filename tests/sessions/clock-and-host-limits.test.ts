/** What the guards say of moments of the future: a clock that was set back must not make anything younger. */
import { describe, expect, it } from 'vitest'
import { createClockGuard } from '../../app/sessions/guards/clock-guard.ts'
import { createHostLimitsGuard } from '../../app/sessions/guards/host-limits.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { createMovableClock, loginOf } from './fixtures.ts'

const clock = createMovableClock()
const now = clock.now() / 1000
const login: LoginSession = { ...loginOf('alice', clock), startedAt: now - 600 }
const session = { sessionId: 'session-of-alice-0123', sessionDigest: 'digest' }

/** As far as clocks may differ, and just beyond. */
const [near, far] = [now + 29, now + 31]

describe('a session', () => {
  const guard = createClockGuard(clock)
  const ask = (change: Partial<LoginSession>) => guard({ ...login, ...change }, session, 'wiki.example.com', undefined)

  it.each([{}, { startedAt: near }, { verifiedAt: now }, { verifiedAt: near }])('of %o is let through', change => {
    expect(ask(change)).toEqual({ ...login, ...change })
  })

  it.each([{ startedAt: far }, { verifiedAt: far }, { startedAt: far, verifiedAt: now }])(
    'of %o wants another login',
    change => {
      expect(ask(change)).toMatchObject({ reason: 'session-unverified' })
    },
  )
})

describe('a host with a maximum age', () => {
  const guard = createHostLimitsGuard({
    limitsFor: () => ({ maxAgeSeconds: 900 }),
    visits: { use: () => true },
    endOf: ({ startedAt }) => startedAt + 43_200,
    clock,
  })
  const ask = (authTime: number) =>
    guard({ ...login, identity: { ...login.identity, authTime } }, session, 'payments.example.com', undefined)

  it.each([now - 900, now, near])('takes a login of %d', authTime => {
    expect(ask(authTime)).not.toHaveProperty('reason')
  })

  it.each([now - 901, far])('does not take a login of %d', authTime => {
    expect(ask(authTime)).toEqual({ reason: 'session-too-old', login: { maxAgeSeconds: 900 } })
  })
})
