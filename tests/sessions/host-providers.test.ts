import { expect, it } from 'vitest'
import { createHostProviderGuard } from '../../app/sessions/guards/host-providers.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'

const loginWith = (provider: string): LoginSession => ({
  identity: { kind: 'user', subject: 'https://idp#alice', provider, groups: [], claims: {} },
  startedAt: 1,
})
const session = { sessionId: 'id', sessionDigest: 'digest' }
const guard = createHostProviderGuard(host => ({ 'payroll.example.com': ['corp', 'backup'] })[host])

it('a host with a list takes the sessions of its providers, and no other', () => {
  for (const provider of ['corp', 'backup']) {
    const login = loginWith(provider)
    expect(guard(login, session, 'payroll.example.com', undefined)).toBe(login)
  }
  for (const provider of ['guests', 'corp2', '']) {
    expect(guard(loginWith(provider), session, 'payroll.example.com', undefined)).toEqual({
      reason: 'session-of-other-provider',
      login: {},
    })
  }
})

it('a host without a list takes them all', () => {
  const login = loginWith('guests')
  expect(guard(login, session, 'wiki.example.com', undefined)).toBe(login)
})
