/** A provider that takes its time: what it said may be older than the moment at which its answer was written. */
import { expect, it } from 'vitest'
import { withConfirmations } from '../../app/compose/passwords.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { SessionStore } from '../../app/sessions/session-store.ts'
import { createMovableClock, loginOf } from '../sessions/fixtures.ts'

const clock = createMovableClock()
const login = loginOf('alice', clock)

async function toldOf(written: LoginSession | undefined, failing = false) {
  const told: number[] = []
  const errors: unknown[] = []
  const passwords = {
    confirmations: {
      confirm: async (_login: LoginSession, at: number) => {
        if (failing) throw new Error('the store is down')
        told.push(at)
      },
    },
  }
  const sessions = withConfirmations<Pick<SessionStore, 'update'>>(
    { update: async (_id: string, _change: unknown) => written } as never,
    { passwords } as never,
    error => errors.push(error),
  )
  expect(await sessions.update('id', () => undefined as never)).toBe(written)
  return { told, errors: errors.length }
}

it('J40 a session confirms as of a minute before, so that a log-out of that minute counts', async () => {
  const verifiedAt = login.startedAt + 900
  expect(await toldOf({ ...login, verifiedAt })).toEqual({ told: [verifiedAt - 60], errors: 0 })
})

it('confirms nothing that is gone, was never verified, or could not be asked about', async () => {
  const unverified = { ...login, verifiedAt: login.startedAt, unverified: { since: login.startedAt } } as never
  const { verifiedAt: _none, ...never } = { verifiedAt: 1, ...login }
  for (const one of [undefined, unverified, never as LoginSession]) {
    expect(await toldOf(one)).toEqual({ told: [], errors: 0 })
  }
})

it('goes on where it could not be written', async () => {
  expect(await toldOf({ ...login, verifiedAt: login.startedAt }, true)).toEqual({ told: [], errors: 1 })
})
