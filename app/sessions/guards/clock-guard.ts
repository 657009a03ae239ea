/**
 * Guards against a clock that was set back: a session that was started or confirmed in the future would live until that
 * future has come, and its lifetime on top. It is not ended, since the clock may be set right again; until then it wants
 * another login.
 */

import type { SessionChallenge } from '../../../rbac/decision.ts'
import { type Clock, isOfTheFuture } from '../../clock.ts'
import type { SessionGuard } from './session-guard.ts'

const challenge: SessionChallenge = Object.freeze({ reason: 'session-unverified', login: Object.freeze({}) })

export function createClockGuard(clock: Clock): SessionGuard {
  return login => (isOfTheFuture(login, clock) ? challenge : login)
}
