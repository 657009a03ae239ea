/** Replicas that keep and end sessions over one store, and note what their watchers were told. */
import { randomBytes } from 'node:crypto'
import { createCutoffs } from '../../app/sessions/cutoffs.ts'
import {
  createSessionEndings,
  type SessionEndings,
  type SessionEndingsOptions,
} from '../../app/sessions/endings/session-endings.ts'
import { createLooks, type EndReason, type Watched } from '../../app/sessions/endings/watched.ts'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { createLogoutMarks } from '../../app/sessions/logout-marks.ts'
import { createProviderLogout } from '../../app/sessions/provider-logout.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { createSessionDirectory } from '../../app/sessions/session-directory.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import { loginOf, type MovableClock, payloadOf, secrets } from './fixtures.ts'

export const hour = 3600
const limits = { lifetimeSeconds: 12 * hour, idleSeconds: hour }
export const newId = () => randomBytes(32).toString('base64url')

export type Replica = ReturnType<typeof replicaOver>

export function replicaOver(records: RecordStore, clock: MovableClock) {
  const kept = { records, secrets, clock, ...limits }
  const longestLifetimeSeconds = limits.lifetimeSeconds
  const endOf = (login: LoginSession) => login.startedAt + limits.lifetimeSeconds
  const directory = createSessionDirectory({ ...kept, longestLifetimeSeconds, endOf })
  const marks = createLogoutMarks({ records, secrets, clock, attemptLifetimeSeconds: 600 })
  return {
    records,
    clock,
    directory,
    sessions: createSessionStore(kept),
    express: createExpressSessionStore(kept),
    cutoffs: createCutoffs({ records, secrets, clock, longestLifetimeSeconds }),
    logout: createProviderLogout({
      directory,
      marks,
      confirmedBy: async () => undefined,
      onLogout: async () => undefined,
    }),
  }
}

export interface EndingsFixtureOptions extends Partial<Pick<SessionEndingsOptions, 'lookEveryMs' | 'longestDoubtMs'>> {
  readonly holds?: (sessionId: string) => Promise<boolean> | boolean
  readonly onError?: (error: unknown) => void
}

export function endingsOf({ records, clock, sessions, directory }: Replica, options: EndingsFixtureOptions = {}) {
  const { holds = () => true, onError = error => Promise.reject(error), ...times } = options
  const lookAt = createLooks({ records, secrets, clock, sessions, directory, holds })
  return createSessionEndings({ records, lookAt, clock, onError, ...times })
}

/** Logs a new person in; `subject` is theirs alone. */
export async function logIn({ express, clock }: Replica, further: Partial<LoginSession> = {}, provider = 'corp') {
  const login = loginOf('alice', clock)
  const subject = `https://idp.example#${newId()}`
  const session = newId()
  const identity = { ...login.identity, provider, subject, ...further.identity }
  await express.set(session, payloadOf({ ...login, ...further, identity }) as never)
  return { session, subject: identity.subject, provider }
}

/** Alice logs in with a session whose id is known beforehand. */
export const logInAs = ({ express, clock }: Replica, session: string): Promise<unknown> =>
  Promise.resolve(express.set(session, payloadOf(loginOf('alice', clock)) as never))

/** A watch, and what it was told. */
export function watch(endings: SessionEndings, watched: Watched) {
  const told: EndReason[] = []
  let heard = (_why: EndReason): void => undefined
  const ended = new Promise<EndReason>(resolve => {
    heard = resolve
  })
  const stop = endings.watch(watched, why => {
    told.push(why)
    heard(why)
  })
  return { told, ended, stop }
}
