/**
 * Guards against a clock that was set back: a session that was started or confirmed in the future would live until that
 * future has come, and its lifetime on top. It is not ended, since the clock may be set right again; until then it wants
 * another login.
 */
import { type Clock, isAhead } from '../clock.ts'
import type { SessionChallenge, SessionGuard } from '../identity/session-cookie.ts'
import type { LoginSession } from './session-store.ts'

const challenge: SessionChallenge = Object.freeze({ reason: 'session-unverified', login: Object.freeze({}) })

/** One look at the clock for each check: it costs more than all the rest of this. */
const latestOf = ({ startedAt, verifiedAt = startedAt }: LoginSession): number => Math.max(startedAt, verifiedAt)

export function createClockGuard(clock: Clock): SessionGuard {
  return login => (isAhead(latestOf(login), clock) ? challenge : login)
}
