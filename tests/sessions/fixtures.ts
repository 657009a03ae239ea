/** People, secrets and a clock that a test can move. */
import type { Clock } from '../../app/clock.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'

export interface MovableClock extends Clock {
  advance(seconds: number): void
}

export function createMovableClock(start = 1_800_000_000_000): MovableClock {
  let now = start
  return {
    now: () => now,
    advance(seconds) {
      now += seconds * 1000
    },
  }
}

/** How long a command may take is what redis-failures.test.ts is about; elsewhere a busy machine has its time. */
export const patience = { commandTimeoutMs: 30_000 }

export const secrets = ['the secret of these tests, long enough']

export function loginOf(name: 'alice' | 'bob' | 'mallory', clock: Clock): LoginSession {
  return {
    identity: {
      kind: 'user',
      subject: `https://idp.example#${name}`,
      provider: 'corp',
      groups: name === 'alice' ? ['ops'] : ['contractors'],
      claims: { sub: name },
      email: `${name}@example.com`,
    },
    startedAt: clock.now() / 1000,
    idToken: `the ID token of ${name}`,
  }
}

/** What express-session and passport store for a login. */
export const payloadOf = (login: LoginSession) => ({
  cookie: { originalMaxAge: null, path: '/' },
  passport: { user: login },
})
